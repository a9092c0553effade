"""How many connections there is room for."""

import pytest

from duologue.connection.websocket.descriptors import Room, room_for, room_here
from duologue.limits import DESCRIPTOR_RESERVE

WANTED = Room(connections=1000, newcomers=500)
ENOUGH = 1500 + DESCRIPTOR_RESERVE


def test_with_enough_descriptors_there_is_room_for_all_and_with_one_less_there_is_not() -> None:
    assert room_for(WANTED, ENOUGH) == WANTED
    assert room_for(WANTED, None) == WANTED
    less = room_for(WANTED, ENOUGH - 1)
    assert less != WANTED
    assert sum(less) < 1500


@pytest.mark.parametrize("descriptors", [1, 66, 100, 256, 1024, 1500])
def test_the_reserve_is_left_and_nobody_is_without_a_place(descriptors: int) -> None:
    room = room_for(WANTED, descriptors)
    assert min(room) >= 1
    assert sum(room) <= max(2, descriptors - DESCRIPTOR_RESERVE)


def test_a_warning_tells_and_only_where_something_is_less(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room_here(WANTED, ENOUGH)
    assert caplog.records == []
    assert room_here(WANTED, 1024) == (840, 120)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    text = "1024 descriptors, so there is room for 840 connections and 120 newcomers"
    assert text in record.getMessage()
    assert f"allow {ENOUGH}" in record.getMessage()
