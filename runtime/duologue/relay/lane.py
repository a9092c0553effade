"""One direction of a pair: what one link receives, the other sends."""

from collections.abc import Callable
from typing import Final

from duologue.connection.base import Message
from duologue.connection.websocket.frame_passer import FramePasser
from duologue.errors import ConnectionClosed
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Hold, Link

BREATHER_S: Final = 0.05
"""How long a link is not read that sends too many small frames; long enough for some 250 more."""


class Lane:
    """Forwards messages as they are; holds the source while the sink is full.

    Nothing is queued here: what is under way is in the sink's buffer, or not yet read. Per stopped
    reader that is 256 KiB, one message, and one read.
    """

    __slots__ = (
        "_allowance",
        "_best_drained",
        "_clock",
        "_held_since_s",
        "_limits",
        "_on_breather",
        "_progress_s",
        "_refilled_s",
        "_seen_small",
        "_sink",
        "_source",
        "held_s",
        "passer",
    )

    def __init__(
        self,
        source: Link,
        sink: Link,
        limits: RelayLimits,
        clock: Callable[[], float],
        on_breather: "Callable[[Lane], None]",
    ) -> None:
        self.passer = FramePasser(limits.small_frame_bytes)
        """Makes the frames for `carry_frames`, and counts what is forwarded."""
        self.held_s = 0.0
        self._source = source
        self._sink = sink
        self._limits = limits
        self._clock = clock
        self._on_breather = on_breather
        self._seen_small = 0
        self._allowance = limits.small_frames_per_s
        self._refilled_s = clock()
        self._held_since_s = 0.0
        self._best_drained = 0
        self._progress_s = self._refilled_s
        sink.on_full = self._on_sink_full

    @property
    def frames(self) -> int:
        """How many messages it has forwarded."""
        return self.passer.frames

    @property
    def bytes(self) -> int:
        """Of payload."""
        return self.passer.payload_bytes

    def carry(self, message: Message) -> None:
        """Forward one message, of those that had come before the lane was there."""
        self.passer.count(len(message.encode() if isinstance(message, str) else message))
        self._count_small()
        try:
            self._sink.send(message)
        except ConnectionClosed:
            # The pair is coming to its end; who sent this will be told.
            return

    def carry_frames(self, frames: list[Message]) -> None:
        """Forward what one read has brought; `passer` has made and counted it."""
        if self._seen_small != self.passer.small_frames:
            self._count_small()
        try:
            self._sink.send_frames(frames)
        except ConnectionClosed:
            return

    def _count_small(self) -> None:
        self._allowance += self._seen_small - self.passer.small_frames
        self._seen_small = self.passer.small_frames
        if self._allowance < 0:
            self._take_breather()

    def go_on(self) -> None:
        """The breather is over."""
        self._source.release(Hold.TOO_MANY_FRAMES)

    def held_so_far_s(self, now_s: float) -> float:
        """How long the source was not read for the sink's sake, a hold that lasts included."""
        return self.held_s + (now_s - self._held_since_s if self._held_since_s else 0.0)

    def stalled_s(self, now_s: float) -> float:
        """How long the sink has not taken a byte of what waits for it."""
        unsent = self._sink.buffered_amount
        drained = self.bytes - unsent
        if unsent == 0 or drained > self._best_drained:
            self._progress_s = now_s
        self._best_drained = max(self._best_drained, drained)
        return now_s - self._progress_s

    def stop(self) -> None:
        """The pair has ended."""
        self._sink.on_full = None
        self._on_sink_full(False)
        self.go_on()

    def _on_sink_full(self, is_full: bool) -> None:
        if is_full:
            self._held_since_s = self._clock()
            self._source.hold(Hold.SINK_IS_FULL)
        else:
            if self._held_since_s:
                self.held_s += self._clock() - self._held_since_s
                self._held_since_s = 0.0
            self._source.release(Hold.SINK_IS_FULL)

    def _take_breather(self) -> None:
        now_s = self._clock()
        rate = self._limits.small_frames_per_s
        self._allowance = min(rate, self._allowance + (now_s - self._refilled_s) * rate)
        self._refilled_s = now_s
        if self._allowance < 0:
            self._source.hold(Hold.TOO_MANY_FRAMES)
            self._on_breather(self)
