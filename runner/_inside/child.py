"""One interpreter process as the supervisor sees it."""

import ctypes
import json
import os
import signal
import socket
import struct
import time

from .frames import MAX_FRAME_BYTES
from .interpreter import become_interpreter
from .memory import oom_kills

START_LIMIT_S = 120.0  # for a fresh interpreter and its pre-imports
SEND_LIMIT_S = 5.0  # for code to be taken from the control socket
REAPED_AT_ONCE = 1000
LIBC = ctypes.CDLL(None)
# What lives on without a process, under /proc/sysvipc, and the call that removes one by its id.
LEFT_BEHIND = {
    "shm": lambda number: LIBC.shmctl(number, 0, None),
    "msg": lambda number: LIBC.msgctl(number, 0, None),
    "sem": lambda number: LIBC.semctl(number, 0, 0, None),
}


class Child:
    """One interpreter process and the ends of its pipes that the supervisor holds."""

    def __init__(self, preimport):
        self.oom_kills = oom_kills()
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

    def send(self, message):
        body = json.dumps(message).encode("ascii")
        self.control.settimeout(SEND_LIMIT_S)
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
            try:
                message = json.loads(bytes(self.inbox[4 : 4 + length]))
            except RecursionError:
                raise ValueError("message nested too deeply") from None
            if not isinstance(message, dict):
                raise ValueError("message is no object")
            found.append(message)
            del self.inbox[: 4 + length]
        if ended and not found:
            raise EOFError
        return found

    def reaped(self):
        """Whether the process has ended; its status is then known. Takes away what else has ended, as process 1 has to."""
        for _ in range(REAPED_AT_ONCE):
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self.pid:
                self.status = status
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
        remove_left_behind()
        self.control.close()
        os.close(self.out)
        os.close(self.err)


def fork_patiently():
    """os.fork, waiting while the killed processes of a fork bomb are still being taken away."""
    limit = time.monotonic() + 10
    while True:
        try:
            return os.fork()
        except BlockingIOError:
            if time.monotonic() > limit:
                raise
            take_away_all()
            time.sleep(0.01)


def take_away_all():
    """Ends what still runs and waits for what has ended: both count against the number of processes. Only where no interpreter lives."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass  # there is none left


def remove_left_behind():
    """Removes shared memory and queues that outlive their processes, so that none of the memory they hold keeps the next from starting."""
    for kind, remove in LEFT_BEHIND.items():
        try:
            with open("/proc/sysvipc/" + kind) as listed:
                numbers = [int(line.split()[1]) for line in listed.readlines()[1:]]
        except OSError:
            continue  # gVisor lists none
        for number in numbers:
            remove(number)
