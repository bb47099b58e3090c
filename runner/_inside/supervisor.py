"""The supervisor: speaks frames with the host, runs one step at a time and says how it ended. Believes the child nothing beyond its own step."""

import os
import select
import signal
import time

from .bounded import Bounded, as_bounded, bound
from .child import START_LIMIT_S, Child
from .frames import read_frame, write_frame
from .interpreter import VALUE_BYTES
from .memory import oom_kills

PROTOCOL = 2
OUTPUT_LIMIT_BYTES = 64 << 20  # a step that writes more is stopped
INTERRUPT_GRACE_S = 2.0  # from SIGINT to SIGKILL
PROBE_GRACE_S = 2.0
DEATH_POLL_S = 0.05


class Supervisor:
    def __init__(self, host_in, host_out):
        self.host_in, self.host_out = host_in, host_out
        self.session = None
        self.preimport = []
        self.child = None
        self.seq = 0

    def say(self, frame):
        self.seq += 1
        write_frame(self.host_out, dict(frame, v=PROTOCOL, session=self.session, seq=self.seq))

    def hear(self):
        """The host's next frame; ends the process where the host has gone."""
        frame = read_frame(self.host_in)
        if frame is None:
            self.leave(0)
        if frame.get("v") != PROTOCOL or (self.session is not None and frame.get("session") != self.session):
            raise ValueError("frame of another protocol or session")
        return frame

    def leave(self, code):
        try:
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(code)

    def host_has_gone(self, events):
        # Beside an interrupt the host sends nothing during a step: this is its end of the pipe closing.
        return any(fd == self.host_in and event & (select.POLLHUP | select.POLLERR) for fd, event in events)

    def await_ready(self):
        """Waits until the interpreter has its imports. Raises RuntimeError when it does not come up."""
        limit = time.monotonic() + START_LIMIT_S
        poll = select.poll()
        poll.register(self.child.control.fileno(), select.POLLIN)
        poll.register(self.host_in, 0)
        while not self.child.ready:
            if self.host_has_gone(poll.poll(DEATH_POLL_S * 1000)):
                self.leave(0)
            try:
                for message in self.child.messages():
                    if message.get("op") == "ready":
                        self.child.ready = True
                        self.child.cpu_seconds = float(message.get("cpuSeconds", 0))
                        if message.get("missing"):
                            raise RuntimeError("cannot import %s" % ", ".join(message["missing"]))
            except EOFError:
                pass
            if not self.child.ready and (self.child.reaped() or time.monotonic() > limit):
                raise RuntimeError("the interpreter did not start (status %r)" % self.child.status)

    def run(self, frame):
        limit = frame["outputBytes"]
        step = frame["step"]
        self.await_ready()
        child = self.child
        kills_before, cpu_before = oom_kills(), child.cpu_seconds
        streams = {child.out: Bounded(limit), child.err: Bounded(limit)}
        poll = select.poll()
        for fd in (child.control.fileno(), child.out, child.err):
            poll.register(fd, select.POLLIN)
        poll.register(self.host_in, select.POLLIN)
        started = time.monotonic()
        next_rung = started + frame["timeoutMs"] / 1000
        rung, cause, done, probed, broken = 0, None, None, False, None
        child.send({"op": "run", "step": step, "code": frame["code"], "outputBytes": limit})
        while True:
            events = poll.poll(max(0.0, min(DEATH_POLL_S, next_rung - time.monotonic())) * 1000)
            if self.host_has_gone(events):
                self.leave(0)
            for fd, event in events:
                if fd in streams and not self.absorb(fd, streams[fd]):
                    poll.unregister(fd)
                if fd == self.host_in and event & select.POLLIN:
                    asked = self.hear()
                    if asked.get("type") != "interrupt":
                        raise ValueError("expected nothing but an interrupt during a step")
                    if asked.get("step") == step and cause is None and done is None:
                        cause, next_rung = "interrupted", time.monotonic()
            try:
                for message in child.messages():
                    if message.get("op") == "done" and message.get("step") == step and done is None:
                        done, done_at = message, time.monotonic()
                        if cause is not None:  # "delivered" is not "interrupted": ask the interpreter whether it listens again
                            child.send({"op": "probe", "step": step})
                            next_rung = time.monotonic() + PROBE_GRACE_S
                    elif message.get("op") == "probed" and message.get("step") == step:
                        probed = True
            except EOFError:
                # A process that ends closes its socket a moment before it can be waited for.
                if broken is None:
                    broken, closed_at = "", time.monotonic()
                    poll.unregister(child.control.fileno())
                elif broken == "" and time.monotonic() > closed_at + 0.2 and not child.reaped():
                    broken = "the code closed the interpreter's control socket"
                    child.signal(signal.SIGKILL)
            except ValueError as error:
                broken = "the code wrote to the interpreter's control socket (%s)" % error
                child.signal(signal.SIGKILL)
            if (done is not None and (cause is None or probed)) or child.reaped():
                break
            written = sum(stream.total for stream in streams.values())
            now = time.monotonic()
            if cause is None and done is None and written > OUTPUT_LIMIT_BYTES:
                cause, next_rung = "output_limit", now
            if now >= next_rung:
                cause = cause or "timeout"
                if rung == 0 and done is None:
                    child.signal(signal.SIGINT)
                    next_rung = now + INTERRUPT_GRACE_S
                else:
                    child.signal(signal.SIGKILL)
                    next_rung = now + 1
                rung += 1
        for fd, stream in streams.items():
            self.absorb(fd, stream)
        wall_ms = ((done_at if done is not None else time.monotonic()) - started) * 1000
        lost = child.reaped()
        result = {
            "type": "done",
            "step": step,
            "stdout": streams[child.out].text(),
            "stderr": streams[child.err].text(),
            "result": None,
            "exception": None,
            "wallMs": wall_ms,
            "cpuMs": 0.0,
            "stateLost": lost,
        }
        out_of_memory = oom_kills() > kills_before
        if done is not None:
            self.take(result, done, limit)
            child.cpu_seconds = cpu_before + result["cpuMs"] / 1000
        else:
            result["cpuMs"] = max(0.0, child.cpu_seconds - cpu_before) * 1000
        if out_of_memory:
            result["end"] = "oom"
            if not lost:
                result["detail"] = "a process started by the code was killed for memory"
        elif cause == "interrupted" and lost:
            result["end"] = "exited"
            result["detail"] = "the step was interrupted and did not listen, so the interpreter was ended"
        elif cause is not None and cause != "interrupted":
            result["end"] = cause
        elif lost and done is None:
            result["end"] = "exited"
            result["detail"] = broken or describe_status(child.status)
        if lost:
            child.close()
            self.child = Child(self.preimport)
        self.say(result)

    def take(self, result, done, limit):
        """Copies what the interpreter said about its step, as far as it has the right shape."""
        result["end"] = "error" if done.get("end") == "error" else "ok"
        if isinstance(done.get("cpuMs"), (int, float)) and 0 <= done["cpuMs"] < 1e12:
            result["cpuMs"] = float(done["cpuMs"])
        result["result"] = rebound(done.get("result"), limit)
        exception = done.get("exception")
        if isinstance(exception, dict):
            result["exception"] = {
                "name": storable(str(exception.get("name"))[:256]),
                "value": storable(str(exception.get("value"))[: VALUE_BYTES + 1]),
                "traceback": rebound(exception.get("traceback"), limit) or bound("", limit),
            }

    def absorb(self, fd, stream):
        """Reads what is there, at most 1 MiB so that a flood does not keep the clock waiting. False once the stream has ended."""
        taken = 0
        while taken < 1 << 20:
            try:
                part = os.read(fd, 1 << 16)
            except BlockingIOError:
                return True
            if not part:
                return False
            stream.add(part)
            taken += len(part)
        return True

    def serve(self):
        opening = self.hear()
        if opening.get("type") != "open":
            raise ValueError("expected an open frame")
        self.session = opening["session"]
        self.preimport = opening["preimport"]
        self.child = Child(self.preimport)
        self.say({"type": "hello"})
        while True:
            frame = self.hear()
            if frame.get("type") == "interrupt":  # of a step that ended meanwhile
                continue
            if frame.get("type") != "run":
                raise ValueError("expected a run frame")
            self.run(frame)


def rebound(value, limit):
    bounded = as_bounded(value)
    if bounded is None or len(bounded["head"]) + len(bounded["tail"]) > limit + 2:
        return None
    for side in ("head", "tail"):
        bounded[side] = storable(bounded[side])
    return bounded


def storable(text):
    """`text` without lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def describe_status(status):
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {entry.value: entry.name for entry in signal.Signals}
        return "the interpreter was ended by %s" % names.get(number, "signal %d" % number)
    return "the interpreter left with exit code %d" % os.WEXITSTATUS(status)
