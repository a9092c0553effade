"""A pretend event loop and transport, and a WebSocket connection on them."""

import asyncio
from collections.abc import Callable
from typing import Any

from websockets.frames import Close, Frame, Opcode
from websockets.uri import parse_uri

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.client_opening import ClientOpening
from duologue.connection.websocket.connection import (
    WebSocketConnection,
)
from duologue.connection.websocket.frames import WHOLE_TEXT, encode_masked_frame
from duologue.connection.websocket.opening import Opening
from duologue.connection.websocket.own_names import AcceptanceRules
from duologue.connection.websocket.refusals import Refusals
from duologue.connection.websocket.server_opening import ServerOpening
from duologue.limits import Limits

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
    """Runs what is due when told to; time stands still unless `now_s` is set."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.due: list[Callback] = []
        self.timers: list[PretendTimer] = []
        """Those that were neither cancelled nor run."""

    def time(self) -> float:
        return self.now_s

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

    def __init__(self, *, peer_address: str = "10.0.0.7") -> None:
        super().__init__({"peername": (peer_address, 4711), "sockname": ("127.0.0.1", 8765)})
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
        on_open: Callable[[WebSocketConnection], None] | None = None,
        has_pulse: bool = False,
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
            on_open=on_open or self.opened.append,
            on_lost=self.lost.append,
            has_pulse=has_pulse,
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
            is_full=lambda: False,
            refusals=Refusals(),
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
