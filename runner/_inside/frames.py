"""Frames: a big-endian u32 length and that many bytes of JSON."""

import json
import os
import struct

MAX_FRAME_BYTES = 16 << 20


def read_exactly(fd, count, wait=None):
    """`count` bytes of `fd`, or None where it ends before. `wait` is called before each read."""
    parts = []
    while count:
        if wait is not None:
            wait()
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_frame(fd, wait=None):
    """The next frame's object, or None at the end of the stream. Raises ValueError on anything else, and whatever `wait` raises."""
    header = read_exactly(fd, 4, wait)
    if header is None:
        return None
    (length,) = struct.unpack(">I", header)
    if length > MAX_FRAME_BYTES:
        raise ValueError("frame of %d bytes" % length)
    body = read_exactly(fd, length, wait)
    if body is None:
        return None
    frame = json.loads(body)
    if not isinstance(frame, dict):
        raise ValueError("frame is no object")
    return frame


def write_frame(fd, frame, wait=None):
    """Writes `frame` whole. `wait` is called before each write."""
    body = json.dumps(frame).encode("ascii")
    view = memoryview(struct.pack(">I", len(body)) + body)
    while view:
        if wait is not None:
            wait()
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            continue  # taken up by somebody else since `wait`; only a descriptor that does not block comes here
