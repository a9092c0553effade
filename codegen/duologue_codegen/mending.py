"""`check --fix`: mend, look again, and mend what that has shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .cli_texts import show_difference

if TYPE_CHECKING:
    from .build import BuildResult

MAX_ROUNDS: Final = 5
"""Mending one thing may show another; what five rounds leave is told."""


def mended(result: BuildResult, judge: Callable[[], BuildResult], *, quiet: bool) -> BuildResult:
    """What is left of the findings of `result` once the contracts are mended, on disk."""
    from .fixing import fixes
    from .text.edits import edited

    for _ in range(MAX_ROUNDS):
        changed = edited(result.sources, fixes(result.project, result.diagnostics))
        if not changed:
            break
        if not quiet:
            show_difference(result.project, changed)
        for file, text in changed.items():
            Path(file).write_text(text, encoding="utf-8", newline="")
        result = judge()
    return result
