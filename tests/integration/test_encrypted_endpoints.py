"""Encrypted conversations over loopback: ours with ours, and ours with a foreign base peer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as plain_serve
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.endpoints.direct import Server
from tests.foreign_peer import Dialogue
from tests.stopwatch import PATIENCE_S
from tests.stream_server import close_server
from tests.support import echo, square

ANN_SECRET, BEN_SECRET, EVE_SECRET = (PrivateKey.generate() for _ in range(3))
ANN, BEN, EVE = (Identity.from_secret(bytes(each)) for each in (ANN_SECRET, BEN_SECRET, EVE_SECRET))
LARGE = "é€😀" * 20_000


class Guests:
    """Who came, in order; each is offered two services."""

    def __init__(self) -> None:
        self.peers: list[WebsocketPromisifier] = []
        self.keys: list[bytes | None] = []
        self._grown = asyncio.Event()

    def welcome(self, peer: WebsocketPromisifier) -> None:
        peer.add_service(3, square)
        peer.add_service(4, echo)
        self.peers.append(peer)
        self.keys.append(peer.remote_key)
        self._grown.set()

    async def first(self) -> WebsocketPromisifier:
        async with asyncio.timeout(PATIENCE_S):
            await self._grown.wait()
        return self.peers[0]


def url_of(server: Server) -> str:
    return f"ws://127.0.0.1:{server.port}"


# -- ours with ours -----------------------------------------------------------------------------


async def test_an_encrypted_conversation_both_ways() -> None:
    guests = Guests()
    async with (
        duologue.serve(identity=BEN, allow={str(ANN)}, on_peer=guests.welcome) as server,
        duologue.connect(
            url_of(server),
            identity=ANN,
            to=str(BEN),
            on_peer=lambda peer: peer.add_service(7, square),
        ) as peer,
    ):
        assert await peer.send(3, 12) == 144
        assert await peer.send(4, LARGE) == [LARGE]
        assert peer.remote_key == BEN.public_key
        guest = await guests.first()
        assert guests.keys == [ANN.public_key], "the key is known before the first message"
        assert await guest.send(7, 5) == 25


async def test_nothing_readable_is_on_the_wire() -> None:
    guests = Guests()
    async with (
        _Tap() as tap,
        duologue.serve(
            identity=BEN, allow=ANYONE, on_peer=guests.welcome, hosts=[f"127.0.0.1:{tap.port}"]
        ) as server,
    ):
        tap.target_port = server.port
        url = f"ws://127.0.0.1:{tap.port}"
        async with duologue.connect(url, identity=ANN, to=BEN.public_key) as peer:
            assert await peer.send(4, "canary " * 20) == ["canary " * 20]
    assert len(tap.seen) > 500
    for readable in (b"canary", b"requestId", b"serviceId"):
        assert readable not in tap.seen


class _Tap:
    """A port in front of another that writes down what the server sends: that is not masked."""

    def __init__(self) -> None:
        self.target_port = 0
        self.seen = bytearray()

    async def __aenter__(self) -> "_Tap":
        self._server = await asyncio.start_server(self._on_client, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await close_server(self._server)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer, self.seen))
        for each in (writer, back):
            each.close()

    @staticmethod
    async def _pump(
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        seen: bytearray | None = None,
    ) -> None:
        while data := await reader.read(65_536):
            if seen is not None:
                seen += data
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def test_a_key_that_is_not_allowed_gets_nowhere() -> None:
    guests = Guests()
    async with duologue.serve(
        identity=BEN, allow={ANN.public_key}, on_peer=guests.welcome
    ) as server:
        with pytest.raises(
            duologue.KeyNotAllowed, match="does not let this identity in"
        ) as refused:
            async with duologue.connect(url_of(server), identity=EVE, to=BEN.public_key):
                pass
        assert refused.value.key == EVE.public_key
        assert refused.value.fault == "not-allowed"
        assert guests.peers == []
        assert dict(server.rejected) == {"not-allowed": 1}


async def test_a_server_that_is_somebody_else_is_refused() -> None:
    async with duologue.serve(identity=BEN, allow=ANYONE) as server:
        with pytest.raises(duologue.HandshakeFailed, match="target public key"):
            async with duologue.connect(url_of(server), identity=ANN, to=EVE.public_key):
                pass


async def test_a_plain_client_gets_nowhere_at_an_encrypted_server() -> None:
    guests = Guests()
    async with duologue.serve(identity=BEN, allow=ANYONE, on_peer=guests.welcome) as server:
        async with duologue.connect(url_of(server), profile="base") as peer:
            with pytest.raises(duologue.ConnectionClosed):
                await peer.send(3, 12)
        assert guests.peers == []


@pytest.mark.parametrize("profile", ["auto", "base"])
async def test_an_encrypted_client_gets_nowhere_at_a_plain_server(
    profile: Literal["auto", "base"],
) -> None:
    async with duologue.serve(profile=profile) as server:
        with pytest.raises((duologue.DeadlineExceeded, duologue.HandshakeFailed)):
            async with duologue.connect(
                url_of(server), identity=ANN, to=BEN.public_key, timeout=0.2
            ):
                pass


async def test_identity_and_allow_belong_together() -> None:
    with pytest.raises(ValueError, match=r"allow=duologue\.ANYONE"):
        duologue.serve(identity=BEN)
    with pytest.raises(ValueError, match="needs identity="):
        duologue.serve(allow=ANYONE)
    with pytest.raises(duologue.UnsafeKey):
        duologue.serve(identity=BEN, allow=["00" * 32])


async def test_identity_and_to_belong_together() -> None:
    with pytest.raises(ValueError, match="needs to="):
        async with duologue.connect("ws://127.0.0.1:9", identity=ANN):
            pass
    with pytest.raises(ValueError, match="needs identity="):
        async with duologue.connect("ws://127.0.0.1:9", to=BEN.public_key):
            pass
    with pytest.raises(duologue.UnsafeKey):
        async with duologue.connect("ws://127.0.0.1:9", identity=ANN, to="00" * 32):
            pass


async def test_a_server_stops_while_a_handshake_is_under_way() -> None:
    async with duologue.serve(identity=BEN, allow=ANYONE) as server:
        client = await plain_connect(url_of(server))
        await asyncio.sleep(0.01)
    with pytest.raises(PlainClosed):
        await client.recv()


async def test_a_conversation_with_oneself_has_to_be_asked_for() -> None:
    guests = Guests()
    async with duologue.serve(
        identity=BEN, allow={BEN.public_key}, loopback=True, on_peer=guests.welcome
    ) as server:
        with pytest.raises(duologue.HandshakeFailed, match="loopback"):
            async with duologue.connect(url_of(server), identity=BEN, to=BEN.public_key):
                pass
        async with duologue.connect(
            url_of(server), identity=BEN, to=BEN.public_key, loopback=True
        ) as peer:
            assert await peer.send(3, 4) == 16


async def test_many_at_once() -> None:
    guests = Guests()
    async with duologue.serve(identity=BEN, allow=ANYONE, on_peer=guests.welcome) as server:

        async def converse(number: int) -> int:
            me = Identity.generate()
            async with duologue.connect(url_of(server), identity=me, to=BEN.public_key) as peer:
                result: int = await peer.send(3, number)
                return result

        results = await asyncio.gather(*(converse(number) for number in range(20)))
        assert results == [number * number for number in range(20)]
        assert len(set(guests.keys)) == 20


# -- a foreign connector at our server ----------------------------------------------------------


@asynccontextmanager
async def foreign_guest(
    own: PrivateKey = ANN_SECRET, limits: duologue.Limits | None = None
) -> AsyncGenerator[tuple[Guests, Dialogue, ClientConnection]]:
    guests = Guests()
    async with (
        duologue.serve(
            identity=BEN, allow={ANN.public_key}, on_peer=guests.welcome, limits=limits
        ) as server,
        plain_connect(url_of(server), compression=None, max_size=None) as socket,
    ):
        yield guests, await Dialogue.connect(socket, own, BEN.public_key), socket


async def test_a_foreign_guest_calls_and_is_answered() -> None:
    async with foreign_guest() as (guests, dialogue, _):
        answer = await dialogue.call(0, 3, 12)
        assert answer == {"responseId": 0, "type": "data", "data": 144}
        assert guests.keys == [ANN.public_key]
        assert dialogue.lifesigns <= 1


async def test_a_foreign_guest_sends_and_gets_long_messages() -> None:
    async with foreign_guest() as (_, dialogue, _socket):
        assert (await dialogue.call(0, 4, LARGE))["data"] == [LARGE]
        assert (await dialogue.call(1, 3, 2))["data"] == 4


async def test_a_quiet_foreign_guest_is_confirmed_by_its_lifesign_and_can_be_called() -> None:
    async with foreign_guest() as (guests, dialogue, _):
        assert guests.peers == []
        await dialogue.send_raw("keepalive")
        guest = await guests.first()
        call = guest.send(9, "hi")
        assert await dialogue.serve_one(9, "ho") == ["hi"]
        assert await call == "ho"


async def test_a_foreign_guest_whose_frame_was_changed_is_cut_off() -> None:
    async with foreign_guest() as (guests, dialogue, socket):
        assert (await dialogue.call(0, 3, 12))["data"] == 144
        await socket.send(bytes(40))
        with pytest.raises(PlainClosed):
            while True:
                await dialogue.recv_raw()
        assert socket.close_code == 1000
        assert socket.close_reason == "Close called: Decryption of message failed."
        (guest,) = guests.peers
        with pytest.raises(duologue.ConnectionClosed) as closed:
            await guest.promise
        assert isinstance(closed.value.__cause__, duologue.DecryptionFailed)


async def test_a_foreign_guest_that_sends_text_is_cut_off() -> None:
    async with foreign_guest() as (_, dialogue, socket):
        assert (await dialogue.call(0, 3, 12))["data"] == 144
        await socket.send("keepalive")
        await socket.wait_closed()
        assert socket.close_reason == (
            "Close called: Incoming encrypted message is a string, it needs to be binary"
        )


async def test_a_foreign_guest_whose_fragments_are_out_of_order_is_cut_off() -> None:
    async with foreign_guest() as (_, dialogue, socket):
        assert (await dialogue.call(0, 3, 12))["data"] == 144
        await dialogue.send_raw("fragmentation_end")
        await socket.wait_closed()
        assert socket.close_reason == (
            "Close called: No chunks processing in progress. fragmentation_end message not allowed."
        )


async def test_a_foreign_guest_in_another_name_gets_nowhere() -> None:
    guests = Guests()
    async with (
        duologue.serve(identity=BEN, allow={ANN.public_key}, on_peer=guests.welcome) as server,
        plain_connect(url_of(server)) as socket,
    ):
        with pytest.raises(PlainClosed):
            await Dialogue.connect(socket, EVE_SECRET, BEN.public_key, claim=ANN_SECRET)
        assert socket.close_reason == (
            "Close called: Error: CYENC-SYMDEC: Decryption with symmetric key failed"
        )
        assert guests.peers == []


# -- ours at a foreign acceptor -----------------------------------------------------------------


@asynccontextmanager
async def foreign_server(serve: Callable[[Dialogue], object]) -> AsyncGenerator[str]:
    """A foreign acceptor under Ben's key; `serve` is its conversation, a coroutine function."""
    failures: list[BaseException] = []

    async def on_socket(socket: ServerConnection) -> None:
        dialogue = await Dialogue.accept(socket, BEN_SECRET)
        try:
            conversation = serve(dialogue)
            assert asyncio.iscoroutine(conversation)
            await conversation
            await socket.wait_closed()
        except PlainClosed:
            pass
        except AssertionError as failure:
            failures.append(failure)

    async with plain_serve(on_socket, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"
    for failure in failures:
        raise failure


async def test_we_call_a_foreign_acceptor() -> None:
    async def serve(dialogue: Dialogue) -> None:
        assert await dialogue.recv_raw() == "keepalive", "the connector's first frame"
        assert await dialogue.serve_one(3, 144) == [12]

    async with (
        foreign_server(serve) as url,
        duologue.connect(url, identity=ANN, to=BEN.public_key) as peer,
    ):
        assert await peer.send(3, 12) == 144
        assert peer.remote_key == BEN.public_key


async def test_we_send_and_get_long_messages_at_a_foreign_acceptor() -> None:
    async def serve(dialogue: Dialogue) -> None:
        assert await dialogue.serve_one(4, LARGE) == [LARGE]

    async with (
        foreign_server(serve) as url,
        duologue.connect(url, identity=ANN, to=BEN.public_key) as peer,
    ):
        assert await peer.send(4, LARGE) == LARGE


async def test_a_foreign_acceptor_that_speaks_at_once_is_heard() -> None:
    async def serve(dialogue: Dialogue) -> None:
        answer = await dialogue.call(0, 7, 3)
        assert answer["data"] == 9

    called = asyncio.Event()

    def nine(number: int) -> int:
        called.set()
        return number * number

    async with (
        foreign_server(serve) as url,
        duologue.connect(
            url,
            identity=ANN,
            to=BEN.public_key,
            on_peer=lambda peer: peer.add_service(7, nine),
            profile="base",
        ) as peer,
    ):
        async with asyncio.timeout(PATIENCE_S):
            await called.wait()
        assert peer.remote_key == BEN.public_key


async def test_an_acceptor_without_the_key_is_found_out() -> None:
    async def on_socket(socket: ServerConnection) -> None:
        with contextlib.suppress(PlainClosed):
            request = json.loads(await socket.recv())
            assert request["targetPublicKey"] == bytes(EVE_SECRET.public_key).hex()
            await socket.send('{"command":"communication_ready"}')
            await socket.recv()
            await socket.send(bytes(72))
            await socket.wait_closed()

    async with plain_serve(on_socket, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(duologue.HandshakeFailed, match="CYENC-SYMDEC"):
            async with duologue.connect(f"ws://127.0.0.1:{port}", identity=ANN, to=EVE.public_key):
                pass
