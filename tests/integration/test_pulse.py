"""Lifesigns and stopped readers over real sockets, with short limits."""

import asyncio
from pathlib import Path

import duologue
from duologue import ANYONE, Identity, Limits
from duologue.connection.base import ConnectionState, Message
from duologue.endpoints.meeting_point import meet
from duologue.errors import LimitExceeded
from duologue.protocol.closing import NO_LIFESIGN, takes_nothing_text
from tests.fault_proxy import fault_proxy
from tests.integration.loopback import PATIENCE_S, closed, dialled, serving
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import offering, running, until
from tests.integration.relay_loopback import pins as pins

QUICK = Limits(keepalive_interval_s=0.1, keepalive_timeout_s=0.3)
PATIENT = Limits(keepalive_interval_s=0.1, keepalive_timeout_s=60)
"""Pings often; gives up only after longer than any test takes."""

VANISHED = (1006, f"Terminate called: {NO_LIFESIGN}")
PING = b"\x89\x00"
PONG = b"\x8a\x80\x00\x00\x00\x00"
"""Masked, as a client's must be."""


class RawClient:
    """A WebSocket client that sends what a test says, and answers nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def next_ping(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert await self.reader.readexactly(2) == PING

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()


async def raw_client(port: int) -> RawClient:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (
        "GET / HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return RawClient(reader, writer)


async def test_both_sides_of_a_plain_connection_notice_that_the_other_has_vanished() -> None:
    async with (
        serving(QUICK, hosts=("127.0.0.1",)) as served,
        fault_proxy(served.port) as proxy,
        dialled(proxy.url, QUICK) as ours,
    ):
        theirs = await served.next()
        proxy.black_hole()
        assert await closed(ours) == VANISHED
        assert await closed(theirs) == VANISHED


async def test_whoever_answers_pings_stays_and_who_ceases_to_is_dropped() -> None:
    async with serving(PATIENT) as served:
        client = await raw_client(served.port)
        connection = await served.next()
        for _ in range(5):
            await client.next_ping()
            client.writer.write(PONG)
        assert connection.state.current_state is ConnectionState.OPEN
        client.writer.close()
        await closed(connection)
    async with serving(QUICK) as served:
        client = await raw_client(served.port)
        connection = await served.next()
        await client.next_ping()
        assert await closed(connection) == VANISHED
        client.writer.close()


async def test_a_side_that_does_not_read_still_shows_that_it_is_there() -> None:
    async with serving(PATIENT) as served:
        client = await raw_client(served.port)
        connection = await served.next()
        # Nobody listens, so it is read no more after this.
        big = b"x" * (PATIENT.max_message_bytes + 1)
        for _ in range(2):
            client.writer.write(b"\x82\xff" + (len(big) - 2).to_bytes(8, "big") + bytes(4))
            client.writer.write(big[2:])
        client.writer.write(b"\x82\x84" + bytes(4) + b"more")
        # However long this machine takes to bring them.
        while connection.on_message.backlog_bytes <= PATIENT.max_message_bytes:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for _ in range(5):
            await client.next_ping()
        assert connection.state.current_state is ConnectionState.OPEN
        client.writer.transport.abort()


async def test_a_peer_that_takes_nothing_is_ended_and_the_reason_is_told() -> None:
    limits = Limits(write_timeout_s=0.2, max_unsent_bytes=1 << 30)
    async with (
        serving(limits, hosts=("127.0.0.1",)) as served,
        fault_proxy(served.port) as proxy,
        dialled(proxy.url) as ours,
    ):
        theirs = await served.next()
        proxy.faults.stalled = {"down"}
        # More than what systems keep for a socket.
        for _ in range(40):
            theirs.send(b"x" * 1_000_000)
        assert await closed(theirs) == (1006, takes_nothing_text(0.2))
        assert isinstance(theirs.failure, LimitExceeded)
        assert (theirs.failure.limit, theirs.failure.value) == ("write_timeout_s", 0.2)
        # It reads nothing, so it does not learn of it.
        assert ours.state.current_state is ConnectionState.OPEN


async def test_encrypted_conversations_have_a_pulse_of_their_own_and_send_no_pings() -> None:
    limits = Limits(keepalive_interval_s=0.02, keepalive_timeout_s=60, handshake_timeout_s=0.5)
    me = Identity.generate()
    async with duologue.serve(identity=me, allow=ANYONE, limits=limits) as server:
        client = await raw_client(server.port)
        # Ended as no key was agreed on.
        rest = await client.rest()
        client.writer.close()
        assert b"No key was agreed on" in rest
        assert PING not in rest


async def test_a_vanished_plain_peer_comes_back_by_itself() -> None:
    limits = Limits(
        keepalive_interval_s=0.1,
        keepalive_timeout_s=0.3,
        reconnect_pause_s=0.01,
        connect_timeout_s=1,
    )
    async with (
        duologue.serve(hosts=["127.0.0.1"], limits=limits, on_peer=offering) as server,
        fault_proxy(server.port) as proxy,
        duologue.connect(proxy.url, limits=limits, reconnect=True) as peer,
    ):
        assert await peer.send(3, 7) == 49
        proxy.black_hole()
        await until(lambda: not peer.is_connected and not server.peers)
        proxy.go_on()
        async with asyncio.timeout(PATIENCE_S):
            assert await peer.send(3, 8) == 64
        assert peer.stats.reconnects_total >= 1


async def test_through_a_meeting_point_the_pulse_reaches_the_relay_only(pins: Path) -> None:
    async with (
        running(meeting_points=True, hosts=["127.0.0.1"]) as relay,
        fault_proxy(relay.server.port) as proxy,
    ):
        first, other = await asyncio.gather(
            meet(proxy.url, "tea", PATIENT, PATIENCE_S),
            meet(relay.url, "tea", Limits(), PATIENCE_S),
        )
        arrived: list[Message] = []
        other.on_message.listen(arrived.append)
        passed = proxy.passed_bytes
        await until(lambda: proxy.passed_bytes >= passed + 5 * (len(PING) + len(PONG)))
        first.send("then a message")
        await until(lambda: bool(arrived))
        assert arrived == ["then a message"]
        for connection in (first, other):
            connection.close()
            await closed(connection)
