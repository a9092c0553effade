"""A text that several people write together, each of whom is told of every edit."""

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import Self

from generated.chat.rooms.v1 import Edit


class Edits:
    """What one reader of a note is told; ends once it is told so."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Edit | None] = asyncio.Queue()

    def add(self, edit: Edit | None) -> None:
        """The next one; None is the end."""
        self._waiting.put_nowait(edit)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Edit:
        edit = await self._waiting.get()
        if edit is None:
            raise StopAsyncIteration
        return edit


class SharedNote:
    """The text, and who is told of its edits, in the one order in which they are applied."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._readers: list[Edits] = []

    @contextmanager
    def reader(self) -> Generator[Edits]:
        """The whole note as one edit, and every edit from now on."""
        edits = Edits()
        edits.add(Edit(at=0, insert=self.text))
        self._readers.append(edits)
        try:
            yield edits
        finally:
            self._readers.remove(edits)

    async def apply_all(self, items: AsyncIterator[Edit], writer: Edits) -> None:
        """Apply what comes; `writer` is told when there is no more, and why is raised."""
        try:
            async for edit in items:
                self.text = applied(self.text, edit)
                for reader in self._readers:
                    reader.add(edit)
        finally:
            writer.add(None)


def applied(text: str, edit: Edit) -> str:
    """`text` after the edit. One that is behind the end of it is at the end."""
    return text[: edit.at] + edit.insert + text[edit.at + edit.delete :]
