"""Windows of typed streams, with numbers only."""

import random
from collections import deque

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER
from duologue.protocol.credit import (
    FIRST_WINDOW_BYTES,
    FIRST_WINDOW_ITEMS,
    MAX_WINDOW_BYTES,
    MAX_WINDOW_ITEMS,
    Allowance,
    Credit,
    Grants,
    WindowBudget,
)

MAX_BYTES = 8 * 1024 * 1024
MAX_ITEM_BYTES = 5_000_000


def grants(budget: WindowBudget | None = None) -> Grants:
    return Grants(budget or WindowBudget(MAX_BYTES, MAX_ITEM_BYTES), lambda: None)


# -- what may be sent ---------------------------------------------------------------------------


def test_the_first_window_may_be_sent_and_no_more() -> None:
    allowance = Allowance()
    assert allowance.may_send(FIRST_WINDOW_ITEMS, FIRST_WINDOW_BYTES)
    assert not allowance.may_send(FIRST_WINDOW_ITEMS + 1, 0)
    assert not allowance.may_send(1, FIRST_WINDOW_BYTES + 1)
    allowance.take(FIRST_WINDOW_ITEMS, 10)
    assert not allowance.may_send(1, 1)


def test_more_is_asked_for_once_for_each_grant() -> None:
    allowance = Allowance()
    allowance.take(64, 100)
    assert allowance.ask(20) == Credit(65, 120)
    assert allowance.ask(20) is None
    assert allowance.grant(Credit(65, 120))
    assert allowance.ask(9000) == Credit(65, 9100)


def test_totals_only_grow() -> None:
    allowance = Allowance()
    assert not allowance.grant(Credit(1, 1))
    assert not allowance.grant(Credit(64, 8192))
    assert allowance.grant(Credit(65, 1))
    assert (allowance.granted_items, allowance.granted_bytes) == (65, FIRST_WINDOW_BYTES)


# -- what is let come ---------------------------------------------------------------------------


def test_a_full_window_is_taken_and_one_item_more_is_an_overrun() -> None:
    full = grants()
    full.take(FIRST_WINDOW_ITEMS, FIRST_WINDOW_BYTES)
    with pytest.raises(LimitExceeded, match="granted items is 64, met 65"):
        full.take(1, 0)
    full = grants()
    with pytest.raises(LimitExceeded, match="granted bytes is 8192, met 8193"):
        full.take(1, FIRST_WINDOW_BYTES + 1)


def test_half_of_the_window_is_granted_anew_and_nothing_before() -> None:
    half = grants()
    half.take(64, 640)
    assert [half.read(1, 10) for _ in range(31)] == [None] * 31
    assert half.read(1, 10) == Credit(32 + 64, 320 + 8192)


def test_half_of_the_bytes_is_enough_and_one_less_is_not() -> None:
    half = FIRST_WINDOW_BYTES // 2
    for size, granted in ((half - 1, None), (half, Credit(65, FIRST_WINDOW_BYTES + half))):
        window = grants()
        window.take(2, size + 1)
        assert window.read(1, size) == granted


def test_an_item_as_large_as_its_window_needs_no_leave_of_its_own() -> None:
    budget = WindowBudget(MAX_BYTES, MAX_ITEM_BYTES)
    large, other = grants(budget), grants(budget)
    large.ask(Credit(1, 100 * FIRST_WINDOW_BYTES))
    assert other.ask(Credit(1, 2 * FIRST_WINDOW_BYTES)) == Credit(
        2 * FIRST_WINDOW_ITEMS, 2 * FIRST_WINDOW_BYTES
    )
    assert not other.is_asked


def test_a_window_grows_only_when_the_reader_waits_and_the_sender_was_held_back() -> None:
    slow = grants()
    slow.take(64, 640)
    assert slow.ask(Credit(65, 650)) is None
    assert slow.window == Credit(64, 8192)
    slow.read(63, 630)
    assert slow.window == Credit(64, 8192)
    assert slow.read(1, 10) == Credit(64 + 128, 640 + 16_384)
    assert slow.window == Credit(128, 16_384)


def test_who_asks_while_the_reader_waits_is_granted_at_once() -> None:
    waiting = grants()
    assert waiting.ask(Credit(1, 100_000)) == Credit(128, 100_000)


def test_windows_grow_to_their_limit_and_no_further() -> None:
    fast = grants()
    came = Credit(0, 0)
    for _ in range(40):
        granted = fast.ask(Credit(came.items + 1, came.bytes + 1))
        if granted is None:
            break
        fast.take(granted.items - came.items, granted.bytes - came.bytes)
        fast.read(granted.items - came.items, granted.bytes - came.bytes)
        came = granted
    assert fast.window == Credit(MAX_WINDOW_ITEMS, MAX_WINDOW_BYTES)


def test_windows_together_stay_within_the_budget() -> None:
    budget = WindowBudget(4 * FIRST_WINDOW_BYTES, MAX_ITEM_BYTES)
    many = [grants(budget) for _ in range(2)]
    assert many[0].ask(Credit(1, 1)) == Credit(128, 16_384)
    assert budget.held_bytes == 3 * FIRST_WINDOW_BYTES
    assert many[1].ask(Credit(1, 1)) == Credit(128, 16_384)
    assert budget.held_bytes == 4 * FIRST_WINDOW_BYTES
    assert many[0].ask(Credit(129, 1)) is None
    assert budget.held_bytes == 4 * FIRST_WINDOW_BYTES
    # Neither in bytes nor in items: empty ones take memory, too.
    assert many[0].window == Credit(128, 16_384)
    for each in many:
        each.close()
        each.close()
    assert budget.held_bytes == 0


def test_a_window_that_had_grown_shrinks_when_there_is_no_room_for_newcomers() -> None:
    budget = WindowBudget(3 * FIRST_WINDOW_BYTES, MAX_ITEM_BYTES)
    grown = grants(budget)
    granted = grown.ask(Credit(1, 1))
    assert granted is not None
    newcomer = grants(budget)
    assert budget.held_bytes == 3 * FIRST_WINDOW_BYTES
    grown.take(100, 16_000)
    grown.read(100, 16_000)
    assert grown.window == Credit(FIRST_WINDOW_ITEMS, FIRST_WINDOW_BYTES)
    assert budget.held_bytes == 2 * FIRST_WINDOW_BYTES
    newcomer.close()


def test_a_window_that_had_grown_stays_while_there_is_just_room_for_a_newcomer() -> None:
    budget = WindowBudget(4 * FIRST_WINDOW_BYTES, MAX_ITEM_BYTES)
    grown, neighbour = grants(budget), grants(budget)
    grown.ask(Credit(1, 1))
    assert budget.held_bytes == 3 * FIRST_WINDOW_BYTES
    grown.take(100, 16_000)
    grown.read(100, 16_000)
    assert grown.window.bytes == 2 * FIRST_WINDOW_BYTES
    neighbour.close()


def test_one_item_that_is_larger_than_its_window_is_let_in_at_a_time() -> None:
    budget = WindowBudget(MAX_BYTES, MAX_ITEM_BYTES)
    turns: list[str] = []
    first = Grants(budget, lambda: turns.append("first"))
    second = Grants(budget, lambda: turns.append("second"))
    large = Credit(1, 5_000_000)
    granted = first.ask(large)
    assert granted is not None
    assert granted.bytes >= 5_000_000
    granted = second.ask(large)
    assert granted is None or granted.bytes < 5_000_000
    first.take(1, 5_000_000)
    first.read(1, 5_000_000)
    assert turns == ["second"]
    granted = second.retry()
    assert granted is not None
    assert granted.bytes >= 5_000_000


def test_who_waits_for_a_large_item_has_its_turn_when_the_other_call_ends() -> None:
    budget = WindowBudget(MAX_BYTES, MAX_ITEM_BYTES)
    turns: list[str] = []
    first = Grants(budget, lambda: turns.append("first"))
    second = Grants(budget, lambda: turns.append("second"))
    first.ask(Credit(1, 5_000_000))
    second.ask(Credit(1, 5_000_000))
    first.close()
    assert turns == ["second"]


def test_who_waits_for_a_large_item_has_its_turn_when_the_other_sender_ends_without_it() -> None:
    budget = WindowBudget(MAX_BYTES, MAX_ITEM_BYTES)
    turns: list[str] = []
    first = Grants(budget, lambda: turns.append("first"))
    second = Grants(budget, lambda: turns.append("second"))
    first.ask(Credit(1, 5_000_000))
    second.ask(Credit(1, 5_000_000))
    first.take(1, 10)
    first.end()
    assert turns == []
    first.read(1, 10)
    assert turns == ["second"]


def test_absurd_wishes_are_granted_nothing() -> None:
    assert grants().ask(Credit(MAX_SAFE_INTEGER + 1, 1)) is None
    assert grants().ask(Credit(1, MAX_SAFE_INTEGER + 1)) is None
    assert grants().ask(Credit(MAX_SAFE_INTEGER, 1)) == Credit(128, 16_384)


def test_no_more_is_granted_than_one_item_may_have() -> None:
    for wanted in (MAX_ITEM_BYTES, MAX_ITEM_BYTES + 1, MAX_SAFE_INTEGER):
        assert grants().ask(Credit(1, wanted)) == Credit(128, MAX_ITEM_BYTES)


# -- both sides, at random ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_credit_is_never_overrun_and_a_reader_who_reads_is_granted_again(seed: int) -> None:
    """One sender and one reader over a line that delays; everything arrives, in windows."""
    chance = random.Random(seed)
    budget = WindowBudget(chance.choice([20_000, 100_000, MAX_BYTES]), MAX_ITEM_BYTES)
    allowance, let_in = Allowance(), grants(budget)
    to_reader: deque[tuple[int, int] | Credit] = deque()
    to_sender: deque[Credit] = deque()
    unread: deque[tuple[int, int]] = deque()
    sizes = [chance.choice([1, 10, 100, 1000, 9000, 40_000]) for _ in range(300)]
    sent = read = idle = 0
    while read < len(sizes):
        before = (sent, read, len(to_reader), len(to_sender), len(unread))
        match chance.randrange(4):
            case 0:
                while sent < len(sizes) and allowance.may_send(1, sizes[sent]):
                    allowance.take(1, sizes[sent])
                    to_reader.append((1, sizes[sent]))
                    sent += 1
                if sent < len(sizes) and (wanted := allowance.ask(sizes[sent])) is not None:
                    to_reader.append(wanted)
            case 1 if to_reader:
                message = to_reader.popleft()
                if isinstance(message, Credit):
                    granted = let_in.ask(message)
                else:
                    let_in.take(*message)
                    unread.append(message)
                    granted = None
                if granted is not None:
                    to_sender.append(granted)
            case 2 if unread:
                items, size = unread.popleft()
                granted = let_in.read(items, size)
                read += items
                if granted is not None:
                    to_sender.append(granted)
            case _ if to_sender:
                allowance.grant(to_sender.popleft())
            case _:
                pass
        assert let_in.window.items <= MAX_WINDOW_ITEMS
        assert let_in.window.bytes <= MAX_WINDOW_BYTES
        idle = (
            idle + 1 if before == (sent, read, len(to_reader), len(to_sender), len(unread)) else 0
        )
        assert idle < 1000, "nobody can go on"
