"""A peer that takes nothing, and one that takes little, on a clock that is told to go."""

import pytest

from duologue.connection.event_loop import LATE_S
from duologue.connection.write_watch import WriteWatch
from duologue.limits import Limits
from tests.pretend_loop import PretendLoop


class Side:
    def __init__(self) -> None:
        self.loop = PretendLoop()
        self.start_s = self.loop.now_s
        self.unsent = 300_000
        self.ended_s: float | None = None
        self.watch = WriteWatch(Limits(), self.loop, lambda: self.unsent, self._end)
        self.watch.start()

    def _end(self) -> None:
        self.ended_s = self.loop.now_s - self.start_s

    def write(self, size: int) -> None:
        self.unsent += size
        self.watch.written_bytes += size


def test_who_takes_nothing_for_30_s_is_ended() -> None:
    side = Side()
    side.loop.pass_time(29.9)
    assert side.ended_s is None
    side.loop.pass_time(10)
    assert side.ended_s == 30.0
    assert side.loop.timers == []


def test_who_takes_a_byte_now_and_then_is_not() -> None:
    side = Side()
    for _ in range(20):
        side.loop.pass_time(20)
        side.unsent -= 1
    assert side.ended_s is None


def test_what_is_written_meanwhile_does_not_hide_what_is_taken() -> None:
    side = Side()
    for _ in range(20):
        side.loop.pass_time(20)
        side.write(1000)
        side.unsent -= 1
    assert side.ended_s is None


def test_what_is_written_meanwhile_is_not_taken() -> None:
    side = Side()
    for _ in range(5):
        side.loop.pass_time(5)
        side.write(1000)
    side.loop.pass_time(5)
    assert side.ended_s == 30.0


def test_who_stops_taking_has_30_s_from_then_on() -> None:
    side = Side()
    side.loop.pass_time(10)
    side.unsent -= 1
    side.loop.pass_time(29.9)
    assert side.ended_s is None
    side.loop.pass_time(10)
    # It was seen at the look after it.
    assert side.ended_s == 45.0


def test_a_gate_that_opens_ends_the_watch() -> None:
    side = Side()
    side.watch.stop()
    side.loop.pass_time(100)
    assert side.ended_s is None
    side.watch.start()
    side.watch.start()
    side.loop.pass_time(29.9)
    assert side.ended_s is None
    side.loop.pass_time(0.2)
    assert side.ended_s == 130.0


def test_a_stall_of_this_process_does_not_count() -> None:
    side = Side()
    side.loop.stall(60)
    side.loop.pass_time(29.9)
    assert side.ended_s is None
    side.loop.pass_time(0.2)
    assert side.ended_s == 90.0


@pytest.mark.parametrize("short_s", [0.0, 0.25])
def test_this_process_stood_still_when_a_timer_is_a_second_late(short_s: float) -> None:
    side = Side()
    side.loop.pass_time(29.5)
    side.loop.stall(0.5 + LATE_S - short_s)
    side.loop.pass_time(0)
    assert (side.ended_s is None) is (short_s == 0)
