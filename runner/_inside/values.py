"""Values as text that stays small however large they are."""

import collections
from itertools import islice

ITEMS = 1000  # named of one container
STRING_CHARS = 10_000  # of a string inside a container
WHOLE_CHARS = 1 << 20  # of one value's text
DEEPEST = 60


class Full(Exception):
    """The text of one value is as long as it may be."""


def text_of(value):
    """`repr(value)`; of a builtin container only the first and last items, of a long text only its ends, and how much is left out."""
    writer = Writer()
    try:
        writer.write(value, 0)
    except Full:
        writer.parts.append(" <the rest of this value is left out>")
    return "".join(writer.parts)


def ends(text, limit):
    """The first and last half of `limit` characters of `text` where it is longer."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return "%s <%s characters left out> %s" % (text[:half], format(len(text) - 2 * half, ","), text[-half:])


class Writer:
    def __init__(self):
        self.parts = []
        self.room = WHOLE_CHARS + 1000
        self.open = set()

    def add(self, text):
        self.room -= len(text)
        if self.room < 0:
            self.parts.append(text[: self.room])
            raise Full
        self.parts.append(text)

    def write(self, value, depth):
        kind = type(value)
        if kind.__repr__ in STRINGS:
            self.string(value, WHOLE_CHARS if depth == 0 else STRING_CHARS)
            return
        shape = SHAPES.get(kind.__repr__)
        if shape is None:
            self.add(ends(repr(value), WHOLE_CHARS))
            return
        opening, closing, again = shape(value)
        if id(value) in self.open or depth > DEEPEST:
            self.add(again)
            return
        self.open.add(id(value))
        self.add(opening)
        self.items(value, depth + 1)
        self.add(closing)
        self.open.discard(id(value))

    def string(self, value, limit):
        if len(value) <= limit:
            self.add(repr(value))
            return
        half = limit // 2
        left_out = format(len(value) - 2 * half, ",")
        unit = "characters" if isinstance(value, str) else "bytes"
        self.add("%r <%s %s left out> %r" % (value[:half], left_out, unit, value[-half:]))

    def items(self, value, depth):
        pairs = isinstance(value, dict)
        count = len(value)
        if isinstance(value, collections.Counter):
            shown, last = value.most_common(ITEMS) if count > ITEMS else value.most_common(), []
        elif count <= ITEMS:
            shown, last = value.items() if pairs else value, []
        elif isinstance(value, (set, frozenset)):
            shown, last = islice(value, ITEMS), []
        else:
            source = value.items() if pairs else value
            shown, last = islice(source, ITEMS // 2), list(islice(reversed(source), ITEMS // 2))[::-1]
        ordered = isinstance(value, collections.OrderedDict)
        separator = ""
        for item in shown:
            self.add(separator)
            self.item(item, pairs and not ordered, depth)
            separator = ", "
        if count > ITEMS:
            self.add("%s<%s items left out>" % (separator, format(count - ITEMS, ",")))
        for item in last:
            self.add(", ")
            self.item(item, pairs and not ordered, depth)
        if isinstance(value, tuple) and count == 1:
            self.add(",")

    def item(self, item, pair, depth):
        if not pair:
            self.write(item, depth)
            return
        key, value = item
        self.write(key, depth)
        self.add(": ")
        self.write(value, depth)


def named(value, opening, closing):
    name = type(value).__name__
    if len(value) == 0:
        return name + "(", ")", name + "(...)"
    return name + "(" + opening, closing + ")", name + "(...)"


def set_shape(value):
    if type(value) is set and value:
        return "{", "}", "set(...)"
    return named(value, "{", "}")


def deque_shape(value):
    closing = "])" if value.maxlen is None else "], maxlen=%d)" % value.maxlen
    return type(value).__name__ + "([", closing, "[...]"


STRINGS = {str.__repr__, bytes.__repr__, bytearray.__repr__}
SHAPES = {  # by their __repr__, so that a class with one of its own is asked for it
    list.__repr__: lambda value: ("[", "]", "[...]"),
    tuple.__repr__: lambda value: ("(", ")", "(...)"),
    dict.__repr__: lambda value: ("{", "}", "{...}"),
    set.__repr__: set_shape,
    frozenset.__repr__: lambda value: named(value, "{", "}"),
    collections.deque.__repr__: deque_shape,
    collections.OrderedDict.__repr__: lambda value: named(value, "[", "]"),
    collections.Counter.__repr__: lambda value: named(value, "{", "}"),
    collections.defaultdict.__repr__: lambda value: (
        "%s(%r, {" % (type(value).__name__, value.default_factory),
        "})",
        "%s(...)" % type(value).__name__,
    ),
    type({}.keys()).__repr__: lambda value: ("dict_keys([", "])", "..."),
    type({}.values()).__repr__: lambda value: ("dict_values([", "])", "..."),
    type({}.items()).__repr__: lambda value: ("dict_items([", "])", "..."),
}
