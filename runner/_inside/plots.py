"""Pictures that a step shows: matplotlib's figures as the inline backend of a notebook would, and objects that give a PNG."""

import base64
import functools
import io
import struct
import sys

MOST = 8  # pictures of one step
PNG_BYTES = 1 << 20  # of one picture
STEP_BYTES = 6 << 20  # of all pictures of a step: with the rest they fit in a frame
SIDE_PIXELS = 8192
FIGURE_PIXELS = 4_000_000  # above it a figure is drawn smaller
SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT_CHARS, LINE_CHARS = 80, 600  # of one label, of the line about a figure


class Plots:
    def __init__(self, write):
        self.write = write
        self.begin()

    def begin(self):
        """A new step: nothing shown yet."""
        self.pictures, self.seen, self.bytes, self.count, self.left_out = [], set(), 0, 0, 0

    def watch_pyplot(self, pyplot):
        """`plt.show()` shows the open figures and closes them; `figure.show()` shows one."""

        @functools.wraps(pyplot.show)
        def show(*_args, **_options):
            self.show_open()

        def show_figure(figure, warn=True):
            self.show(figure)

        pyplot.show = show
        sys.modules["matplotlib.figure"].Figure.show = show_figure

    def show_open(self, draw=True):
        """Every open figure in order, then closed, as at the end of a notebook's cell. Costs nothing where matplotlib is not imported."""
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        if helpers is None:
            return
        managers = sorted(helpers.Gcf.figs.values(), key=lambda manager: manager.num)
        try:
            for manager in managers if draw else ():
                figure = manager.canvas.figure
                if figure.axes or figure.lines or figure.texts or figure.images:
                    self.show(figure)
        finally:
            for manager in managers:
                helpers.Gcf.destroy(manager)

    def finish(self, draw):
        """Shows what is still open and says what was left out."""
        self.show_open(draw)
        if self.left_out:
            what = "1 more picture was" if self.left_out == 1 else "%d more pictures were" % self.left_out
            self.write("[%s not kept: a step keeps at most %d, %d MiB together]" % (what, MOST, STEP_BYTES >> 20))

    def show(self, value):
        """Shows `value` where it is a picture; False where it is none."""
        figures = sys.modules.get("matplotlib.figure")
        if figures is not None and isinstance(value, figures.Figure):
            self.add("Figure", lambda: render(value), lambda: describe(value))
            return True
        if isinstance(value, type) or not hasattr(type(value), "_repr_png_"):
            return False
        png = value._repr_png_()
        if isinstance(png, tuple):
            png = png[0]
        if isinstance(png, str):
            png = base64.b64decode(png)
        if png is None:
            return False
        self.add("Picture", lambda: png, lambda: "")
        return True

    def add(self, what, draw, about):
        if len(self.pictures) == MOST or self.bytes >= STEP_BYTES:
            self.left_out += 1
            return
        try:
            png = draw()
        except Exception as error:
            self.count += 1
            self.write("[%s %d could not be drawn: %s: %s]" % (what, self.count, type(error).__name__, one_line(error)))
            return
        if png in self.seen:
            return  # shown by display() or figure.show(), and open at the step's end once more
        self.count += 1
        label = "%s %d" % (what, self.count)
        if not isinstance(png, bytes) or not png.startswith(SIGNATURE) or png[12:16] != b"IHDR" or len(png) < 45:
            self.write("[%s was not kept: it is no PNG]" % label)
            return
        if len(png) > PNG_BYTES:
            self.write("[%s was not kept: %s bytes are more than the %d a picture may have]" % (label, format(len(png), ","), PNG_BYTES))
            return
        if self.bytes + len(png) > STEP_BYTES:
            self.left_out += 1
            return
        width, height = struct.unpack_from(">II", png, 16)
        self.seen.add(png)
        self.bytes += len(png)
        self.pictures.append(png)
        self.write("[%s: %s]" % (label, "; ".join(part for part in ("%d x %d pixels" % (width, height), safely(about)) if part)))


def render(figure):
    """The figure as PNG bytes, the same for the same figure; drawn smaller where it would be too large."""
    width, height = figure.get_size_inches()
    dpi = min(figure.dpi, (FIGURE_PIXELS / max(1e-9, width * height)) ** 0.5, SIDE_PIXELS / max(width, height, 1e-9))
    tight = dpi == figure.dpi and fits_tightly(figure)
    for _try in range(3):
        buffer = io.BytesIO()
        figure.canvas.print_figure(
            buffer,
            format="png",
            dpi=dpi,
            bbox_inches="tight" if tight else figure.bbox_inches,  # None would ask rcParams
            facecolor=figure.get_facecolor(),
            edgecolor=figure.get_edgecolor(),
            metadata={"Software": None},  # no version in it
        )
        png = buffer.getvalue()
        if len(png) <= PNG_BYTES:
            break
        dpi *= 0.9 * (PNG_BYTES / len(png)) ** 0.5
    return png


def fits_tightly(figure):
    """Whether everything drawn, also what stands outside the figure, makes a picture of a sensible size."""
    get_renderer = getattr(figure.canvas, "get_renderer", None)
    if get_renderer is None:
        return False
    box = figure.get_tightbbox(get_renderer())
    return box.width * box.height * figure.dpi**2 <= 2 * FIGURE_PIXELS and max(box.width, box.height) * figure.dpi <= SIDE_PIXELS


def describe(figure):
    """One line of words about a figure, for an agent that cannot see it: titles, labels and what is drawn."""
    parts = []
    heading = getattr(figure, "_suptitle", None)
    if heading is not None and heading.get_text():
        parts.append("heading " + quoted(heading.get_text()))
    axes = [each for each in figure.axes if each.get_label() != "<colorbar>"]
    if len(axes) > 1:
        parts.append("%d axes" % len(axes))
    for each in axes[:6]:
        words = describe_axes(each)
        if words:
            parts.append(words if len(axes) == 1 else "(%s)" % words)
    return one_line("; ".join(parts), LINE_CHARS)


def describe_axes(axes):
    words = []
    title = axes.get_title() or axes.get_title("left") or axes.get_title("right")
    for name, text in (("title", title), ("x axis", axes.get_xlabel()), ("y axis", axes.get_ylabel())):
        if text:
            words.append("%s %s" % (name, quoted(text)))
    bars = sum(len(group) for group in axes.containers if hasattr(group, "patches"))
    points = 0
    others = 0
    for each in axes.collections:
        if type(each).__name__ == "PathCollection":
            points += len(each.get_offsets())
        else:
            others += 1
    counts = (
        (len(axes.lines), "line"),
        (bars, "bar"),
        (points, "point"),
        (max(0, len(axes.patches) - bars), "shape"),
        (len(axes.images), "image"),
        (others, "collection"),
    )
    words += ["%d %s%s" % (count, name, "" if count == 1 else "s") for count, name in counts if count]
    legend = axes.get_legend()
    if legend is not None:
        words.append("legend " + ", ".join(quoted(text.get_text()) for text in legend.get_texts()[:8]))
    return "; ".join(words)


def quoted(text):
    return '"%s"' % one_line(text).replace('"', "'")


def one_line(text, limit=TEXT_CHARS):
    text = " ".join(str(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def safely(about):
    try:
        return about()
    except Exception:
        return ""  # a figure of the agent's own making; its size says enough


def as_pictures(value):
    """The pictures of a step if they have the right shape, else none of them: they come from the child. Base64, as they travel on."""
    if not isinstance(value, list) or len(value) > MOST:
        return []
    total = 0
    for picture in value:
        if not isinstance(picture, str):
            return []
        try:
            png = base64.b64decode(picture, validate=True)
        except ValueError:
            return []
        total += len(png)
        if len(png) > PNG_BYTES or total > STEP_BYTES or not png.startswith(SIGNATURE):
            return []
    return value
