"""Watches one step until the interpreter is done with it or is no more, stops it at its limits, and knows what came first."""

import os
import select
import signal
import time

from .bounded import Bounded
from .cpu import cpu_seconds
from .memory import PeakMemory, oom_kills
from .pages import STEP_BYTES

OUTPUT_LIMIT_BYTES = 64 << 20  # a step that writes more is stopped
INTERRUPT_GRACE_S = 2.0  # from SIGINT to SIGKILL
PROBE_GRACE_S = 2.0
CLOSED_GRACE_S = 0.2  # a process that ends closes its socket a moment before it can be waited for
LOOK_S = 0.025  # how often deaths, memory and limits are looked at
SLOWLY_CAUSES = {
    "oom": "it ran out of memory while it was being stopped",
    "timeout": "it then took longer than a step may take",
    "output_limit": "it then printed far too much",
}


class Watch:
    """One step under way. `tick` is called with what poll told, to see whether the host is there and to tell it that we are."""

    def __init__(self, child, host_in, frame, tick):
        self.child, self.step, self.tick = child, frame["step"], tick
        limit = frame["outputBytes"]
        self.streams = {child.out: Bounded(limit, STEP_BYTES), child.err: Bounded(limit, STEP_BYTES)}
        self.poll = select.poll()
        for fd in (child.control.fileno(), child.out, child.err):
            self.poll.register(fd, select.POLLIN)
        self.poll.register(host_in, select.POLLIN)
        self.done = None  # what the interpreter said of the step
        self.done_at = None
        self.probed = False
        self.closed_at = None
        self.cause = None  # the first; what comes after it is its consequence
        self.detail = None
        self.rung = 0
        self.cpu_before, self.kills_before = cpu_seconds(), oom_kills()
        self.memory = PeakMemory(child.pid)
        self.started = time.monotonic()
        self.next_rung = self.started + frame["timeoutMs"] / 1000
        self.looked_at = 0.0
        child.send({"op": "run", "step": self.step, "number": frame["number"], "code": frame["code"], "outputBytes": limit})

    def blame(self, cause, detail=None):
        """Names why the step did not end by itself. Only the first cause counts; of a later one there is a remark."""
        if self.cause is None:
            self.cause, self.detail = cause, detail
        elif self.cause != cause and self.detail is None:
            self.detail = SLOWLY_CAUSES.get(cause)

    def interrupt(self):
        """Stops the code because the host asks for it."""
        if self.cause is None and self.done is None:
            self.cause, self.next_rung = "interrupted", time.monotonic()

    def run(self):
        """Returns once the step is over."""
        while True:
            wait = max(0.0, min(LOOK_S, self.next_rung - time.monotonic()))
            events = self.poll.poll(wait * 1000)
            self.tick(events)
            for fd, _event in events:
                if fd in self.streams and not absorb(fd, self.streams[fd]):
                    self.poll.unregister(fd)
            self.look()
            self.listen()
            if self.is_over():
                break
            self.keep_limits()
        for fd, stream in self.streams.items():
            absorb(fd, stream)
        self.look(at_once=True)
        self.wall_ms = ((self.done_at or time.monotonic()) - self.started) * 1000
        self.cpu_ms = max(0.0, cpu_seconds() - self.cpu_before) * 1000
        self.peak_bytes = self.memory.bytes()
        self.lost = self.child.reaped()

    def look(self, at_once=False):
        """Sees what the kernel says of memory, not more often than is of use."""
        now = time.monotonic()
        if not at_once and now < self.looked_at + LOOK_S / 2:
            return
        self.looked_at = now
        self.memory.sample()
        if oom_kills() > self.kills_before:
            self.blame("oom")

    def listen(self):
        """Takes what came over the control socket. Only the interpreter's own words for this step belong there."""
        try:
            for message in self.child.messages():
                kind = message.get("op") if message.get("step") == self.step else None
                if kind == "done" and self.done is None and self.cause != "protocol_violation":
                    self.done, self.done_at = message, time.monotonic()
                    if self.rung > 0:  # "delivered" is not "interrupted": ask the interpreter whether it listens again
                        self.child.send({"op": "probe", "step": self.step})
                        self.next_rung = time.monotonic() + PROBE_GRACE_S
                elif kind == "probed" and self.rung > 0:
                    self.probed = True
                else:
                    raise ValueError("a message of its own")
        except EOFError:
            if self.closed_at is None:
                self.closed_at = time.monotonic()
                self.poll.unregister(self.child.control.fileno())
            elif time.monotonic() > self.closed_at + CLOSED_GRACE_S and not self.child.reaped():
                self.blame("exited", "the code closed the interpreter's control socket")
                self.child.signal(signal.SIGKILL)
        except ValueError as error:
            self.blame("protocol_violation", "the code wrote to the interpreter's control socket (%s)" % str(error)[:200])
            self.done = None
            self.child.signal(signal.SIGKILL)

    def is_over(self):
        said = self.done is not None and (self.rung == 0 or self.probed) and self.cause != "protocol_violation"
        return said or self.child.reaped()

    def keep_limits(self):
        """The ladder: SIGINT at a limit, SIGKILL where that is not heard."""
        now = time.monotonic()
        if self.rung == 0 and self.done is None and sum(s.total for s in self.streams.values()) > OUTPUT_LIMIT_BYTES:
            self.blame("output_limit")
        elif now < self.next_rung:
            return
        elif self.rung == 0 and self.cause != "interrupted":
            self.blame("timeout")
        if self.rung == 0 and self.done is None:
            self.child.signal(signal.SIGINT)
            self.next_rung = now + INTERRUPT_GRACE_S
        else:
            self.child.signal(signal.SIGKILL)
            self.next_rung = now + 1
        self.rung += 1


def absorb(fd, stream):
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
