"""Lifesigns, silence, and texts that look like a lifesign; on a clock that is told to go."""

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.keepalive_layer import KeepAliveLayer
from duologue.connection.event_loop import LATE_S
from duologue.limits import Limits
from tests.pretend_loop import PretendCarrier, PretendLoop

NO_LIFESIGN = "Terminate called: Keepalive: No lifesign of the other side"


class Side:
    def __init__(self, limits: Limits | None = None) -> None:
        self.loop = PretendLoop()
        self.carrier = PretendCarrier()
        self.layer = KeepAliveLayer(self.carrier, limits or Limits(), self.loop)
        self.arrived: list[Message] = []
        self.unlisten = self.layer.on_message.listen(self.arrived.append)
        self.layer.start()

    @property
    def is_open(self) -> bool:
        return self.layer.state.current_state is ConnectionState.OPEN


def test_after_20_s_without_sending_a_lifesign_goes() -> None:
    side = Side()
    side.loop.pass_time(19.9)
    assert side.carrier.sent == []
    side.loop.pass_time(0.2)
    assert side.carrier.sent == ["keepalive"]


@pytest.mark.parametrize("how", ["send", "send_utf8", "send_lifesign"])
def test_whatever_is_sent_puts_the_lifesign_off(how: str) -> None:
    side = Side()
    for _ in range(5):
        side.carrier.arrive("heard")
        side.loop.pass_time(15)
        if how == "send":
            side.layer.send("x")
        elif how == "send_utf8":
            side.layer.send_utf8(b"x")
        else:
            side.layer.send_lifesign()
    assert len(side.carrier.sent) == 5


def test_a_quiet_connection_sends_a_lifesign_every_20_s() -> None:
    side = Side()
    for _ in range(10):
        side.loop.pass_time(10)
        side.carrier.arrive("keepalive")
    assert side.carrier.sent == ["keepalive"] * 5
    assert side.arrived == []


def test_after_25_s_of_silence_the_connection_is_closed_at_once() -> None:
    side = Side()
    side.loop.pass_time(24.9)
    assert side.is_open
    side.loop.pass_time(0.2)
    assert side.layer.state.current_state is ConnectionState.CLOSED
    assert side.layer.close_reason == NO_LIFESIGN
    assert side.loop.timers == []


@pytest.mark.parametrize("message", ["keepalive", "text", b"", b"bytes"])
def test_whatever_arrives_is_a_lifesign(message: Message) -> None:
    side = Side()
    for _ in range(5):
        side.loop.pass_time(24)
        side.carrier.arrive(message)
    assert side.is_open


def test_while_nobody_reads_silence_means_nothing() -> None:
    side = Side()
    side.unlisten()
    side.carrier.arrive("1", "2")
    side.loop.pass_time(300)
    assert side.is_open
    assert len(side.carrier.sent) == 15, "we go on telling that we are here"
    side.layer.on_message.listen(side.arrived.append)
    assert side.arrived == ["1", "2"]
    side.loop.pass_time(24.9)
    assert side.is_open
    side.loop.pass_time(20.2)
    assert not side.is_open


def test_after_a_stall_here_what_has_arrived_is_read_before_judging() -> None:
    side = Side()
    side.loop.stall(40)
    side.loop.pass_time(0.1)
    assert side.is_open
    side.carrier.arrive("it was there all the time")
    side.loop.pass_time(24)
    assert side.is_open


def test_after_a_stall_real_silence_ends_the_connection() -> None:
    side = Side()
    side.loop.stall(40)
    side.loop.pass_time(1.1)
    assert side.layer.close_reason == NO_LIFESIGN


@pytest.mark.parametrize("short_s", [0.0, 0.25])
def test_a_timer_is_late_from_a_second_on(short_s: float) -> None:
    side = Side()
    side.loop.pass_time(20)
    side.loop.stall(5 + LATE_S - short_s)
    side.loop.pass_time(0)
    assert side.is_open is (short_s == 0)


def test_the_times_come_from_the_limits() -> None:
    side = Side(Limits(keepalive_interval_s=1, keepalive_timeout_s=3))
    side.loop.pass_time(2.9)
    assert side.carrier.sent == ["keepalive"] * 2
    side.loop.pass_time(0.2)
    assert side.layer.close_reason == NO_LIFESIGN


@pytest.mark.parametrize("end", ["close", "terminate", "lost"])
def test_no_timer_is_left_at_the_end(end: str) -> None:
    side = Side()
    if end == "close":
        side.layer.close()
    elif end == "terminate":
        side.layer.terminate("enough")
    else:
        side.carrier.end(1006, "")
    assert side.loop.timers == []


def test_a_lifesign_on_a_connection_that_has_ended_is_nothing() -> None:
    side = Side()
    side.carrier.end(1006, "")
    side.layer.send_lifesign()


@pytest.mark.parametrize("text", ["keepalive", "keepalivex", "keepalive!"])
def test_texts_like_a_lifesign_are_escaped_and_read_back(text: str) -> None:
    side = Side()
    side.layer.send(text)
    side.layer.send_utf8(text.encode())
    assert side.carrier.sent == [text + "x", text + "x"]
    side.carrier.arrive(*side.carrier.sent)
    assert side.arrived == [text, text]


def test_bytes_like_a_lifesign_are_not_escaped() -> None:
    side = Side()
    side.layer.send(b"keepalive")
    assert side.carrier.sent == [b"keepalive"]
    side.carrier.arrive(b"keepalive", b"keepalivex")
    assert side.arrived == [b"keepalive", b"keepalivex"]


def test_a_large_frame_that_comes_slowly_is_no_silence() -> None:
    side = Side()
    side.carrier.is_half_way = True
    side.loop.pass_time(60)
    assert side.is_open
    side.carrier.is_half_way = False
    side.loop.pass_time(25)
    assert not side.is_open
