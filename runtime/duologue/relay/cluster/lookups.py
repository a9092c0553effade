"""Requests of this node's callers that are served by others: looked for, visited, tunnelled."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

from duologue.relay import messages
from duologue.relay.actions import Seek
from duologue.relay.cluster import control
from duologue.relay.cluster.bus_messages import VERSION, Find, Have
from duologue.relay.cluster.lookup_records import Desk, Lookup, LookupCounts, Routed
from duologue.relay.cluster.node_connection import NodeConnection
from duologue.relay.cluster.seeking import Seeking, State, Surroundings
from duologue.relay.cluster.seeking_steps import (
    Ask,
    Cancel,
    HangUp,
    JoinLine,
    LeaveLine,
    Refuse,
    Step,
    Tunnel,
    Visit,
)
from duologue.relay.cluster.stock import Stock, Wanted
from duologue.relay.cluster.tunnel import Tunnel as TunnelSockets
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.events import Cause, Leg
from duologue.relay.server.socket_link import SocketLink

_ASK_BYTES: Final = 8


class Lookups:
    """A `Seeker`. Drives one `Seeking` per request, and owns what came of it."""

    def __init__(
        self,
        limits: ClusterLimits,
        desk: Desk,
        stock: Stock,
        around: Surroundings,
        loop: asyncio.AbstractEventLoop,
        *,
        node: str,
        spare_wait_s: float,
        stall_s: float,
        ask: Callable[[int, bytes, Find], int],
        random_bytes: Callable[[int], bytes],
        counts: LookupCounts,
    ) -> None:
        """`ask` sends a question for a key over a server, and returns the number under which a
        "nobody" will come; `stall_s` is how long a tunnel may make no progress."""
        self.counts = counts
        self._limits = limits
        self._desk = desk
        self._stock = stock
        self._around = around
        self._loop = loop
        self._node = node
        self._spare_wait_s = spare_wait_s
        self._stall_s = stall_s
        self._ask = ask
        self._random_bytes = random_bytes
        self._lookups: dict[Leg, Lookup] = {}
        self._by_ask: dict[str, Lookup] = {}
        self._by_number: dict[int, tuple[Lookup, int]] = {}
        self._by_connection: dict[NodeConnection, Lookup] = {}
        self._routed: dict[Leg, Routed] = {}
        self._to_dismiss: dict[str, list[Routed]] = {}

    def __len__(self) -> int:
        return len(self._lookups)

    @property
    def routed(self) -> int:
        """Callers of this node that are joined at others."""
        return len(self._routed)

    def carried(self) -> tuple[int, int, int]:
        """Bytes up and down through tunnels, and stalls, those that are open included."""
        open_now = [each.tunnel for each in self._routed.values()]
        return (
            self.counts.bytes_up + sum(each.up.read_bytes for each in open_now),
            self.counts.bytes_down + sum(each.down.read_bytes for each in open_now),
            self.counts.stalls + sum(each.up.stalls + each.down.stalls for each in open_now),
        )

    # -- for the exchange -----------------------------------------------------------------------

    def seek(self, request: Seek, address_group: str) -> None:
        """See `Seeker.seek`."""
        now_s = self._loop.time()
        if len(self._lookups) >= self._limits.max_lookups:
            self._desk.refuse(request.leg, messages.NO_PAIR, Cause.LIMIT, "max_lookups")
            return
        until_s = max(now_s + self._spare_wait_s, request.waits_until_s or 0.0)
        refusal = request.refusal
        machine = Seeking(
            self._limits,
            self._around,
            now_s=now_s,
            patience_s=until_s - now_s,
            is_in_line=request.waits_until_s is not None,
            has_spare_here=partial(self._has_spare_here, request.target),
            refusal=None
            if refusal is None
            else Refuse(refusal.reason, refusal.cause, refusal.limit),
        )
        ask = self._random_bytes(_ASK_BYTES).hex()
        lookup = Lookup(
            request.leg, ask, request.source, request.target, address_group, until_s, now_s, machine
        )
        self._lookups[request.leg] = lookup
        self._by_ask[ask] = lookup
        self._take_steps(lookup, machine.start(now_s))

    def forget(self, leg: Leg, *, is_joined: bool) -> None:
        """See `Seeker.forget`."""
        lookup = self._lookups.get(leg)
        if lookup is not None:
            self._finish(lookup, "local" if is_joined else "left")
            self._take_steps(lookup, lookup.machine.end())
        routed = self._routed.get(leg)
        if routed is not None:
            routed.tunnel.abort()

    def dismiss(self, leg: Leg) -> None:
        """See `Seeker.dismiss`. Those of one turn of the loop are told together."""
        routed = self._routed.get(leg)
        if routed is None:
            return
        if not self._to_dismiss:
            self._loop.call_soon(self._send_dismissals)
        self._to_dismiss.setdefault(routed.node, []).append(routed)

    # -- for the bus ----------------------------------------------------------------------------

    def take_have(self, message: Have) -> bool:
        """Take an answer; False if nobody has asked for it."""
        lookup = self._by_ask.get(message.ask)
        if lookup is None:
            return False
        lookup.answers.add(message.node)
        now_s = self._loop.time()
        steps = lookup.machine.have(message.node, message.link, message.state, now_s)
        self._take_steps(lookup, steps)
        return True

    def take_nobody(self, number: int) -> None:
        """The question of this number was heard by nobody."""
        found = self._by_number.get(number)
        if found is not None:
            lookup, place = found
            self._take_steps(lookup, lookup.machine.nobody(place, self._loop.time()))

    # -- for connections ------------------------------------------------------------------------

    def on_message(self, connection: NodeConnection, message: control.Message) -> None:
        """A node has said something about a visit."""
        lookup = self._by_connection.get(connection)
        if lookup is None:
            # It was given up, and is being closed.
            return
        machine, now_s = lookup.machine, self._loop.time()
        match message:
            case control.Waiting():
                steps = machine.waiting(now_s)
            case control.Accepted():
                self._count_visit(lookup, "joined")
                steps = machine.accepted()
            case control.Refused(cause=cause, limit=limit, text=text):
                self._count_visit(lookup, "refused")
                self._end_visit(lookup, is_good=True)
                known = Cause(cause) if cause in _CAUSES else Cause.NO_SPARE
                steps = machine.refused(text, known, limit, now_s)
            case control.Cancelled():
                self._count_visit(lookup, "cancelled")
                self._end_visit(lookup, is_good=True)
                steps = machine.cancelled(now_s)
            case _:
                connection.abort()
                return
        self._take_steps(lookup, steps)

    def on_lost(self, connection: NodeConnection) -> None:
        """The connection of a visit has ended."""
        lookup = self._by_connection.get(connection)
        if lookup is not None:
            self._stock.note_bad(lookup.node)
            self._note_lost(lookup)

    # -- time and the end -----------------------------------------------------------------------

    def sweep(self, now_s: float) -> None:
        """End tunnels that make no progress."""
        for routed in list(self._routed.values()):
            if routed.tunnel.stalled_s(now_s) >= self._stall_s:
                routed.tunnel.abort()

    def close(self) -> None:
        """End everything at once."""
        for lookup in list(self._lookups.values()):
            self._finish(lookup, "left")
            self._take_steps(lookup, lookup.machine.end())
        for routed in list(self._routed.values()):
            routed.tunnel.abort()

    # -- inside ---------------------------------------------------------------------------------

    def _take_steps(self, lookup: Lookup, steps: list[Step]) -> None:
        for step in steps:
            self._take_step(lookup, step)
        self._arm(lookup)

    def _take_step(self, lookup: Lookup, step: Step) -> None:
        match step:
            case Ask(server, place):
                question = Find(v=VERSION, ask=lookup.ask, key=lookup.target.hex(), node=self._node)
                number = self._ask(server, lookup.target, question)
                lookup.numbers.append(number)
                self._by_number[number] = lookup, place
            case LeaveLine():
                self._desk.switchboard.leave_line(lookup.leg)
            case JoinLine():
                waits = self._desk.rejoin(lookup.leg, lookup.source, lookup.until_s)
                lookup.machine.note_line(is_in_line=waits)
            case Visit(node, link, wait_s):
                self._visit(lookup, node, link, wait_s)
            case Cancel():
                if lookup.connection is not None:
                    lookup.connection.send(control.Cancel())
            case HangUp():
                self._count_visit(lookup, "given_up")
                self._end_visit(lookup, is_good=False)
            case Tunnel():
                self._finish(lookup, "found")
                self._join(lookup)
            case Refuse(reason, cause, limit):
                self._finish(lookup, self._why_refused(lookup))
                self._desk.refuse(lookup.leg, reason, cause, limit)
            case _:
                assert_never(step)

    def _has_spare_here(self, target: bytes) -> bool:
        free, is_full = self._desk.switchboard.look_at(target, self._loop.time())
        return free > 0 and not is_full

    def _why_refused(self, lookup: Lookup) -> str:
        machine = lookup.machine
        if machine.was_answered:
            return "not_joined"
        if not machine.asked_anyone:
            return "no_bus"
        return "nobody" if machine.was_denied else "silence"

    def _arm(self, lookup: Lookup) -> None:
        if lookup.timer is not None:
            lookup.timer.cancel()
            lookup.timer = None
        if lookup.machine.state is not State.DONE:
            lookup.timer = self._loop.call_at(lookup.machine.due_s, self._on_timer, lookup)

    def _on_timer(self, lookup: Lookup) -> None:
        lookup.timer = None
        # Timers may come a little early.
        now_s = max(self._loop.time(), lookup.machine.due_s)
        self._take_steps(lookup, lookup.machine.due(now_s))

    def _finish(self, lookup: Lookup, result: str) -> None:
        """It is settled: nothing that still comes for it is heard."""
        if self._lookups.pop(lookup.leg, None) is None:
            return
        del self._by_ask[lookup.ask]
        for number in lookup.numbers:
            self._by_number.pop(number, None)
        self.counts.lookups[result] += 1
        self.counts.observe("lookup", self._loop.time() - lookup.begun_s)
        self.counts.observe("answers", len(lookup.answers))

    def _visit(self, lookup: Lookup, node: str, link: str, wait_s: float) -> None:
        lookup.node, lookup.link = node, link
        lookup.visited_s = self._loop.time()
        lookup.visit = self._random_bytes(_ASK_BYTES).hex()
        if self.routed >= self._limits.max_visits:
            self._loop.call_soon(self._refuse_for_room, lookup)
            return
        message = control.Visit(
            visit=lookup.visit,
            source=lookup.source.hex(),
            target=lookup.target.hex(),
            address=lookup.address,
            wait_ms=max(0, int(wait_s * 1000)),
        )
        wanted = Wanted(
            partial(self._on_connected, lookup, message), lambda _: self._on_failed(lookup)
        )
        lookup.wanted = wanted
        self._stock.take(node, link, wanted)

    def _refuse_for_room(self, lookup: Lookup) -> None:
        if lookup.leg in self._lookups:
            self._finish(lookup, "not_joined")
            self._take_steps(lookup, lookup.machine.end())
            self._desk.refuse(lookup.leg, messages.NO_PAIR, Cause.LIMIT, "max_visits")

    def _on_connected(
        self, lookup: Lookup, message: control.Visit, connection: NodeConnection
    ) -> None:
        lookup.wanted = None
        lookup.connection = connection
        self._by_connection[connection] = lookup
        connection.send(message)

    def _on_failed(self, lookup: Lookup) -> None:
        lookup.wanted = None
        self._note_lost(lookup)

    def _note_lost(self, lookup: Lookup) -> None:
        self._count_visit(lookup, "lost")
        self._end_visit(lookup, is_good=False)
        self._take_steps(lookup, lookup.machine.lost(self._loop.time()))

    def _count_visit(self, lookup: Lookup, result: str) -> None:
        self.counts.visits[result] += 1
        self.counts.observe("visit", self._loop.time() - lookup.visited_s)

    def _end_visit(self, lookup: Lookup, *, is_good: bool) -> None:
        """The visit is over; a connection that `is_good` may be used for another."""
        if lookup.wanted is not None:
            lookup.wanted.cancel()
            lookup.wanted = None
        connection, lookup.connection = lookup.connection, None
        if connection is None:
            return
        del self._by_connection[connection]
        if is_good:
            self._stock.put_back(connection)
        else:
            connection.abort()

    def _join(self, lookup: Lookup) -> None:
        connection, lookup.connection = lookup.connection, None
        if connection is None:
            return
        del self._by_connection[connection]
        link = self._desk.give_away(lookup.leg)
        given = link.give_away() if isinstance(link, SocketLink) else None
        if given is None or not isinstance(link, SocketLink) or not connection.is_usable:
            connection.abort()
            link.terminate("The other node has gone.")
            return
        connection.send(control.Go())
        transport, unread = given
        holder, rest = connection.give_away()
        tunnel = TunnelSockets(
            transport,
            holder,
            from_caller=unread,
            from_holder=rest,
            on_end=partial(self._note_end, lookup.leg),
        )
        self._routed[lookup.leg] = Routed(
            lookup.leg, lookup.node, lookup.link, lookup.visit, link, tunnel
        )

    def _note_end(self, leg: Leg) -> None:
        routed = self._routed.pop(leg, None)
        if routed is None:
            return
        tunnel = routed.tunnel
        self.counts.bytes_up += tunnel.up.read_bytes
        self.counts.bytes_down += tunnel.down.read_bytes
        self.counts.stalls += tunnel.up.stalls + tunnel.down.stalls
        routed.caller.note_given_end()

    def _send_dismissals(self) -> None:
        for node, routed in self._to_dismiss.items():
            for begin in range(0, len(routed), control.MOST_DISMISSED):
                part = routed[begin : begin + control.MOST_DISMISSED]
                self._dismiss_at(node, part[0].link, part)
        self._to_dismiss.clear()

    def _dismiss_at(self, node: str, link: str, routed: list[Routed]) -> None:
        message = control.Dismiss(visits=[each.visit for each in routed])

        def tell(connection: NodeConnection) -> None:
            connection.send(message)
            self._stock.put_back(connection)

        def give_up(_why: str) -> None:
            for each in routed:
                each.tunnel.abort()

        self._stock.take(node, link, Wanted(tell, give_up))


_CAUSES: Final = frozenset(each.value for each in Cause)
