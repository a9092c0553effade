"""Files that must not be there yet: all of them are written, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


class AlreadyThere(FileExistsError):
    """Files that were to be new exist already, or links of their names do. Nothing was written."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(paths)
        super().__init__(", ".join(map(str, self.paths)))


def write_new(texts: Mapping[Path, str]) -> None:
    """Write files, and the folders that they need, as UTF-8 and with the line ends they have.

    Raises:
        AlreadyThere: one of them exists; nothing was written.
        OSError: a folder cannot be written.
    """
    there = [path for path in texts if path.exists() or path.is_symlink()]
    if there:
        raise AlreadyThere(there)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
