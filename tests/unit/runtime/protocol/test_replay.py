"""What a provider keeps of an event, and what waits for one subscriber (PROTOCOL 14)."""

import pytest

from duologue.protocol.replay import EVENT_OVERHEAD_BYTES, Cursor, EventLog, EventQueue, KeptEvent

A, B, C = b'"a"', b'"b"', b'"c"'
COST = len(A) + 1 + EVENT_OVERHEAD_BYTES
"""Of an event whose data is one character."""


def numbers(found: tuple[list[KeptEvent], bool]) -> tuple[list[int], bool]:
    return [each.seq for each in found[0]], found[1]


def at(seq: int, epoch: str = "e") -> Cursor:
    return Cursor(epoch, seq)


def test_events_are_numbered_from_one_over_all_keys() -> None:
    log = EventLog("e", 10)
    assert log.cursor == at(0)
    assert [log.add(key, b"1").seq for key in (A, B, A)] == [1, 2, 3]
    assert log.cursor == at(3)


def test_the_last_of_a_key_and_of_all_come_in_order() -> None:
    log = EventLog("e", 2)
    for key in (A, A, B, A, B):
        log.add(key, b"1")
    assert [each.seq for each in log.last(A, 5)] == [2, 4]
    assert [each.seq for each in log.last(A, 1)] == [4]
    assert [each.seq for each in log.last(None, 2)] == [2, 3, 4, 5]
    assert [each.seq for each in log.last(None, 1)] == [4, 5]
    assert log.last(C, 5) == log.last(A, 0) == []


def test_who_comes_back_gets_what_is_kept_behind_the_cursor() -> None:
    log = EventLog("e", 2)
    for key in (A, B, A, B, A):
        log.add(key, b"1")
    assert numbers(log.after(A, at(1))) == ([3, 5], False)
    assert numbers(log.after(A, at(5))) == ([], False)
    assert numbers(log.after(None, at(2))) == ([3, 4, 5], False)
    assert numbers(log.after(C, at(0))) == ([], False)


def test_what_is_forgotten_behind_the_cursor_is_a_gap() -> None:
    log = EventLog("e", 2)
    for key in (A, B, A, B, A):
        log.add(key, b"1")
    assert numbers(log.after(A, at(0))) == ([3, 5], True)
    assert numbers(log.after(B, at(0))) == ([2, 4], False)
    assert numbers(log.after(None, at(0))) == ([2, 3, 4, 5], True)
    assert numbers(log.after(None, at(1))) == ([2, 3, 4, 5], False)


def test_another_epoch_is_a_gap() -> None:
    log = EventLog("e", 2)
    log.add(A, b"1")
    assert log.after(A, at(0, "f")) == ([], True)


def test_without_replay_everything_is_forgotten_by_key() -> None:
    log = EventLog("e", 0)
    log.add(A, b"1")
    log.add(B, b"1")
    assert numbers(log.after(A, at(1))) == ([], False)
    assert numbers(log.after(A, at(0))) == ([], True)
    assert numbers(log.after(None, at(1))) == ([], True)


def test_an_event_for_one_peer_alone_has_a_number_and_is_no_gap_to_others() -> None:
    log = EventLog("e", 5)
    log.add(None, b"1")
    assert log.number(None, b"2") == KeptEvent(2, None, b"2")
    log.add(None, b"3")
    assert [each.seq for each in log.last(None, 5)] == [1, 3]
    assert numbers(log.after(None, at(1))) == ([3], False)
    assert log.cursor == at(3)


def test_the_key_that_was_used_least_recently_is_forgotten_first() -> None:
    log = EventLog("e", 5, max_keys=2)
    for key in (A, B, A):
        log.add(key, b"1")
    assert numbers(log.after(B, at(0))) == ([2], False)
    log.add(C, b"1")
    assert numbers(log.after(B, at(0))) == ([], True)
    assert numbers(log.after(B, at(2))) == ([], False)
    assert numbers(log.after(A, at(0))) == ([1, 3], False)
    assert numbers(log.after(None, at(1))) == ([3, 4], True)


def test_a_forgotten_key_that_comes_again_has_not_lost_its_gap() -> None:
    log = EventLog("e", 5, max_keys=1)
    for key in (A, B, A):
        log.add(key, b"1")
    assert numbers(log.after(A, at(0))) == ([3], True)
    assert numbers(log.after(A, at(1))) == ([3], False)
    assert numbers(log.after(B, at(1))) == ([], True)


@pytest.mark.parametrize(("max_bytes", "kept"), [(3 * COST, [1, 2, 3]), (3 * COST - 1, [2, 3])])
def test_the_oldest_are_forgotten_above_the_bound_of_bytes(max_bytes: int, kept: list[int]) -> None:
    log = EventLog("e", 100, max_bytes=max_bytes)
    for _ in range(3):
        log.add(A, b"1")
    assert [each.seq for each in log.last(A, 100)] == kept
    assert numbers(log.after(A, at(0))) == (kept, kept[0] == 2)


def test_above_the_bound_of_bytes_other_keys_give_way_first() -> None:
    log = EventLog("e", 100, max_bytes=2 * COST)
    for key in (A, B, B):
        log.add(key, b"1")
    assert numbers(log.after(A, at(0))) == ([], True)
    assert numbers(log.after(B, at(0))) == ([2, 3], False)


def test_an_event_above_the_bound_of_bytes_is_a_gap_and_the_log_goes_on() -> None:
    log = EventLog("e", 100, max_bytes=COST)
    log.add(A, b"12")
    assert numbers(log.after(A, at(0))) == ([], True)
    log.add(A, b"1")
    assert numbers(log.after(A, at(1))) == ([2], False)


# -- queues -------------------------------------------------------------------------------------


def event(seq: int, data: bytes = b"1") -> KeptEvent:
    return KeptEvent(seq, A, data)


def drained(queue: EventQueue) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    while len(queue):
        kept, missed = queue.take()
        taken.append((kept.seq, missed))
    return taken


def test_a_full_queue_drops_the_oldest_and_tells_with_the_next() -> None:
    queue = EventQueue(2, "drop_oldest")
    assert all(queue.put(event(seq)) for seq in range(1, 3))
    assert queue.missed == 0
    assert all(queue.put(event(seq)) for seq in range(3, 5))
    assert queue.missed == 2
    assert queue.bytes == 2 * COST
    assert drained(queue) == [(3, 2), (4, 0)]
    assert queue.missed == queue.bytes == 0


def test_a_full_queue_that_is_to_close_takes_no_more() -> None:
    queue = EventQueue(2, "close")
    assert [queue.put(event(seq)) for seq in range(1, 4)] == [True, True, False]
    assert not queue.drop_oldest()
    assert drained(queue) == [(1, 0), (2, 0)]


def test_what_comes_first_has_a_place_beyond_the_others() -> None:
    queue = EventQueue(2, "close", [event(seq) for seq in range(1, 6)])
    assert queue.bytes == 5 * COST
    assert [queue.put(event(seq)) for seq in (6, 7, 8)] == [True, True, False]
    for _ in range(5):
        queue.take()
    assert not queue.put(event(9))
    queue.take()
    assert queue.put(event(10))
    assert drained(queue) == [(7, 0), (10, 0)]
