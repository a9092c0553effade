"""Mistakes with items. Both type checkers must report each marked line, and no other."""

from collections.abc import AsyncIterator

from duologue import CallContext
from duologue.typed import Sender
from generated.chat.rooms.v1 import (
    Edit,
    HistoryEnd,
    Message,
    RoomsClient,
    RoomsEditParams,
    RoomsHistoryParams,
    RoomsServicePartial,
)
from generated.chat.rooms.v1 import RoomsUploadParams as Params

Texts = AsyncIterator[str]


async def read(rooms: RoomsClient) -> int:
    async with rooms.history(room="lobby") as log:
        async for message in log:
            print(message.text)  # refused
        await log.send(b"abc")  # refused
        await log.end()  # refused
        end: Message = await log.result()  # refused
        print(end)
        list(log)  # refused
    async with rooms.history(room=1) as log:  # refused
        pass
    async with rooms.history() as log:  # refused
        pass
    await rooms.history(room="lobby")  # refused
    return await log.result()  # refused


async def write(rooms: RoomsClient, edit: Edit) -> None:
    async with rooms.upload(room="lobby", name="a") as up:
        await up.send("abc")  # refused
        await up.send_all(["abc"])  # refused
        await up.send_all([edit])  # refused
        up.send_all([b"abc"])  # refused
        up.end()  # refused
        aiter(up)  # refused
        size: int = await up.result()  # refused
        print(size)


async def both(rooms: RoomsClient, message: Message) -> None:
    async with rooms.edit(room="lobby") as note:
        await note.send(message)  # refused
        note.send_all([message])  # refused
        async for each in note:
            print(each.seq)  # refused


class YieldsWithResult(RoomsServicePartial):
    async def history(  # refused
        self, params: RoomsHistoryParams, ctx: CallContext
    ) -> AsyncIterator[Message]:
        raise NotImplementedError
        yield


class WrongItemOut(RoomsServicePartial):
    async def history(
        self, params: RoomsHistoryParams, out: Sender[Message], ctx: CallContext
    ) -> HistoryEnd:
        await out.send(Edit(at=0))  # refused
        return None  # refused


class WrongItems(RoomsServicePartial):
    async def upload(self, params: Params, items: Texts, ctx: CallContext) -> Message:  # refused
        raise NotImplementedError


class WithoutItems(RoomsServicePartial):
    async def upload(self, params: Params, ctx: CallContext) -> Message:  # refused
        raise NotImplementedError


class NotAGenerator(RoomsServicePartial):
    async def edit(  # refused
        self, params: RoomsEditParams, items: AsyncIterator[Edit], ctx: CallContext
    ) -> Edit:
        raise NotImplementedError


class YieldsOther(RoomsServicePartial):
    async def edit(
        self, params: RoomsEditParams, items: AsyncIterator[Edit], ctx: CallContext
    ) -> AsyncIterator[Edit]:
        async for each in items:
            yield each.insert  # refused
