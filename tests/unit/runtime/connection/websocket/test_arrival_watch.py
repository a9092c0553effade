"""Messages that begin and do not go on, on a clock that is told to go."""

from duologue.connection.base import ConnectionState
from duologue.connection.event_loop import LATE_S
from duologue.connection.websocket.arrival_watch import PROGRESS_BYTES, ArrivalWatch
from duologue.errors import LimitExceeded
from duologue.limits import Limits
from tests.pretend_loop import PretendLoop
from tests.unit.runtime.pretend import Bench, open_server, text


class Watched:
    def __init__(self) -> None:
        self.loop = PretendLoop()
        self.failures: list[LimitExceeded] = []
        self.watch = ArrivalWatch(Limits(), self.loop, self.failures.append)

    @property
    def limits_met(self) -> list[str]:
        return [failure.limit for failure in self.failures]

    def come(self, size: int, *, is_new: bool = False) -> None:
        self.watch.note(size, is_new=is_new)


def test_silence_is_borne_for_less_than_10_s_and_not_for_10() -> None:
    watched = Watched()
    watched.come(5)
    watched.loop.pass_time(9.9)
    assert watched.failures == []
    watched.loop.pass_time(0.1)
    assert watched.limits_met == ["message_stall_timeout_s"]
    assert watched.failures[0].value == 10.0
    assert watched.loop.timers == []


def test_silence_is_measured_from_the_last_bytes() -> None:
    watched = Watched()
    watched.come(5)
    watched.loop.pass_time(6)
    watched.come(5)
    watched.loop.pass_time(9.9)
    assert watched.failures == []
    watched.loop.pass_time(0.1)
    assert watched.limits_met == ["message_stall_timeout_s"]


def test_64_kib_in_30_s_is_enough_for_ever() -> None:
    watched = Watched()
    watched.come(1)
    for _ in range(40):
        watched.loop.pass_time(7.4)
        watched.come(PROGRESS_BYTES // 4)
    assert watched.failures == []


def test_one_byte_less_in_30_s_is_too_slow() -> None:
    watched = Watched()
    watched.come(1)
    watched.come(PROGRESS_BYTES - 4)  # and three; the first one opens the count
    for _ in range(3):
        watched.loop.pass_time(9)
        watched.come(1)
    watched.loop.pass_time(2.9)
    assert watched.failures == []
    watched.loop.pass_time(0.1)
    assert watched.limits_met == ["fragment_timeout_s"]


def test_a_new_message_has_time_of_its_own() -> None:
    watched = Watched()
    watched.come(1)
    for _ in range(20):
        watched.loop.pass_time(9)
        watched.come(1, is_new=True)
    assert watched.failures == []


def test_there_is_one_timer_and_none_once_the_message_is_whole() -> None:
    watched = Watched()
    for _ in range(5):
        watched.come(100)
        assert len(watched.loop.timers) == 1
    watched.watch.stop()
    assert watched.loop.timers == []
    assert not watched.watch.is_watching
    watched.loop.pass_time(100)
    assert watched.failures == []


def test_a_stall_of_this_process_is_not_held_against_the_peer() -> None:
    watched = Watched()
    watched.come(5)
    watched.loop.stall(60)
    watched.loop.pass_time(9.9)
    assert watched.failures == []
    watched.loop.pass_time(0.1)
    assert watched.limits_met == ["message_stall_timeout_s"]


def test_a_stall_counts_as_one_from_a_second_on() -> None:
    late, punctual = Watched(), Watched()
    for watched, seconds in ((late, LATE_S), (punctual, LATE_S - 0.25)):
        watched.come(5)
        watched.loop.stall(10 + seconds)
        watched.loop.pass_time(0)
    assert late.failures == []
    assert punctual.limits_met == ["message_stall_timeout_s"]


# -- as part of a connection ----------------------------------------------------------------------


def only_delay(bench: Bench) -> float:
    (timer,) = bench.loop.timers
    return timer.delay


def test_whole_messages_need_no_timer() -> None:
    bench = open_server()
    bench.receive(text("whole") * 3)
    assert bench.loop.timers == []


def test_the_rest_of_a_message_takes_its_timer_away() -> None:
    bench = open_server()
    bench.receive(text("whole")[:3])
    assert only_delay(bench) == 10.0
    bench.receive(text("whole")[3:])
    assert bench.loop.timers == []
    assert bench.arrived == ["whole"]


def test_who_falls_silent_is_told_and_then_dropped() -> None:
    bench = open_server()
    bench.receive(text("x" * 70_000)[:100])
    bench.loop.now_s += 10
    bench.loop.fire_timer()
    (close,) = bench.transport.take_written()
    assert close[2:] == b"\x03\xf0Message refused: message_stall_timeout_s is 10.0"
    assert bench.entered[-1] is ConnectionState.CLOSING
    assert only_delay(bench) == bench.limits.close_timeout_s
    bench.loop.fire_timer()
    assert bench.transport.done[-1] == "abort"
    assert (bench.connection.close_code, bench.loop.timers) == (1008, [])
    assert isinstance(bench.connection.failure, LimitExceeded)


def test_nobody_is_late_while_we_do_not_read() -> None:
    bench = open_server(Limits(max_message_bytes=100), listening=False)
    bench.receive(text("x" * 100) * 2 + text("begun")[:3])
    assert bench.transport.done == ["pause"]
    assert bench.loop.timers == []
    bench.connection.on_message.listen(bench.arrived.append)
    assert bench.transport.done == ["pause", "resume"]
    assert only_delay(bench) == 10.0


def test_closing_takes_the_timer_away() -> None:
    bench = open_server()
    bench.receive(text("begun")[:3])
    bench.connection.close("bye")
    assert only_delay(bench) == bench.limits.close_timeout_s
    bench.connection.terminate("now")
    assert bench.loop.timers == []


def test_a_socket_that_is_lost_leaves_no_timer() -> None:
    bench = open_server()
    bench.receive(text("begun")[:3])
    bench.connection.connection_lost(None)
    assert bench.loop.timers == []
