"""Stands before any real pip: where there is no network it would only try again and again, or propose a virtual environment."""

import sys
from importlib import metadata


def main(arguments=None):
    """Lists what is installed as pip would; everything else says that there is no network. The exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if arguments[:1] in (["--version"], ["-V"]):
        print("pip: a stand-in that lists packages; nothing can be installed here")
        return 0
    if verb in ("list", "freeze", "show"):
        wanted = {word.lower() for word in arguments if not word.startswith("-") and word != verb}
        found = {each.metadata["Name"]: each.version for each in metadata.distributions() if each.metadata["Name"]}
        for name in sorted(found, key=str.lower):
            if not wanted or name.lower() in wanted:
                print("%s==%s" % (name, found[name]))
        return 0
    print("pip: there is no network here, nothing can be installed; use the packages that are there", file=sys.stderr)
    return 1
