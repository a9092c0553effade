"""The node port: other nodes come, and bring callers for the spares of this one."""

import asyncio
import ssl as tls
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Final, Protocol, cast

from duologue.connection.base import ConnectionState
from duologue.connection.websocket.arrivals import Arrivals
from duologue.connection.websocket.listening import listening_sockets
from duologue.connection.websocket.server_opening import BearerOpening
from duologue.errors import UnsafeKey
from duologue.limits import Limits
from duologue.protocol.keys import canonical_public_key
from duologue.relay.cluster import control
from duologue.relay.cluster.channel import BadNode, Introduction
from duologue.relay.cluster.node_connection import NodeConnection
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.events import Cause, Leg
from duologue.relay.link import Link
from duologue.relay.server.socket_link import SocketLink
from duologue.relay.visitor import Visit

BACKLOG: Final = 1024
NO_ROOM: Final = "This node has no room for more visits."
GONE: Final = "The other node has gone."


class _Stage(Enum):
    IDLE = auto()
    """In the stock of the other side."""
    WAITING = auto()
    """Its visit is in the line."""
    ACCEPTED = auto()
    """Its visit is joined; what comes before `go` is void."""
    GIVEN = auto()
    """It is the socket of a pair."""


@dataclass(slots=True, eq=False)
class _Guest:
    """One connection that another node has made."""

    connection: NodeConnection
    stage: _Stage = _Stage.IDLE
    timer: asyncio.TimerHandle | None = None
    """While a stranger, or in stock."""
    is_pinged: bool = False
    visit: str = ""
    link: SocketLink | None = None


class Host(Protocol):
    """What visits need of the relay's exchange."""

    def welcome_visit(
        self, link: Link, visit: Visit, source: bytes, target: bytes, wait_s: float
    ) -> None:
        """See `Exchange.welcome_visit`."""

    def dismiss(self, leg: Leg) -> None:
        """See `Exchange.dismiss`."""


class VisitsIn:
    """Connections of other nodes, and the visits on them. A visit is a caller like any other."""

    def __init__(
        self,
        limits: ClusterLimits,
        link_limits: Limits,
        host: Host,
        introduction: Callable[[], Introduction],
        loop: asyncio.AbstractEventLoop,
        *,
        read_bytes: int,
        context: tls.SSLContext | None,
        counts: Counter[str],
        on_met: Callable[[control.Hello], None],
        complain: Callable[[str], None],
    ) -> None:
        """`read_bytes` is read from a visit in one turn of the loop; `on_met` is told of each node
        that has come; `complain` is told why somebody was not let in."""
        self.port = 0
        self._limits = limits
        self._link_limits = link_limits
        self._host = host
        self._introduction = introduction
        self._loop = loop
        self._read_bytes = read_bytes
        self._context = context
        self._counts = counts
        self._on_met = on_met
        self._complain = complain
        self._strangers: dict[NodeConnection, _Guest] = {}
        """The oldest first."""
        self._guests: dict[NodeConnection, _Guest] = {}
        self._visits: dict[tuple[str, str], _Guest] = {}
        """By node and visit."""
        self._of_link: dict[SocketLink, _Guest] = {}
        self._arrivals: Arrivals[NodeConnection] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._of_link)

    @property
    def strangers(self) -> int:
        """Connections that have proved nothing yet."""
        return len(self._strangers)

    async def start(self, host: str, port: int) -> None:
        """Listen for other nodes.

        Raises:
            OSError: the address cannot be had.
        """
        sockets = await listening_sockets([host or None], port, BACKLOG)
        self.port = int(sockets[0].getsockname()[1])
        self._arrivals = Arrivals(
            sockets,
            _NodePort(self),
            ssl=self._context,
            handshake_timeout_s=self._limits.link_hello_timeout_s,
        )

    async def close(self) -> None:
        """Let nobody in any more, and end every connection at once."""
        self._is_closed = True
        if self._arrivals is not None:
            self._arrivals.close()
            await self._arrivals.wait_closed()
        for guest in (*self._strangers.values(), *self._guests.values()):
            guest.connection.abort()
        for link in list(self._of_link):
            link.terminate(GONE)

    # -- for connections ------------------------------------------------------------------------

    def admit(self) -> NodeConnection:
        """Somebody has come to the node port."""
        connection = NodeConnection(
            self,
            self._introduction(),
            is_dialling=False,
            socket_bytes=self._limits.link_socket_bytes,
        )
        guest = _Guest(connection)
        if len(self._strangers) >= self._limits.max_link_strangers:
            loser = next(iter(self._strangers.values()))
            self._drop_stranger(loser, "max_link_strangers")
        self._strangers[connection] = guest
        guest.timer = self._loop.call_later(
            self._limits.link_hello_timeout_s, self._drop_stranger, guest, "hello_timeout"
        )
        return connection

    def on_open(self, connection: NodeConnection) -> None:
        """See `NodeOwner.on_open`."""
        guest = self._strangers.pop(connection, None)
        if guest is None or connection.other is None:
            return
        self._guests[connection] = guest
        self._counts["accepted"] += 1
        self._on_met(connection.other)
        self._rest(guest)

    def on_message(self, connection: NodeConnection, message: control.Message) -> None:
        """See `NodeOwner.on_message`."""
        guest = self._guests.get(connection)
        if guest is None:
            return
        match guest.stage, message:
            case _Stage.IDLE, control.Visit():
                self._begin(guest, message)
            case _Stage.IDLE, control.Pong():
                self._rest(guest)
            case _Stage.IDLE, control.Dismiss(visits=visits):
                self._dismiss(guest, list(visits))
            case _Stage.WAITING, control.Cancel():
                self._forget(guest)
                connection.send(control.Cancelled())
                self._rest(guest)
            case _Stage.ACCEPTED, control.Go():
                self._go(guest)
            case (_Stage.ACCEPTED, control.Cancel()) | (_, control.Pong()):
                # It crossed with our word; the other side uses what it got.
                pass
            case _Stage.IDLE, control.Cancel():
                # So has this one, with our refusal. It is not answered: that was the answer.
                pass
            case _:
                raise BadNode("malformed", f"{type(message).__name__} when nobody expects it")

    def on_lost(self, connection: NodeConnection, why: BadNode | None) -> None:
        """See `NodeOwner.on_lost`."""
        guest = self._strangers.pop(connection, None) or self._guests.pop(connection, None)
        if why is not None:
            self._counts[why.why] += 1
            self._complain(str(why))
        if guest is None:
            return
        self._stop_timer(guest)
        if guest.stage is _Stage.WAITING:
            self._forget(guest)

    # -- for the links of visits ----------------------------------------------------------------

    def judge(self, link: SocketLink, transport: asyncio.Transport) -> BearerOpening:
        """See `Doorkeeper.judge`; these links have been opened elsewhere."""
        raise AssertionError("the link of a visit has no opening handshake")

    def note_open(self, link: SocketLink) -> None:
        """See `Doorkeeper.note_open`."""

    def note_lost(self, link: SocketLink) -> None:
        """See `Doorkeeper.note_lost`."""
        guest = self._of_link.pop(link, None)
        if guest is not None:
            self._visits.pop((_node_of(guest), guest.visit), None)
            self._guests.pop(guest.connection, None)

    # -- inside ---------------------------------------------------------------------------------

    def _drop_stranger(self, guest: _Guest, why: str) -> None:
        self._counts[why] += 1
        self._strangers.pop(guest.connection, None)
        self._stop_timer(guest)
        if self._arrivals is not None:
            self._arrivals.turn_away(guest.connection)
        guest.connection.abort()

    def _rest(self, guest: _Guest) -> None:
        """It is in the stock of the other side, which we ask now and then whether it is there."""
        guest.stage, guest.is_pinged = _Stage.IDLE, False
        guest.visit, guest.link = "", None
        self._stop_timer(guest)
        guest.timer = self._loop.call_later(self._limits.stock_ping_s, self._on_timer, guest)

    def _on_timer(self, guest: _Guest) -> None:
        if guest.is_pinged:
            guest.connection.abort()
            return
        guest.is_pinged = True
        guest.connection.send(control.Ping())
        timeout_s = self._limits.stock_pong_timeout_s
        guest.timer = self._loop.call_later(timeout_s, self._on_timer, guest)

    def _stop_timer(self, guest: _Guest) -> None:
        if guest.timer is not None:
            guest.timer.cancel()
            guest.timer = None

    def _begin(self, guest: _Guest, message: control.Visit) -> None:
        self._stop_timer(guest)
        refusal = ""
        try:
            source = canonical_public_key(bytes.fromhex(message.source))
            target = canonical_public_key(bytes.fromhex(message.target))
        except UnsafeKey:
            raise BadNode("malformed", "a visit with a key that nobody can have") from None
        if (_node_of(guest), message.visit) in self._visits:
            raise BadNode("malformed", "two visits of one name")
        if len(self._of_link) >= self._limits.max_visits or self._is_closed:
            refusal = "max_visits"
        if refusal:
            self._counts["visit_refused"] += 1
            guest.connection.send(
                control.Refused(cause=Cause.LIMIT.value, limit=refusal, text=NO_ROOM)
            )
            self._rest(guest)
            return
        link = SocketLink(self, self._link_limits, self._loop, read_bytes=self._read_bytes)
        link.address_group = message.address
        link.open_without_socket()
        guest.stage, guest.visit, guest.link = _Stage.WAITING, message.visit, link
        self._of_link[link] = guest
        self._visits[_node_of(guest), guest.visit] = guest
        link.state.on_enter_state.listen(partial(self._on_link_state, guest, link))
        self._host.welcome_visit(link, _Answer(self, guest), source, target, message.wait_ms / 1000)
        if guest.stage is _Stage.WAITING:
            guest.connection.send(control.Waiting())

    def accept(self, guest: _Guest) -> None:
        """The visit is joined."""
        link = guest.link
        if link is None or not guest.connection.is_usable:
            return
        self._counts["visit_joined"] += 1
        guest.stage = _Stage.ACCEPTED
        guest.connection.send(control.Accepted())
        link.adopt(guest.connection.transport)
        guest.connection.heir = link

    def refuse(self, guest: _Guest, reason: str, cause: Cause, limit: str) -> None:
        """The visit is not joined."""
        self._counts["visit_refused"] += 1
        text = reason.encode()[:120].decode(errors="ignore")
        guest.connection.send(control.Refused(cause=cause.value, limit=limit, text=text))
        self._forget(guest)
        self._rest(guest)

    def _go(self, guest: _Guest) -> None:
        link = guest.link
        if link is None:
            return
        guest.stage = _Stage.GIVEN
        transport, rest = guest.connection.give_away()
        del self._guests[guest.connection]
        transport.set_protocol(cast(asyncio.BaseProtocol, link))
        link.feed(rest)

    def _forget(self, guest: _Guest) -> None:
        """The visit of this connection is over before it was joined."""
        link, guest.link = guest.link, None
        guest.stage = _Stage.IDLE
        if link is not None:
            self._of_link.pop(link, None)
            self._visits.pop((_node_of(guest), guest.visit), None)
            link.terminate(GONE)

    def _on_link_state(self, guest: _Guest, link: SocketLink, state: ConnectionState) -> None:
        """The relay ends a visit that waits, as it ends everything."""
        if guest.link is link and guest.stage is _Stage.WAITING:
            guest.connection.abort()

    def _dismiss(self, guest: _Guest, visits: list[str]) -> None:
        for visit in visits:
            found = self._visits.get((_node_of(guest), visit))
            if found is not None and found.link is not None:
                self._host.dismiss(Leg(found.link.id))
        self._rest(guest)


@dataclass(frozen=True, slots=True)
class _NodePort:
    """Who comes to the node port; see `Gatekeeper`."""

    visits: VisitsIn

    def admit(self, peer_name: object) -> NodeConnection | None:
        """See `Gatekeeper.admit`."""
        return self.visits.admit()

    def note_lost(self, connection: NodeConnection) -> None:
        """See `Gatekeeper.note_lost`."""
        self.visits.on_lost(connection, None)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the exchange says to a visit; see `visitor.Visit`."""

    visits: VisitsIn
    guest: _Guest

    def accept(self) -> None:
        """See `visitor.Visit.accept`."""
        self.visits.accept(self.guest)

    def refuse(self, reason: str, cause: Cause, limit: str) -> None:
        """See `visitor.Visit.refuse`."""
        self.visits.refuse(self.guest, reason, cause, limit)


def _node_of(guest: _Guest) -> str:
    other = guest.connection.other
    return "" if other is None else other.node
