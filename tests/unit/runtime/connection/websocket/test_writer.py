"""What is sent on a pretend transport and loop: when it is written, and how much may wait."""

import asyncio

import pytest
from websockets.frames import Frame, Opcode

from duologue.connection.base import ConnectionState
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
)
from duologue.connection.websocket.writer import FLUSH_BYTES, FLUSH_MESSAGES
from duologue.errors import ConnectionClosed, LimitExceeded
from duologue.limits import Limits
from tests.unit.runtime.pretend import (
    REQUEST,
    Bench,
    close_frame,
    open_server,
    text,
)


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


def test_what_is_gathered_goes_together_at_the_end_of_the_tick() -> None:
    bench = open_server()
    bench.connection.gather()
    bench.connection.gather()
    bench.connection.send("one")
    bench.connection.send("two")
    assert bench.transport.written == []
    bench.loop.turn()
    together = encode_frame(WHOLE_TEXT, b"one") + encode_frame(WHOLE_TEXT, b"two")
    assert bench.transport.written == [together]
    bench.connection.send("three")
    assert len(bench.transport.written) == 2


def test_nothing_is_gathered_for_a_connection_that_closes() -> None:
    bench = open_server()
    bench.connection.close()
    bench.connection.gather()
    assert bench.loop.due == []


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


def test_a_pong_goes_before_the_answers_to_later_messages() -> None:
    bench = open_server()
    bench.connection.on_message.listen(bench.connection.send)
    bench.receive(Frame(Opcode.PING, b"p").serialize(mask=True) + text("behind"))
    assert b"".join(bench.transport.take_written()) == b"\x8a\x01p\x81\x06behind"


def test_a_pong_goes_before_the_answer_to_the_last_close() -> None:
    bench = open_server()
    bench.connection.on_message.listen(bench.connection.send)
    bench.receive(text("m") + Frame(Opcode.PING, b"p").serialize(mask=True) + close_frame(1000))
    written = b"".join(bench.transport.take_written())
    assert written == b"\x81\x01m" + b"\x8a\x01p" + b"\x88\x02\x03\xe8"


def test_a_large_read_is_answered_in_several_pieces() -> None:
    bench = open_server()
    bench.connection.on_message.listen(bench.connection.send)
    bench.receive(text("x") * 400)
    assert [len(piece) for piece in bench.transport.written] == [3 * 32] * 12 + [3 * 16]


def test_a_client_masks_each_frame_with_a_key_of_its_own() -> None:
    bench = Bench(client=True)
    answering = open_answer(bench.transport.take_written()[0])
    bench.receive(answering + encode_frame(WHOLE_TEXT, b"hi"))
    bench.connection.on_message.listen(bench.arrived.append)
    assert bench.arrived == ["hi"]
    bench.loop.turn()
    bench.connection.send("one")
    bench.connection.send("one")
    bench.loop.turn()
    first, second = bench.transport.written
    assert first[:2] == second[:2] == b"\x81\x83"
    assert first[2:6] != second[2:6]
    assert first == encode_masked_frame(WHOLE_TEXT, b"one", first[2:6])


def test_a_server_says_what_it_has_to_say_together_with_its_answer() -> None:
    bench = Bench(on_open=lambda connection: connection.send("hello"))
    bench.receive(REQUEST)
    (answer,) = bench.transport.written
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert answer.endswith(b"\r\n\r\n" + encode_frame(WHOLE_TEXT, b"hello"))


def test_the_first_messages_of_a_client_go_together() -> None:
    bench = Bench(client=True)
    bench.receive(open_answer(bench.transport.take_written()[0]))
    bench.connection.send("one")
    bench.connection.send("two")
    assert bench.transport.written == []
    bench.loop.turn()
    assert len(bench.transport.written) == 1


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
    await asyncio.wait_for(waiter, 30)


async def test_drained_returns_when_the_socket_is_lost() -> None:
    bench = open_server()
    bench.connection.pause_writing()
    waiter = asyncio.ensure_future(bench.connection.drained())
    await asyncio.sleep(0)
    bench.connection.connection_lost(None)
    await asyncio.wait_for(waiter, 30)


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


def test_one_message_within_its_limit_ends_nothing() -> None:
    bench = open_server(Limits(max_unsent_bytes=1000))
    bench.connection.pause_writing()
    bench.transport.unsent = 1000
    bench.connection.send(b"x" * 100_000)
    assert bench.connection.state.current_state is ConnectionState.OPEN
    assert len(bench.transport.written) == 1


def test_a_loop_that_refuses_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = open_server()

    def refuse(_callback: object) -> None:
        raise RuntimeError("from another thread")

    with monkeypatch.context() as patch:
        patch.setattr(bench.loop, "call_soon", refuse)
        with pytest.raises(RuntimeError):
            bench.connection.send("not taken")
    bench.connection.send("taken")
    assert bench.transport.written == [encode_frame(WHOLE_TEXT, b"taken")]


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


@pytest.mark.parametrize(("missing", "is_written"), [(0, True), (1, False)])
def test_what_waits_is_written_when_so_many_bytes_are_together(
    missing: int, is_written: bool
) -> None:
    bench = open_server(Limits(max_message_bytes=2 * FLUSH_BYTES))
    bench.connection.send("now")
    bench.transport.take_written()
    head = len(encode_frame(WHOLE_BINARY, bytes(FLUSH_BYTES))) - FLUSH_BYTES
    message = bytes(FLUSH_BYTES - head - missing)
    assert len(encode_frame(WHOLE_BINARY, message)) == FLUSH_BYTES - missing
    bench.connection.send(message)
    assert bool(bench.transport.written) is is_written
