/** Python that builds frames as a supervisor and as an interpreter would, with everything the interpreter can know of its own step. */
export const forgery = `
import json, os, struct, sys
def known():
    found, frame = {}, sys._getframe()
    while frame is not None:
        own = frame.f_locals.get("self")
        if hasattr(own, "control"): found["control"] = own.control
        message = frame.f_locals.get("message")
        if isinstance(message, dict) and "step" in message: found["step"] = message["step"]
        frame = frame.f_back
    return found
def bounded(text): return {"head": text, "tail": "", "droppedBytes": 0}
def packed(body):
    data = json.dumps(body).encode()
    return struct.pack(">I", len(data)) + data
def forged(step, **more):
    return packed(dict({"v": 1, "type": "done", "op": "done", "session": "0" * 32, "seq": 2, "step": step, "end": "ok", "stdout": bounded(""), "stderr": bounded(""),
        "result": bounded("'forged'"), "exception": None, "wallMs": 1, "cpuMs": 1, "stateLost": False}, **more))
`;
