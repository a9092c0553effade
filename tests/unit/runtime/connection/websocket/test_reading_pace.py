"""How much is read at once, and when a rest is due, by what has come."""

from typing import cast

import pytest

from duologue.connection.event_loop import OWN_READ_BYTES, READ_BYTES
from duologue.connection.websocket.reading_pace import (
    FEWEST_READ_BYTES,
    FIRST_READ_BYTES,
    SHORTEST_REST_S,
    ReadingPace,
)
from duologue.connection.websocket.wire import Wire
from duologue.limits import MAX_MESSAGES_AT_ONCE, MAX_SHORT_FRAGMENTS_PER_S


class CountingWire:
    def __init__(self) -> None:
        self.pieces = 0
        self.short_pieces = 0

    def count_short(self, number: int) -> Wire:
        self.pieces += number
        self.short_pieces += number
        return self.as_wire()

    def as_wire(self) -> Wire:
        return cast(Wire, self)


def read(messages: int, pieces: int = 0, most_bytes: int = READ_BYTES) -> int:
    """The size of the next read, after a first one that was full of these."""
    pace = ReadingPace(0.0, most_bytes)
    wire = CountingWire()
    wire.pieces = pieces
    pace.fit(wire.as_wire(), messages)
    return pace.window_bytes


def test_as_many_messages_as_are_read_at_once_change_nothing_and_one_more_does() -> None:
    assert read(MAX_MESSAGES_AT_ONCE) == FIRST_READ_BYTES
    assert FIRST_READ_BYTES > read(MAX_MESSAGES_AT_ONCE + 1) >= 0.9 * FIRST_READ_BYTES


def test_pieces_count_as_messages_do() -> None:
    assert read(10, MAX_MESSAGES_AT_ONCE - 10) == FIRST_READ_BYTES
    assert read(10, MAX_MESSAGES_AT_ONCE - 9) < FIRST_READ_BYTES


def test_half_as_many_double_what_is_read() -> None:
    assert read(MAX_MESSAGES_AT_ONCE // 2 + 1) == FIRST_READ_BYTES
    assert read(MAX_MESSAGES_AT_ONCE // 2) == 2 * FIRST_READ_BYTES


@pytest.mark.parametrize(("messages", "size"), [(0, READ_BYTES), (100_000, FEWEST_READ_BYTES)])
def test_there_is_a_most_and_a_least(messages: int, size: int) -> None:
    assert read(messages) == size


def test_the_most_is_what_there_is_room_for() -> None:
    assert read(0, most_bytes=OWN_READ_BYTES) == OWN_READ_BYTES


def test_short_fragments_within_the_budget_need_no_rest() -> None:
    pace = ReadingPace(0.0, READ_BYTES)
    wire = CountingWire()
    for ms in range(1, 200):
        new = wire.count_short(MAX_SHORT_FRAGMENTS_PER_S // 1000)
        assert pace.rest_due_s(new, ms / 1000) == 0


def test_what_is_above_the_budget_is_paid_for_with_a_rest() -> None:
    pace = ReadingPace(0.0, READ_BYTES)
    wire = CountingWire()
    assert pace.rest_due_s(wire.count_short(MAX_SHORT_FRAGMENTS_PER_S), 0.0) == 1.0
    # Reading on too early does not help.
    assert pace.rest_due_s(wire.as_wire(), 0.25) == 0.75
    assert pace.rest_due_s(wire.as_wire(), 1.0) == 0


def test_a_rest_is_taken_when_it_is_long_enough_for_a_timer() -> None:
    at_it = int(SHORTEST_REST_S * MAX_SHORT_FRAGMENTS_PER_S)
    pace = ReadingPace(0.0, READ_BYTES)
    wire = CountingWire()
    assert pace.rest_due_s(wire.count_short(at_it - 1), 0.0) == 0
    assert pace.rest_due_s(wire.count_short(1), 0.0) == SHORTEST_REST_S
