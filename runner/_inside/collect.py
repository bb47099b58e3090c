"""Hands one file below /scratch to the host once nothing but the supervisor lives: so nobody can change it while it is read."""

import base64
import errno
import hashlib
import os
import signal
import stat
import time

ROOT = "/scratch"
KILL_LIMIT_S = 20.0
PIECE_BYTES = 720 << 10  # as base64 and in its frame still below 1 MiB
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Refused(Exception):
    """Why a file is not handed over: `reason` is one of the protocol's words, `detail` says it in a sentence."""

    def __init__(self, reason, detail):
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def kill_all_others():
    """Ends every process but this one, process 1, and returns once the kernel knows of none. Raises RuntimeError where one stays."""
    limit = time.monotonic() + KILL_LIMIT_S
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
            nobody = False
        except ProcessLookupError:  # the kernel found no process to send it to, not even one that is dying
            nobody = True
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
        if nobody and not others:
            return
        if time.monotonic() > limit:
            raise RuntimeError("a process outlived SIGKILL for %d s: %s" % (KILL_LIMIT_S, ", ".join(others[:5])))
        time.sleep(0.002)


def open_below_scratch(names):
    """A descriptor of ROOT/<names joined>, opened one name after the other so that no link is ever followed. Raises Refused."""
    folder = os.open(ROOT, FOLDER)
    try:
        for name in names[:-1]:
            deeper = open_one(name, FOLDER, folder)
            os.close(folder)
            folder = deeper
        return open_one(names[-1], FILE, folder)
    finally:
        os.close(folder)


def open_one(name, flags, folder):
    """Opens what `name` is itself. Looks before it opens: gVisor follows a link in spite of O_NOFOLLOW where O_DIRECTORY is asked for too."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise Refused("missing", "there is no `%s`" % name)
        raise Refused("unreadable", "`%s`: %s" % (name, os.strerror(error.errno)))
    if stat.S_ISLNK(found.st_mode):
        raise Refused("linked", "`%s` is a symbolic link" % name)
    if flags == FOLDER and not stat.S_ISDIR(found.st_mode):
        raise Refused("missing", "`%s` is no folder" % name)
    if flags == FILE and not stat.S_ISREG(found.st_mode):
        raise Refused("not_a_regular_file", "`%s` is %s" % (name, kind_of(found.st_mode)))
    try:
        opened = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise Refused("unreadable", "`%s`: %s" % (name, os.strerror(error.errno)))
    if os.path.samestat(os.fstat(opened), found):
        return opened
    os.close(opened)
    raise Refused("unreadable", "`%s` is not what it was a moment before" % name)


def kind_of(mode):
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((words for test, words in kinds if test(mode)), "a device")


class Collection:
    """One file, open and checked; `size` in bytes. Its pieces are read in order, with a SHA-256 over all of them at the end."""

    def __init__(self, names, max_bytes):
        self.fd = open_below_scratch(names)
        found = os.fstat(self.fd)
        try:
            if not stat.S_ISREG(found.st_mode):
                raise Refused("not_a_regular_file", "`%s` is %s" % (names[-1], kind_of(found.st_mode)))
            if found.st_nlink != 1:
                raise Refused("linked", "`%s` has %d names (hard links)" % (names[-1], found.st_nlink))
            if found.st_dev != os.stat(ROOT).st_dev:
                raise Refused("outside", "`%s` lies on another file system" % names[-1])
            if found.st_size > max_bytes:
                raise Refused("too_large", "`%s` has %d bytes, more than %d" % (names[-1], found.st_size, max_bytes))
        except Refused:
            os.close(self.fd)
            raise
        self.size = found.st_size
        self.read = 0
        self.hash = hashlib.sha256()

    def piece(self):
        """The next piece as the parts of a frame; with the last one the hash, and the file is closed."""
        data = os.read(self.fd, PIECE_BYTES) if self.read < self.size else b""
        self.read += len(data)
        self.hash.update(data)
        if data and self.read < self.size:
            return {"data": base64.b64encode(data).decode("ascii"), "sha256": None}
        os.close(self.fd)
        return {"data": base64.b64encode(data).decode("ascii"), "sha256": self.hash.hexdigest()}


class Collector:
    """Answers the host's frames of this exchange: `collect` opens a file, each `piece` takes the next part of it."""

    def __init__(self):
        self.open = None

    def answer(self, frame):
        if frame["type"] == "piece":
            if self.open is None:
                raise ValueError("expected a file to be open")
            part = self.open.piece()
            if part["sha256"] is not None:
                self.open = None
            return dict(part, type="piece", step=frame["step"])
        kill_all_others()
        try:
            self.open = Collection(frame["names"], frame["maxBytes"])
        except Refused as refused:
            detail = refused.detail.encode("utf-8", "replace").decode("utf-8")
            return {"type": "refused", "step": frame["step"], "reason": refused.reason, "detail": detail}
        return {"type": "file", "step": frame["step"], "bytes": self.open.size}
