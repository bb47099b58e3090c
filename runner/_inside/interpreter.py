"""The interpreter child that runs the agent's code: everything here may be changed under its feet by that code."""

import ast
import base64
import builtins
import ctypes
import linecache
import os
import signal
import sys
import time
import warnings

from .bounded import bound
from .display import Display, bound_pandas, is_heavy
from .frames import read_frame, write_frame
from .guard import guard_supervisor
from .imports import Watch
from .magics import is_silenced, lines_of, parse
from .pages import STEP_BYTES
from .plots import Plots
from .tracebacks import explain

PR_SET_DUMPABLE = 4


class Interpreter:
    def __init__(self, control, preimport):
        self.control = control
        self.pid = os.getpid()
        self.interruptible = False
        self.saved = (os.dup(1), os.dup(2))
        self.module = type(sys)("__main__")
        self.module.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = self.module
        import gc

        self.plots = Plots(lambda text: self.display.write(text))
        self.display = Display(self.plots)
        builtins.display = self.display.display
        self.display.install_ipython()
        sys.meta_path.insert(0, Watch({"pandas": bound_pandas, "matplotlib.pyplot": self.plots.watch_pyplot}))
        self.warned = set()
        self.show_warning = warnings.showwarning
        warnings.showwarning = self.warn_once
        gc.disable()
        missing = []
        for name in preimport:
            try:
                __import__(name)
            except ImportError:
                missing.append(name)
        gc.enable()
        gc.freeze()
        # Last, so that a file there never shadows a package; after the imports, so that none there keeps an interpreter from starting.
        sys.path.append("/scratch")
        signal.signal(signal.SIGINT, self.on_interrupt)
        self.restore_streams()
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

    def warn_once(self, message, category, filename, lineno, file=None, line=None):
        """A warning is shown once a step, also where a library's own filters make Python forget that it was shown."""
        what = (category, str(message), filename, lineno)
        if file is None and what in self.warned:
            return
        self.warned.add(what)
        self.show_warning(message, category, filename, lineno, file, line)

    def evaluate(self, code, name):
        """Runs `code`; the value of its last expression, or None where there is none or a `;` hides it."""
        lines = lines_of(code)
        linecache.cache[name] = (len(code), None, lines, name)
        tree = parse(code, name)
        if is_heavy(getattr(builtins, "_", None)) and not any(getattr(node, "id", None) == "_" for node in ast.walk(tree)):
            del builtins._  # the last result of an earlier step must not cost this one its memory
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = tree.body.pop().value
        exec(compile(tree, name, "exec", dont_inherit=True), self.module.__dict__)
        if last is None:
            return None
        value = eval(compile(ast.Expression(last), name, "eval", dont_inherit=True), self.module.__dict__)
        if value is not None:
            builtins._ = value
        return None if is_silenced(code, last) else value

    def interruptibly(self, work, *arguments):
        """What `work` gives; SIGINT raises KeyboardInterrupt meanwhile, and at no other time."""
        try:
            self.interruptible = True
            return work(*arguments)
        finally:
            self.interruptible = False

    def show(self, code, name):
        value = self.evaluate(code, name)
        if value is None:
            return None
        self.plots.show(value)
        return self.display.text(value)

    def step(self, message):
        limit = message["outputBytes"]
        name = "<step %d>" % message["number"]
        self.restore_streams()
        self.plots.begin()
        self.warned.clear()
        self.module.__dict__.pop("__warningregistry__", None)
        signal.signal(signal.SIGINT, self.on_interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        before = os.times()
        done = {"op": "done", "step": message["step"], "end": "ok", "result": None, "whole": None, "exception": None}
        in_time = True
        try:
            text = self.interruptibly(self.show, message["code"], name)
            if text is not None:
                done["result"] = bound(text, limit)
                if done["result"]["droppedBytes"]:
                    done["whole"] = text.encode("utf-8", "backslashreplace")[:STEP_BYTES].decode("utf-8", "ignore")
        except BaseException as error:
            in_time = not issubclass(type(error), KeyboardInterrupt)  # isinstance asks the object, which is the code's
            done["end"] = "error"
            try:
                done["exception"] = self.interruptibly(explain, error, limit)
            except BaseException as second:
                why = "its message could not be shown (%s)" % type(second).__name__
                done["exception"] = {"name": type(error).__name__, "value": why, "traceback": bound(why + "\n", limit)}
        try:
            self.interruptibly(self.plots.finish, in_time)
        except BaseException as error:
            self.display.write("[The figures could not all be shown: %s]" % type(error).__name__)
        done["pictures"] = [base64.b64encode(png).decode("ascii") for png in self.plots.pictures]
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
    guard_supervisor()
    os.nice(5)  # so that the supervisor gets its turn beside a fork bomb
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # out of memory takes the interpreter, never the supervisor
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, control)
    os.closerange(control + 1, 4096)
    Interpreter(control, preimport).serve()
