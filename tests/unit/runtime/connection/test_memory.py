"""The pair in one process: delivery, bounds, closing."""

import asyncio

import pytest

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES
from duologue.connection.memory import connected_pair
from duologue.errors import ConnectionClosed, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.closing import LOST

SMALL = Limits(max_message_bytes=10, max_unsent_bytes=30)


async def turns(number: int = 4) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def end_of(connection: Connection) -> tuple[ConnectionState, int | None, str]:
    return connection.state.current_state, connection.close_code, connection.close_reason


async def test_messages_arrive_in_order_and_as_the_kind_they_were() -> None:
    left, right = connected_pair()
    arrived: list[Message] = []
    right.on_message.listen(arrived.append)
    sent: list[Message] = ["", "é", b"", b"\x00", "x" * 70_000]
    for message in sent:
        left.send(message)
    await turns(1)
    assert arrived == sent


async def test_delivery_waits_for_the_next_turn() -> None:
    left, right = connected_pair()
    arrived: list[Message] = []
    right.on_message.listen(arrived.append)
    left.send("now")
    assert arrived == []
    assert left.buffered_amount == 3
    await turns(1)
    assert arrived == ["now"]
    assert left.buffered_amount == 0


async def test_an_answer_sent_while_receiving_comes_a_turn_later() -> None:
    left, right = connected_pair()
    right.on_message.listen(right.send)
    arrived: list[Message] = []
    left.on_message.listen(arrived.append)
    left.send("echo")
    await turns(1)
    assert arrived == []
    await turns(1)
    assert arrived == ["echo"]


async def test_a_message_at_the_limit_is_taken() -> None:
    left, right = connected_pair(SMALL)
    arrived: list[Message] = []
    right.on_message.listen(arrived.append)
    left.send("é" * 5)
    await turns()
    assert arrived == ["é" * 5]


async def test_a_message_above_the_limit_is_refused_and_nothing_is_taken() -> None:
    left, _right = connected_pair(SMALL)
    with pytest.raises(LimitExceeded) as caught:
        left.send("é" * 5 + "x")
    assert (caught.value.limit, caught.value.value, caught.value.met) == (
        "max_message_bytes",
        10,
        11,
    )
    assert left.buffered_amount == 0
    assert left.state.current_state is ConnectionState.OPEN


async def test_a_message_above_the_other_sides_limit_closes_both_with_a_typed_error() -> None:
    left, right = connected_pair(Limits(), other_limits=SMALL)
    left.send("x" * 11)
    await turns()
    for connection in (left, right):
        assert end_of(connection)[:2] == (ConnectionState.CLOSED, 1009)
        assert isinstance(connection.failure, LimitExceeded)
        assert connection.failure.limit == "max_message_bytes"


async def test_what_comes_on_top_of_unsent_bytes_at_the_limit_is_taken() -> None:
    left, _right = connected_pair(SMALL)
    for _ in range(4):
        left.send(b"x" * 10)
    assert left.state.current_state is ConnectionState.OPEN
    assert left.buffered_amount == 40


async def test_one_message_within_its_limit_ends_nothing() -> None:
    left, _right = connected_pair(Limits(max_message_bytes=100, max_unsent_bytes=10))
    left.send(b"x" * 100)
    assert left.state.current_state is ConnectionState.OPEN


async def test_unsent_bytes_above_the_limit_end_the_connection() -> None:
    left, right = connected_pair(SMALL)
    for _ in range(5):
        left.send(b"x" * 10)
    assert isinstance(left.failure, LimitExceeded)
    assert left.failure.limit == "max_unsent_bytes"
    assert end_of(left) == (ConnectionState.CLOSED, 1006, str(left.failure))
    await turns()
    assert end_of(right) == (ConnectionState.CLOSED, 1006, LOST)
    assert right.failure is None


async def test_a_side_that_does_not_listen_is_given_no_more_than_its_limit() -> None:
    left, right = connected_pair(Limits(max_message_bytes=10))
    for _ in range(5):
        left.send(b"x" * 10)
    await turns()
    assert right.on_message.backlog_bytes == 20
    assert left.buffered_amount == 30


async def test_what_waited_at_the_sender_follows_once_somebody_listens() -> None:
    left, right = connected_pair(Limits(max_message_bytes=10))
    sent = [bytes([number]) * 10 for number in range(5)]
    for message in sent:
        left.send(message)
    await turns()
    arrived: list[Message] = []
    right.on_message.listen(arrived.append)
    await turns()
    assert arrived == sent


async def test_close_is_closing_here_at_once_and_closed_on_both_sides_after_turns() -> None:
    left, right = connected_pair()
    left.close("bye")
    assert left.state.current_state is ConnectionState.CLOSING
    assert right.state.current_state is ConnectionState.OPEN
    await turns()
    expected = (ConnectionState.CLOSED, 1000, "Close called: bye")
    assert (end_of(left), end_of(right)) == (expected, expected)


async def test_states_pass_in_order_on_the_side_that_is_closed() -> None:
    left, right = connected_pair()
    entered: list[ConnectionState] = []
    right.state.on_enter_state.listen(entered.append)
    left.close()
    await turns()
    assert entered == [ConnectionState.CLOSING, ConnectionState.CLOSED]


async def test_messages_sent_before_the_close_arrive() -> None:
    left, right = connected_pair()
    arrived: list[Message] = []
    right.on_message.listen(arrived.append)
    left.send("last words")
    left.close()
    await turns()
    assert arrived == ["last words"]


async def test_messages_that_come_while_closing_are_dropped() -> None:
    left, right = connected_pair()
    arrived: list[Message] = []
    left.on_message.listen(arrived.append)
    right.send("crossing")
    left.close()
    await turns()
    assert arrived == []


async def test_both_closing_at_once_end_with_the_others_reason() -> None:
    left, right = connected_pair()
    left.close("left")
    right.close("right")
    await turns()
    assert end_of(left) == (ConnectionState.CLOSED, 1000, "Close called: right")
    assert end_of(right) == (ConnectionState.CLOSED, 1000, "Close called: left")


async def test_a_second_close_changes_nothing() -> None:
    left, right = connected_pair()
    left.close("first")
    left.close("second")
    await turns()
    left.close("third")
    assert right.close_reason == "Close called: first"


async def test_terminate_is_closed_when_it_returns() -> None:
    left, right = connected_pair()
    left.terminate("no answer")
    assert end_of(left) == (ConnectionState.CLOSED, 1006, "Terminate called: no answer")
    await turns()
    assert end_of(right) == (ConnectionState.CLOSED, 1000, "Terminate called: no answer")


async def test_terminate_while_closing_ends_both() -> None:
    left, right = connected_pair()
    left.close()
    left.terminate("at once")
    await turns()
    assert left.state.current_state is ConnectionState.CLOSED
    assert right.state.current_state is ConnectionState.CLOSED


async def test_send_after_close_raises_and_says_that_nothing_left() -> None:
    left, _right = connected_pair()
    left.close()
    with pytest.raises(ConnectionClosed) as caught:
        left.send("late")
    assert caught.value.sent == "no"
    await turns()
    with pytest.raises(ConnectionClosed) as caught:
        left.send("later")
    assert (caught.value.code, caught.value.reason) == (1000, "Close called.")


async def test_a_close_that_is_never_read_ends_after_the_close_timeout() -> None:
    left, right = connected_pair(Limits(max_message_bytes=10, close_timeout_s=0.01))
    for _ in range(3):
        left.send(b"x" * 10)
    await turns()
    left.close()
    closed = asyncio.Event()
    left.state.on_enter_state.listen(lambda _: closed.set())
    await closed.wait()
    why = "The other side has not answered the close frame for 0.01 s"
    assert end_of(left) == (ConnectionState.CLOSED, 1006, why)
    await turns()
    assert right.close_code == 1006


async def test_drained_waits_above_the_upper_mark_until_below_the_lower() -> None:
    left, right = connected_pair(Limits(max_message_bytes=262_144))
    left.send(b"x" * 262_144)
    await asyncio.wait_for(left.drained(), 30)
    left.send(b"x")
    waiter = asyncio.ensure_future(left.drained())
    right.on_message.listen(lambda _: None)
    assert not waiter.done()
    await turns()
    assert waiter.done()


async def test_the_gate_is_shut_above_the_upper_mark_and_not_at_it() -> None:
    left, _ = connected_pair(Limits(max_message_bytes=PAUSE_ABOVE_BYTES))
    left.send(b"x" * PAUSE_ABOVE_BYTES)
    assert not left.gate.is_shut
    left.send(b"x")
    assert left.gate.is_shut


@pytest.mark.parametrize("below", [0, 1])
async def test_the_gate_opens_below_the_lower_mark_and_not_at_it(below: int) -> None:
    left, right = connected_pair(Limits(max_message_bytes=PAUSE_ABOVE_BYTES))
    # The first two fill the backlog of a side that does not listen; the third stays here.
    for size in (PAUSE_ABOVE_BYTES, 1, RESUME_BELOW_BYTES - below):
        left.send(b"x" * size)
    await turns()
    assert right.on_message.backlog_bytes == PAUSE_ABOVE_BYTES + 1
    assert left.gate.is_shut is (below == 0)


async def test_drained_returns_when_the_connection_ends() -> None:
    left, _right = connected_pair()
    left.send(b"x" * 300_000)
    waiter = asyncio.ensure_future(left.drained())
    await turns(1)
    left.terminate("enough")
    await asyncio.wait_for(waiter, 30)


async def test_cancelling_one_waiter_leaves_the_other_waiting() -> None:
    left, right = connected_pair(Limits(max_message_bytes=200_000))
    for _ in range(3):
        left.send(b"x" * 200_000)
    await turns()
    left.send(b"x" * 200_000)
    first = asyncio.ensure_future(left.drained())
    second = asyncio.ensure_future(left.drained())
    await turns(1)
    first.cancel()
    await turns(1)
    assert not second.done()
    right.on_message.listen(lambda _: None)
    await asyncio.wait_for(second, 30)
