"""Conversations through a relay on loopback: ours and foreign ones in every role."""

import asyncio
import contextlib
import json
import shutil
import ssl as tls
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage

import duologue
from duologue import ANYONE, Identity, Limits, WebsocketPromisifier
from duologue.connection.base import Message
from duologue.relay import registration
from duologue.relay.access import new_token
from duologue.relay.events import Event, Joined, Parted, Refused
from duologue.relay.limits import RelayLimits
from duologue.relay.server import RelayServer
from duologue.relay.watched_files import AccessFiles, TlsFiles
from tests.foreign_peer import Dialogue, request_for
from tests.foreign_relay import MinimalRelay, minimal_relay, register, wait_for_caller
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.support import echo, square

PATIENCE_S = 10
CERTIFICATE = Path(__file__).parent / "localhost.pem"
TLS = Path(__file__).parent / "tls"
"""Self-signed certificates with their keys: worthless outside these tests."""
ANN_SECRET, BEN_SECRET, EVE_SECRET = (PrivateKey.generate() for _ in range(3))
ANN, BEN, EVE = (Identity.from_secret(bytes(each)) for each in (ANN_SECRET, BEN_SECRET, EVE_SECRET))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    for _ in range(PATIENCE_S * 100):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come to that")


class Running:
    """A relay of ours and what it has noted."""

    def __init__(self, server: RelayServer, events: list[Event]) -> None:
        self.server = server
        self.events = events
        self.url = server.url

    async def until(self, spares: int) -> None:
        """Wait until so many spares are registered."""
        await until(lambda: self.server.exchange.switchboard.spares == spares)

    def noted(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def running(**settings: Any) -> AsyncGenerator[Running]:
    events: list[Event] = []
    server = RelayServer(observers=[events.append], **settings)
    await server.start()
    try:
        yield Running(server, events)
    finally:
        await server.close()


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    return tmp_path / "known_relays"


def offering(peer: WebsocketPromisifier) -> None:
    peer.add_service(3, square)
    peer.add_service(4, echo)


# -- ours with ours -----------------------------------------------------------------------------


async def test_two_that_only_dial_out_call_each_other(pins: Path) -> None:
    seen: list[bytes | None] = []

    def on_peer(peer: WebsocketPromisifier) -> None:
        async def who() -> str:
            # The listener's side calls back while it serves.
            assert await peer.send(3, 5) == 25
            seen.append(peer.remote_key)
            return str(peer.remote_key.hex()) if peer.remote_key else ""

        peer.add_service(7, who)

    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow={str(ANN)}, on_peer=on_peer, known_relays=pins
        ) as listener,
        duologue.dial(relay.url, to=str(BEN), identity=ANN, on_peer=offering) as peer,
    ):
        assert await peer.send(7) == str(ANN)
        assert peer.remote_key == listener.public_key == BEN.public_key
        assert seen == [ANN.public_key]
        assert len(listener.peers) == 1


async def test_a_large_text_goes_through(pins: Path) -> None:
    text = "é€😀" * 20_000
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
        duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
    ):
        assert await peer.send(4, text) == [text]


async def test_spares_are_refilled_after_each_handover(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins, spares=1
        ),
    ):
        for number in range(12):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, number) == number * number
        await relay.until(spares=1)


async def test_leaving_the_listener_closes_spares_and_conversations(pins: Path) -> None:
    async with running() as relay:
        async with duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins
        ):
            await relay.until(spares=2)
            dialled = duologue.dial(relay.url, to=BEN.public_key, identity=ANN)
            peer = await dialled.__aenter__()
        status = await peer.promise
        assert status.reason == "Close called: the listener is shutting down"
        await dialled.__aexit__(None, None, None)
        await relay.until(spares=0)
        assert relay.server.exchange.switchboard.pairs == 0


async def test_a_listener_at_two_relays_is_found_at_both(pins: Path) -> None:
    async with (
        running() as first,
        running() as second,
        duologue.listen(
            [first.url, second.url],
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
        ) as listener,
    ):
        for relay in (first, second):
            await relay.until(spares=2)
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, 2) == 4
        assert listener.faults == {}


async def test_one_relay_of_two_is_enough_to_begin(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            ["ws://127.0.0.1:1", relay.url], identity=BEN, allow=ANYONE, known_relays=pins
        ) as listener,
    ):
        assert list(listener.faults) == ["ws://127.0.0.1:1"]


# -- refusals -----------------------------------------------------------------------------------


async def test_a_key_that_nobody_listens_under_is_not_found() -> None:
    async with running() as relay:
        with pytest.raises(duologue.PeerNotFound):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass


async def test_a_relay_that_is_not_there_is_unreachable(pins: Path) -> None:
    with pytest.raises(duologue.RelayUnreachable):
        async with duologue.dial("ws://127.0.0.1:1", to=BEN.public_key, identity=ANN):
            pass
    with pytest.raises(duologue.RelayUnreachable):
        async with duologue.listen(
            "ws://127.0.0.1:1", identity=BEN, allow=ANYONE, known_relays=pins
        ):
            pass


async def test_a_key_that_is_not_allowed_is_refused_by_the_listener(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow={ANN.public_key}, known_relays=pins
        ) as listener,
    ):
        with pytest.raises(duologue.HandshakeFailed, match="not allowed"):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=EVE):
                pass
        assert listener.rejected["not-allowed"] == 1
        assert not listener.peers


async def test_dialling_has_a_deadline(pins: Path) -> None:
    # A foreign relay hands over and says no more.
    relay = MinimalRelay()
    relay.continues = False
    limits = Limits(handshake_timeout_s=0.2)
    async with (
        minimal_relay(relay),
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, known_relays=pins, limits=limits, spares=1
        ) as listener,
    ):
        with pytest.raises(duologue.DeadlineExceeded):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, timeout=0.3):
                pass
        # The listener has given that handover up and has a new spare.
        await until(lambda: listener.rejected["timeout"] == 1 and relay.proved == 2)


def test_listening_without_saying_who_may_call_is_refused() -> None:
    with pytest.raises(ValueError, match=r"allow=duologue\.ANYONE"):
        duologue.listen("ws://127.0.0.1:1", identity=BEN)


async def test_plain_text_to_another_machine_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="insecure_plaintext"):
        duologue.listen("ws://relay.example", identity=BEN, allow=ANYONE)
    with pytest.raises(ValueError, match="insecure_plaintext"):
        async with duologue.dial("ws://192.0.2.1", to=BEN.public_key, identity=ANN):
            pass


# -- foreign peers on our relay -----------------------------------------------------------------


async def test_a_foreign_caller_reaches_our_listener(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(
            relay.url, identity=BEN, allow={ANN.public_key}, on_peer=offering, known_relays=pins
        ),
        plain_connect(relay.url, compression=None) as socket,
    ):
        dialogue = await Dialogue.connect(socket, ANN_SECRET, BEN.public_key)
        await dialogue.send_raw("keepalive")
        assert (await dialogue.call(0, 3, 12))["data"] == 144


async def test_we_reach_a_foreign_listener() -> None:
    async with running() as relay:
        socket = await register(relay.url, BEN_SECRET)

        async def listen() -> None:
            await wait_for_caller(socket)
            dialogue = await Dialogue.accept(socket, BEN_SECRET)
            assert await dialogue.serve_one(3, 144) == [12]
            with contextlib.suppress(PlainClosed):
                await socket.recv()

        listening = asyncio.create_task(listen())
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            assert await peer.send(3, 12) == 144
        await asyncio.wait_for(listening, PATIENCE_S)


async def test_two_foreign_peers_meet_on_our_relay() -> None:
    async with running() as relay:
        listener = await register(relay.url, BEN_SECRET)
        async with plain_connect(relay.url, compression=None) as caller:
            answering = asyncio.create_task(_accept(listener))
            asking = await Dialogue.connect(caller, ANN_SECRET, BEN.public_key)
            answered = await answering
            for message in ("hello", b"\x00" * 100_000, "é" * 40_000):
                await asking.send(message)
                assert await answered.recv() == message
                await answered.send(message)
                assert await asking.recv() == message
            await caller.close(1000, "Close called: enough")
            with pytest.raises(PlainClosed) as caught:
                await listener.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, "Close called: enough")


async def _accept(socket: Any) -> Dialogue:
    await wait_for_caller(socket)
    return await Dialogue.accept(socket, BEN_SECRET)


async def test_a_foreign_spare_is_pinged_and_stays() -> None:
    limits = RelayLimits(ping_interval_s=0.05, ping_timeout_s=5)
    async with running(limits=limits) as relay:
        socket = await register(relay.url, BEN_SECRET)
        for _ in range(3):
            assert json.loads(await socket.recv()) == {"command": "ping"}
            await socket.send('{"command":"pong"}')
        await socket.close()


async def test_a_silent_foreign_spare_is_dropped() -> None:
    limits = RelayLimits(ping_interval_s=0.05, ping_timeout_s=0.05)
    async with running(limits=limits) as relay:
        socket = await register(relay.url, BEN_SECRET)
        assert json.loads(await socket.recv()) == {"command": "ping"}
        with pytest.raises(PlainClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "Terminate called: Ping: Connection timed out"


@pytest.mark.parametrize(
    ("first", "text"),
    [
        ('{"command":"pong"}', "Received unexpected or malformed message from client."),
        (b"\x00", "Received message that is not a string message."),
        ("{}", "Received data does not match the data of a client message."),
        (
            json.dumps({"command": "register", "publicKey": "00" * 32}),
            "CYENC-ENSPUB: Data is not a public key",
        ),
        (
            request_for(ANN_SECRET, BEN.public_key),
            "No listening connection for the specified publicKey.",
        ),
    ],
)
async def test_refusals_have_code_1000_and_the_text_of_the_original(
    first: Message, text: str
) -> None:
    async with running() as relay, plain_connect(relay.url, compression=None) as socket:
        await socket.send(first)
        with pytest.raises(PlainClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, f"Close called: {text}")


async def test_a_first_message_above_4_kib_is_refused_and_one_at_it_is_read() -> None:
    text = '{"command":"pong","x":"%s"}'
    async with running() as relay:
        for size, code in ((4096, 1000), (4097, 1009)):
            async with plain_connect(relay.url, compression=None) as socket:
                await socket.send(text % ("x" * (size - len(text) + 2)))
                with pytest.raises(PlainClosed) as caught:
                    await socket.recv()
                assert caught.value.rcvd is not None
                assert caught.value.rcvd.code == code


# -- our peers on a foreign relay ---------------------------------------------------------------


async def test_ours_meet_on_a_foreign_relay(pins: Path) -> None:
    async with (
        minimal_relay() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
        duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
    ):
        assert await peer.send(3, 12) == 144
        assert peer.remote_key == BEN.public_key
    assert not pins.exists()


async def test_a_foreign_relay_says_that_nobody_is_there() -> None:
    async with minimal_relay() as relay:
        with pytest.raises(duologue.PeerNotFound):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass


async def test_a_listener_without_pings_registers_again(
    pins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "PING_GRACE_S", 0.05)
    relay = MinimalRelay()
    relay.ping_interval_ms = 50
    async with (
        minimal_relay(relay),
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins, spares=1),
    ):
        await until(lambda: relay.proved >= 3)


async def test_a_listener_comes_back_when_its_relay_does(pins: Path) -> None:
    async with running() as relay:
        port = relay.server.port
        listener = duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins
        )
        await listener.__aenter__()
    try:
        async with running(port=port) as relay:
            await relay.until(spares=2)
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
                assert await peer.send(3, 3) == 9
    finally:
        await listener.close()


# -- the relay's key ----------------------------------------------------------------------------


async def test_a_lasting_key_is_pinned_and_another_one_is_refused(pins: Path) -> None:
    async with running(identity=EVE) as relay:
        port, url = relay.server.port, relay.url
        async with duologue.listen(url, identity=BEN, allow=ANYONE, known_relays=pins):
            assert f"{url} {EVE}" in pins.read_text()
    async with running(identity=Identity.generate(), port=port) as relay:
        with pytest.raises(duologue.RelayKeyChanged, match="--forget-key"):
            async with duologue.listen(url, identity=BEN, allow=ANYONE, known_relays=pins):
                pass
        assert relay.server.exchange.switchboard.spares == 0


async def test_the_same_key_after_a_restart_is_welcome(pins: Path) -> None:
    port = 0
    for _ in range(2):
        async with running(identity=EVE, port=port) as relay:
            port = relay.server.port
            async with duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins):
                await relay.until(spares=2)


async def test_a_relay_without_a_lasting_key_is_not_pinned(pins: Path) -> None:
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins),
    ):
        pass
    assert not pins.exists()


class ChallengeThief(MinimalRelay):
    """Shows listeners the key and the challenge of an honest relay, to register there as them."""

    def __init__(self, honest: str) -> None:
        super().__init__()
        self._honest = honest

    async def challenge(self, public_key: str, plain: bytes) -> bytes:
        async with plain_connect(self._honest, compression=None) as socket:
            await socket.send(json.dumps({"command": "register", "publicKey": public_key}))
            asked = json.loads(await socket.recv())
        self.shown_key = bytes.fromhex(asked["publicKey"])
        return bytes.fromhex(asked["challenge"])


async def test_a_relay_that_passes_on_a_challenge_gets_no_answer_from_who_has_pinned(
    pins: Path,
) -> None:
    async with running(identity=EVE) as honest:
        thief = ChallengeThief(honest.url)
        thief.extra = {"persistentKey": True}
        async with minimal_relay(thief):
            pins.write_text(f"{thief.url} {bytes(thief.key.public_key).hex()}\n")
            with pytest.raises(duologue.RelayKeyChanged):
                async with duologue.listen(
                    thief.url, identity=BEN, allow=ANYONE, known_relays=pins
                ):
                    pass
        assert thief.proved == 0
        assert honest.server.exchange.switchboard.spares == 0


@pytest.mark.parametrize("whose", ["ours", "a known peer's"])
async def test_a_relay_that_shows_a_peers_key_gets_no_answer(pins: Path, whose: str) -> None:
    relay = MinimalRelay()
    relay.key = BEN_SECRET if whose == "ours" else ANN_SECRET
    relay.shown_key = bytes(relay.key.public_key)
    async with minimal_relay(relay):
        with pytest.raises(duologue.RelayRefused, match="key of a peer"):
            async with duologue.listen(
                relay.url, identity=BEN, allow={ANN.public_key}, known_relays=pins
            ):
                pass
    assert relay.proved == 0


@pytest.mark.parametrize("size", [32, 63, 65])
async def test_only_challenges_of_64_bytes_are_answered(pins: Path, size: int) -> None:
    class Odd(MinimalRelay):
        async def challenge(self, public_key: str, plain: bytes) -> bytes:
            return await super().challenge(public_key, bytes(size))

    async with minimal_relay(Odd()) as relay:
        with pytest.raises(duologue.RelayRefused):
            async with duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=pins):
                pass
        assert relay.proved == 0


# -- who may ------------------------------------------------------------------------------------


async def test_an_allow_list_is_read_again_when_it_changes(pins: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allow"
    allowed.write_text(f"{BEN} register  # the provider\n{ANN} request\n")
    async with (
        running(access=AccessFiles(allowed, None)) as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins, spares=1
        ),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            assert await peer.send(3, 2) == 4
        with pytest.raises(duologue.RelayRefused, match="may not ask"):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=EVE):
                pass
        await relay.until(spares=1)
        allowed.write_text(f"{EVE} request\n")
        await relay.until(spares=0)
        with pytest.raises(duologue.RelayRefused):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass
        allowed.unlink()
        await until(lambda: bool(relay.server.access and relay.server.access.fault))
        with pytest.raises(duologue.RelayRefused):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=EVE):
                pass


async def test_tokens_come_in_a_header_or_in_the_first_message(pins: Path, tmp_path: Path) -> None:
    provider, provider_line = new_token()
    guest, guest_line = new_token()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{provider_line} register\n{guest_line} request\n")
    async with (
        running(access=AccessFiles(None, tokens)) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
            token=provider,
        ),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, token=guest) as peer:
            assert await peer.send(3, 2) == 4
        for wrong in (None, provider, "nonsense"):
            with pytest.raises(duologue.RelayRefused):
                async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, token=wrong):
                    pass
        async with plain_connect(relay.url, compression=None) as socket:
            request = json.loads(request_for(ANN_SECRET, BEN.public_key))
            await socket.send(json.dumps({**request, "token": guest}))
            assert json.loads(await socket.recv()) == {"command": "communication_ready"}


def test_an_open_relay_that_others_can_reach_does_not_start() -> None:
    async def make() -> None:
        RelayServer(host="0.0.0.0")

    with pytest.raises(ValueError, match="allow-list or tokens"):
        asyncio.run(make())


# -- TLS ----------------------------------------------------------------------------------------


def trusting(certificate: Path) -> tls.SSLContext:
    return tls.create_default_context(cafile=str(certificate))


async def test_a_conversation_over_tls(pins: Path) -> None:
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        trust = trusting(CERTIFICATE)
        async with (
            duologue.listen(
                relay.url,
                identity=BEN,
                allow=ANYONE,
                on_peer=offering,
                known_relays=pins,
                ssl=trust,
            ),
            duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=trust) as peer,
        ):
            assert relay.url.startswith("wss:")
            assert await peer.send(4, "x" * 200_000) == ["x" * 200_000]


async def test_a_certificate_nobody_vouches_for_is_refused_and_plain_text_too() -> None:
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        with pytest.raises(duologue.RelayUnreachable, match="certificate verify failed"):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                pass
        plain = relay.url.replace("wss:", "ws:")
        with pytest.raises(duologue.RelayError):
            async with duologue.dial(plain, to=BEN.public_key, identity=ANN):
                pass


@pytest.mark.parametrize(
    ("certificate", "complaint"),
    [("expired", "expired"), ("elsewhere", "Hostname mismatch"), ("second", "self-signed")],
)
async def test_a_wrong_certificate_is_refused_for_what_is_wrong(
    certificate: str, complaint: str
) -> None:
    file = TLS / f"{certificate}.pem"
    trust = None if certificate == "second" else trusting(file)
    async with running(host="localhost", tls=TlsFiles(file, file)) as relay:
        with pytest.raises(duologue.RelayUnreachable, match=complaint):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=trust):
                pass
        assert not relay.events


async def test_tls_below_1_2_is_refused() -> None:
    old = trusting(CERTIFICATE)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = tls.TLSVersion.TLSv1
        old.maximum_version = tls.TLSVersion.TLSv1_1
    async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
        with pytest.raises(duologue.RelayUnreachable):
            async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN, ssl=old):
                pass


async def test_a_renewed_certificate_is_used_and_nobody_is_dropped(
    pins: Path, tmp_path: Path
) -> None:
    file = tmp_path / "relay.pem"
    shutil.copy(CERTIFICATE, file)
    async with (
        running(host="localhost", tls=TlsFiles(file, file)) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=pins,
            ssl=trusting(CERTIFICATE),
            spares=3,
        ),
        duologue.dial(
            relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(CERTIFICATE)
        ) as peer,
    ):
        assert relay.server.tls is not None
        file.write_text("half a file")
        await until(lambda: bool(relay.server.tls and relay.server.tls.fault))
        async with duologue.dial(
            relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(CERTIFICATE)
        ) as other:
            assert await other.send(3, 2) == 4
        shutil.copy(TLS / "second.pem", file)
        await until(lambda: bool(relay.server.tls and not relay.server.tls.fault))
        async with duologue.dial(
            relay.url, to=BEN.public_key, identity=ANN, ssl=trusting(TLS / "second.pem")
        ) as other:
            assert await other.send(3, 3) == 9
        assert await peer.send(3, 4) == 16


# -- the end ------------------------------------------------------------------------------------


async def test_draining_lets_calls_finish_and_closes_spares_with_1001(pins: Path) -> None:
    release = asyncio.Event()

    def on_peer(peer: WebsocketPromisifier) -> None:
        async def slow() -> str:
            await release.wait()
            return "done"

        peer.add_service(9, slow)

    async with running() as relay:
        foreign = await register(relay.url, EVE_SECRET)
        async with (
            duologue.listen(
                relay.url, identity=BEN, allow=ANYONE, on_peer=on_peer, known_relays=pins, spares=1
            ),
            duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer,
        ):
            call = peer.send(9)
            draining = asyncio.create_task(relay.server.drain(2))
            with pytest.raises(PlainClosed) as caught:
                await asyncio.wait_for(foreign.recv(), PATIENCE_S)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1001
            with pytest.raises(duologue.RelayUnreachable):
                async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN):
                    pass
            release.set()
            assert await call == "done"
            await asyncio.wait_for(draining, PATIENCE_S)
        assert len(relay.server.door) == 0


async def test_closing_at_once_ends_every_connection(pins: Path) -> None:
    async with running() as relay:
        listener = duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins
        )
        await listener.__aenter__()
        dialled = duologue.dial(relay.url, to=BEN.public_key, identity=ANN)
        peer = await dialled.__aenter__()
        await asyncio.wait_for(relay.server.close(), 2)
        with pytest.raises(duologue.ConnectionClosed):
            await peer.send(3, 2)
        await dialled.__aexit__(None, None, None)
        await listener.close()


# -- what the relay knows -----------------------------------------------------------------------


async def test_the_relay_notes_sizes_and_no_payload(pins: Path) -> None:
    canary = "CANARY-PAYLOAD"
    async with (
        running() as relay,
        duologue.listen(relay.url, identity=BEN, allow=ANYONE, on_peer=offering, known_relays=pins),
    ):
        async with duologue.dial(relay.url, to=BEN.public_key, identity=ANN) as peer:
            await peer.send(4, canary)
        await until(lambda: bool(relay.noted(Parted)))
    assert relay.noted(Joined)
    assert not relay.noted(Refused)
    assert canary not in repr(relay.events)


async def test_connections_of_one_address_are_limited_at_the_limit() -> None:
    limits = replace(RelayLimits(), max_connections_per_address=2)
    async with (
        running(limits=limits) as relay,
        plain_connect(relay.url, compression=None),
        plain_connect(relay.url, compression=None),
    ):
        with pytest.raises(InvalidMessage):
            await plain_connect(relay.url, compression=None)


async def test_closing_drops_those_that_have_not_finished_their_opening() -> None:
    async with running() as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.server.port)
        await until(lambda: relay.server.door.strangers == 1)
        await asyncio.wait_for(relay.server.close(), 2)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_pins_that_cannot_be_kept_do_not_keep_a_listener_from_listening(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    async with (
        running(identity=EVE) as relay,
        duologue.listen(
            relay.url, identity=BEN, allow=ANYONE, known_relays=tmp_path / "file" / "known"
        ),
    ):
        await relay.until(spares=2)
    assert "cannot be kept" in caplog.text
