"""What the relay knows of one connection."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from duologue.connection.base import Unlisten
from duologue.errors import ConnectionClosed
from duologue.relay.actions import Seek
from duologue.relay.events import Cause, Leg
from duologue.relay.link import Link
from duologue.relay.messages import Command, encode
from duologue.relay.pair import Pair
from duologue.relay.registrar import Challenge


class Stage(Enum):
    """What a link is to the relay; its first message decides. A stage is never entered twice."""

    NEW = auto()
    CHALLENGED = auto()
    SPARE = auto()
    WAITING = auto()
    JOINED = auto()
    MEETING = auto()
    """At a meeting point."""
    ROUTED = auto()
    """Joined with a listener of another node."""
    LEAVING = auto()


class Visit(Protocol):
    """A request that came from another node, which waits for one of these two, or ends it."""

    def accept(self) -> None:
        """It is joined: what follows are the bytes of the conversation."""

    def refuse(self, reason: str, cause: Cause, limit: str) -> None:
        """It is not; its link has to end."""


class Seeker(Protocol):
    """Who looks for listeners at other nodes."""

    def seek(self, request: Seek, address_group: str) -> None:
        """Look, and then call `refuse`, `rejoin` or `give_away` of the exchange; not at once."""

    def forget(self, leg: Leg, *, is_joined: bool) -> None:
        """It is joined here, or it leaves. Told of every link, also of those never sought for."""

    def dismiss(self, leg: Leg) -> None:
        """End what was given away, because this node is going away."""


@dataclass(slots=True, eq=False)
class Visitor:
    """One link and what the relay knows of it."""

    leg: Leg
    link: Link
    opened_s: float
    stage: Stage = Stage.NEW
    key: bytes = b""
    """The proved or claimed key; of a caller, the one it asks for."""
    token: str | None = field(default=None, repr=False)
    challenge: Challenge | None = None
    tick: int = -1
    asked_s: float = 0.0
    pinged_s: float = 0.0
    cause: Cause | None = None
    pair: Pair | None = None
    unlisten: Unlisten | None = None
    visit: Visit | None = None
    """Of who comes from another node."""

    def send(self, command: Command) -> None:
        """Tell it something, if it can still be told anything."""
        try:
            self.link.send(encode(command))
        except ConnectionClosed:
            # Its closing is told to the exchange by its state.
            return

    @property
    def asked(self) -> str:
        """What it wanted, as far as that is known: see `events.Refused`."""
        match self.stage:
            case Stage.CHALLENGED | Stage.SPARE:
                return "register"
            case Stage.WAITING:
                return "request"
            case _:
                return "first"
