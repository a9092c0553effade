"""What peers are owed that take nothing: bounded together, and who is owed most is ended."""

import pytest

from duologue import Limits, WebsocketPromisifier
from duologue.connection.base import Connection, ConnectionState
from duologue.errors import LimitExceeded
from duologue.promisifier.budget import Budget
from duologue.promisifier.debts import Debts
from duologue.promisifier.promisifier import create_websocket_promisifier
from duologue.testing import connected_pair
from tests.support import turns

LIMITS = Limits(max_unsent_bytes_total=200_000)
OPEN, CLOSED = ConnectionState.OPEN, ConnectionState.CLOSED


class Bench:
    """Connections of which the other sides read nothing: no turn of the loop passes by itself."""

    def __init__(self, *addresses: str) -> None:
        self.debts = Debts(LIMITS)
        self.all = [self._opened(each) for each in addresses]

    def _opened(self, address: str) -> Connection:
        connection, _other = connected_pair()
        connection.address_group = address
        self.debts.watch(connection)
        return connection

    def send(self, *sizes: int) -> list[ConnectionState]:
        """Each sends so much; returns how they stand."""
        for connection, size in zip(self.all, sizes, strict=True):
            if size:
                connection.send(b"x" * size)
        return [each.state.current_state for each in self.all]


async def test_at_the_limit_nobody_is_ended_and_above_it_who_has_most() -> None:
    assert Bench("a", "b").send(120_000, 80_000) == [OPEN, OPEN]
    assert Bench("a", "b").send(120_000, 80_001) == [CLOSED, OPEN]


async def test_the_failure_says_which_limit_it_was() -> None:
    bench = Bench("a", "b")
    bench.send(120_000, 80_001)
    failure = bench.all[0].failure
    assert isinstance(failure, LimitExceeded)
    assert (failure.limit, failure.value, failure.met) == (
        "max_unsent_bytes_total",
        200_000,
        200_001,
    )


async def test_the_address_that_has_most_is_looked_for_first() -> None:
    states = Bench("many", "many", "many", "honest").send(60_000, 50_000, 40_000, 100_000)
    assert states == [CLOSED, OPEN, OPEN, OPEN]


async def test_connections_of_unknown_addresses_are_each_for_themselves() -> None:
    bench = Bench("", "", "known")
    bench.send(70_000, 70_000, 80_000)
    await turns(1)
    assert [each.state.current_state for each in bench.all] == [OPEN, OPEN, CLOSED]


async def test_whoever_writes_is_ended_when_its_write_is_done() -> None:
    bench = Bench("a", "b")
    assert bench.send(80_000, 120_001) == [OPEN, OPEN]
    await turns(1)
    assert bench.all[1].state.current_state is CLOSED


async def test_the_only_one_is_never_ended_for_the_others() -> None:
    bench = Bench("a")
    bench.send(200_001)
    assert bench.debts.bytes == 200_001
    await turns(2)
    assert bench.all[0].state.current_state is OPEN


async def test_what_has_been_taken_meanwhile_does_not_count() -> None:
    bench = Bench("a", "b")
    bench.send(190_000, 0)
    await turns(3)
    assert bench.debts.bytes == 0
    assert bench.send(0, 190_000) == [OPEN, OPEN]


async def test_messages_that_are_added_while_it_is_shut_count_too() -> None:
    bench = Bench("a", "b")
    bench.send(50_000, 90_000)
    assert bench.send(60_000, 0) == [OPEN, OPEN]
    assert bench.debts.bytes == 200_000
    assert bench.send(0, 1) == [CLOSED, OPEN]


async def test_a_connection_that_ends_is_counted_no_more() -> None:
    bench = Bench("a", "b")
    bench.send(100_000, 100_000)
    bench.all[0].terminate("test")
    assert bench.debts.bytes == 100_000
    bench.debts.forget(bench.all[1])
    assert bench.debts.bytes == 0


async def test_a_conversation_counts_from_its_beginning_to_its_end() -> None:
    budget = Budget(LIMITS)
    connection, _other = connected_pair()
    peer = create_websocket_promisifier(connection, limits=LIMITS, budget=budget)
    connection.send(b"x" * 50_000)
    assert budget.debts.bytes == 50_000
    peer.close("test")
    await turns(2)
    assert budget.debts.bytes == 0
    assert connection.gate.on_unsent is None


@pytest.mark.parametrize("size", [32_768, 32_769])
async def test_only_what_shuts_the_gate_is_counted(size: int) -> None:
    bench = Bench("a")
    bench.send(size)
    assert bench.debts.bytes == (0 if size == 32_768 else size)


async def test_of_peers_that_read_nothing_no_more_are_kept_than_there_is_memory_for() -> None:
    """With real answers: four ask for 100,000 bytes each, and room is for three."""
    limits = Limits(max_unsent_bytes_total=350_000)
    budget = Budget(limits)
    sides: list[WebsocketPromisifier] = []
    for _ in range(4):
        here, there = connected_pair()
        side = create_websocket_promisifier(here, limits=limits, budget=budget)
        side.add_service(1, lambda: "x" * 100_000)
        sides.append(side)
        # Nobody listens there: once its backlog is full, it takes nothing.
        for number in range(15):
            there.send(f'{{"requestId":{number},"type":"request","serviceId":1,"args":[]}}')
    await turns(100)
    assert [side.is_connected for side in sides] == [False, True, True, True]
    assert 0 < budget.debts.bytes <= 350_000
    for side in sides:
        side.close()
    await turns(10)
