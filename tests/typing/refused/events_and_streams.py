"""Mistakes with events, streams and positional arguments. Each marked line, and no other."""

from duologue import ByteStream, CallContext, TextStream
from generated.chat.rooms.v1 import (
    Message,
    RoomsClient,
    RoomsMessagePosted,
    RoomsServicePartial,
)
from generated.onecore.basics.v1 import BasicsClient, BasicsServicePartial


def of_a_message(message: Message) -> None:
    print(message.seq)


def without_a_payload() -> None:
    print("posted")


def of_two(posted: RoomsMessagePosted, room: str) -> None:
    print(posted, room)


async def listen(rooms: RoomsClient) -> None:
    rooms.on_message_posted(of_a_message)  # refused
    rooms.on_message_posted(without_a_payload)  # refused
    rooms.on_message_posted(of_two)  # refused
    rooms.on_mesage_posted()  # refused
    rooms.on_message_posted(key=5)  # refused
    rooms.on_message_posted(room="lobby")  # refused
    rooms.on_message_posted(replay="all")  # refused
    rooms.on_message_posted(None, "lobby")  # refused
    async with rooms.on_message_posted() as posts:
        async for posted in posts:
            print(posted.text)  # refused


def tell(rooms: RoomsServicePartial, message: Message) -> None:
    rooms.emit_message_posted(room="lobby")  # refused
    rooms.emit_message_posted(room=1, message=message)  # refused
    rooms.emit_message_posted("lobby", message)  # refused
    rooms.emit_message_posted("lobby", room="lobby", message=message)  # refused
    rooms.emit_message_posted(room="lobby", message=message, text="hi")  # refused
    rooms.emit_message_posted(peer=None, room="lobby", message=message)  # refused


async def call(basics: BasicsClient) -> bytes:
    await basics.square(12)  # refused
    await basics.square(n="12")  # refused
    text: str = await basics.read_text()  # refused
    print(text)
    return await basics.read_bytes()  # refused


class Basics(BasicsServicePartial):
    def read_bytes(self, ctx: CallContext) -> TextStream:  # refused
        return TextStream("abc")

    async def read_text(self, ctx: CallContext) -> str:  # refused
        return "abc"

    def square(self, n: float, ctx: CallContext) -> float:  # refused
        return n * n


ByteStream("abc")  # refused
