"""Whole outputs of steps, as files that the agent can page through. Written by the supervisor where the agent may have put anything."""

import os
import stat

FOLDER, NAME = "/scratch", ".output"
STEP_BYTES = 1 << 20  # kept of one step
TOTAL_BYTES = 8 << 20  # kept of a session; the oldest goes first
STDERR_BYTES = 2000  # of more than that an agent is shown only the ends (src/agents/observation.ts)
FREE_SHARE = 4  # a file takes at most this part of what is free, so that it never fills /scratch


class Pages:
    def __init__(self):
        self.saved = []

    def save_step(self, number, result, out, err, whole):
        """The path of the file with a step's whole output, or None where the agent is shown all of it. `whole` comes from the child."""
        shown = result["result"] or {"head": "", "tail": "", "droppedBytes": 0}
        if not (result["stdout"]["droppedBytes"] or shown["droppedBytes"] or err.total > STDERR_BYTES):
            return None
        kept = (shown["head"] + shown["tail"]).encode("utf-8")
        size = len(kept) + shown["droppedBytes"]
        value = whole.encode("utf-8", "replace")[:STEP_BYTES] if isinstance(whole, str) and shown["droppedBytes"] else kept
        return self.save(number, [("stdout", bytes(out.first), out.total), ("result", value, size), ("stderr", bytes(err.first), err.total)])

    def save(self, number, sections):
        """
        Writes `sections`, (title, first bytes, bytes there were) each, as the step's file: its path, or None where there is no room or
        something of the agent's stands in the way. Neither waits nor follows a link.
        """
        data = compose([section for section in sections if section[2]])
        folder = home = None
        try:
            home = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.mkdir(NAME, 0o755, dir_fd=home)
            except FileExistsError:
                pass
            folder = os.open(NAME, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=home)
            self.make_room(folder, len(data))
            space = os.fstatvfs(folder)
            if len(data) > space.f_bavail * space.f_frsize // FREE_SHARE:
                return None
            name = "step-%d.txt" % number
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                pass
            write_new(folder, name, data)
            self.saved.append((name, len(data)))
            return "%s/%s/%s" % (FOLDER, NAME, name)
        except OSError:
            return None
        finally:
            for fd in (folder, home):
                if fd is not None:
                    os.close(fd)

    def make_room(self, folder, size):
        while self.saved and size + sum(kept for _name, kept in self.saved) > TOTAL_BYTES:
            name, _size = self.saved.pop(0)
            try:
                os.unlink(name, dir_fd=folder)
            except OSError:
                pass  # the agent has removed or replaced it


def write_new(folder, name, data):
    """A new regular file with `data`, whole or not at all."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_NONBLOCK
    fd = os.open(name, flags, 0o644, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError("no regular file")
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(fd)


def compose(sections):
    """The sections' text as UTF-8, at most STEP_BYTES of it; titles where there are several."""
    parts, room = [], STEP_BYTES
    for title, first, total in sections:
        heading = b"[%s]\n" % title.encode() if len(sections) > 1 else b""
        text = first.decode("utf-8", "replace").encode("utf-8")
        cut = text[: max(0, room)].decode("utf-8", "ignore").encode("utf-8")
        parts.append(heading + cut)
        room -= len(cut)
        gone = total - len(first) + len(text) - len(cut)
        if gone > 0:
            parts.append(b"\n[%s bytes more were not kept]" % format(gone, ",").encode())
        if len(sections) > 1:
            parts.append(b"\n")
    return b"".join(parts)
