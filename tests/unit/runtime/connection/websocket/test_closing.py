"""The connection on a pretend transport and loop: every way in which it ends."""

from websockets.frames import CloseCode, Frame, Opcode

from duologue.connection.base import ConnectionState
from duologue.connection.websocket.frames import WHOLE_TEXT, encode_frame
from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import Limits
from tests.unit.runtime.pretend import (
    KEY,
    REQUEST,
    Bench,
    PretendTransport,
    close_frame,
    open_server,
    plain_close,
    text,
)


def test_close_writes_what_waits_and_then_the_close_frame() -> None:
    bench = open_server()
    bench.connection.send("one")
    bench.connection.send("two")
    bench.connection.close("bye")
    assert bench.transport.written == [
        encode_frame(WHOLE_TEXT, b"one"),
        encode_frame(WHOLE_TEXT, b"two"),
        plain_close(1000, "Close called: bye"),
    ]
    assert bench.entered[-1] is ConnectionState.CLOSING


def test_a_server_closes_the_socket_when_its_close_frame_is_answered() -> None:
    bench = open_server()
    bench.connection.close()
    bench.receive(close_frame(1000, "Close called."))
    assert bench.transport.done == ["close"]
    bench.connection.connection_lost(None)
    assert bench.entered[-2:] == [ConnectionState.CLOSING, ConnectionState.CLOSED]
    assert (bench.connection.close_code, bench.connection.close_reason) == (1000, "Close called.")
    assert bench.loop.timers == []
    assert bench.lost == [bench.connection]


def test_a_server_that_answers_a_close_frame_closes_the_socket_behind_the_answer() -> None:
    bench = open_server()
    bench.receive(close_frame(1000, "bye"))
    assert bench.transport.written == [plain_close(1000, "bye")]
    assert bench.transport.done == ["close"]
    bench.connection.connection_lost(None)
    assert (bench.connection.close_code, bench.connection.close_reason) == (1000, "bye")


def test_a_server_that_fails_a_connection_only_ends_what_it_sends() -> None:
    # What is on its way to it would have the system drop the words that tell why.
    bench = open_server()
    bench.receive(encode_frame(WHOLE_TEXT, b"not masked"))
    assert bench.transport.done == ["eof"]


def test_a_close_that_is_not_answered_is_given_up() -> None:
    bench = open_server()
    bench.connection.close()
    assert bench.loop.fire_timer() == bench.limits.close_timeout_s
    assert bench.transport.done == ["abort"]
    assert bench.entered[-1] is ConnectionState.CLOSED
    why = "The other side has not answered the close frame for 5 s"
    assert (bench.connection.close_code, bench.connection.close_reason) == (1006, why)
    bench.connection.connection_lost(None)
    assert bench.loop.timers == []


def test_a_close_of_the_peer_is_answered_after_the_answers_to_its_last_messages() -> None:
    bench = open_server()
    bench.connection.on_message.listen(bench.connection.send)
    bench.receive(text("last") + close_frame(1000, "bye") + text("after"))
    assert bench.transport.written == [
        encode_frame(WHOLE_TEXT, b"last"),
        plain_close(1000, "bye"),
    ]
    assert bench.arrived == ["last"]
    assert bench.entered[-1] is ConnectionState.CLOSING
    bench.connection.connection_lost(None)
    assert (bench.connection.close_code, bench.connection.close_reason) == (1000, "bye")
    assert bench.connection.failure is None


def test_closing_while_the_peers_close_is_in_the_same_read_sends_one_close_frame() -> None:
    bench = open_server()
    bench.connection.on_message.listen(lambda _: bench.connection.close("mine"))
    bench.receive(text("last") + close_frame(1000, "theirs"))
    assert bench.transport.written == [plain_close(1000, "theirs")]
    assert len(bench.loop.timers) == 1


def test_messages_that_come_while_closing_are_dropped() -> None:
    bench = open_server()
    bench.connection.close()
    bench.receive(text("crossing"))
    assert bench.arrived == []


def test_closing_resumes_reading_to_see_the_answer() -> None:
    bench = open_server(Limits(max_message_bytes=10), listening=False)
    bench.receive(text("x" * 10) + text("y"))
    bench.connection.close()
    assert bench.transport.done == ["pause", "resume"]


def test_a_close_without_code_is_1005() -> None:
    bench = open_server()
    bench.receive(Frame(Opcode.CLOSE, b"").serialize(mask=True))
    bench.connection.connection_lost(None)
    assert (bench.connection.close_code, bench.connection.close_reason) == (1005, "")


def test_a_lost_socket_is_1006() -> None:
    bench = open_server()
    bench.connection.connection_lost(ConnectionResetError())
    assert bench.entered[-1] is ConnectionState.CLOSED
    why = "The connection was lost: ConnectionResetError"
    assert (bench.connection.close_code, bench.connection.close_reason) == (1006, why)
    assert bench.connection.failure is None


def test_the_end_of_the_stream_without_a_close_frame_does_not_wait_for_a_slow_reader() -> None:
    bench = open_server()
    bench.transport.unsent = 500
    bench.connection.eof_received()
    assert bench.transport.done[-1] == "abort"
    bench.connection.connection_lost(None)
    assert bench.connection.close_code == 1006


def test_terminate_tells_the_peer_and_is_closed_at_once() -> None:
    bench = open_server()
    bench.connection.terminate("no answer")
    assert bench.transport.written == [plain_close(1000, "Terminate called: no answer")]
    assert bench.transport.done == ["close"]
    assert bench.entered[-1] is ConnectionState.CLOSED
    assert bench.connection.close_code == 1006
    assert bench.connection.close_reason == "Terminate called: no answer"
    assert bench.loop.timers == []


def test_terminate_does_not_wait_for_a_slow_reader() -> None:
    bench = open_server()
    bench.transport.unsent = 1
    bench.connection.terminate("no answer")
    assert bench.transport.done == ["abort"]


def test_terminate_while_closing_cancels_the_timer() -> None:
    bench = open_server()
    bench.connection.close()
    bench.connection.terminate("at once")
    assert bench.loop.timers == []
    assert bench.entered[-1] is ConnectionState.CLOSED


def test_terminate_by_a_listener_stops_the_rest_of_the_read() -> None:
    bench = open_server()
    bench.connection.on_message.listen(lambda _: bench.connection.terminate("enough"))
    bench.receive(text("one") + text("two"))
    assert bench.arrived == ["one"]


def test_a_bad_frame_is_answered_named_and_given_a_while_to_be_read() -> None:
    bench = open_server()
    bench.receive(text("good") + b"\xc1\x80" + KEY)
    assert bench.arrived == ["good"]
    assert bench.transport.written == [
        plain_close(CloseCode.PROTOCOL_ERROR, "reserved bits must be 0")
    ]
    assert bench.transport.done == ["eof"]
    assert bench.entered[-1] is ConnectionState.CLOSING
    assert isinstance(bench.connection.failure, BadFrame)
    bench.loop.fire_timer()
    assert bench.connection.close_code == 1002
    assert bench.connection.close_reason == "reserved bits must be 0"


def test_a_message_above_the_limit_is_a_typed_failure() -> None:
    bench = open_server(Limits(max_message_bytes=10))
    bench.receive(text("x" * 11))
    bench.connection.connection_lost(None)
    assert bench.connection.close_code == 1009
    assert isinstance(bench.connection.failure, LimitExceeded)


def test_a_peer_that_found_our_message_too_big_is_a_typed_failure_too() -> None:
    bench = open_server()
    bench.receive(close_frame(1009, "frame with 20 bytes exceeds limit of 10 bytes"))
    bench.connection.connection_lost(None)
    assert bench.connection.close_code == 1009
    assert isinstance(bench.connection.failure, LimitExceeded)
    assert (bench.connection.failure.value, bench.connection.failure.met) == (10, 20)


def test_a_socket_that_is_gone_when_the_stream_is_ended_is_no_error() -> None:
    class Gone(PretendTransport):
        def write_eof(self) -> None:
            raise OSError("not connected")

    bench = Bench(transport=Gone())
    bench.receive(REQUEST + encode_frame(WHOLE_TEXT, b"not masked"))
    assert bench.transport.done == ["abort"]


def test_who_goes_away_without_a_word_is_said_to_have_done_so() -> None:
    bench = open_server()
    bench.connection.connection_lost(None)
    assert bench.connection.close_reason == "The connection was lost without a close frame"
