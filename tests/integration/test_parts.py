"""Long bytes between real endpoints: beside the JSON where both know how, else in it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from duologue import ANYONE, Limits, Model, WebsocketPromisifier
from duologue.errors import LimitExceeded
from duologue.protocol.session import Session
from duologue.typed import Client, Codec, Params, Service, ServiceContract, Unary
from duologue.typed.context import CallContext
from tests.integration.relay_loopback import ANN, BEN, running
from tests.integration.relay_loopback import pins as pins
from tests.stopwatch import PATIENCE_S

DIGEST = "sha256:5704e"
LARGE = bytes(range(256)) * 1_024
SIZES = (0, 4_096, 4_097, 65_536, 65_537, 1_000_000)


class EchoParams(Model):
    data: bytes
    more: list[bytes] = []  # noqa: RUF012


ECHO = Unary(id=1, name="echo", params=Params(EchoParams), returns=Codec(list[bytes]))
ECHOES = ServiceContract(name="t.v1.Echoes", base=100, digest=DIGEST, methods=(ECHO,))


class EchoesClient(Client):
    __contract__ = ECHOES

    async def echo(self, *, data: bytes, more: list[bytes] | None = None) -> list[bytes]:
        return await self._unary(ECHO, data=data, more=more or [])


class Echoes(Service):
    __contract__ = ECHOES

    async def echo(self, params: EchoParams, ctx: CallContext) -> list[bytes]:
        return [params.data, *params.more]


class CallingBack(Echoes):
    """Asks the caller for the same before it answers."""

    async def echo(self, params: EchoParams, ctx: CallContext) -> list[bytes]:
        return await EchoesClient(ctx.peer).echo(data=params.data, more=params.more)


@pytest.fixture
def parcels(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each message that came in whole had, in this process."""
    seen: list[int] = []
    receive_bytes = Session[Any].receive_bytes

    def watching(self: Session[Any], message: bytes) -> Any:
        arriving = self.arriving
        event = receive_bytes(self, message)
        if arriving is not None and self.arriving is None:
            seen.append(len(arriving.parts))
        return event

    monkeypatch.setattr(Session, "receive_bytes", watching)
    return seen


async def both_ways(peer: WebsocketPromisifier) -> None:
    client = EchoesClient(peer)
    for size in SIZES:
        data = LARGE * 4
        data = data[:size]
        assert await client.echo(data=data) == [data]
    half = LARGE[:100_000]
    answers = await asyncio.gather(
        *(client.echo(data=half[number:], more=[b"x" * number, half]) for number in range(10))
    )
    assert answers == [[half[number:], b"x" * number, half] for number in range(10)]


async def test_plain_and_in_both_directions(parcels: list[int]) -> None:
    async with (
        duologue.serve(CallingBack(), host="127.0.0.1") as server,
        duologue.connect(f"ws://127.0.0.1:{server.port}", offer=[Echoes()]) as peer,
    ):
        await both_ways(peer)
    # Four of the sizes and ten more; there and back, twice each.
    assert len(parcels) == 4 * (4 + 10)
    assert set(parcels) == {1, 2}


async def test_encrypted(parcels: list[int]) -> None:
    async with (
        duologue.serve(CallingBack(), host="127.0.0.1", identity=BEN, allow={str(ANN)}) as server,
        duologue.connect(
            f"ws://127.0.0.1:{server.port}", identity=ANN, to=str(BEN), offer=[Echoes()]
        ) as peer,
    ):
        await both_ways(peer)
    assert len(parcels) == 4 * (4 + 10)


async def test_relayed(pins: Path, parcels: list[int]) -> None:
    async with (
        running() as relay,
        duologue.listen(relay.url, CallingBack(), identity=BEN, allow=ANYONE, known_relays=pins),
        duologue.dial(relay.url, to=str(BEN), identity=ANN, offer=[Echoes()]) as peer,
    ):
        await both_ways(peer)
    assert len(parcels) == 4 * (4 + 10)


@pytest.mark.parametrize(("ours", "theirs"), [("auto", "base"), ("base", "auto"), ("base", "base")])
async def test_with_the_base_profile_on_either_side_all_is_base64(
    ours: Literal["auto", "base"], theirs: Literal["auto", "base"], parcels: list[int]
) -> None:
    async with (
        duologue.serve(CallingBack(), host="127.0.0.1", profile=theirs) as server,
        duologue.connect(f"ws://127.0.0.1:{server.port}", offer=[Echoes()], profile=ours) as peer,
    ):
        client = EchoesClient(peer)
        assert await client.echo(data=LARGE) == [LARGE]
        with pytest.raises(LimitExceeded):
            # Beside the text it would fit.
            await client.echo(data=bytes(1_000_000))
    assert parcels == []


async def test_the_limit_of_the_receiver_holds_for_text_and_parts_together() -> None:
    async with (
        duologue.serve(
            Echoes(), host="127.0.0.1", limits=Limits(max_message_bytes=100_000)
        ) as server,
        duologue.connect(f"ws://127.0.0.1:{server.port}") as peer,
    ):
        client = EchoesClient(peer)
        # Each message is small enough; together they are not.
        assert await client.echo(data=bytes(49_000)) == [bytes(49_000)]
        with pytest.raises(duologue.LimitExceeded, match="the other side's max_message_bytes"):
            await client.echo(data=bytes(60_000), more=[bytes(60_000)])
        assert await client.echo(data=bytes(49_000)) == [bytes(49_000)]


# -- a foreign peer, written from the text of PROTOCOL.md ---------------------------------------


class Foreign:
    """Nothing of ours but the text: a WebSocket, JSON and byte messages (PROTOCOL 7, 11, 12)."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._next = 0

    async def introduce(self) -> dict[str, Any]:
        """PROTOCOL 11.1: both say hello; each answers the other's with its own."""
        own: dict[str, Any] = {
            "profile": "duologue/1",
            "role": "connector",
            "self": None,
            "peer": None,
            "features": ["parts"],
            "limits": {},
            "services": [{"name": "t.v1.Echoes", "base": 500, "digest": DIGEST}],
            "agent": "foreign/1",
        }
        await self.say({"requestId": 0, "type": "request", "serviceId": 0, "args": [own]})
        self._next = 1
        theirs: dict[str, Any] = {}
        while not theirs:
            message = await self.text()
            if message["type"] == "request":
                await self.say({"responseId": message["requestId"], "type": "data", "data": own})
            else:
                theirs = message["data"]
        return theirs

    async def say(self, fields: dict[str, Any], *parts: bytes) -> None:
        """PROTOCOL 12.2: a text, and its parts right behind it."""
        if parts:
            fields = {**fields, "parts": [len(part) for part in parts]}
        await self._socket.send(json.dumps(fields))
        for part in parts:
            await self._socket.send(part)

    async def text(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            message = await self._socket.recv()
        assert isinstance(message, str)
        fields: dict[str, Any] = json.loads(message)
        return fields

    async def parcel(self) -> tuple[dict[str, Any], list[bytes]]:
        fields = await self.text()
        parts: list[bytes] = []
        for size in fields.get("parts", []):
            async with asyncio.timeout(PATIENCE_S):
                part = await self._socket.recv()
            assert isinstance(part, bytes)
            assert len(part) == size
            parts.append(part)
        return fields, parts

    async def call(
        self, service: int, args: list[Any], *parts: bytes, **more: Any
    ) -> tuple[dict[str, Any], list[bytes]]:
        fields = {"requestId": self._next, "type": "request", "serviceId": service, "args": args}
        self._next += 1
        await self.say({**fields, **more}, *parts)
        return await self.parcel()


@asynccontextmanager
async def foreign(service: Service, **options: Any) -> AsyncGenerator[Foreign]:
    async with (
        duologue.serve(service, host="127.0.0.1", **options) as server,
        plain_connect(f"ws://127.0.0.1:{server.port}", compression=None) as socket,
    ):
        yield Foreign(socket)


async def test_a_foreign_peer_sends_and_takes_parts() -> None:
    async with foreign(Echoes()) as peer:
        hello = await peer.introduce()
        assert "parts" in hello["features"]
        (service,) = hello["services"]
        answer, parts = await peer.call(
            service["base"] + 1,
            [{"data": 1, "more": ["YWJj", 0]}],
            LARGE,
            b"short",
            takesParts=True,
        )
        assert answer["data"] == ["c2hvcnQ=", "YWJj", 0]
        assert parts == [LARGE]


async def test_a_foreign_peer_that_does_not_ask_for_parts_gets_none() -> None:
    async with foreign(Echoes()) as peer:
        await peer.introduce()
        answer, parts = await peer.call(101, [{"data": 0}], LARGE)
        assert parts == []
        assert len(answer["data"][0]) == 4 * -(-len(LARGE) // 3)


async def test_a_foreign_peer_is_called_with_parts_and_answers_with_some() -> None:
    async with foreign(CallingBack()) as peer:
        await peer.introduce()
        await peer.say(
            {
                "requestId": 1,
                "type": "request",
                "serviceId": 101,
                "args": [{"data": 0}],
                "takesParts": True,
            },
            LARGE,
        )
        request, parts = await peer.parcel()
        assert (request["serviceId"], request["args"]) == (501, [{"data": 0, "more": []}])
        assert request["takesParts"] is True
        assert parts == [LARGE]
        await peer.say(
            {"responseId": request["requestId"], "type": "data", "data": [0, "YWJj"]}, LARGE
        )
        answer, parts = await peer.parcel()
        assert (answer["responseId"], answer["data"], parts) == (1, [0, "YWJj"], [LARGE])


@pytest.mark.parametrize("instead", ['{"type":"cancel","requestId":0}', b"", b"four"])
async def test_a_foreign_peer_that_breaks_a_parcel_is_cut_off(instead: str | bytes) -> None:
    async with (
        duologue.serve(Echoes(), host="127.0.0.1") as server,
        plain_connect(f"ws://127.0.0.1:{server.port}", compression=None) as socket,
    ):
        peer = Foreign(socket)
        await peer.introduce()
        await socket.send(
            '{"requestId":1,"type":"request","serviceId":101,"args":[{"data":0}],"parts":[5]}'
        )
        await socket.send(instead)
        with pytest.raises(PlainClosed) as closed:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        assert "onMsgHandler error" in closed.value.rcvd.reason
