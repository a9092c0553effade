"""How long parts may take, by a clock that the test moves (PROTOCOL 12)."""

from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.parts_deadline import PartsDeadline
from duologue.protocol.session import Session
from tests.pretend_loop import PretendLoop

PIECE = 65_536


class Waiting:
    """A session that waits for parts of these sizes, and what is thought of it."""

    def __init__(self, *sizes: int) -> None:
        self.loop = PretendLoop()
        self.session: Session[str] = Session(Limits())
        self.session.allow_control()
        self.failures: list[LimitExceeded] = []
        self.patience = PartsDeadline(self.loop, self.session, Limits(), self.failures.append)
        self.announce(*sizes)

    def announce(self, *sizes: int) -> None:
        text = '{"requestId":0,"type":"request","serviceId":3,"args":[],"parts":%s}'
        self.session.receive(text % list(sizes))
        self.patience.watch()

    def part(self, size: int) -> None:
        self.session.receive_bytes(bytes(size))
        self.patience.watch()


def test_a_part_may_take_as_long_as_a_fragment_and_no_longer() -> None:
    waiting = Waiting(5)
    waiting.loop.pass_time(29.9)
    assert waiting.failures == []
    waiting.loop.pass_time(0.1)
    assert [failure.limit for failure in waiting.failures] == ["fragment_timeout_s"]


def test_a_larger_part_may_take_so_long_for_each_64_kib_that_it_begins() -> None:
    for size, patience_s in ((PIECE - 1, 30), (PIECE, 60), (3 * PIECE + 1, 120)):
        waiting = Waiting(size)
        waiting.loop.pass_time(patience_s - 0.1)
        assert waiting.failures == []
        waiting.loop.pass_time(0.1)
        assert len(waiting.failures) == 1


def test_each_part_has_its_own_time_and_one_timer_does_for_all() -> None:
    waiting = Waiting(5, 5, 5)
    for _ in range(2):
        waiting.loop.pass_time(20)
        waiting.part(5)
        assert len(waiting.loop.timers) == 1
    waiting.loop.pass_time(60)
    assert len(waiting.failures) == 1


def test_a_message_that_is_there_is_waited_for_no_more() -> None:
    waiting = Waiting(5)
    waiting.part(5)
    waiting.loop.pass_time(100)
    assert waiting.failures == []
    assert waiting.loop.timers == []


def test_the_next_message_has_its_own_time() -> None:
    waiting = Waiting(5)
    waiting.loop.pass_time(20)
    waiting.part(5)
    waiting.session.served.answer(0, b"1")
    waiting.announce(5)
    waiting.loop.pass_time(29)
    assert waiting.failures == []
    waiting.loop.pass_time(31)
    assert len(waiting.failures) == 1


def test_a_side_that_does_not_read_cannot_complain_of_silence() -> None:
    waiting = Waiting(5)
    waiting.loop.pass_time(29)
    waiting.patience.stop()
    waiting.loop.pass_time(100)
    waiting.patience.watch()
    waiting.loop.pass_time(29)
    assert waiting.failures == []
    waiting.loop.pass_time(1)
    assert len(waiting.failures) == 1


def test_nothing_is_left_at_the_end() -> None:
    waiting = Waiting(5)
    waiting.patience.end()
    assert waiting.loop.timers == []


def test_without_parts_there_is_no_timer() -> None:
    waiting = Waiting(5)
    waiting.part(5)
    waiting.patience.stop()
    waiting.patience.watch()
    assert waiting.loop.timers == []
