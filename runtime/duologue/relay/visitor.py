"""What the relay knows of one connection."""

from dataclasses import dataclass, field
from enum import Enum, auto

from duologue.connection.base import Unlisten
from duologue.relay.events import Cause, Leg
from duologue.relay.link import Link
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
    LEAVING = auto()


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
