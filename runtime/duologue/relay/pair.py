"""A caller and a listener that have been joined."""

from collections.abc import Callable
from dataclasses import dataclass

from duologue.relay.events import Cause, Parted
from duologue.relay.lane import Lane
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link


@dataclass(frozen=True, slots=True)
class Traffic:
    """What pairs have carried."""

    bytes_up: int = 0
    """Of payload, from callers to listeners; characters, where a message is text."""
    bytes_down: int = 0
    frames: int = 0
    """Both ways."""
    held_s: float = 0.0
    """How long one side was not read because the other was slow."""

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.bytes_up + other.bytes_up,
            self.bytes_down + other.bytes_down,
            self.frames + other.frames,
            self.held_s + other.held_s,
        )


class Pair:
    """Two links and the lanes between them."""

    def __init__(
        self,
        caller: Link,
        listener: Link,
        limits: RelayLimits,
        clock: Callable[[], float],
        on_breather: Callable[[Lane], None],
    ) -> None:
        self.caller = caller
        self.listener = listener
        self.up = Lane(caller, listener, limits, clock, on_breather)
        """What the caller sends."""
        self.down = Lane(listener, caller, limits, clock, on_breather)
        self.cause = Cause.PEER_LEFT
        """Why it ends; set by whoever ends it."""
        self._limits = limits
        self._begun_s = self._active_s = clock()
        self._frames_seen = 0

    def partner_of(self, link: Link) -> Link:
        """The other one."""
        return self.caller if link is self.listener else self.listener

    def find_fault(self, now_s: float) -> tuple[Cause, Link] | None:
        """Whether the pair has to be ended, and whose fault that is. Call it every few seconds."""
        frames = self.up.frames + self.down.frames
        if frames != self._frames_seen:
            self._frames_seen = frames
            self._active_s = now_s
        # Both are asked each time: asking is what notes progress.
        stalled_up_s = self.up.stalled_s(now_s)
        stalled_down_s = self.down.stalled_s(now_s)
        if max(stalled_up_s, stalled_down_s) >= self._limits.write_timeout_s:
            slow = self.listener if stalled_up_s >= stalled_down_s else self.caller
            return Cause.SLOW_READER, slow
        if now_s - self._active_s >= self._limits.idle_pair_s:
            return Cause.IDLE_PAIR, self.caller
        return None

    def traffic(self, now_s: float) -> Traffic:
        """What it has carried so far."""
        held_s = self.up.held_so_far_s(now_s) + self.down.held_so_far_s(now_s)
        return Traffic(self.up.bytes, self.down.bytes, self.up.frames + self.down.frames, held_s)

    def stop(self, now_s: float) -> Parted:
        """Forward nothing more; returns what there was."""
        self.up.stop()
        self.down.stop()
        return Parted(
            self.caller.id,
            self.listener.id,
            self.cause,
            now_s - self._begun_s,
            self.up.frames,
            self.up.bytes,
            self.down.frames,
            self.down.bytes,
            self.up.held_s + self.down.held_s,
        )
