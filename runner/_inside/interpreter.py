"""The interpreter child that runs the agent's code: everything here may be changed under its feet by that code."""

import ctypes
import os
import signal
import sys
import time

from .bounded import bound
from .frames import read_frame, write_frame
from .refused import refuse_calls

HERE = os.path.dirname(os.path.abspath(__file__))
PR_SET_DUMPABLE = 4
VALUE_BYTES = 2048  # of an exception's message


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
            part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(HERE)]
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
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.setpgid(0, 0)
    os.nice(5)  # so that the supervisor gets its turn beside a fork bomb
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # out of memory takes the interpreter, never the supervisor
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, control)
    os.closerange(control + 1, 4096)
    refuse_calls()
    Interpreter(control, preimport).serve()
