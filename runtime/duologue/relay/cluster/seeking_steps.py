"""What a request that looks for its listener wants done next. Pure values."""

from dataclasses import dataclass

from duologue.relay.events import Cause


@dataclass(frozen=True, slots=True)
class Ask:
    """Send the question over this server. `number` comes back with a "nobody"."""

    server: int
    number: int


@dataclass(frozen=True, slots=True)
class LeaveLine:
    """Give up the place in the line of this node."""


@dataclass(frozen=True, slots=True)
class JoinLine:
    """Take a spare of this node, or a place in its line, if it would wait; then `note_line`."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Connect to this node, and ask for a spare there."""

    node: str
    link: str
    """Where it is reached, as "host:port"."""
    wait_s: float


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the visited node to forget the visit."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection of the visit; nothing more is heard of it."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Join the caller with the connection of the visit."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell the caller no."""

    reason: str
    cause: Cause
    limit: str = ""


Step = Ask | LeaveLine | JoinLine | Visit | Cancel | HangUp | Tunnel | Refuse
