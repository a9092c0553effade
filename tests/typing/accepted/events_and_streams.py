"""Events, streams and positional arguments as people will use them."""

from typing import assert_type

from pydantic import JsonValue

from duologue import ByteStream, CallContext, TextStream, WebsocketPromisifier
from duologue.typed import Subscription
from generated.chat.rooms.v1 import (
    Message,
    RoomsClient,
    RoomsMessagePosted,
    RoomsPostParams,
    RoomsServicePartial,
)
from generated.onecore.basics.v1 import (
    BASICS_FAIL_WITH_CODE_ERRORS,
    BasicsClient,
    BasicsEchoParams,
    BasicsService,
    BasicsServicePartial,
    BasicsSquareParams,
    CustomError,
)


def show(posted: RoomsMessagePosted) -> None:
    print(posted.room, posted.message.seq)


async def show_later(posted: RoomsMessagePosted) -> None:
    show(posted)


class Listener:
    def heard(self, posted: RoomsMessagePosted) -> None:
        show(posted)


async def listen(rooms: RoomsClient) -> None:
    assert_type(rooms.on_message_posted(show), Subscription[RoomsMessagePosted])
    rooms.on_message_posted(show_later).close()
    rooms.on_message_posted(Listener().heard)
    rooms.on_message_posted(handler=show)
    rooms.on_message_posted(show, key="lobby", replay=20)
    async with rooms.on_message_posted(key="lobby") as posts:
        async for posted in posts:
            assert_type(posted, RoomsMessagePosted)
            assert_type(posted.message, Message)
        assert_type(posts.missed, int)


class Rooms(RoomsServicePartial):
    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages

    async def post(self, params: RoomsPostParams, ctx: CallContext) -> Message:
        message = self.messages[-1]
        self.emit_message_posted(room=params.room, message=message)
        self.emit_message_posted(ctx.peer, room=params.room, message=message)
        self.emit_message_posted(None, room=params.room, message=message)
        return message


def tell(rooms: Rooms, peer: WebsocketPromisifier, message: Message) -> None:
    assert_type(rooms.emit_message_posted(peer, room="lobby", message=message), None)


async def call(basics: BasicsClient) -> None:
    assert_type(await basics.square(n=12), float)
    assert_type(await basics.echo(first="hello", second={"a": [1, 2]}), list[JsonValue])
    await basics.echo()
    async with await basics.read_bytes() as pieces:
        async for piece in pieces:
            assert_type(piece, bytes)
    text = await basics.read_text()
    assert_type(text, TextStream)
    assert_type(await text.read(), str)
    try:
        await basics.fail_with_code()
    except BASICS_FAIL_WITH_CODE_ERRORS as error:
        assert_type(error, CustomError)


class Basics(BasicsServicePartial):
    def square(self, params: BasicsSquareParams, ctx: CallContext) -> float:
        return params.n * params.n

    def echo(self, params: BasicsEchoParams, ctx: CallContext) -> list[JsonValue]:
        return [params.first, params.second]

    def read_bytes(self, ctx: CallContext) -> ByteStream:
        return ByteStream(b"abc")

    async def read_text(self, ctx: CallContext) -> TextStream:
        return TextStream("abc")


offered: BasicsService = Basics()
