"""What the relay's rules need of a connection."""

from collections.abc import Callable
from enum import IntFlag, auto
from typing import Final, Protocol

from duologue.connection.base import Message, MessageSignal, StateOfConnection, Unlisten
from duologue.connection.websocket.frame_passer import FramePasser

CLOSE_CODE_GOING_AWAY: Final = 1001


class Hold(IntFlag):
    """Why nothing is read from a connection; it is read again when no reason is left."""

    NONE = 0
    SINK_IS_FULL = auto()
    """The connection its messages go to has more unsent than it should."""
    TOO_MANY_FRAMES = auto()
    """It sends small frames faster than `small_frames_per_s`."""
    TURN_IS_OVER = auto()
    """It has had its share of this turn of the event loop, and more is waiting."""


class Carrier(Protocol):
    """Who takes everything that comes from a link."""

    passer: FramePasser

    def carry(self, message: Message) -> None:
        """Take one message."""

    def carry_frames(self, frames: list[Message]) -> None:
        """Take what `passer` has made of one read: bytes to be written in this order."""


class Link(Protocol):
    """A `Connection` that can be held and measured. `SocketLink` is the real one."""

    id: int
    state: StateOfConnection
    on_message: MessageSignal
    address_group: str
    """What limits "per address" count: an IPv4 address, or the /64 of an IPv6 address."""
    token: str | None
    """The bearer token of the opening request, if it had one."""
    accepted_s: float
    """When its socket was accepted."""
    received_bytes: int
    """Everything that was read from its socket."""
    on_full: Callable[[bool], None] | None
    """Told with True when more than 256 KiB are unsent, with False when little is left."""

    @property
    def parting_text(self) -> str:
        """The reason the other side gave in its close frame, known as soon as that has come."""
        ...

    @property
    def fault(self) -> str:
        """The frame rule that the other side broke: a limit's name, or `bad_frame`; or empty."""
        ...

    @property
    def buffered_amount(self) -> int:
        """See `Connection.buffered_amount`."""
        ...

    def send(self, message: Message) -> None:
        """See `Connection.send`."""

    def send_frames(self, frames: list[Message]) -> None:
        """`send` for bytes that are whole frames of a server already.

        Raises:
            ConnectionClosed: as `send`.
        """

    def pass_on(self, carrier: Carrier) -> Unlisten:
        """Give `carrier` what has come and what comes, in frames where that is cheaper."""
        ...

    def close(self, reason: str | None = None) -> None:
        """See `Connection.close`."""

    def terminate(self, reason: str) -> None:
        """See `Connection.terminate`."""

    def close_as(self, code: int, text: str) -> None:
        """As `close`, with this code and exactly this text, shortened if need be."""

    def allow_message_bytes(self, max_bytes: int) -> None:
        """Set the limit for messages, both ways, from now on."""

    def send_ping_frame(self) -> None:
        """Send a WebSocket ping; any answer shows in `received_bytes`."""

    def hold(self, reason: Hold) -> None:
        """Read nothing from now on, but what this turn of the loop has read already."""

    def release(self, reason: Hold) -> None:
        """Read again, unless there is another reason not to."""
