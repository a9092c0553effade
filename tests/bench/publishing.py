"""Putting a result where readers look for it: between two comments in a Markdown file."""

from pathlib import Path
from typing import Final

RESULT: Final = "result"
PROFILE: Final = "profile"


class NoPlace(ValueError):
    """The file does not have the two marks, once each and in order."""


def marks(name: str) -> tuple[str, str]:
    """The comments around the result called `name`."""
    return f"<!-- {name} -->", f"<!-- end of {name} -->"


def replaced(text: str, name: str, result: str) -> str:
    """`text` with `result` between its marks, in place of what was there.

    Raises:
        NoPlace.
    """
    begin, end = marks(name)
    if (text.count(begin), text.count(end)) != (1, 1) or text.index(end) < text.index(begin):
        raise NoPlace(f"the place for the {name} is between the lines {begin} and {end}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{result.strip()}\n\n{end}{after}"


def check_place(file: Path, name: str) -> None:
    """Make sure that `publish` will succeed, before half an hour is spent on a result.

    Raises:
        NoPlace.
        OSError: the file cannot be read.
    """
    replaced(file.read_text(encoding="utf-8"), name, "")


def publish(file: Path, name: str, result: str) -> None:
    """Put `result` between the marks in `file`.

    Raises:
        NoPlace.
        OSError: the file cannot be read or written.
    """
    file.write_text(replaced(file.read_text(encoding="utf-8"), name, result), encoding="utf-8")
