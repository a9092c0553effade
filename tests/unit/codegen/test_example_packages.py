"""The example packages at work: client and service, joined in memory by the real protocol."""

from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from duologue import ByteStream, CallContext, TextStream
from duologue.testing import linked, linked_peers
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import (
    Message,
    RoomsClient,
    RoomsMessagePosted,
    RoomsPostParams,
    RoomsServicePartial,
    Text,
)
from generated.onecore.basics.v1 import (
    BasicsClient,
    BasicsEchoParams,
    BasicsServicePartial,
    BasicsSquareParams,
    CustomError,
)


class Basics(BasicsServicePartial):
    def square(self, params: BasicsSquareParams, ctx: CallContext) -> float:
        return params.n * params.n

    def nothing(self, ctx: CallContext) -> None:
        return None

    def fail_with_code(self, ctx: CallContext) -> None:
        raise CustomError

    def echo(self, params: BasicsEchoParams, ctx: CallContext) -> list[JsonValue]:
        return [params.first, params.second]

    def read_bytes(self, ctx: CallContext) -> ByteStream:
        return ByteStream(b"\x00\xff")

    async def read_text(self, ctx: CallContext) -> TextStream:
        return TextStream("ä€😀")


class Rooms(RoomsServicePartial):
    def post(self, params: RoomsPostParams, ctx: CallContext) -> Message:
        author = User(id="u1", name="Ann")
        message = Message(seq=1, author=author, sent_at=datetime.now(UTC), body=params.body)
        self.emit_message_posted(room=params.room, message=message)
        return message


async def test_base_peer_is_called_with_types() -> None:
    async with linked(Basics(), BasicsClient) as basics:
        assert await basics.square(n=12) == 144
        await basics.nothing()
        assert await basics.echo(first=[1, {"a": None}], second="b") == [[1, {"a": None}], "b"]
        with pytest.raises(CustomError) as caught:
            await basics.fail_with_code()
        assert (caught.value.code, str(caught.value)) == ("CE-CODE-TEST", "Custom error creation")
        assert await (await basics.read_bytes()).read() == b"\x00\xff"
        assert await (await basics.read_text()).read() == "ä€😀"


async def test_service_that_knows_no_contracts_gets_its_arguments_one_by_one() -> None:
    def spread(*args: object) -> list[object]:
        return [*args]

    async with linked_peers() as (left, right):
        left.add_service(11, spread)
        basics = BasicsClient(right)
        assert await basics.echo(first="a", second=2) == ["a", 2]
        assert await basics.echo(first="a") == ["a"]
        assert await basics.echo() == []


async def test_caller_that_knows_no_contracts_is_served() -> None:
    async with linked_peers([Basics()]) as (_, right):
        assert await right.send(3, 12) == 144
        assert await right.send(11, "a", [1]) == ["a", [1]]


async def test_event_reaches_whoever_listens() -> None:
    heard: list[str] = []

    def show(posted: RoomsMessagePosted) -> None:
        heard.append(posted.room)

    async with linked(Rooms(), RoomsClient) as rooms:
        rooms.on_message_posted(show)
        async with rooms.on_message_posted() as posts:
            message = await rooms.post(room="lobby", body=Text(text="Hello"))
            posted = await anext(aiter(posts))
        assert posted == RoomsMessagePosted(room="lobby", message=message)
        assert heard == ["lobby"]
