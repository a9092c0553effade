"""A `Link` over a socket."""

import asyncio
from collections.abc import Callable

from duologue.connection.base import ConnectionState
from duologue.connection.event_loop import Loop
from duologue.connection.opening import Opening
from duologue.connection.websocket_connection import WebSocketConnection
from duologue.limits import Limits
from duologue.protocol.closing import shorten
from duologue.relay.link import Hold

class SocketLink(WebSocketConnection):
    """A WebSocket connection of the relay; see `Link` for what it is to the relay's rules."""

    def __init__(
        self,
        make_opening: Callable[[WebSocketConnection, asyncio.Transport], Opening],
        limits: Limits,
        loop: Loop,
        *,
        opening_timeout_s: float,
        read_bytes: int,
        on_open: Callable[[WebSocketConnection], None],
        on_lost: Callable[[WebSocketConnection], None],
    ) -> None:
        super().__init__(
            make_opening,
            limits,
            loop,
            opening_timeout_s=opening_timeout_s,
            on_open=on_open,
            on_lost=on_lost,
        )
        self.address_group = ""
        """What limits "per address" count: an IPv4 address, or the /64 of an IPv6 address."""
        self.token: str | None = None
        """The bearer token of the opening request, if it had one."""
        self.accepted_s = loop.time()
        self.received_bytes = 0
        """Everything that was read from the socket."""
        self.on_full: Callable[[bool], None] | None = None
        """Told with True when more than 256 KiB are unsent, with False when little is left."""
        self._read_bytes = read_bytes
        self._holds = Hold.NONE

    @property
    def parting_text(self) -> str:
        """The reason the other side gave in its close frame, known as soon as that has come."""
        if self._wire is not None and self._wire.protocol.close_rcvd is not None:
            return self._wire.protocol.close_rcvd.reason
        return self.close_reason

    def close_as(self, code: int, text: str) -> None:
        """As `close`, with this code and exactly this text."""
        if self.state.current_state is not ConnectionState.OPEN:
            return
        if self._pending:
            self._flush()
        if self._wire is not None:
            self._wire.protocol.send_close(code, shorten(text))
            self._write_from(self._wire)
        self._enter_closing()

    def allow_message_bytes(self, max_bytes: int) -> None:
        """Set the limit for messages, both ways, from now on."""
        self._max_message_bytes = max_bytes
        if self._wire is not None:
            self._wire.allow_message_bytes(max_bytes)

    def send_ping_frame(self) -> None:
        """Send a WebSocket ping; any answer shows in `received_bytes`."""
        if self._wire is not None and self.state.current_state is ConnectionState.OPEN:
            self._wire.protocol.send_ping(b"")
            self._write_from(self._wire)

    def hold(self, reason: Hold) -> None:
        """Read nothing from now on, but what this turn of the loop has read already."""
        if not self._holds:
            self._pause_reading()
        self._holds |= reason

    def release(self, reason: Hold) -> None:
        """Read again, unless there is another reason not to."""
        if not self._holds:
            return
        self._holds &= ~reason
        if not self._holds:
            self._resume_reading()

    def _resume_reading(self) -> None:
        if not self._holds:
            super()._resume_reading()

    def _enter_closing(self) -> None:
        # Or the answer to our close frame would never be read.
        self._holds = Hold.NONE
        super()._enter_closing()

    def get_buffer(self, sizehint: int) -> memoryview:
        """As in `WebSocketConnection`, but less at a time."""
        space = super().get_buffer(sizehint)
        if self._wire is not None and self._wire.large is not None:
            return space  # one large frame is cheap, however it comes
        return space[: self._read_bytes]

    def buffer_updated(self, nbytes: int) -> None:
        """As in `WebSocketConnection`."""
        self.received_bytes += nbytes
        super().buffer_updated(nbytes)

    def pause_writing(self) -> None:
        """As in `WebSocketConnection`."""
        super().pause_writing()
        if self.on_full is not None:
            self.on_full(True)

    def resume_writing(self) -> None:
        """As in `WebSocketConnection`."""
        super().resume_writing()
        if self.on_full is not None:
            self.on_full(False)
