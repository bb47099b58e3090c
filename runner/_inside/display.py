"""What a notebook shows of values: `display`, the last expression, and the names of IPython.display where IPython is absent."""

import os
import sys

from .imports import StandIns
from .values import WHOLE_CHARS, ends, text_of

HEAVY_BYTES = 16 << 20
PANDAS_ROWS, PANDAS_COLUMNS = 5000, 500  # shown where the agent asked pandas for all


class Display:
    def __init__(self, plots):
        self.plots = plots

    def write(self, text):
        """A line of text to where prints go, in their order."""
        try:
            sys.stdout.write(text + "\n")
        except Exception:  # the agent closed or replaced it
            os.write(1, (text + "\n").encode("utf-8", "backslashreplace"))

    def display(self, *objects, raw=False, **_options):
        """Shows each object as text, or as a picture that is kept beside the record. Options of IPython's are taken and change nothing."""
        for value in objects:
            if raw and isinstance(value, dict):
                self.write(ends(str(value.get("text/plain", "")), WHOLE_CHARS))
            elif not self.plots.show(value):
                self.write(self.text(value))

    def text(self, value):
        """What the value of a last expression is shown as."""
        if isinstance(value, Rich):
            return value.text()
        if type(value).__repr__ is object.__repr__ and not isinstance(value, type):
            for method, read in (("_repr_markdown_", str), ("_repr_html_", text_of_html)):
                if hasattr(type(value), method):
                    rich = getattr(value, method)()
                    if isinstance(rich, str):
                        return ends(read(rich[: 2 * WHOLE_CHARS]), WHOLE_CHARS)
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(value, (getattr(pandas, "DataFrame", ()), getattr(pandas, "Series", ()))):
            return ends(text_of_table(value, pandas), WHOLE_CHARS)
        return text_of(value)

    def install_ipython(self):
        """`from IPython.display import display, HTML, …` works, where IPython is absent."""
        module = type(sys)
        display, core_display = module("IPython.display"), module("IPython.core.display")
        core, ipython = module("IPython.core"), module("IPython")
        names = dict({kind.__name__: kind for kind in (HTML, Markdown, Latex, Pretty, Code, SVG, JSON, Image)})
        names.update(display=self.display, clear_output=clear_output)
        for each in (display, core_display):
            each.__dict__.update(names)
        ipython.display, ipython.core, core.display = display, core, core_display
        ipython.get_ipython = lambda: None
        ipython.version_info, ipython.__version__ = (0, 0, 0), "0.0.0"
        sys.meta_path.append(StandIns({each.__name__: each for each in (ipython, core, display, core_display)}))


def is_heavy(value):
    """Whether `value` seems to hold so much memory that nobody expects it to live on as `_`."""
    try:
        if isinstance(value, (str, bytes, bytearray)):
            return len(value) > HEAVY_BYTES
        items = getattr(value, "size", None)  # numpy, pandas
        return (items if isinstance(items, int) else len(value)) * 8 > HEAVY_BYTES
    except Exception:
        return False


def clear_output(wait=False):
    """Takes back nothing: what a step printed stays in its record."""


def bound_pandas(pandas):
    """Tables as wide as an observation bears, set when pandas is imported: what the agent sets later stays."""
    for option, value in (("width", 120), ("max_columns", 30), ("max_colwidth", 80)):
        pandas.set_option("display." + option, value)


def text_of_table(table, pandas):
    """`repr(table)`, bounded also where the agent set pandas to show all."""
    bounds = []
    for option, most, size in (("rows", PANDAS_ROWS, len(table)), ("columns", PANDAS_COLUMNS, table.shape[-1] if table.ndim > 1 else 0)):
        asked = pandas.get_option("display.max_" + option)
        if size > most and (asked is None or asked > most):
            bounds += ["display.max_" + option, most] + (["display.min_rows", most] if option == "rows" else [])
    if not bounds:
        return repr(table)
    with pandas.option_context(*bounds):
        return repr(table)


def text_of_html(text):
    """The words of HTML: a line for each row or paragraph, a tab between cells."""
    from html.parser import HTMLParser

    class Words(HTMLParser):
        silent = 0

        def handle_starttag(self, tag, attributes):
            if tag in ("script", "style"):
                self.silent += 1
            elif tag in ("br", "tr", "p", "div", "li", "table", "h1", "h2", "h3", "h4"):
                parts.append("\n")

        def handle_endtag(self, tag):
            if tag in ("script", "style"):
                self.silent = max(0, self.silent - 1)
            elif tag in ("td", "th"):
                parts.append("\t")

        def handle_data(self, data):
            if not self.silent:
                parts.append(" ".join(data.split()) if data.strip() else "")

    parts = []
    words = Words()
    words.feed(text)
    words.close()
    lines = (line.strip() for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


class Rich:
    """An object of IPython.display: data, or the file it comes from."""

    def __init__(self, data=None, url=None, filename=None, **_options):
        if url is not None or (isinstance(data, str) and data.startswith(("http://", "https://"))):
            raise OSError("there is no network here: %s cannot show an address" % type(self).__name__)
        if filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
        self.data = data

    def text(self):
        data = self.data.decode("utf-8", "replace") if isinstance(self.data, bytes) else self.data
        return ends(data, WHOLE_CHARS) if isinstance(data, str) else text_of(data)

    def __repr__(self):
        return "<IPython.display.%s object>" % type(self).__name__


class HTML(Rich):
    def text(self):
        return ends(text_of_html(super().text()), WHOLE_CHARS)


class SVG(HTML):
    pass


class Markdown(Rich):
    pass


class Latex(Rich):
    pass


class Pretty(Rich):
    pass


class Code(Rich):
    pass


class JSON(Rich):
    pass


class Image(Rich):
    """A picture from a file or from bytes; only PNG is kept."""

    def __init__(self, data=None, url=None, filename=None, **options):
        if isinstance(data, str) and filename is None:
            data, filename = None, data
        super().__init__(data, url, filename, **options)

    def _repr_png_(self):
        return self.data

    def text(self):
        return repr(self)
