"""What `duologue call` sends as items: JSON lines, or bytes, from a file or standard input."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError

from duologue.commands.method_lookup import Found, WrongUse
from duologue.errors import RefusedValue
from duologue.promisifier.streams.item_sink import ITEM_CHUNK_BYTES
from duologue.typed.codec import BYTE_ITEMS, Codec
from duologue.typed.contract import Streaming
from duologue.typed.problems import problems_of

STANDARD_INPUT: Final = "-"
_READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)


def is_source(argument: str) -> bool:
    """Whether an argument, or the value of one, is a place to read from: `@FILE` or `-`."""
    return argument == STANDARD_INPUT or argument.startswith("@")


def sends_items(found: Found) -> bool:
    """Whether a method takes items from its caller."""
    return isinstance(found.method, Streaming) and found.method.sends is not None


def check_standard_input(found: Found, arguments: Sequence[str]) -> None:
    """See that standard input is read by one only.

    Raises:
        WrongUse: more would read it.
    """
    readers = [each for each in arguments if each.rpartition("=")[2] == STANDARD_INPUT]
    if sends_items(found) and not any(map(is_source, arguments)):
        readers.append("the items")
    if len(readers) > 1:
        raise WrongUse(f"standard input is read by one only, not by {' and '.join(readers)}")


@dataclass(frozen=True, slots=True)
class ItemInput:
    """Where items are read from; without a `path` it is standard input."""

    path: Path | None

    @classmethod
    def chosen(cls, found: Found, sources: Sequence[str]) -> Self | None:
        """What `sources`, each `@FILE` or `-`, mean for a method; None if it sends no items.

        Raises:
            WrongUse: there is more than one source, or no such file.
        """
        if not sends_items(found):
            return None
        if len(sources) > 1:
            raise WrongUse(f"items come from one place; given are {' and '.join(sources)}")
        if not sources or sources[0] == STANDARD_INPUT:
            return cls(None)
        path = Path(sources[0].removeprefix("@"))
        if not path.is_file():
            raise WrongUse(f"{sources[0]}: there is no file {path}")
        return cls(path)

    @property
    def size(self) -> int | None:
        """Of the file, in bytes; None if that is not known."""
        return None if self.path is None else self.path.stat().st_size

    async def items(self, codec: Codec[Any], on_bytes: Callable[[int], None]) -> AsyncIterator[Any]:
        """The items. `on_bytes` is told of each that is bytes, once it has been taken.

        Raises:
            WrongUse: a line is no item.
            OSError: the file cannot be read.
        """
        if codec is BYTE_ITEMS:
            async for block in self._blocks():
                yield block
                on_bytes(len(block))
            return
        number = 0
        async for line in _lines_of(self._blocks()):
            number += 1
            if line.strip():
                yield _item_of(line, codec, f"line {number} of {self.path or 'standard input'}")

    async def _blocks(self) -> AsyncIterator[bytes]:
        # Not the file object of standard input: one that a thread waits in keeps Python from
        # ending, and so does a thread of the loop.
        descriptor = sys.stdin.fileno() if self.path is None else os.open(self.path, _READ_FLAGS)
        try:
            while block := await _read(descriptor):
                yield block
        finally:
            if self.path is not None:
                os.close(descriptor)


async def _read(descriptor: int) -> bytes:
    """What can be read next, in a thread that nobody has to wait for; empty at the end."""
    loop = asyncio.get_running_loop()
    read: asyncio.Future[bytes] = loop.create_future()

    def settle(block: bytes, error: OSError | None) -> None:
        if read.done():
            return
        if error is None:
            read.set_result(block)
        else:
            read.set_exception(error)

    def work() -> None:
        block, failure = b"", None
        try:
            block = os.read(descriptor, ITEM_CHUNK_BYTES)
        except OSError as error:
            failure = error
        # The loop may be over by now.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, block, failure)

    threading.Thread(target=work, daemon=True).start()
    return await read


async def _lines_of(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


def _item_of(line: bytes, codec: Codec[Any], where: str) -> Any:
    try:
        return codec.decode(line)
    except ValidationError as error:
        said = "; ".join(map(str, problems_of(error, codec.adapter.core_schema)))
        raise WrongUse(f"{where} is no {codec.form_name}: {said}") from None
    except RefusedValue as error:
        raise WrongUse(f"{where} is no {codec.form_name}: {error}") from None
