"""How far a command has come, told on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, TextIO

PATIENCE_S: Final = 0.5
"""What takes no longer says nothing of it."""
EVERY_S: Final = 0.1


class PackageProgress:
    """A line on standard error: which package is made now. It is gone when the block is left.

    There is none where standard error is no terminal.
    """

    def __init__(
        self, to: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._to = sys.stderr if to is None else to
        self._clock = clock
        self._next_s = clock() + PATIENCE_S
        self._is_shown = False

    def __enter__(self) -> PackageProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            print("\r\033[K", end="", file=self._to, flush=True)

    def tell(self, number: int, whole: int, package: str) -> None:
        """Package `number` of `whole` is being made."""
        now_s = self._clock()
        if now_s < self._next_s or not self._to.isatty():
            return
        self._next_s = now_s + EVERY_S
        self._is_shown = True
        print(f"\r\033[K{number} of {whole}: {package}", end="", file=self._to, flush=True)
