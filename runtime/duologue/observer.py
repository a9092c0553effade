"""What may be seen of conversations from outside: calls, items, events, connections, frames.

An observer changes nothing, refuses nothing and delays nothing: that is for interceptors. It sees
what crosses the connections of an endpoint, after decryption: a call begins with its request and
ends with its answer, so that one which never left is not seen.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Direction: TypeAlias = Literal["in", "out"]
"""To this side, or from it."""

OTHER: Final = "_OTHER"
"""In the place of names that no contract of this side has: a number, an unknown method."""


@dataclass(eq=False, slots=True)
class ConnectionSeen:
    """A connection; the same object for all that is seen of it."""

    id: int
    """Unique in this process."""
    remote_address: str | None
    is_encrypted: bool
    """Whether the other side has proved a key. The key itself is not told."""


@dataclass(eq=False, slots=True)
class CallSeen:
    """A call; the same object from its beginning to its end."""

    connection: ConnectionSeen
    is_own: bool
    """Whether this side made it; else it serves it."""
    method: str
    """`package.Service/method`, or `OTHER`."""
    number: int
    """By which it is called; what somebody else chose, if `method` is `OTHER`."""
    begun_s: float
    """By the clock of the loop."""
    timeout_ms: int = 0
    """How long its caller waits, if the request says so; else 0."""
    token: object = field(default=None, repr=False)
    """For the observer's own use, if it is the only one; others keep a mapping."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call has ended."""

    code: str
    """`ok`; the code of an error, as the other side spelled it; `given up` or `DEADLINE_EXCEEDED`
    if the caller waited no longer; `lost` if the connection ended first."""
    seconds: float


class Observer:
    """Is told what happens; override what is of interest.

    Given to `serve`, `connect`, `listen` and `dial` as `observers=`. Called in the loop's thread,
    so what takes long belongs elsewhere. One that raises is logged once and told nothing more.
    """

    wants_frames: bool = False
    """Whether `frame` is to be called."""

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """A conversation begins over it."""

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """It has ended, with this WebSocket close code."""

    def call_started(self, call: CallSeen) -> None:
        """The request has left, or has come."""

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """The answer has come, or has left; or none will."""

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        """So many items of a call in one message, of `size` bytes or characters together."""

    def event(self, name: str, direction: Direction, missed: int) -> None:
        """An event of a subscription; `missed` were dropped before it."""

    def frame(self, connection: ConnectionSeen, direction: Direction, message: str | bytes) -> None:
        """A whole message, opened; text, or bytes of a chunk, an item or a part."""
