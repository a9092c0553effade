"""The connection on a pretend transport and loop: when it writes, waits, pauses and gives up."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from duologue.connection.base import ConnectionState, Message
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES
from duologue.connection.frames import WHOLE_BINARY, WHOLE_TEXT, encode_frame, encode_masked_frame
from duologue.connection.opening import AcceptanceRules, ClientOpening, Opening, ServerOpening
from duologue.connection.websocket_connection import (
    FLUSH_BYTES,
    FLUSH_MESSAGES,
    WebSocketConnection,
)
from duologue.errors import BadFrame, ConnectionClosed, LimitExceeded, ProtocolError
from duologue.limits import Limits
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.uri import parse_uri

Callback = Callable[[], object]
KEY = b"\x11\x22\x33\x44"
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost:8765\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class PretendTimer:
    def __init__(self, timers: "list[PretendTimer]", delay: float, call: Callback) -> None:
        self._timers = timers
        self.delay = delay
        self.call = call
        timers.append(self)

    def cancel(self) -> None:
        if self in self._timers:
            self._timers.remove(self)


class PretendLoop:
    """Runs what is due when told to; time stands still."""

    def __init__(self) -> None:
        self.due: list[Callback] = []
        self.timers: list[PretendTimer] = []
        """Those that were neither cancelled nor run."""

    def time(self) -> float:
        return 100.0

    def call_soon(self, callback: Callback, /) -> None:
        self.due.append(callback)

    def call_later(self, delay: float, callback: Callback, /) -> PretendTimer:
        return PretendTimer(self.timers, delay, callback)

    def turn(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()

    def fire_timer(self) -> float:
        """Run the one timer; returns its delay."""
        (timer,) = self.timers
        timer.cancel()
        timer.call()
        return timer.delay


class PretendTransport(asyncio.Transport):
    """Records what is done to it. `unsent` is what it says it still holds."""

    def __init__(self) -> None:
        super().__init__({"peername": ("10.0.0.7", 4711), "sockname": ("127.0.0.1", 8765)})
        self.written: list[bytes] = []
        self.done: list[str] = []
        self.unsent = 0
        self.marks: tuple[int | None, int | None] = (None, None)

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def take_written(self) -> list[bytes]:
        written, self.written = self.written, []
        return written

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.done.append("eof")

    def is_closing(self) -> bool:
        return "close" in self.done or "abort" in self.done

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.marks = (high, low)


class Bench:
    """One connection with everything round it."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        client: bool = False,
        transport: PretendTransport | None = None,
    ) -> None:
        self.loop = PretendLoop()
        self.transport = transport or PretendTransport()
        self.limits = limits or Limits()
        self.opened: list[WebSocketConnection] = []
        self.lost: list[WebSocketConnection] = []
        self.entered: list[ConnectionState] = []
        self.arrived: list[Message] = []
        self.connection = WebSocketConnection(
            self._client_opening if client else self._server_opening,
            self.limits,
            self.loop,
            opening_timeout_s=None if client else 7.0,
            on_open=self.opened.append,
            on_lost=self.lost.append,
        )
        self.connection.state.on_enter_state.listen(self.entered.append)
        self.connection.connection_made(self.transport)

    def _server_opening(
        self, _connection: WebSocketConnection, _transport: asyncio.Transport
    ) -> Opening:
        return ServerOpening(
            AcceptanceRules(),
            own_hosts=["127.0.0.1"],
            port=8765,
            secure=False,
            is_full=False,
            max_message_bytes=self.limits.max_message_bytes,
        )

    def _client_opening(
        self, _connection: WebSocketConnection, _transport: asyncio.Transport
    ) -> Opening:
        return ClientOpening(
            parse_uri("ws://localhost:8765"),
            "ws://localhost:8765",
            headers=(),
            origin=None,
            max_message_bytes=self.limits.max_message_bytes,
        )

    def receive(self, data: bytes) -> None:
        """As a transport does it: into the buffer, in as many reads as it takes."""
        while data:
            buffer = self.connection.get_buffer(-1)
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            data = data[size:]
            self.connection.buffer_updated(size)


def open_server(limits: Limits | None = None, *, listening: bool = True) -> Bench:
    bench = Bench(limits)
    bench.receive(REQUEST)
    assert bench.transport.take_written()[0].startswith(b"HTTP/1.1 101 ")
    if listening:
        bench.connection.on_message.listen(bench.arrived.append)
    return bench


def text(payload: str) -> bytes:
    return encode_masked_frame(WHOLE_TEXT, payload.encode(), KEY)


def close_frame(code: int, reason: str = "") -> bytes:
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=True)


def plain_close(code: int, reason: str) -> bytes:
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False)


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


# -- writing --------------------------------------------------------------------------------------


def test_the_first_message_of_an_idle_tick_is_written_at_once() -> None:
    bench = open_server()
    bench.connection.send("now")
    assert bench.transport.written == [encode_frame(WHOLE_TEXT, b"now")]


def test_the_others_wait_for_the_next_tick_and_go_together() -> None:
    bench = open_server()
    for message in ("now", "é", b"\x00"):
        bench.connection.send(message)
    bench.transport.take_written()
    assert bench.connection.buffered_amount == 7
    bench.loop.turn()
    together = encode_frame(WHOLE_TEXT, "é".encode()) + encode_frame(WHOLE_BINARY, b"\x00")
    assert bench.transport.written == [together]
    assert bench.connection.buffered_amount == 0


def test_the_next_tick_begins_idle_again() -> None:
    bench = open_server()
    bench.connection.send("one")
    bench.loop.turn()
    bench.connection.send("two")
    assert len(bench.transport.written) == 2


def test_as_many_messages_as_may_wait_are_written_before_the_tick_ends() -> None:
    bench = open_server()
    bench.connection.send("first")
    for _ in range(FLUSH_MESSAGES - 1):
        bench.connection.send("waits")
    assert len(bench.transport.written) == 1
    bench.connection.send("waits")
    assert len(bench.transport.written) == 2


def test_as_many_bytes_as_may_wait_are_written_before_the_tick_ends() -> None:
    bench = open_server()
    bench.connection.send("first")
    bench.connection.send(b"x" * (FLUSH_BYTES - 5))
    assert len(bench.transport.written) == 1
    bench.connection.send(b"")
    assert len(bench.transport.written) == 2


def test_answers_to_one_read_go_together_at_its_end() -> None:
    bench = open_server()
    bench.connection.on_message.listen(bench.connection.send)
    bench.receive(text("one") + text("two"))
    answers = encode_frame(WHOLE_TEXT, b"one") + encode_frame(WHOLE_TEXT, b"two")
    assert bench.transport.written == [answers]
    assert bench.loop.due == []


def test_a_large_read_is_answered_in_larger_pieces() -> None:
    bench = open_server()
    bench.connection.on_message.listen(bench.connection.send)
    bench.receive(text("x") * 400)
    assert [len(piece) for piece in bench.transport.written] == [3 * 50] * 8


def test_a_client_masks_each_frame_with_a_key_of_its_own() -> None:
    bench = Bench(client=True)
    answering = open_answer(bench.transport.take_written()[0])
    bench.receive(answering + encode_frame(WHOLE_TEXT, b"hi"))
    bench.connection.on_message.listen(bench.arrived.append)
    assert bench.arrived == ["hi"]
    bench.connection.send("one")
    bench.connection.send("one")
    bench.loop.turn()
    first, second = bench.transport.written
    assert first[:2] == second[:2] == b"\x81\x83"
    assert first[2:6] != second[2:6]
    assert first == encode_masked_frame(WHOLE_TEXT, b"one", first[2:6])


def open_answer(request: bytes) -> bytes:
    server = Bench()
    server.receive(request)
    return server.transport.written[0]


def test_utf8_bytes_are_sent_as_text() -> None:
    bench = open_server()
    bench.connection.send_utf8("é".encode())
    assert bench.transport.written == [encode_frame(WHOLE_TEXT, "é".encode())]


def test_a_message_at_the_limit_is_taken_and_above_it_refused() -> None:
    bench = open_server(Limits(max_message_bytes=10))
    bench.connection.send("é" * 5)
    bench.transport.take_written()
    with pytest.raises(LimitExceeded) as caught:
        bench.connection.send("é" * 5 + "x")
    assert caught.value.met == 11
    bench.loop.turn()
    assert bench.transport.written == []
    assert bench.connection.state.current_state is ConnectionState.OPEN


def test_the_marks_are_those_of_the_base_profile() -> None:
    assert open_server().transport.marks == (PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES - 1)


async def test_drained_waits_between_pause_and_resume() -> None:
    bench = open_server()
    await bench.connection.drained()
    bench.connection.pause_writing()
    waiter = asyncio.ensure_future(bench.connection.drained())
    await asyncio.sleep(0)
    assert not waiter.done()
    bench.connection.resume_writing()
    await asyncio.wait_for(waiter, 1)


async def test_drained_returns_when_the_socket_is_lost() -> None:
    bench = open_server()
    bench.connection.pause_writing()
    waiter = asyncio.ensure_future(bench.connection.drained())
    await asyncio.sleep(0)
    bench.connection.connection_lost(None)
    await asyncio.wait_for(waiter, 1)


def test_unsent_bytes_at_the_limit_are_borne() -> None:
    bench = open_server(Limits(max_unsent_bytes=1000))
    bench.connection.pause_writing()
    bench.transport.unsent = 1000
    bench.connection.send("x")
    assert bench.connection.state.current_state is ConnectionState.OPEN
    assert bench.connection.buffered_amount == 1000


def test_unsent_bytes_above_the_limit_end_the_connection() -> None:
    bench = open_server(Limits(max_unsent_bytes=1000))
    bench.connection.pause_writing()
    bench.transport.unsent = 1001
    bench.connection.send("x")
    assert bench.transport.done == ["abort"]
    assert bench.entered[-1] is ConnectionState.CLOSED
    assert bench.connection.close_code == 1006
    assert isinstance(bench.connection.failure, LimitExceeded)
    assert (bench.connection.failure.limit, bench.connection.failure.met) == (
        "max_unsent_bytes",
        1001,
    )
    assert bench.connection.buffered_amount == 0
    with pytest.raises(ConnectionClosed):
        bench.connection.send("more")


def test_pongs_that_are_not_read_count_as_unsent() -> None:
    bench = open_server(Limits(max_unsent_bytes=1000))
    bench.connection.pause_writing()
    bench.transport.unsent = 1001
    bench.receive(Frame(Opcode.PING, b"").serialize(mask=True))
    assert isinstance(bench.connection.failure, LimitExceeded)


def test_a_transport_that_is_closing_is_not_written_to() -> None:
    bench = open_server()
    bench.transport.abort()
    for _ in range(20):
        bench.connection.send("lost")
    assert bench.transport.written == []


# -- reading --------------------------------------------------------------------------------------


def test_a_large_message_is_read_into_its_own_buffer() -> None:
    bench = open_server()
    usual = bench.connection.get_buffer(-1)
    payload = "x" * 200_000
    bench.receive(text("before") + text(payload) + text("behind"))
    assert bench.arrived == ["before", payload, "behind"]
    assert bench.connection.get_buffer(-1) is usual


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


# -- closing --------------------------------------------------------------------------------------


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


def test_close_is_done_when_the_answer_and_the_end_of_the_socket_have_come() -> None:
    bench = open_server()
    bench.connection.close()
    bench.receive(close_frame(1000, "Close called."))
    assert bench.transport.done == ["eof"]
    bench.connection.eof_received()
    bench.connection.connection_lost(None)
    assert bench.entered[-2:] == [ConnectionState.CLOSING, ConnectionState.CLOSED]
    assert (bench.connection.close_code, bench.connection.close_reason) == (1000, "Close called.")
    assert bench.loop.timers == []
    assert bench.lost == [bench.connection]


def test_a_close_that_is_not_answered_is_given_up() -> None:
    bench = open_server()
    bench.connection.close()
    assert bench.loop.fire_timer() == bench.limits.close_timeout_s
    assert bench.transport.done == ["abort"]
    assert bench.entered[-1] is ConnectionState.CLOSED
    assert (bench.connection.close_code, bench.connection.close_reason) == (1006, "")
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
    assert (bench.connection.close_code, bench.connection.close_reason) == (1006, "")
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
    bench.receive(REQUEST + close_frame(1000))
    assert bench.transport.done == ["abort"]
