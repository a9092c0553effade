"""What happened at the relay, as values, for logs and metrics. No payload is in any of them."""

from collections.abc import Callable
from dataclasses import dataclass

from duologue.relay.causes import Cause


@dataclass(frozen=True, slots=True)
class Opened:
    """A WebSocket is open; what it is, its first message will tell."""

    leg: int
    address: str


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A socket was dropped, or answered with HTTP 503, before it became a WebSocket."""

    address: str
    limit: str
    """The field of `RelayLimits`."""


@dataclass(frozen=True, slots=True)
class NotOpened:
    """A socket is gone that never became a WebSocket, though it was let in."""

    address: str
    reason: str
    """`opening_refused` if what it sent was no proper request, else `opening_unfinished`."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A WebSocket is gone."""

    leg: int
    cause: Cause | None
    """Why the relay ended it; None if the other side left."""
    seconds: float
    """How long it was open."""
    fault: str = ""
    """The frame rule that the other side broke: a limit's name, or `bad_frame`."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A listener has proved its key and is a spare now."""

    leg: int
    key: bytes
    seconds: float
    """From its first message until the proof."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a connection asked for was refused; it is being closed."""

    leg: int
    asked: str
    """`register`, `request`, or `first` where that is not known."""
    cause: Cause
    limit: str = ""
    key: bytes | None = None
    """The key that wanted to register, or that was asked for."""


@dataclass(frozen=True, slots=True)
class Ponged:
    """A spare has answered its ping."""

    leg: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Joined:
    """A caller and a listener speak with each other now."""

    caller: int
    listener: int
    source: bytes
    """The caller's claim; empty at a meeting point, as is the next."""
    target: bytes
    waited_s: float
    """From the request until the handover."""


@dataclass(frozen=True, slots=True)
class Parted:
    """A pair has come to its end."""

    caller: int
    listener: int
    cause: Cause
    seconds: float
    frames_up: int
    """From the caller to the listener; the next likewise."""
    bytes_up: int
    frames_down: int
    bytes_down: int
    held_s: float
    """How long one side was not read because the other was slow."""


Event = Opened | TurnedAway | NotOpened | Closed | Registered | Refused | Ponged | Joined | Parted

Observer = Callable[[Event], None]
"""Told of everything, at once. Must not raise and must not wait."""
