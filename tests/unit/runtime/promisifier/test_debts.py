"""What peers are owed that take nothing: bounded together, and who is owed most is ended."""

from duologue import Limits, WebsocketPromisifier
from duologue.connection.memory import connected_pair
from duologue.promisifier.budget import Budget
from duologue.promisifier.debts import Debts
from duologue.promisifier.promisifier import create_websocket_promisifier
from tests.pretend_loop import PretendCarrier
from tests.support import turns


class Slow(PretendCarrier):
    """Owes as much as a test says, and takes nothing while its gate is shut."""

    owed_bytes = 0

    @property
    def buffered_amount(self) -> int:
        return self.owed_bytes

    def owe(self, size_bytes: int) -> None:
        self.owed_bytes = size_bytes
        self.gate.shut()

    def take(self) -> None:
        self.owed_bytes = 0
        self.gate.open()


def slow_peers(number: int, most_bytes: int) -> tuple[Debts, list[Slow]]:
    debts = Debts(Limits(max_unsent_bytes_total=most_bytes))
    peers = [Slow() for _ in range(number)]
    for each in peers:
        debts.watch(each)
    return debts, peers


def ended(peers: list[Slow]) -> list[bool]:
    return [each.close_code is not None for each in peers]


async def test_all_are_owed_as_much_as_they_may_be_together() -> None:
    debts, peers = slow_peers(2, 10)
    peers[0].owe(4)
    peers[1].owe(6)
    await turns(2)
    assert (ended(peers), debts.bytes) == ([False, False], 10)


async def test_one_byte_more_ends_the_one_that_is_owed_most() -> None:
    debts, peers = slow_peers(3, 10)
    for peer, size_bytes in zip(peers, (5, 6, 5), strict=True):
        peer.owe(size_bytes)
    assert ended(peers) == [False] * 3, "it may be in the middle of a write"
    await turns(2)
    assert (ended(peers), debts.bytes) == ([False, True, False], 10)
    assert "max_unsent_bytes_total is 10" in peers[1].close_reason


async def test_as_many_are_ended_as_it_takes() -> None:
    debts, peers = slow_peers(4, 10)
    for peer in peers:
        peer.owe(6)
    await turns(2)
    assert (sum(ended(peers)), debts.bytes) == (3, 6)


async def test_who_has_taken_what_it_was_owed_does_not_count() -> None:
    debts, peers = slow_peers(2, 10)
    peers[0].owe(10)
    peers[0].take()
    peers[1].owe(10)
    await turns(2)
    assert (ended(peers), debts.bytes) == ([False, False], 10)


async def test_who_is_told_twice_to_wait_is_counted_once() -> None:
    debts, (peer,) = slow_peers(1, 10)
    peer.owe(6)
    peer.owe(9)
    await turns(2)
    assert (ended([peer]), debts.bytes) == ([False], 9)
    peer.take()
    peer.take()
    assert debts.bytes == 0


async def test_a_conversation_that_has_ended_owes_nothing_and_is_watched_no_more() -> None:
    budget = Budget(Limits())
    carrier = Slow()
    promisifier = create_websocket_promisifier(carrier, budget=budget)
    await turns(2)
    carrier.owe(1000)
    assert budget.debts.bytes == 1000
    # As every connection does when it has ended.
    carrier.take()
    carrier.end(1006, "gone")
    await turns(2)
    assert (budget.debts.bytes, carrier.gate.on_turn) == (0, None)
    assert promisifier.promise.done()


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
