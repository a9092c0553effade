"""How far bytes have come, told on a terminal."""

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

EVERY_S: Final = 0.2
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


class ByteProgress:
    """A line on standard error that is written anew as bytes come or go; nothing elsewhere."""

    def __init__(
        self,
        whole: int | None = None,
        *,
        to: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`whole` is how many bytes there will be, if that is known."""
        self._to = sys.stderr if to is None else to
        self._is_shown = self._to.isatty()
        self._whole = whole
        self._clock = clock
        self._begun_s = self._told_s = clock()
        self.total = 0
        """Bytes so far."""

    def add(self, size: int) -> None:
        """So many more."""
        self.total += size
        if self._is_shown and self._clock() - self._told_s >= EVERY_S:
            self._told_s = self._clock()
            self._tell("")

    def end(self) -> None:
        """No more will come; the line stays as it is. Without bytes there is none."""
        if self._is_shown and self.total:
            self._tell("\n")
        self._is_shown = False

    def _tell(self, end: str) -> None:
        seconds = self._clock() - self._begun_s
        rate = f", {_amount(self.total / seconds)}/s" if seconds > 0 else ""
        share = f" of {_amount(self._whole)}" if self._whole else ""
        print(f"\r\033[K{_amount(self.total)}{share}{rate}", end=end, file=self._to, flush=True)


def _amount(size: float) -> str:
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("there is a last unit")
