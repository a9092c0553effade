"""`generate --watch`: tells when a contract has changed on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

PERIOD_S: Final = 0.01
"""Between two looks, at least."""

REST: Final = 20
"""So many times as long as a look takes nothing is done: it takes 0.1 ms for ten files."""

Seen: TypeAlias = Mapping[str, tuple[int, int, int]]
"""Of each contract file when it was written, how long it is, and which file it is."""


def look(schema: Path) -> Seen:
    """The contract files below `schema` as they are now. What cannot be looked at is not there."""
    seen: dict[str, tuple[int, int, int]] = {}
    for folder, folders, files in os.walk(schema):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith((".yaml", ".yml")) and not name.startswith("."):
                path = os.path.join(folder, name)
                try:
                    found = os.stat(path)
                except OSError:
                    continue
                seen[path] = found.st_mtime_ns, found.st_size, found.st_ino
    return seen


def looks_at(schema: Path) -> Iterator[Seen]:
    """One look after the other, without end, and a rest after each."""
    while True:
        began_s = time.perf_counter()
        seen = look(schema)
        rest_s = REST * (time.perf_counter() - began_s)
        yield seen
        time.sleep(max(PERIOD_S, rest_s))


def changes(looks: Iterable[Seen]) -> Iterator[None]:
    """One item for the first look, and one for each that differs from the one before."""
    before: Seen | None = None
    for now in looks:
        if now != before:
            before = now
            yield
