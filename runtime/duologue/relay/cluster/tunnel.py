"""The way of a caller's bytes through the node where it has arrived: copied, never looked at."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from duologue.connection.event_loop import OWN_READ_BYTES, reading_space_for

MOST_UNSENT_BYTES: Final = 262_144
"""Above it nothing more is read from the other side."""

FEW_UNSENT_BYTES: Final = 65_536
"""Then it is read again."""


class TunnelEnd(asyncio.BufferedProtocol):
    """One of the two sockets of a tunnel; what it reads, the other one writes."""

    def __init__(self, transport: asyncio.Transport, on_end: Callable[[], None]) -> None:
        self.transport = transport
        self.other: TunnelEnd | None = None
        self.read_bytes = 0
        self.stalls = 0
        """How often the other side was slower, so that nothing was read here."""
        self._on_end = on_end
        self._space = reading_space_for(asyncio.get_running_loop())[:OWN_READ_BYTES]
        self._written_bytes = 0
        self._best_drained = 0
        self._progress_s = 0.0
        self._is_over = False
        transport.set_write_buffer_limits(high=MOST_UNSENT_BYTES, low=FEW_UNSENT_BYTES)

    def write(self, data: bytes) -> None:
        """Send what the other end has read."""
        self._written_bytes += len(data)
        self.transport.write(data)

    def stalled_s(self, now_s: float) -> float:
        """How long this side has not taken a byte of what waits for it; ask every few seconds."""
        unsent = self.transport.get_write_buffer_size()
        drained = self._written_bytes - unsent
        if unsent == 0 or drained > self._best_drained or self._progress_s == 0.0:
            self._progress_s = now_s
        self._best_drained = max(self._best_drained, drained)
        return now_s - self._progress_s

    # -- for the transport ----------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport shall read to."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """So much has come."""
        self.read_bytes += nbytes
        if self.other is not None:
            self.other.write(bytes(self._space[:nbytes]))

    def pause_writing(self) -> None:
        """This side is slow."""
        if self.other is not None:
            self.other.stalls += 1
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """This side is gone; the other one gets what is left, and then its end."""
        self._is_over = True
        other = self.other
        if other is not None and not other._is_over:
            other.transport.close()
        self._on_end()

    @property
    def is_over(self) -> bool:
        """Whether its socket is gone."""
        return self._is_over


class Tunnel:
    """The caller's socket and the one that leads to the node of its listener."""

    def __init__(
        self,
        caller: asyncio.Transport,
        holder: asyncio.Transport,
        *,
        from_caller: bytes,
        from_holder: bytes,
        on_end: Callable[[], None],
    ) -> None:
        """Begins at once. The two `from_` have been read before; `on_end`: both are gone."""
        self._on_end = on_end
        self.up = TunnelEnd(caller, self._note_end)
        """At the caller: what it reads goes up, to the holder."""
        self.down = TunnelEnd(holder, self._note_end)
        self.up.other, self.down.other = self.down, self.up
        for end in (self.up, self.down):
            end.transport.set_protocol(cast(asyncio.BaseProtocol, end))
        if from_caller:
            self.up.read_bytes += len(from_caller)
            self.down.write(from_caller)
        if from_holder:
            self.down.read_bytes += len(from_holder)
            self.up.write(from_holder)
        for end in (self.up, self.down):
            # Either side may have ended, or be full already.
            if not end.transport.is_closing():
                end.transport.resume_reading()
        for slow in (self.up, self.down):
            if slow.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
                slow.pause_writing()

    def stalled_s(self, now_s: float) -> float:
        """How long one of the sides has taken nothing of what waits for it."""
        return max(self.up.stalled_s(now_s), self.down.stalled_s(now_s))

    def abort(self) -> None:
        """End it at once."""
        for end in (self.up, self.down):
            if not end.is_over:
                end.transport.abort()

    def _note_end(self) -> None:
        if self.up.is_over and self.down.is_over:
            self._on_end()
