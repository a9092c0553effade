"""Pings, silence and the end of it, on a clock that is told to go."""

import pytest

from duologue.connection.event_loop import LATE_S
from duologue.connection.websocket.pulse import Pulse
from duologue.limits import Limits
from tests.pretend_loop import PretendLoop


class Side:
    """A pulse and what it does; `pinged_s` and `lost_s` are seconds from the start."""

    def __init__(self, limits: Limits | None = None, *, answers: bool = False) -> None:
        self.loop = PretendLoop()
        self.start_s = self.loop.now_s
        self.pinged_s: list[float] = []
        self.lost_s: float | None = None
        self.answers = answers
        self.pulse = Pulse(limits or Limits(), self.loop, ping=self._ping, lose=self._lose)
        self.pulse.start()

    def _ping(self) -> None:
        self.pinged_s.append(self.loop.now_s - self.start_s)
        self.pulse.has_written = True
        if self.answers:
            self.pulse.note_read()

    def _lose(self) -> None:
        self.lost_s = self.loop.now_s - self.start_s
        self.pulse.stop()

    def hear(self) -> None:
        self.pulse.has_read = True

    def say(self) -> None:
        self.pulse.has_written = True


def test_after_20_s_of_silence_a_ping_goes_and_after_25_s_it_is_over() -> None:
    side = Side()
    side.loop.pass_time(19.9)
    assert side.pinged_s == []
    side.loop.pass_time(100)
    assert side.pinged_s == [20.0]
    assert side.lost_s == 25.0
    assert side.loop.timers == []


def test_who_answers_is_asked_every_20_s_and_never_lost() -> None:
    side = Side(answers=True)
    side.loop.pass_time(100)
    assert side.pinged_s == [20.0, 40.0, 60.0, 80.0, 100.0]
    assert side.lost_s is None


def test_while_both_speak_nobody_is_asked() -> None:
    side = Side()
    for _ in range(20):
        side.loop.pass_time(10)
        side.hear()
        side.say()
    assert side.pinged_s == []
    assert side.lost_s is None


@pytest.mark.parametrize("speaks", ["hear", "say"])
def test_silence_in_one_direction_is_enough_for_a_ping(speaks: str) -> None:
    side = Side(answers=True)
    for _ in range(12):
        side.loop.pass_time(5)
        getattr(side, speaks)()
    assert side.pinged_s == [20.0, 40.0, 60.0]


def test_who_only_takes_and_says_nothing_is_lost() -> None:
    side = Side()
    for _ in range(12):
        side.loop.pass_time(5)
        side.say()
    assert side.lost_s == 25.0


@pytest.mark.parametrize("last_s", [0.1, 2.5, 4.9, 7.3])
def test_a_mark_is_as_good_as_the_clock_to_within_a_quarter_of_the_interval(last_s: float) -> None:
    side = Side()
    side.loop.pass_time(last_s)
    side.hear()
    side.say()
    side.loop.pass_time(100)
    assert last_s + 15 <= side.pinged_s[0] <= last_s + 20
    assert side.lost_s is not None
    assert last_s + 25 <= side.lost_s <= last_s + 30


def test_the_time_in_which_we_do_not_read_is_no_silence_but_is_pinged_through() -> None:
    side = Side()
    side.loop.pass_time(3)
    side.pulse.note_pause()
    side.loop.pass_time(100)
    assert side.pinged_s == [20.0, 40.0, 60.0, 80.0, 100.0]
    assert side.lost_s is None
    side.pulse.note_resumption()
    side.loop.pass_time(24.9)
    assert side.lost_s is None
    side.loop.pass_time(0.2)
    assert side.lost_s == 128.0


def test_a_stall_of_this_process_is_not_the_other_sides_silence() -> None:
    side = Side()
    side.loop.stall(60)
    side.loop.pass_time(0)
    assert side.pinged_s == [60.0]
    assert side.lost_s is None
    # What had come meanwhile is read.
    side.hear()
    side.loop.pass_time(20)
    assert side.lost_s is None


def test_after_a_stall_silence_is_still_the_end() -> None:
    side = Side()
    side.loop.stall(60)
    side.loop.pass_time(2)
    assert side.lost_s == 61.0


@pytest.mark.parametrize("short_s", [0.0, 0.25])
def test_a_timer_is_late_from_a_second_on(short_s: float) -> None:
    side = Side()
    side.loop.pass_time(20)
    side.loop.stall(5 + LATE_S - short_s)
    side.loop.pass_time(0)
    assert (side.lost_s is None) is (short_s == 0)


def test_a_ping_that_ends_the_connection_leaves_no_timer_behind() -> None:
    loop = PretendLoop()
    pulse = Pulse(Limits(), loop, ping=lambda: pulse.stop(), lose=lambda: None)
    pulse.start()
    loop.pass_time(20)
    assert loop.timers == []


def test_short_limits_are_kept_as_exactly() -> None:
    side = Side(Limits(keepalive_interval_s=2, keepalive_timeout_s=2.5))
    side.loop.pass_time(10)
    assert side.pinged_s == [2.0]
    assert side.lost_s == 2.5
