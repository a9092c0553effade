"""How a command ends and how it writes its result, the same for all of them."""

from enum import StrEnum
from typing import Final

EXIT_GOOD: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_BUG: Final = 3
EXIT_INTERRUPTED: Final = 130
"""By Ctrl-C: what shells report of a program that the signal has ended. A loop in one then ends."""


class Format(StrEnum):
    """How the result is written."""

    text = "text"
    json = "json"
