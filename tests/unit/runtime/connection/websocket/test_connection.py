"""The connection on a pretend transport and loop: when it opens, and how it reads."""

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.frames import (
    WHOLE_TEXT,
    encode_frame,
)
from duologue.errors import ConnectionClosed, ProtocolError
from duologue.limits import MAX_MESSAGES_AT_ONCE, Limits
from tests.unit.runtime.pretend import (
    REQUEST,
    Bench,
    open_server,
    text,
)

# -- opening --------------------------------------------------------------------------------------


def test_open_is_told_once_before_any_message() -> None:
    bench = Bench()
    seen: list[str] = []
    bench.connection.on_message.listen(lambda message: seen.append(f"message {message!r}"))
    bench.connection.state.on_enter_state.listen(lambda state: seen.append(str(state)))
    bench.receive(REQUEST + text("early"))
    assert seen == ["open", "message 'early'"]
    assert bench.opened == [bench.connection]
    assert bench.connection.remote_address == "10.0.0.7:4711"


def test_send_before_open_is_refused() -> None:
    bench = Bench()
    with pytest.raises(ConnectionClosed, match="connecting"):
        bench.connection.send("too early")


def test_opening_leaves_no_timer() -> None:
    bench = Bench()
    assert len(bench.loop.timers) == 1
    bench.receive(REQUEST)
    assert bench.loop.timers == []


def test_an_opening_that_takes_too_long_is_dropped() -> None:
    bench = Bench()
    bench.receive(REQUEST[:20])
    assert bench.loop.fire_timer() == 7.0
    assert bench.transport.done == ["abort"]
    bench.connection.connection_lost(None)
    assert bench.entered == [ConnectionState.CLOSED]
    assert bench.opened == []
    assert bench.lost == [bench.connection]


def test_a_refused_client_gets_its_answer_and_is_dropped_if_it_stays() -> None:
    bench = Bench()
    bench.receive(REQUEST.replace(b"localhost", b"evil.example"))
    assert bench.transport.written[0].startswith(b"HTTP/1.1 403 ")
    assert bench.transport.done == ["eof"]
    bench.loop.fire_timer()
    assert bench.transport.done == ["eof", "abort"]
    assert isinstance(bench.connection.failure, ProtocolError)


def test_a_client_leaves_at_once_when_refused() -> None:
    bench = Bench(client=True)
    assert bench.transport.written[0].startswith(b"GET / HTTP/1.1\r\n")
    bench.receive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    assert bench.transport.done == ["eof", "abort"]
    assert isinstance(bench.connection.failure, ProtocolError)


def test_a_client_that_is_cut_off_while_opening_knows_why() -> None:
    bench = Bench(client=True)
    bench.connection.connection_lost(None)
    assert isinstance(bench.connection.failure, ConnectionClosed)
    assert bench.connection.failure.sent == "no"


# -- reading --------------------------------------------------------------------------------------


def test_a_large_message_is_read_into_its_own_buffer() -> None:
    bench = open_server()
    usual = bench.connection.get_buffer(-1)
    payload = "x" * 200_000
    bench.receive(text("before") + text(payload) + text("behind"))
    assert bench.arrived == ["before", payload, "behind"]
    assert bench.connection.get_buffer(-1).obj is usual.obj


def test_the_buffer_has_only_room_for_the_large_message() -> None:
    bench = open_server()
    frame = text("x" * 50_000)
    bench.receive(frame[:100])
    assert len(bench.connection.get_buffer(-1)) == len(frame) - 100


def test_reading_pauses_when_nobody_listens_and_goes_on_when_somebody_does() -> None:
    bench = open_server(Limits(max_message_bytes=10), listening=False)
    bench.receive(text("x" * 10))
    assert bench.transport.done == []
    bench.receive(text("y"))
    bench.receive(text("z"))
    assert bench.transport.done == ["pause"]
    bench.connection.on_message.listen(bench.arrived.append)
    assert bench.arrived == ["x" * 10, "y", "z"]
    assert bench.transport.done == ["pause", "resume"]


def test_a_listener_that_raises_does_not_swallow_answers_or_later_reads() -> None:
    bench = open_server(listening=False)

    def fail(message: Message) -> None:
        bench.connection.send("answer")
        if message == "bad":
            raise RuntimeError("a bug of the listener")

    bench.connection.on_message.listen(fail)
    with pytest.raises(RuntimeError):
        bench.receive(text("bad"))
    assert bench.transport.take_written() == [encode_frame(WHOLE_TEXT, b"answer")]
    bench.receive(text("good"))
    assert bench.transport.written == [encode_frame(WHOLE_TEXT, b"answer")]


def test_messages_that_hold_many_make_later_reads_smaller() -> None:
    sizes: list[int] = []
    for held in (1, MAX_MESSAGES_AT_ONCE):
        bench = open_server()

        def note(_message: Message, bench: Bench = bench, held: int = held) -> None:
            bench.connection.note_batch(held - 1)

        bench.connection.on_message.listen(note)
        bench.receive(text("x" * 500) * 1_000)
        sizes.append(len(bench.connection.get_buffer(-1)))
    assert sizes[1] < sizes[0] // 8


def test_what_one_read_held_in_boxes_counts_for_the_next_already() -> None:
    bench = open_server()
    window_bytes = len(bench.connection.get_buffer(-1))
    bench.connection.on_message.listen(lambda _: bench.connection.note_batch(10_000))
    bench.receive(text("x" * (window_bytes - 8)))
    assert len(bench.connection.get_buffer(-1)) < window_bytes


def test_a_full_read_that_ends_the_connection_leaves_no_rest_behind() -> None:
    bench = open_server()
    window_bytes = len(bench.connection.get_buffer(-1))
    bench.connection.on_message.listen(lambda _: bench.connection.terminate("enough"))
    bench.receive(text("x" * (window_bytes - 8)))
    assert bench.arrived == ["x" * (window_bytes - 8)]
    assert "pause" not in bench.transport.done
