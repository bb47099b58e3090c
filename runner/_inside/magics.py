"""Lines that IPython would take and Python does not: harmless ones are passed over, the others explained."""

import ast
import io
import re

# They ask for what is so anyway: figures are kept at the end of a step, modules do not change.
CHANGES_NOTHING = re.compile(r"^\s*%(matplotlib|config\s+InlineBackend|load_ext\s+autoreload|autoreload|reload_ext\s+autoreload)\b.*$")
MAGIC = re.compile(r"^\s*(?:[\w.,\s\[\]'\"]+=\s*)?(%{1,2}[A-Za-z_]\w*)")
SHELL = re.compile(r"^\s*(?:[\w.,\s\[\]'\"]+=\s*)?!\s*(\S.*)$")
HELP = re.compile(r"^\s*\?{0,2}\s*([A-Za-z_][\w.]*)\s*\?{0,2}\s*$")
INSTALLS = re.compile(r"^(?:python3?\s+-m\s+)?(?:pip3?|conda|mamba|uv|apt|apt-get)\b|^(?:sudo|sys\.executable|\{sys\.executable\})\s")


def lines_of(code):
    """The lines of `code` where Python sees line ends, each with its own."""
    return io.StringIO(code, newline="").readlines()


def parse(code, name):
    """The syntax tree of `code`. @raises SyntaxError, with an explanation of the line where it is IPython's."""
    lines = lines_of(code)
    while True:
        try:
            return compile("".join(lines), name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        except SyntaxError as error:
            number = error.lineno or 0
            line = lines[number - 1] if 0 < number <= len(lines) else ""
            if CHANGES_NOTHING.match(line.rstrip("\r\n")):
                lines[number - 1] = re.sub(r"\S.*", "pass", line.rstrip("\r\n"), count=1) + "\n"
                continue
            advice = explanation(line.rstrip("\r\n"))
            if advice is None:
                raise
            raise SyntaxError(advice, (name, number, len(line) - len(line.lstrip()) + 1, line)) from None


def explanation(line):
    """What to tell of a line that is IPython's and not Python's, or None."""
    magic = MAGIC.match(line)
    if magic and line.lstrip().startswith(("%", "!")) or magic and re.search(r"=\s*%", line):
        return "magics (%s) are not available here; use Python" % magic.group(1)
    shell = SHELL.match(line)
    if shell and (line.lstrip().startswith("!") or re.search(r"=\s*!(?!=)", line)):
        if INSTALLS.match(shell.group(1)):
            return "nothing can be installed: there is no network here; use the packages that are there"
        return "shell lines (!) are not available here; use Python, such as os.listdir() or subprocess.run()"
    asked = HELP.match(line)
    if asked and "?" in line:
        return "`?` is not available here; use help(%s)" % asked.group(1)
    return None


def is_silenced(code, expression):
    """Whether a `;` follows the last expression, which hides its value as in a notebook."""
    lines = lines_of(code)
    rest = lines[expression.end_lineno - 1].encode("utf-8", "surrogatepass")[expression.end_col_offset :].lstrip()
    while rest.startswith(b")"):
        rest = rest[1:].lstrip()
    return rest.startswith(b";")
