"""The supervisor: speaks frames with the host, runs one step at a time and says how it ended. Believes the child nothing beyond its own step."""

import os
import select
import signal
import time

from .bounded import as_bounded, bound
from .child import START_LIMIT_S, Child
from .collect import Collector
from .frames import read_frame, write_frame
from .memory import oom_kills, temporary_bytes
from .pages import Pages
from .plots import as_pictures
from .tracebacks import VALUE_BYTES
from .watch import Watch

PROTOCOL = 2
DEATH_POLL_S = 0.05
BEAT_S = 1.0  # how often the host hears during a step that we live
STARTS_TRIED = 3  # of an interpreter, in a row, before the sandbox is given up
SAFE_INTEGER = 2**53 - 1
GAVE_UP = 71  # exit code, as `supervisorGaveUp` in src/sandboxes/inside.ts


class StartFailed(Exception):
    """An interpreter did not come up; `out_of_memory` where the kernel took it for memory."""

    def __init__(self, detail, out_of_memory):
        super().__init__(detail)
        self.out_of_memory = out_of_memory


class HostSilent(Exception):
    """The host has said nothing, or taken nothing, for as long as it may."""


class Supervisor:
    def __init__(self, host_in, host_out):
        self.host_in, self.host_out = host_in, host_out
        os.set_blocking(host_out, False)
        self.session = None
        self.preimport = []
        self.idle_s = START_LIMIT_S
        self.child = None
        self.seq = 0
        self.pages = Pages()
        self.code_ran = False
        self.failed_starts = 0
        self.step = None
        self.watch = None
        self.running = False
        self.beat_at = 0.0

    def say(self, frame):
        self.seq += 1
        limit = time.monotonic() + self.idle_s
        write_frame(
            self.host_out,
            dict(frame, v=PROTOCOL, session=self.session, seq=self.seq),
            lambda: self.await_host(self.host_out, select.POLLOUT, limit),
        )

    def hear(self):
        """The host's next frame; ends the process where the host has gone, or is silent for too long."""
        limit = time.monotonic() + self.idle_s
        frame = read_frame(self.host_in, lambda: self.await_host(self.host_in, select.POLLIN, limit))
        if frame is None:
            self.leave(0)
        if frame.get("v") != PROTOCOL or (self.session is not None and frame.get("session") != self.session):
            raise ValueError("frame of another protocol or session")
        return frame

    def await_host(self, fd, event, limit):
        poll = select.poll()
        poll.register(fd, event)
        if not poll.poll(max(0.0, limit - time.monotonic()) * 1000):
            raise HostSilent

    def leave(self, code):
        try:
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(code)

    def depart(self, why, detail):
        """Tells the host, where it listens, why we go, and goes."""
        self.idle_s = 1.0
        try:
            os.kill(-1, signal.SIGKILL)
            self.say({"type": "left", "why": why, "detail": detail[:500]})
        except Exception:
            pass  # nobody listens: our end is all that can be told
        self.leave(GAVE_UP)

    def tick(self, events):
        """Leaves where the host has gone, and tells it from time to time that we live."""
        for event in [event for fd, event in events if fd == self.host_in]:
            # Beside an interrupt the host sends nothing during a step: this is its end of the pipe closing.
            if event & (select.POLLHUP | select.POLLERR):
                self.leave(0)
            if event & select.POLLIN:
                self.take_interrupt()
        if time.monotonic() >= self.beat_at + BEAT_S:
            self.beat()

    def take_interrupt(self):
        frame = self.hear()
        if frame.get("type") != "interrupt":
            raise ValueError("expected nothing but an interrupt during a step")
        if frame.get("step") == self.step:
            self.watch.interrupt()

    def beat(self):
        self.beat_at = time.monotonic()
        self.say({"type": "beat", "step": self.step, "running": self.running})

    def await_ready(self):
        """Waits until the interpreter has its imports. Raises StartFailed when it does not come up."""
        child = self.child
        limit = time.monotonic() + START_LIMIT_S
        poll = select.poll()
        poll.register(child.control.fileno(), select.POLLIN)
        poll.register(self.host_in, 0)
        while not child.ready:
            self.tick(poll.poll(DEATH_POLL_S * 1000))
            try:
                for message in child.messages():
                    if message.get("op") == "ready":
                        child.ready = True
                        if message.get("missing"):
                            raise StartFailed("cannot import %s" % ", ".join(message["missing"]), False)
            except EOFError:
                pass
            if not child.ready and (child.reaped() or time.monotonic() > limit):
                how = "it took too long" if child.status is None else describe_status(child.status)
                raise StartFailed("no interpreter could be started: %s" % how, oom_kills() > child.oom_kills)

    def run(self, frame):
        limit = frame["outputBytes"]
        self.step, self.running = frame["step"], False
        asked = time.monotonic()
        self.beat()
        try:
            self.await_ready()
        except StartFailed as failure:
            return self.tell_failed_start(failure, limit, asked)
        ready_ms = (time.monotonic() - asked) * 1000
        self.failed_starts = 0
        self.code_ran = self.running = True
        self.beat()
        child = self.child
        watch = self.watch = Watch(child, self.host_in, frame, self.tick)
        watch.run()
        result = self.ended(limit)
        result.update(
            stdout=watch.streams[child.out].text(),
            stderr=watch.streams[child.err].text(),
            wallMs=watch.wall_ms,
            cpuMs=watch.cpu_ms,
            readyMs=ready_ms,
            peakMemoryBytes=watch.peak_bytes,
            stateLost=watch.lost,
        )
        if watch.done is not None:
            self.take(result, watch.done, limit)
        cause, detail = watch.cause, watch.detail
        if cause == "interrupted":  # the host asked for it: what the interpreter said of the step stands
            cause, detail = ("exited", "the step was interrupted and did not listen") if watch.lost else (None, None)
        if cause is None and watch.done is None:
            cause, detail = "exited", describe_status(child.status)
        if cause == "oom" and not watch.lost and detail is None:
            detail = "a process that the code started was ended for memory"
        if cause is not None:
            result["end"] = cause
        if detail is not None:
            result["detail"] = detail
        if watch.lost:
            child.close()
            self.child = Child(self.preimport)
        whole = watch.done.get("whole") if watch.done is not None else None
        out, err = watch.streams[child.out], watch.streams[child.err]
        result["savedOutput"] = self.pages.save_step(frame["number"], result, out, err, whole)
        self.say(result)

    def ended(self, limit):
        """The bare end of the step under way."""
        nothing = bound("", limit)
        return {
            "type": "done",
            "step": self.step,
            "stdout": nothing,
            "stderr": nothing,
            "result": None,
            "exception": None,
            "pictures": [],
            "savedOutput": None,
            "wallMs": 0.0,
            "cpuMs": 0.0,
            "readyMs": 0.0,
            "peakMemoryBytes": None,
            "stateLost": True,
        }

    def tell_failed_start(self, failure, limit, asked):
        """
        Answers a step for which no interpreter came up. After code of the agent's ran that is its doing: it fills what the next one needs.
        The next is tried without imports, which takes less; when that fails again and again, the sandbox is over.
        """
        self.child.close()
        if not self.code_ran:
            self.depart("failed", str(failure))
        self.failed_starts += 1
        why = str(failure)
        if failure.out_of_memory:
            why = (
                "files in /scratch, /tmp and /dev/shm hold %s MB and left no room for Python to start: delete some of them"
                % format(temporary_bytes() >> 20, ",")
            )
        result = self.ended(limit)
        result["readyMs"] = (time.monotonic() - asked) * 1000
        result["end"] = "oom" if failure.out_of_memory else "exited"
        result["detail"] = "the code was not run, because " + why
        if self.failed_starts >= STARTS_TRIED:
            result["end"] = "killed"
        else:
            self.child = Child([])
        self.say(result)

    def take(self, result, done, limit):
        """Copies what the interpreter said about its step, as far as it has the right shape."""
        result["end"] = "error" if done.get("end") == "error" else "ok"
        result["result"] = rebound(done.get("result"), limit)
        result["pictures"] = as_pictures(done.get("pictures"))
        exception = done.get("exception")
        if isinstance(exception, dict):
            result["exception"] = {
                "name": text_of(exception.get("name"))[:256],
                "value": text_of(exception.get("value"))[: VALUE_BYTES + 1],
                "traceback": rebound(exception.get("traceback"), limit) or bound("", limit),
            }

    def serve(self):
        opening = self.hear()
        if opening.get("type") != "open":
            raise ValueError("expected an open frame")
        self.session = opening["session"]
        self.preimport = opening["preimport"]
        self.idle_s = opening["idleMs"] / 1000
        self.child = Child(self.preimport)
        self.say({"type": "hello"})
        try:
            while True:
                frame = self.hear()
                if frame.get("type") == "interrupt":
                    continue  # the step that it was meant for has ended
                if frame.get("type") == "collect":
                    self.collect(frame)
                if frame.get("type") != "run":
                    raise ValueError("expected a run frame")
                self.run(frame)
        except HostSilent:
            self.depart("idle", "its host said nothing for %g s" % self.idle_s)
        except Exception as error:
            self.depart("gave_up" if self.code_ran else "failed", "%s: %s" % (type(error).__name__, error))

    def collect(self, frame):
        """From now on nothing runs in here: files are handed over until the host has gone."""
        collector = Collector()
        while True:
            self.say(collector.answer(frame))
            frame = self.hear()
            if frame.get("type") not in ("collect", "piece"):
                raise ValueError("expected a collect frame: nothing runs any more")


def rebound(value, limit):
    bounded = as_bounded(value)
    if bounded is None or len(bounded["head"]) + len(bounded["tail"]) > limit + 2:
        return None
    dropped = min(max(0, int(bounded["droppedBytes"])), SAFE_INTEGER)
    return {"head": storable(bounded["head"]), "tail": storable(bounded["tail"]), "droppedBytes": dropped}


def text_of(value):
    """`value` where it is text: it comes from the child, where code may have put anything in its place."""
    return storable(value) if isinstance(value, str) else "?"


def storable(text):
    """`text` without lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def describe_status(status):
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {entry.value: entry.name for entry in signal.Signals}
        return "the interpreter was ended by %s" % names.get(number, "signal %d" % number)
    return "the interpreter left with exit code %d" % os.WEXITSTATUS(status)
