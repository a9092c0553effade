"""Calls with items, and services that send and yield them, as people will write them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_type

from duologue import CallContext
from duologue.typed import Exchange, Incoming, Outgoing, Sender
from generated.chat.rooms.v1 import (
    Edit,
    HistoryEnd,
    Message,
    RoomsClient,
    RoomsEditParams,
    RoomsHistoryParams,
    RoomsServicePartial,
    RoomsUploadParams,
)
from generated.lab.psu.v1 import Reading, SupplyClient


async def read(rooms: RoomsClient, supply: SupplyClient) -> None:
    assert_type(rooms.history(room="lobby"), Incoming[Message, HistoryEnd])
    async with rooms.history(room="lobby", after=3) as log:
        assert_type(log, Incoming[Message, HistoryEnd])
        async for message in log:
            assert_type(message, Message)
        assert_type(await log.result(), HistoryEnd)
    async with supply.monitor(channel=1) as readings:
        assert_type(await anext(readings), Reading)
        assert_type([each.volts async for each in readings], list[float])
        readings.cancel()
    async for reading in supply.monitor(channel=1):
        assert_type(reading, Reading)
        break


async def pieces() -> AsyncIterator[bytes]:
    yield b"abc"


async def write(rooms: RoomsClient) -> None:
    async with rooms.upload(room="lobby", name="a.png") as up:
        assert_type(up, Outgoing[bytes, Message])
        await up.send(b"abc")
        await up.send_all([b"a", b"b"])
        await up.send_all(pieces())
        await up.send_all(Path("a.png"))
        await up.end()
        assert_type(await up.result(), Message)
    assert_type(await rooms.upload(room="lobby", name="empty"), Message)


async def edit(rooms: RoomsClient, edits: AsyncIterator[Edit]) -> None:
    async with rooms.edit(room="lobby") as note:
        assert_type(note, Exchange[Edit, Edit, None])
        await note.send(Edit(at=0, insert="a"))
        note.send_all(edits)
        await note.send_all([Edit(at=0, delete=1)])
        async for each in note:
            assert_type(each, Edit)
        assert_type(await note.result(), None)


class Rooms(RoomsServicePartial):
    async def history(
        self, params: RoomsHistoryParams, out: Sender[Message], ctx: CallContext
    ) -> HistoryEnd:
        await out.send_all([])
        return HistoryEnd(total=params.after)

    async def upload(
        self, params: RoomsUploadParams, items: AsyncIterator[bytes], ctx: CallContext
    ) -> Message:
        async for piece in items:
            assert_type(piece, bytes)
        raise NotImplementedError(params.name)

    async def edit(
        self, params: RoomsEditParams, items: AsyncIterator[Edit], ctx: CallContext
    ) -> AsyncIterator[Edit]:
        async for each in items:
            assert_type(each, Edit)
            yield each


class Forwarding(RoomsServicePartial):
    """A generator that somebody else made will do."""

    def edit(
        self, params: RoomsEditParams, items: AsyncIterator[Edit], ctx: CallContext
    ) -> AsyncIterator[Edit]:
        return items
