"""What is known of a request that other nodes are asked for, and what it needs of the exchange."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from duologue.relay.cluster.node_connection import NodeConnection
from duologue.relay.cluster.seeking import Seeking
from duologue.relay.cluster.stock import Wanted
from duologue.relay.cluster.tunnel import Tunnel as TunnelSockets
from duologue.relay.events import Cause, Leg
from duologue.relay.link import Link
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.switchboard import Switchboard


class Desk(Protocol):
    """What lookups need of the relay's exchange."""

    switchboard: Switchboard

    def rejoin(self, leg: Leg, source: bytes, until_s: float) -> bool:
        """See `Exchange.rejoin`."""
        ...

    def refuse(self, leg: Leg, reason: str, cause: Cause, limit: str = "") -> None:
        """See `Exchange.refuse`."""

    def give_away(self, leg: Leg) -> Link:
        """See `Exchange.give_away`."""
        ...


@dataclass(slots=True, eq=False)
class Lookup:
    """One request, while it is looked for."""

    leg: Leg
    ask: str
    source: bytes
    target: bytes
    address: str
    until_s: float
    begun_s: float
    machine: Seeking
    numbers: list[int] = field(default_factory=list[int])
    """Of its questions on the bus."""
    answers: set[str] = field(default_factory=set[str])
    """Nodes that have answered."""
    timer: asyncio.TimerHandle | None = None
    wanted: Wanted | None = None
    """The connection that its visit waits for."""
    connection: NodeConnection | None = None
    """The one that its visit is on."""
    node: str = ""
    link: str = ""
    visit: str = ""
    visited_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Routed:
    """A caller of this node that is joined at another."""

    leg: Leg
    node: str
    link: str
    visit: str
    caller: SocketLink
    tunnel: TunnelSockets


class LookupCounts:
    """What metrics show of lookups and visits."""

    def __init__(self, observe: Callable[[str, float], None]) -> None:
        """`observe` is told of durations: `lookup` and `visit`, in seconds; `answers`: a number."""
        self.lookups: Counter[str] = Counter()
        self.visits: Counter[str] = Counter()
        self.bytes_up = 0
        """Of tunnels that have ended."""
        self.bytes_down = 0
        self.stalls = 0
        self.observe = observe
