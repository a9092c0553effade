"""A call with items, from the command line: items in, items out, the result last."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import typer

from duologue.commands.byte_progress import ByteProgress
from duologue.commands.item_input import ItemInput
from duologue.promisifier.streams.stream import ByteStream, SavedFile
from duologue.typed.client import Client
from duologue.typed.codec import BYTE_ITEMS, NOTHING
from duologue.typed.contract import Streaming
from duologue.typed.streams import Exchange, Incoming, Outgoing


async def call_with_items(
    client: Client,
    method: Streaming[..., Any, Any],
    keywords: Mapping[str, Any],
    items: ItemInput | None,
    output: Path | None,
    limit: int | None,
) -> None:
    """Call; print items as they come, one JSON line each, and then the result.

    Items that are bytes go to `output`, or to standard output. After `limit` items the call is
    cancelled. Leaving early for another reason, an interrupt too, cancels it as well.
    """
    progress = ByteProgress(None if items is None else items.size)
    streamed: Any = getattr(client, method.name)(**keywords)
    try:
        if method.yields is None:
            await _send(streamed, method, items, progress)
        else:
            await _receive(streamed, method, items, output, limit, progress)
    finally:
        progress.end()


async def _send(
    call: Outgoing[Any, Any],
    method: Streaming[..., Any, Any],
    items: ItemInput | None,
    progress: ByteProgress,
) -> None:
    assert items is not None
    assert method.sends is not None
    async with call:
        await call.send_all(items.items(method.sends, progress.add))
        result = await call.result()
    if method.returns is not NOTHING:
        typer.echo(json.dumps(json.loads(method.returns.encode(result)), indent=2))


async def _receive(
    call: Incoming[Any, Any] | Exchange[Any, Any, Any],
    method: Streaming[..., Any, Any],
    items: ItemInput | None,
    output: Path | None,
    limit: int | None,
    progress: ByteProgress,
) -> None:
    codec = method.yields
    assert codec is not None
    is_bytes = codec is BYTE_ITEMS
    number = 0

    async def received() -> AsyncIterator[Any]:
        nonlocal number
        async for item in call:
            number += 1
            yield item
            if number == limit:
                break

    async with call:
        if isinstance(call, Exchange):
            assert items is not None
            assert method.sends is not None
            # Of bytes both ways those that come are counted.
            on_bytes = _ignore if is_bytes else progress.add
            call.send_all(items.items(method.sends, on_bytes))
        if is_bytes:
            await write_bytes(received(), output, progress)
        else:
            async for item in received():
                print(codec.encode(item).decode(), flush=True)
        if number == limit:
            return
        result = await call.result()
    if method.returns is not NOTHING:
        # Behind bytes it would be taken for some of them.
        typer.echo(method.returns.encode(result), err=is_bytes and output is None)


async def write_bytes(
    pieces: AsyncIterator[bytes], output: Path | None, progress: ByteProgress
) -> None:
    """To a file, which is there whole or not at all; or to standard output, as they come."""
    if output is not None:
        saved = await ByteStream(_counted(pieces, progress)).save_to(output)
        progress.end()
        note_saved(saved)
        return
    async for piece in pieces:
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        progress.add(len(piece))
    progress.end()


def note_saved(saved: SavedFile) -> None:
    """Say what is in a file now."""
    typer.echo(f"{saved.size} bytes in {saved.path}, SHA-256 {saved.sha256}", err=True)


async def _counted(pieces: AsyncIterator[bytes], progress: ByteProgress) -> AsyncIterator[bytes]:
    async for piece in pieces:
        progress.add(len(piece))
        yield piece


def _ignore(size: int) -> None:
    pass
