"""What a switchboard wants done, and who may watch its keys."""

from dataclasses import dataclass
from typing import Protocol

from duologue.relay.events import Cause, Leg


@dataclass(frozen=True, slots=True)
class SendPing:
    """Send a ping on this spare; its pong has until `ping_timeout_s`."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class HandOver:
    """Join these two: first switch both to forwarding, then send the two messages of 4.3."""

    caller: Leg
    listener: Leg
    source: bytes
    target: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close this leg with `Close called: ` and this text."""

    leg: Leg
    reason: str
    cause: Cause
    limit: str = ""
    """The field of `RelayLimits`, where the cause is LIMIT."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close this leg without waiting for its answer, `Terminate called: ` and this text."""

    leg: Leg
    reason: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class Seek:
    """Look for a spare at the other nodes of the cluster."""

    leg: Leg
    source: bytes
    target: bytes
    waits_until_s: float | None
    """It has a place in the line here meanwhile, until then; None if it has none."""
    refusal: Close | None
    """What this node would do if it were alone; None: let it wait."""


Action = SendPing | HandOver | Close | Drop | Seek


class KeyWatcher(Protocol):
    """Who wants to know which keys have spares; must do nothing at once."""

    def note_gained(self, key: bytes) -> None:
        """It has its first spare."""

    def note_lost(self, key: bytes, *, comes_back: bool) -> None:
        """It has none any more; `comes_back` if its listener is expected to register anew."""
