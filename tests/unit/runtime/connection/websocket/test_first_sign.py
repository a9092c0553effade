"""Patience with a connection over which nothing comes."""

from duologue.connection.event_loop import LATE_S
from duologue.connection.websocket.first_sign import FirstSign
from duologue.limits import Limits
from tests.pretend_loop import PretendLoop


class Watched:
    def __init__(self) -> None:
        self.loop = PretendLoop()
        self.told: list[str] = []
        self.sign = FirstSign(
            Limits(opening_silence_s=8.0),
            self.loop,
            ping=lambda: self.told.append("ping"),
            lose=lambda: self.told.append("lose"),
        )


def test_a_ping_asks_after_half_of_the_time_and_the_end_comes_after_all_of_it() -> None:
    watched = Watched()
    watched.loop.pass_time(3.99)
    assert watched.told == []
    watched.loop.pass_time(0.01)
    assert watched.told == ["ping"]
    watched.loop.pass_time(3.99)
    assert watched.told == ["ping"]
    watched.loop.pass_time(0.01)
    assert watched.told == ["ping", "lose"]
    assert watched.loop.timers == []


def test_whoever_has_been_heard_is_left_alone() -> None:
    watched = Watched()
    watched.loop.pass_time(5)
    watched.sign.stop()
    watched.loop.pass_time(100)
    assert watched.told == ["ping"]
    assert watched.loop.timers == []


def test_a_process_that_stood_still_reads_first_what_has_come() -> None:
    watched = Watched()
    watched.loop.pass_time(5)
    watched.loop.stall(3 + LATE_S)
    watched.loop.pass_time(0)
    assert watched.told == ["ping"]
    watched.loop.pass_time(LATE_S)
    assert watched.told == ["ping", "lose"]
