"""Frames: a big-endian u32 length and that many bytes of JSON."""

import json
import os
import struct

MAX_FRAME_BYTES = 16 << 20


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
