"""`duologue init`: a small project that works, to be changed into one's own."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final

PROJECT_FILES: Final = (
    "pyproject.toml",
    "Makefile",
    "schema/hello/v1.yaml",
    "service.py",
    "client.py",
    "tests/test_hello.py",
)
"""Each is kept in `new_project`, its folders joined by `-`, and `.txt` at the end."""

NEXT_COMMANDS: Final = (
    "duologue generate    # the contract becomes a typed package",
    "python service.py    # leave it running",
    "python client.py     # in a second terminal: the first typed call",
)


class AlreadyThere(FileExistsError):
    """Files of the new project exist already. Nothing was written."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(paths)
        super().__init__(", ".join(map(str, self.paths)))


def write_project(folder: Path) -> tuple[Path, ...]:
    """Write the files of a new project into `folder`, which is made if need be.

    Raises:
        AlreadyThere: one of them exists; nothing was written.
        OSError: the folder cannot be written.
    """
    targets = tuple(folder / name for name in PROJECT_FILES)
    there = [path for path in targets if path.exists() or path.is_symlink()]
    if there:
        raise AlreadyThere(there)
    texts = [_text(name) for name in PROJECT_FILES]
    for path, text in zip(targets, texts, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return targets


def _text(name: str) -> str:
    kept = files("duologue_codegen") / "new_project" / f"{name.replace('/', '-')}.txt"
    return kept.read_text(encoding="utf-8")
