"""Those who get nowhere at a relay: before they are known, or because they want too much."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage

from tests.foreign_peer import request_for
from tests.foreign_relay import register, say, wait_for_caller
from tests.relay_process import LINUX, RelayProcess, relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch

pytestmark = pytest.mark.xdist_group("measuring")

ANN_SECRET = PrivateKey.generate()
MIB = 2**20
ELSEWHERE = "127.0.0.2"
"""An address of its own, for those who misbehave. (Linux has all of 127.0.0.0/8.)"""


# -- strangers (row 33) -------------------------------------------------------------------------


Being = Callable[[RelayProcess], Awaitable[asyncio.StreamReader]]
"""One way of getting nowhere."""


async def be_silent(relay: RelayProcess) -> asyncio.StreamReader:
    """A socket and nothing else."""
    return await raw(relay, b"")


async def be_half_done(relay: RelayProcess) -> asyncio.StreamReader:
    """Half an opening handshake."""
    return await raw(relay, b"GET / HTTP/1.1\r\nHost: 127")


async def be_upgraded(relay: RelayProcess) -> asyncio.StreamReader:
    """A WebSocket that says nothing."""
    return await raw(relay, opening(relay))


async def be_unproved(relay: RelayProcess) -> asyncio.StreamReader:
    """One that registers and does not answer the challenge."""
    text = json.dumps({"command": "register", "publicKey": bytes(ANN_SECRET.public_key).hex()})
    frame = bytes((0x81, 0x80 | len(text))) + bytes(4) + text.encode()
    return await raw(relay, opening(relay) + frame)


async def raw(relay: RelayProcess, said: bytes) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", relay.port, local_addr=(ELSEWHERE, 0)
    )
    _writers.append(writer)
    writer.write(said)
    return reader


_writers: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
async def sockets_are_closed() -> AsyncGenerator[None]:
    yield
    for writer in _writers:
        writer.transport.abort()
    _writers.clear()
    await asyncio.sleep(0)


def opening(relay: RelayProcess, more: str = "") -> bytes:
    return (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{relay.port}\r\n{more}Upgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def ended_by(data: bytes) -> bytes:
    """What came behind the head of the answer."""
    return data.partition(b"\r\n\r\n")[2]


@LINUX
@pytest.mark.parametrize("be", [be_silent, be_half_done, be_upgraded, be_unproved])
async def test_strangers_are_few_cheap_and_short_lived(be: Being) -> None:
    """Catalogue row 33: one socket more than may be, of each kind; with a tenth of the time."""
    limits = {
        "first_message_timeout_s": 3,
        "challenge_timeout_s": 3,
        "close_timeout_s": 0.2,
        "registers_per_min_per_address": 1e6,
        "registers_per_min_per_key": 1e6,
    }
    async with relay_process(limits=limits) as relay:
        await (await register(relay.url, PrivateKey.generate())).close()
        before_mib = relay.memory_mib()
        watch = Stopwatch(relay.pid)
        readers = await asyncio.gather(*(be(relay) for _ in range(65)))
        await asyncio.sleep(0.1)
        assert await relay.metric("strangers") == 64
        assert await relay.metric('limit_hits_total{limit="max_unauthenticated_per_address"}') == 1
        grown_kib = (relay.memory_mib() - before_mib) * 1024 / 64
        print(f"{grown_kib:.1f} KiB each")
        assert grown_kib <= 24
        # Others come in meanwhile.
        waits: list[float] = []
        for _ in range(5):
            asking = Stopwatch(relay.pid)
            await (await register(relay.url, PrivateKey.generate())).close()
            waits.append(asking.seconds)
        assert max(waits) <= 0.5
        for reader in readers:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert watch.seconds <= 5
        assert await relay.metric("strangers") == 0


@pytest.mark.slow
@LINUX
async def test_two_thousand_strangers_of_many_addresses_cost_what_is_promised() -> None:
    """Catalogue row 33: with the limits that everybody has."""
    async with relay_process(limits={"new_connections_burst_per_address": 1e4}) as relay:
        await (await register(relay.url, PrivateKey.generate())).close()
        before_mib, watch = relay.memory_mib(), Stopwatch(relay.pid)
        readers: list[asyncio.StreamReader] = []
        for number in range(2000):
            address = f"127.0.1.{1 + number // 64}"
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", relay.port, local_addr=(address, 0)
            )
            _writers.append(writer)
            if number % 2:
                writer.write(opening(relay))
            readers.append(reader)
        opened_s = watch.seconds
        grown_kib = (relay.memory_mib() - before_mib) * 1024 / await relay.metric("strangers")
        print(f"2000 strangers in {opened_s:.1f} s: {grown_kib:.1f} KiB each")
        assert grown_kib <= 24
        for reader in readers:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert watch.seconds - opened_s <= 12
        await (await register(relay.url, PrivateKey.generate())).close()


async def test_one_byte_at_a_time_wins_no_time() -> None:
    """Catalogue row 33."""
    async with relay_process(limits={"first_message_timeout_s": 0.5}) as relay:
        reader = await raw(relay, b"")
        writer = _writers[-1]
        watch = Stopwatch(relay.pid)
        for byte in opening(relay):
            if writer.is_closing() or reader.at_eof():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        assert watch.seconds <= 2
        assert ended_by(await reader.read()) == b""


# -- registrations and requests without end (row 34) --------------------------------------------


class Refilling:
    """A listener that keeps so many spares registered, each handed over to be hung up on."""

    def __init__(self, relay: RelayProcess, spares: int) -> None:
        self.own = PrivateKey.generate()
        self.handed_over = 0
        self.registered = 0
        self._relay = relay
        self._spares = spares
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep_one()) for _ in range(self._spares)]
            await self._ready.wait()
            yield
            for task in tasks:
                task.cancel()

    async def _keep_one(self) -> None:
        while True:
            spare = await register(self._relay.url, self.own)
            try:
                self.registered += 1
                if self.registered == self._spares:
                    self._ready.set()
                await wait_for_caller(spare)
                self.registered -= 1
                self.handed_over += 1
                await say(spare, "communication_ready")
                with contextlib.suppress(PlainClosed):
                    await spare.recv()
                    await asyncio.sleep(0.01)
            finally:
                await spare.close()


async def ask(relay: RelayProcess, target: PrivateKey, address: str) -> str:
    """One request; what came of it: `ready`, or the reason of the refusal."""
    try:
        async with plain_connect(
            relay.url, compression=None, local_addr=(address, 0), close_timeout=1
        ) as caller:
            await caller.send(request_for(PrivateKey.generate(), bytes(target.public_key)))
            message = await asyncio.wait_for(caller.recv(), PATIENCE_S)
            return "ready" if "communication_ready" in str(message) else str(message)
    except PlainClosed as error:
        return error.rcvd.reason if error.rcvd is not None else "closed"
    except (OSError, InvalidMessage):
        return "dropped"


@LINUX
async def test_who_asks_for_one_key_without_end_does_not_use_up_its_spares() -> None:
    """Catalogue row 34, small: 50 requests a second for 3 s from one address."""
    async with relay_process(limits={"registers_per_min_per_address": 1e6}) as relay:
        target = Refilling(relay, spares=8)
        async with target.listening():
            watch = Stopwatch(relay.pid)
            attacks: list[asyncio.Task[str]] = []
            honest: list[str] = []
            spares: list[int] = []
            while watch.wall_s < 3:
                attacks.append(asyncio.create_task(ask(relay, target.own, ELSEWHERE)))
                await asyncio.sleep(0.02)
                if watch.wall_s > 1:
                    spares.append(target.registered)
                if len(attacks) % 15 == 0:
                    honest.append(await ask(relay, target.own, "127.0.0.1"))
            punctuality = watch.punctuality
            outcomes = await asyncio.gather(*attacks)
            assert honest == ["ready"] * len(honest)
            # At once 20, then one in a second.
            assert 20 <= outcomes.count("ready") <= 21 + watch.wall_s
            assert "Close called: Too many requests." in outcomes
            # It is this process that has to register new ones.
            assert sum(spares) / len(spares) >= 0.8 * 8 * punctuality**2


@LINUX
async def test_who_registers_without_end_is_refused_before_it_costs_anything() -> None:
    """Catalogue rows 34 and 35, small: each of these would cost the relay a key agreement."""
    async with relay_process() as relay:

        async def bogus() -> str:
            key = bytes(PrivateKey.generate().public_key).hex()
            try:
                async with plain_connect(
                    relay.url, compression=None, local_addr=(ELSEWHERE, 0), close_timeout=1
                ) as socket:
                    await say(socket, "register", publicKey=key)
                    return "challenged" if "challenge" in str(await socket.recv()) else "?"
            except PlainClosed as error:
                return error.rcvd.reason if error.rcvd is not None else "closed"
            except (OSError, InvalidMessage):
                return "dropped"

        watch = Stopwatch()
        outcomes: list[str] = []
        for _ in range(20):
            outcomes += await asyncio.gather(*(bogus() for _ in range(10)))
        seconds = watch.wall_s
        # Half a minute's number at once, then one in a second.
        assert 30 <= outcomes.count("challenged") <= 31 + seconds
        assert "Close called: Too many registrations." in outcomes
        assert outcomes.count("dropped") >= 200 - 100 - 20 * seconds - 1
        asking = Stopwatch(relay.pid)
        await (await register(relay.url, PrivateKey.generate())).close()
        assert asking.seconds <= 0.5


# -- what is no request of ours (row 51) --------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: HERE\r\nOrigin: https://elsewhere.example\r\nUPGRADE", 403),
        ("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nUPGRADE", 403),
        ("GET / HTTP/1.1\r\nUPGRADE", 400),
        ("GET / HTTP/1.1\r\nHost: HERE\r\n" + "X: y\r\n" * 10_000 + "UPGRADE", 431),
        (f"GET / HTTP/1.1\r\nHost: HERE\r\nX: {'y' * MIB}\r\nUPGRADE", 431),
        ("GET / HTTP/1.1\r\nHost: HERE\r\n\r\n", 426),
        ("GET /metrics HTTP/1.1\r\nHost: HERE\r\n\r\n", 426),
    ],
    ids=["origin", "host", "no host", "10000 headers", "1 MiB header", "no upgrade", "health"],
)
async def test_foreign_requests_are_refused_before_anything(head: str, status: int) -> None:
    """Catalogue row 51. Health and metrics are on a port of their own."""
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with relay_process() as relay:
        text = head.replace("HERE", f"127.0.0.1:{relay.port}").replace("UPGRADE", upgrade)
        reader = await raw(relay, text.encode())
        line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        assert line.startswith(f"HTTP/1.1 {status} ".encode())
        assert (await relay.admin("/readyz"))[0] == 200
