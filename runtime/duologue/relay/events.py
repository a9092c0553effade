"""What happened at the relay, as values, for logs and metrics. No payload is in any of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

Leg = NewType("Leg", int)
"""One connection of the relay: all that its pure tables know of it is a number."""


class Cause(StrEnum):
    """Why a connection was refused or ended by the relay."""

    BAD_MESSAGE = "bad_message"
    """Not one of the messages that may come here."""
    BAD_KEY = "bad_key"
    """Not a canonical public key."""
    NOT_PROVED = "not_proved"
    """The challenge was not answered rightly."""
    NOT_ALLOWED = "not_allowed"
    """The access rules do not let this key or token do it."""
    NO_SPARE = "no_spare"
    """Nobody is registered under the wanted key, or all its spares are taken."""
    NO_WAY = "no_way"
    """The nodes of a cluster that have the wanted key cannot be reached."""
    LIMIT = "limit"
    """A bound of `RelayLimits` was met; which one is counted apart."""
    TOO_SLOW = "too_slow"
    """A first message or an answer did not come in time."""
    NO_PONG = "no_pong"
    """A spare connection did not answer the ping."""
    SPARE_AGE = "spare_age"
    """A spare was old; its listener registers anew."""
    SLOW_READER = "slow_reader"
    """One side of a pair took nothing for `write_timeout_s`."""
    IDLE_PAIR = "idle_pair"
    """Neither side of a pair sent anything for `idle_pair_s`."""
    PEER_LEFT = "peer_left"
    """The other side of the pair is gone."""
    DRAINING = "draining"
    """The relay is being stopped."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A WebSocket is open; what it is, its first message will tell."""

    leg: int
    address: str


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A socket was dropped, or refused by HTTP, or had to give its place to another, before it was
    known what it is."""

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
class Routed:
    """A caller is joined with a listener of another node; that one tells more of them."""

    caller: int
    target: bytes
    waited_s: float
    """From the request until then."""


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


RelayEvent = (
    Opened
    | TurnedAway
    | NotOpened
    | Closed
    | Registered
    | Refused
    | Ponged
    | Joined
    | Routed
    | Parted
)

Observer = Callable[[RelayEvent], None]
"""Told of everything, at once. Must not raise and must not wait."""
