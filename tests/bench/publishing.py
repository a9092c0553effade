"""Putting a result where readers look for it: between two comments in a Markdown file."""

from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- result of `make bench` -->"
END: Final = "<!-- end of the result -->"


class NoPlace(ValueError):
    """The file does not have the two marks, once each and in order."""


def replaced(text: str, result: str) -> str:
    """`text` with `result` between its marks, in place of what was there.

    Raises:
        NoPlace.
    """
    if (text.count(BEGIN), text.count(END)) != (1, 1) or text.index(END) < text.index(BEGIN):
        raise NoPlace(f"the place for the result is between the lines {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{result.strip()}\n\n{END}{after}"


def publish(file: Path, result: str) -> None:
    """Put `result` between the marks in `file`.

    Raises:
        NoPlace.
        OSError: the file cannot be read or written.
    """
    file.write_text(replaced(file.read_text(encoding="utf-8"), result), encoding="utf-8")
