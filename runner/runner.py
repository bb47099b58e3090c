"""The inside of a sandbox: a supervisor that speaks frames with the host, and the interpreter child that runs the agent's code.

A frame is a big-endian u32 length and that many bytes of JSON. The supervisor's stdin and stdout carry frames and its stderr
diagnostics; the child never holds them: its stdout and stderr are pipes the supervisor reads, its stdin is /dev/null, and it is
told what to run over a socket of its own. Nothing the child says is believed beyond its own step. See docs/sandbox.md.
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

PROTOCOL = 1
SANDBOX_UID = 10001
MAX_FRAME_BYTES = 16 << 20
OUTPUT_LIMIT_BYTES = 64 << 20  # a step that writes more is stopped
INTERRUPT_GRACE_S = 2.0  # from SIGINT to SIGKILL
PROBE_GRACE_S = 2.0
START_LIMIT_S = 120.0  # for a fresh interpreter and its pre-imports
DEATH_POLL_S = 0.05
VALUE_BYTES = 2048  # of an exception's message
OOM_COUNTERS = ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events")
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE = 4


def read_exactly(fd, count):
    """`count` bytes of `fd`, or None where it ends before."""
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_frame(fd):
    """The next frame's object, or None at the end of the stream. Raises ValueError on anything else."""
    header = read_exactly(fd, 4)
    if header is None:
        return None
    (length,) = struct.unpack(">I", header)
    if length > MAX_FRAME_BYTES:
        raise ValueError("frame of %d bytes" % length)
    body = read_exactly(fd, length)
    if body is None:
        return None
    frame = json.loads(body)
    if not isinstance(frame, dict):
        raise ValueError("frame is no object")
    return frame


def write_frame(fd, frame):
    body = json.dumps(frame).encode("ascii")
    view = memoryview(struct.pack(">I", len(body)) + body)
    while view:
        view = view[os.write(fd, view) :]


class Bounded:
    """Keeps the first and the last half of `limit` bytes of a stream and counts what lay between."""

    def __init__(self, limit):
        self.half = max(1, limit // 2)
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data):
        self.total += len(data)
        room = self.half - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        if data:
            self.tail += data
            if len(self.tail) > 4 * self.half:
                del self.tail[: -self.half]

    def text(self):
        tail = bytes(self.tail[-self.half :])
        dropped = self.total - len(self.head) - len(tail)
        if dropped == 0:
            return {"head": (bytes(self.head) + tail).decode("utf-8", "replace"), "tail": "", "droppedBytes": 0}
        head = bytes(self.head)
        cut = len(head)
        while cut and cut > len(head) - 4 and head[cut - 1] & 0xC0 == 0x80:
            cut -= 1  # back to the first byte of the last character
        if cut and head[cut - 1] >= 0xC0:
            size = 2 if head[cut - 1] < 0xE0 else 3 if head[cut - 1] < 0xF0 else 4
            cut = cut - 1 if cut - 1 + size > len(head) else len(head)
        else:
            cut = len(head)
        start = 0
        while start < min(3, len(tail)) and tail[start] & 0xC0 == 0x80:
            start += 1
        return {
            "head": head[:cut].decode("utf-8", "replace"),
            "tail": tail[start:].decode("utf-8", "replace"),
            "droppedBytes": dropped + (len(head) - cut) + start,
        }


def bound(text, limit):
    bounded = Bounded(limit)
    bounded.add(text.encode("utf-8", "backslashreplace"))
    return bounded.text()


def as_bounded(value):
    """`value` if it has the shape of bounded text, else None: it comes from the child."""
    if not isinstance(value, dict) or set(value) != {"head", "tail", "droppedBytes"}:
        return None
    if not isinstance(value["head"], str) or not isinstance(value["tail"], str):
        return None
    return value if isinstance(value["droppedBytes"], int) else None


# --- the interpreter child: from here on everything may be changed under its feet by the agent's code ---


class Interpreter:
    def __init__(self, control, preimport):
        self.control = control
        self.pid = os.getpid()
        self.interruptible = False
        self.steps = 0
        self.saved = (os.dup(1), os.dup(2))
        self.module = type(sys)("__main__")
        self.module.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = self.module
        sys.path.append("/scratch")  # last, so that a file there never shadows a package
        import ast
        import gc
        import linecache
        import traceback

        self.ast, self.linecache, self.traceback = ast, linecache, traceback
        self.bounded_pandas = False
        gc.disable()
        missing = []
        for name in preimport:
            try:
                __import__(name)
            except ImportError:
                missing.append(name)
        gc.enable()
        gc.freeze()
        signal.signal(signal.SIGINT, self.on_interrupt)
        self.restore_streams()
        self.bound_pandas()
        self.reply({"op": "ready", "missing": missing, "cpuSeconds": time.process_time()})

    def reply(self, message):
        if os.getpid() != self.pid:
            os._exit(0)  # a process the code forked and let run on: the step is its parent's
        write_frame(self.control, message)

    def on_interrupt(self, _signum, _frame):
        if self.interruptible:
            raise KeyboardInterrupt

    def restore_streams(self):
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(self.saved[0], 1)
        os.dup2(self.saved[1], 2)
        sys.stdin = sys.__stdin__ = open(0, "r", closefd=False)
        sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)

    def bound_pandas(self):
        pandas = sys.modules.get("pandas")
        if self.bounded_pandas or not hasattr(pandas, "set_option"):
            return
        self.bounded_pandas = True
        for option, value in (("width", 120), ("max_columns", 30), ("max_colwidth", 80)):
            pandas.set_option("display." + option, value)

    def evaluate(self, code, name):
        """Runs `code`; the value of its last expression, or None."""
        self.linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        tree = self.ast.parse(code, name)
        last = None
        if tree.body and isinstance(tree.body[-1], self.ast.Expr):
            last = self.ast.Expression(tree.body.pop().value)
        exec(compile(tree, name, "exec"), self.module.__dict__)
        if last is not None:
            return eval(compile(last, name, "eval"), self.module.__dict__)
        return None

    def explain(self, error, name, limit):
        shown = self.traceback.TracebackException(type(error), error, error.__traceback__)
        part, seen = shown, set()
        while part is not None and id(part) not in seen:  # our own frames explain nothing to the agent
            seen.add(id(part))
            part.stack[:] = [frame for frame in part.stack if frame.filename != __file__]
            part = part.__cause__ or part.__context__
        text = "".join(shown.format()).replace('File "%s"' % name, 'File "<step>"')
        value = str(error).encode("utf-8", "backslashreplace")
        message = value[:VALUE_BYTES].decode("utf-8", "ignore") + ("…" if len(value) > VALUE_BYTES else "")
        return {"name": type(error).__name__, "value": message, "traceback": bound(text, limit)}

    def step(self, message):
        limit = message["outputBytes"]
        self.steps += 1
        name = "<step %d>" % self.steps
        self.restore_streams()
        self.bound_pandas()
        signal.signal(signal.SIGINT, self.on_interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        before = os.times()
        done = {"op": "done", "step": message["step"], "end": "ok", "result": None, "exception": None}
        try:
            try:
                self.interruptible = True
                value = self.evaluate(message["code"], name)
                if value is not None:
                    self.bound_pandas()
                    done["result"] = bound(repr(value), limit)
            finally:
                self.interruptible = False
        except BaseException as error:
            done["end"] = "error"
            try:
                try:
                    self.interruptible = True
                    done["exception"] = self.explain(error, name, limit)
                finally:
                    self.interruptible = False
            except BaseException as second:
                why = "its message could not be shown (%s)" % type(second).__name__
                done["exception"] = {"name": type(error).__name__, "value": why, "traceback": bound(why + "\n", limit)}
        self.flush_quietly()
        after = os.times()
        done["cpuMs"] = sum(after[i] - before[i] for i in range(4)) * 1000
        self.reply(done)

    def flush_quietly(self):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # the agent closed or replaced it; what it wrote is already in the pipe or lost

    def serve(self):
        while True:
            message = read_frame(self.control)
            if message is None:
                os._exit(0)
            if message["op"] == "probe":
                self.reply({"op": "probed", "step": message["step"]})
            else:
                self.step(message)


def become_interpreter(control, out, err, preimport):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.setpgid(0, 0)
    os.nice(5)  # so that the supervisor gets its turn beside a fork bomb
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # out of memory takes the interpreter, never the supervisor
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, control)
    os.closerange(control + 1, 4096)
    Interpreter(control, preimport).serve()


# --- the supervisor ---


class Child:
    """One interpreter process and the ends of its pipes that the supervisor holds."""

    def __init__(self, preimport):
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self.pid = fork_patiently()
        if self.pid == 0:
            try:
                become_interpreter(theirs.detach(), out_write, err_write, preimport)
            finally:
                os._exit(70)
        theirs.close()
        os.close(out_write)
        os.close(err_write)
        ours.setblocking(False)
        self.control, self.out, self.err = ours, out_read, err_read
        os.set_blocking(out_read, False)
        os.set_blocking(err_read, False)
        self.inbox = bytearray()
        self.ready = False
        self.status = None
        self.cpu_seconds = 0.0

    def send(self, message):
        body = json.dumps(message).encode("ascii")
        self.control.settimeout(START_LIMIT_S)
        try:
            self.control.sendall(struct.pack(">I", len(body)) + body)
            return True
        except OSError:
            return False
        finally:
            self.control.setblocking(False)

    def messages(self):
        """What has arrived on the control socket. Raises ValueError when it is no message, EOFError when the socket is closed."""
        ended = False
        try:
            while True:
                part = self.control.recv(1 << 20)
                if not part:
                    ended = True
                    break
                self.inbox += part
                if len(self.inbox) > 2 * MAX_FRAME_BYTES:
                    raise ValueError("too much on the control socket")
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        found = []
        while len(self.inbox) >= 4:
            (length,) = struct.unpack_from(">I", self.inbox)
            if length > MAX_FRAME_BYTES:
                raise ValueError("message of %d bytes" % length)
            if len(self.inbox) < 4 + length:
                break
            message = json.loads(bytes(self.inbox[4 : 4 + length]))
            if not isinstance(message, dict):
                raise ValueError("message is no object")
            found.append(message)
            del self.inbox[: 4 + length]
        if ended and not found:
            raise EOFError
        return found

    def reaped(self):
        """Whether the process has ended; its status and CPU time are then known."""
        if self.status is None:
            while True:
                try:
                    pid, status, usage = os.wait4(-1, os.WNOHANG)
                except ChildProcessError:
                    break
                if pid == 0:
                    break
                if pid == self.pid:
                    self.status = status
                    self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.status is not None

    def signal(self, number):
        """Signals the interpreter and its group, each process once."""
        try:
            os.killpg(self.pid, number)
            if os.getpgid(self.pid) != self.pid:
                os.kill(self.pid, number)
        except ProcessLookupError:
            if not self.reaped():
                os.kill(self.pid, number)  # it left its group, which is empty now

    def close(self):
        """Ends the interpreter and every other process in the sandbox except the supervisor and its init."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        limit = time.monotonic() + 5
        while not self.reaped() and time.monotonic() < limit:
            time.sleep(0.002)
        self.control.close()
        os.close(self.out)
        os.close(self.err)


def fork_patiently():
    """os.fork, waiting while the killed processes of a fork bomb are still being taken away."""
    limit = time.monotonic() + 5
    while True:
        try:
            return os.fork()
        except BlockingIOError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.01)


def oom_kills():
    """How many processes of this sandbox the kernel has killed for memory."""
    for path in OOM_COUNTERS:
        try:
            with open(path) as counter:
                for line in counter:
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        except OSError:
            continue
    return 0


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
        # The host sends nothing during a step, so anything readable here is its end of the pipe closing.
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
        poll.register(self.host_in, 0)
        started = time.monotonic()
        next_rung = started + frame["timeoutMs"] / 1000
        rung, cause, done, probed, broken = 0, None, None, False, None
        child.send({"op": "run", "step": step, "code": frame["code"], "outputBytes": limit})
        while True:
            events = poll.poll(max(0.0, min(DEATH_POLL_S, next_rung - time.monotonic())) * 1000)
            if self.host_has_gone(events):
                self.leave(0)
            for fd, _event in events:
                if fd in streams and not self.absorb(fd, streams[fd]):
                    poll.unregister(fd)
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
        elif cause is not None:
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


def main():
    if os.getuid() != SANDBOX_UID:  # leave() kills every process it can see; outside a sandbox that would be the machine
        sys.exit("runner.py is the inside of a sandbox; it does not run as uid %d" % os.getuid())
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # /proc/<supervisor>/fd stays closed to the agent
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host_in, host_out = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    supervisor = Supervisor(host_in, host_out)
    try:
        supervisor.serve()
    except BaseException as error:
        os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode("utf-8", "replace"))
        supervisor.leave(71)


if __name__ == "__main__":
    main()
