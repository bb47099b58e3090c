"""Exceptions as the agent is told of them: its own lines, and of libraries the frames that matter."""

import os
import re
import traceback

from .bounded import bound

HERE = os.path.dirname(os.path.abspath(__file__))
VALUE_BYTES = 2048  # of an exception's message
FRAMES = 2000  # looked at, from the innermost outwards
LAST_FRAMES, BETWEEN_FRAMES = 3, 1  # shown of libraries' frames: where the error was raised; before code of the agent's, or where there is none of it
LEFT_OUT = re.compile(r'^([ |]*)File "<(\d+) left out>", line 0, in -$', re.MULTILINE)


def explain(error, limit):
    """An exception's name, message and traceback, bounded. Runs code of the agent's (`__str__`)."""
    shown = traceback.TracebackException(type(error), error, error.__traceback__, limit=-FRAMES)
    tidy(shown, set())
    lines = list(shown.format())
    if not shown.stack and isinstance(error, SyntaxError) and lines and lines[0].startswith("Traceback"):
        del lines[0]  # nothing was running
    text = LEFT_OUT.sub(lambda found: "%s[... %s frames inside libraries left out ...]" % found.groups(), "".join(lines))
    message = getattr(shown, "_str", None)
    value = (message if isinstance(message, str) else str(error)).encode("utf-8", "backslashreplace")
    words = value[:VALUE_BYTES].decode("utf-8", "ignore") + ("…" if len(value) > VALUE_BYTES else "")
    return {"name": type(error).__name__, "value": words, "traceback": bound(text, limit)}


def tidy(shown, seen):
    if shown is None or id(shown) in seen:
        return
    seen.add(id(shown))
    shown.stack[:] = shorten([frame for frame in shown.stack if not frame.filename.startswith(HERE)])
    for part in [shown.__cause__, shown.__context__] + list(getattr(shown, "exceptions", None) or []):
        tidy(part, seen)


def shorten(frames):
    """The agent's frames, and of each row of library frames the last few."""
    kept, row = [], []
    own = any(frame.filename.startswith("<step ") for frame in frames)
    for frame in frames + [None]:
        if frame is not None and not frame.filename.startswith("<step "):
            row.append(frame)
            continue
        most = LAST_FRAMES if frame is None and own else BETWEEN_FRAMES
        if len(row) > most + 1:
            kept.append(traceback.FrameSummary("<%d left out>" % (len(row) - most), 0, "-", lookup_line=False, line=""))
            row = row[-most:]
        kept += row
        row = []
        if frame is not None:
            kept.append(frame)
    return kept
