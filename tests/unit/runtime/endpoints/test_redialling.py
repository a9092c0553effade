"""The search for another connection: how often, how long, and when it ends (reliability 3, 10)."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.redialling import MAX_LOGGED_CHARACTERS, WARNING_INTERVAL_S, Redialling
from duologue.endpoints.verdicts import MAX_REFUSALS
from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    HttpRefused,
    HttpUnavailable,
    IdentityMismatch,
    PeerNotFound,
    ProtocolError,
    RelayRefused,
    RelayUnreachable,
)
from duologue.limits import Limits
from duologue.promisifier.own_call import NO_DEADLINE, Call
from duologue.promisifier.reconnecting import ReconnectingPromisifier
from duologue.protocol.backoff import STEADY_S, Backoff
from tests.reconnect_support import Repeatable, lose
from tests.support import PlainReading, turns
from tests.virtual_time import at_once

AWAY = ConnectionClosed(1006, "nobody there", sent="no")
DENIED = HttpRefused("answered HTTP 403", 403)


class World:
    """A server that is there or not. Times count from the beginning."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun_s = self.loop.time()
        self.tries: list[float] = []
        self.faults: list[DuologueError] = []
        """Of the next tries; then `fault`."""
        self.fault: DuologueError | None = None
        self.greeted = 0
        self.wire: Connection
        self.redialling = Redialling(self._dial, Backoff(), chance=chance)
        self.peer = ReconnectingPromisifier(self._pair(), Limits())
        self.task = asyncio.ensure_future(self.redialling.keep(self.peer, self._greet))

    @property
    def now_s(self) -> float:
        return self.loop.time() - self.begun_s

    def _pair(self) -> Connection:
        connection, self.wire = connected_pair()
        return connection

    async def _dial(self) -> Connection:
        self.tries.append(round(self.now_s, 6))
        await asyncio.sleep(0)
        fault = self.faults.pop(0) if self.faults else self.fault
        if fault is not None:
            raise fault
        return self._pair()

    def _greet(self, _peer: ReconnectingPromisifier, _connection: Connection) -> None:
        self.greeted += 1

    async def lose(self) -> None:
        lose(self.wire)
        await turns(20)

    def call(self) -> Call[bytes | None]:
        reading = PlainReading()
        return self.peer.start_call(reading, b"[]", reading, NO_DEADLINE)


@asynccontextmanager
async def world(chance: Callable[[], float] = lambda: 1.0) -> AsyncGenerator[World]:
    made = World(chance)
    await turns(4)
    yield made
    made.task.cancel()
    await asyncio.wait([made.task])
    made.peer.close()
    await made.peer.promise.wait()


# -- how often ----------------------------------------------------------------------------------


@at_once
async def test_a_lost_connection_is_made_anew_after_a_pause() -> None:
    async with world(lambda: 0.5) as there:
        await there.lose()
        assert there.tries == []
        await asyncio.sleep(0.6)
        assert there.tries == [0.5]
        assert there.peer.is_connected
        assert there.greeted == 1


@at_once
async def test_one_that_was_closed_in_good_order_too() -> None:
    async with world() as there:
        there.wire.close("the server is shutting down")
        await asyncio.sleep(1.1)
        assert there.peer.is_connected
        assert not there.peer.promise.done()


@at_once
async def test_pauses_are_short_at_first_and_then_double_up_to_half_a_minute() -> None:
    async with world() as there:
        there.fault = AWAY
        await there.lose()
        await asyncio.sleep(130)
        assert there.tries == [1, 3, 5, 7, 11, 19, 35, 65, 95, 125]


@at_once
async def test_a_server_that_takes_and_drops_connections_is_tried_no_more_often() -> None:
    async with world(lambda: 0.01) as there:
        for _ in range(29):
            await there.lose()
            await asyncio.sleep(1)
        assert len(there.tries) == 6


@at_once
async def test_after_a_steady_connection_pauses_are_short_again() -> None:
    async with world() as there:
        for _ in range(5):
            await there.lose()
            await asyncio.sleep(4.1)
        await asyncio.sleep(STEADY_S)
        lost_s = there.now_s
        await there.lose()
        await asyncio.sleep(2)
        assert there.tries[-1] == pytest.approx(lost_s + 1)


@at_once
async def test_a_call_makes_the_next_try_come_at_once() -> None:
    async with world() as there:
        there.fault = AWAY
        await there.lose()
        await asyncio.sleep(40)
        assert there.tries[-1] == 35
        there.fault = None
        there.call()
        await turns(20)
        assert there.tries[-1] == 40
        assert there.peer.is_connected


@at_once
async def test_but_not_if_the_last_one_was_a_moment_ago() -> None:
    async with world() as there:
        there.fault = AWAY
        await there.lose()
        await asyncio.sleep(3.5)
        there.call()
        await turns(20)
        assert there.tries == [1, 3]


@at_once
async def test_an_outage_of_three_seconds_is_over_two_seconds_later() -> None:
    for seed in range(200):
        async with world(random.Random(seed).random) as there:
            there.fault = AWAY
            await there.lose()
            await asyncio.sleep(3)
            there.fault = None
            await asyncio.sleep(2)
            assert there.peer.is_connected


# -- how long -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        AWAY,
        PeerNotFound("nobody listens"),
        RelayUnreachable("away"),
        HttpUnavailable("answered HTTP 503", 503),
        HttpRefused("answered HTTP 404", 404),
        ProtocolError("no WebSocket"),
    ],
    ids=str,
)
@at_once
async def test_what_may_pass_is_tried_again_for_ever(fault: DuologueError) -> None:
    async with world() as there:
        await asyncio.sleep(1)
        there.fault = fault
        await there.lose()
        await asyncio.sleep(3600)
        assert len(there.tries) > 100
        assert not there.peer.promise.done()


@at_once
async def test_when_to_come_again_is_obeyed_whoever_calls() -> None:
    async with world() as there:
        there.fault = HttpUnavailable("answered HTTP 503", 503, retry_after_s=40)
        await there.lose()
        await asyncio.sleep(39)
        there.call()
        await asyncio.sleep(5)
        first, second = there.tries
        assert first == 1
        # Whoever was sent away with the same words does not come in the same moment.
        assert 41 <= second <= 43


@pytest.mark.parametrize(
    "fault",
    [
        RelayRefused("You may not ask for others here."),
        IdentityMismatch("somebody else"),
    ],
    ids=lambda fault: type(fault).__name__,
)
@at_once
async def test_what_another_try_cannot_heal_ends_it(fault: DuologueError) -> None:
    async with world() as there:
        there.fault = fault
        waiting = there.peer.start_call(Repeatable(), b"[]", Repeatable(), NO_DEADLINE)
        await there.lose()
        await asyncio.wait([there.task])
        assert there.task.exception() is None
        assert there.tries == [1]
        for outcome in (await there.peer.promise.wait(), waiting.exception()):
            assert isinstance(outcome, ConnectionClosed)
            assert outcome.__cause__ is fault


@at_once
async def test_calls_after_that_say_why() -> None:
    async with world() as there:
        there.fault = IdentityMismatch("somebody else")
        await there.lose()
        await asyncio.wait([there.task])
        with pytest.raises(ConnectionClosed, match="not connected again: somebody else") as caught:
            await there.call()
        assert caught.value.sent == "no"
        assert caught.value.__cause__ is there.fault


@at_once
async def test_a_right_must_be_denied_twice_in_a_row() -> None:
    assert MAX_REFUSALS == 2
    async with world() as there:
        await asyncio.sleep(1)
        there.faults = [DENIED, AWAY, DENIED]
        await there.lose()
        await asyncio.sleep(20)
        assert there.peer.is_connected
        there.fault = DENIED
        tries_before = len(there.tries)
        await there.lose()
        await asyncio.wait([there.task])
        assert there.peer.state == "closed"
        assert len(there.tries) - tries_before == MAX_REFUSALS


@at_once
async def test_a_first_connection_is_not_waited_for_where_nothing_of_ours_is() -> None:
    for fault in (DENIED, HttpRefused("answered HTTP 200", 200), ProtocolError("no WebSocket")):
        async with world() as there:
            there.faults = [AWAY, fault]
            with pytest.raises(type(fault)):
                await there.redialling.first()
            assert there.redialling.last_fault is fault


# -- what one is told ---------------------------------------------------------------------------


@at_once
async def test_its_state_says_what_happens() -> None:
    async with world() as there:
        there.faults = [AWAY]
        changes = there.peer.state_changes()
        assert there.peer.state == "connected"
        await there.lose()
        await asyncio.sleep(10)
        there.peer.close()
        met = [state async for state in changes]
    assert [each.value for each in met] == [
        *("waiting", "connecting", "waiting", "connecting", "connected", "closed")
    ]


@at_once
async def test_each_connection_says_why_it_was_lost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "duologue")
    async with world() as there:
        there.wire.close("the server is shutting down")
        await asyncio.sleep(2)
    lost, found = (record.getMessage() for record in caplog.records)
    assert "the server is shutting down" in lost
    assert "has taken the place" in found


@at_once
async def test_what_goes_on_is_a_warning_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as there:
        there.fault = ConnectionClosed(1006, "says\r\nERROR " + "x" * 500, sent="no")
        await there.lose()
        await asyncio.sleep(10 * WARNING_INTERVAL_S)
        assert 8 <= len(caplog.records) <= 10
        for record in caplog.records:
            assert record.levelname == "WARNING"
            assert "\n" not in record.getMessage()
            assert len(record.getMessage()) <= MAX_LOGGED_CHARACTERS + 40
