"""Byte and text streams: what a service returns, and what its caller reads (base profile 7.5)."""

import codecs
import os
import stat
import warnings
from abc import ABC, abstractmethod
from asyncio import to_thread
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import (
    Any,
    BinaryIO,
    Final,
    Generic,
    Literal,
    Self,
    TypeVar,
    cast,
)

from duologue.promisifier.streams.buffer import IncomingStream
from duologue.promisifier.streams.file_blocks import MAX_BLOCK_BYTES, FileBlocks
from duologue.protocol.stream_kinds import CHUNK_BYTES, cut_bytes, cut_text

C = TypeVar("C", bytes, str)

OnProgress = Callable[[int], None]
"""Told, after each piece, how many bytes have gone by."""

_BLOCK_BYTES: Final = 1024 * 1024
"""Written by one hop to a thread; a hop costs as much as some 100 KiB of disk."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A stream that has been written to a file, whole."""

    path: Path
    size: int
    """In bytes."""
    sha256: str
    """Lower-case hexadecimal."""


class _Stream(ABC, Generic[C]):
    """Pieces in order, to be read once."""

    def __init__(
        self,
        pieces: AsyncIterator[C],
        incoming: IncomingStream[C] | None,
        file: FileBlocks | None = None,
    ) -> None:
        self._pieces: AsyncIterator[C] = pieces
        self._file = file
        self._incoming: IncomingStream[C] | None = incoming
        self._rest: C | None = None

    def __aiter__(self) -> AsyncIterator[C]:
        return self

    async def __anext__(self) -> C:
        rest, self._rest = self._rest, None
        return rest if rest else await anext(self._pieces)

    async def read(self, size: int = -1) -> C:
        """The next `size` bytes (or characters), fewer only at the end; all of them if negative.

        Raises:
            StreamFailed: the other side could not go on.
            ConnectionClosed: the end never came.
        """
        parts: list[C] = []
        missing = size
        while size < 0 or missing > 0:
            try:
                piece = await anext(self)
            except StopAsyncIteration:
                break
            if 0 <= size < len(piece) + size - missing:
                self._rest = piece[missing:]
                piece = piece[:missing]
            parts.append(piece)
            missing -= len(piece)
        return self._join(parts)

    async def save_to(
        self, path: str | os.PathLike[str], on_progress: OnProgress | None = None
    ) -> SavedFile:
        """Write everything to `path`; the file is there whole, or not at all.

        Who may read it is as for any new file (the umask), or as it was for one that is replaced.

        Raises:
            StreamFailed, ConnectionClosed: as `read`; nothing is left behind.
            OSError: the file cannot be written; the stream is cancelled.
        """
        # Imported late: few programs save streams.
        import hashlib

        target = Path(path)
        digest = hashlib.sha256()
        size = 0
        draft, file = _draft_of(target)
        try:
            with file:
                block = bytearray()
                async for piece in self:
                    data = self._to_bytes(piece)
                    digest.update(data)
                    size += len(data)
                    block += data
                    if len(block) >= _BLOCK_BYTES:
                        await to_thread(file.write, block)
                        block = bytearray()
                    if on_progress is not None:
                        on_progress(size)
                await to_thread(_finish_file, file, block)
            _put_in_place(draft, target)
        except BaseException:
            # Whatever happened, cancellation included: no half file, no sender that goes on.
            draft.unlink()
            self.cancel()
            raise
        return SavedFile(target, size, digest.hexdigest())

    @property
    def is_empty(self) -> bool:
        """Whether this came from the other side, is complete, and has nothing in it."""
        return self._incoming is not None and self._incoming.is_empty

    def cancel(self) -> None:
        """Stop reading before the end: the other side is told, what comes later is dropped."""
        if self._incoming is not None:
            self._incoming.cancel()

    @property
    def is_file(self) -> bool:
        """Whether its source is a path: reading it is quick, and it can be closed meanwhile."""
        return self._file is not None

    def read_at_most(self, size: int) -> None:
        """Of a file: let the next block be no larger."""
        if self._file is not None:
            self._file.block_bytes = min(size, self._file.block_bytes)

    def put_back(self, size: int) -> bool:
        """Of a file: read the last bytes once more; returns whether that can be done."""
        return False

    def rest(self) -> None:
        """Nothing is read for a while: a file is not kept open."""
        if self._file is not None:
            self._file.rest()

    async def aclose(self) -> None:
        """`cancel` what comes from the other side, close what comes from this one."""
        self.cancel()
        if self._file is not None:
            await self._file.aclose()
        close = getattr(self._pieces, "aclose", None)
        if close is not None and self._incoming is None:
            await close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        incoming = getattr(self, "_incoming", None)
        if incoming is not None and not incoming.is_over:
            incoming.cancel()
            warnings.warn(
                f"the stream of {incoming.what} was neither read to its end nor cancelled",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    @abstractmethod
    def _join(self, parts: list[C]) -> C: ...

    @abstractmethod
    def _to_bytes(self, piece: C) -> bytes: ...


class ByteStream(_Stream[bytes]):
    """Bytes that are too many for one message.

    A service returns `ByteStream(source)`; its caller gets a `ByteStream` to read from: `read()`,
    `async for`, or `save_to(path)`. Reading one to its end, cancelling it, or leaving its `async
    with` block ends the call.

    `source` is bytes, a path, a binary file or an async iterable of bytes. `encoding="base64"`
    sends text messages: for peers whose encrypted connections lose byte messages (base profile
    6.4).
    """

    def __init__(
        self,
        source: "bytes | os.PathLike[str] | BinaryIO | AsyncIterable[bytes]",
        *,
        encoding: Literal["binary", "base64"] = "binary",
        on_progress: OnProgress | None = None,
    ) -> None:
        incoming = source if isinstance(source, IncomingStream) else None
        file = _file_at(source, MAX_BLOCK_BYTES)
        super().__init__(file or _byte_pieces(source), incoming, file)
        self.encoding: Literal["binary", "base64"] = encoding
        self.on_progress = on_progress

    def put_back(self, size: int) -> bool:
        """See `_Stream.put_back`."""
        return self._file is not None and self._file.put_back(size)

    def _join(self, parts: list[bytes]) -> bytes:
        return b"".join(parts)

    def _to_bytes(self, piece: bytes) -> bytes:
        return piece


class TextStream(_Stream[str]):
    """Text that is too much for one message; otherwise as `ByteStream`.

    `source` is a string, a path or a binary file of UTF-8, or an async iterable of strings.
    """

    def __init__(
        self,
        source: "str | os.PathLike[str] | BinaryIO | AsyncIterable[str]",
        *,
        on_progress: OnProgress | None = None,
    ) -> None:
        incoming = source if isinstance(source, IncomingStream) else None
        file = _file_at(source, CHUNK_BYTES)
        super().__init__(_decoded(file) if file else _text_pieces(source), incoming, file)
        self.on_progress = on_progress

    def _join(self, parts: list[str]) -> str:
        return "".join(parts)

    def _to_bytes(self, piece: str) -> bytes:
        return piece.encode(errors="surrogatepass")


def _draft_of(target: Path) -> tuple[Path, BinaryIO]:
    """A new file beside `target`, to be written to."""
    draft = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
    return draft, open(draft, "xb")


def _put_in_place(draft: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        draft.chmod(stat.S_IMODE(target.stat().st_mode))
    draft.replace(target)


def _finish_file(file: BinaryIO, block: bytearray) -> None:
    file.write(block)
    file.flush()
    os.fsync(file.fileno())


def _file_at(source: object, max_block_bytes: int) -> FileBlocks | None:
    if isinstance(source, os.PathLike):
        return FileBlocks(Path(cast("os.PathLike[str]", source)), max_block_bytes)
    return None


def _byte_pieces(source: Any) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        return _each(cut_bytes(source, CHUNK_BYTES))
    if isinstance(source, AsyncIterable):
        return aiter(cast("AsyncIterable[bytes]", source))
    return _file_blocks(source)


def _text_pieces(source: Any) -> AsyncIterator[str]:
    if isinstance(source, str):
        return _each(cut_text(source))
    if isinstance(source, AsyncIterable):
        return aiter(cast("AsyncIterable[str]", source))
    return _decoded(_file_blocks(source))


async def _each(pieces: Iterator[C]) -> AsyncIterator[C]:
    for piece in pieces:
        if piece:
            yield piece


async def _file_blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    while block := await to_thread(file.read, CHUNK_BYTES):
        yield block


async def _decoded(blocks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    # Incremental, because a block may end inside a character.
    decoder = codecs.getincrementaldecoder("utf-8")()
    async for block in blocks:
        if text := decoder.decode(block):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text
