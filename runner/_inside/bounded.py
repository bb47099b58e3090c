"""Text of which only head and tail are kept."""


class Bounded:
    """Keeps the first and the last half of `limit` bytes of a stream, counts what lay between, and has the first `keep` bytes whole."""

    def __init__(self, limit, keep=0):
        self.keep = keep
        self.first = bytearray()
        self.half = max(1, limit // 2)
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data):
        self.total += len(data)
        if len(self.first) < self.keep:
            self.first += data[: self.keep - len(self.first)]
        room = self.half - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        if data:
            self.tail += data
            if len(self.tail) > 4 * self.half:
                del self.tail[: -self.half]

    def text(self):
        tail = bytes(self.tail[-self.half :])
        dropped = self.total - len(self.head) - len(tail)
        if dropped == 0:
            return {"head": (bytes(self.head) + tail).decode("utf-8", "replace"), "tail": "", "droppedBytes": 0}
        head = bytes(self.head)
        cut = len(head)
        while cut and cut > len(head) - 4 and head[cut - 1] & 0xC0 == 0x80:
            cut -= 1  # back to the first byte of the last character
        if cut and head[cut - 1] >= 0xC0:
            size = 2 if head[cut - 1] < 0xE0 else 3 if head[cut - 1] < 0xF0 else 4
            cut = cut - 1 if cut - 1 + size > len(head) else len(head)
        else:
            cut = len(head)
        start = 0
        while start < min(3, len(tail)) and tail[start] & 0xC0 == 0x80:
            start += 1
        return {
            "head": head[:cut].decode("utf-8", "replace"),
            "tail": tail[start:].decode("utf-8", "replace"),
            "droppedBytes": dropped + (len(head) - cut) + start,
        }


def bound(text, limit):
    bounded = Bounded(limit)
    bounded.add(text.encode("utf-8", "backslashreplace"))
    return bounded.text()


def as_bounded(value):
    """`value` if it has the shape of bounded text, else None: it comes from the child."""
    if not isinstance(value, dict) or set(value) != {"head", "tail", "droppedBytes"}:
        return None
    if not isinstance(value["head"], str) or not isinstance(value["tail"], str):
        return None
    return value if isinstance(value["droppedBytes"], int) else None
