"""A cluster without sockets, on a clock of its own: the real rules, and everything going wrong.

Four nodes, each with a real `Switchboard` and `Directory`; each request is a real `Seeking`. What
lies between them is random: bus messages are lost, doubled and late, links open slowly or not at
all, nodes are killed and frozen, servers go away and come back.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from math import inf
from typing import Final

from duologue.relay.actions import Close, HandOver, Seek, SendPing
from duologue.relay.cluster.bus_messages import SpareState
from duologue.relay.cluster.directory import Announce, Change, Directory
from duologue.relay.cluster.seeking import Seeking, State
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
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.events import Cause, Leg
from duologue.relay.limits import RelayLimits
from duologue.relay.switchboard import Switchboard

KEYS: Final = (b"A" * 32, b"B" * 32)
LIMITS: Final = ClusterLimits()
RELAY_LIMITS: Final = RelayLimits(
    requests_per_min_per_address=1e6,
    requests_per_min_per_address_and_target=1e6,
    request_burst_per_address_and_target=10**6,
    registers_per_min_per_address=1e6,
    registers_per_min_per_key=1e6,
    ping_interval_s=1e6,
    spare_age_s=1e6,
)
END_S: Final = 9.0
QUIET_S: Final = 20.0
"""Later than everything that can still happen."""
FREE_LONG_S: Final = 0.9
"""A spare that is free for so long must be found: three askings, and the ways of the messages."""
SILENCE_S: Final = 2 * LIMITS.find_again_s
"""What a server that says nothing may cost beside that: every other asking goes to it."""
TROUBLE_S: Final = 1.5
"""What a link that went wrong may take of the time of a request: one black hole, one pause."""
TICK_S: Final = 0.02
"""How late timers may be; those of wheels are."""


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass(eq=False)
class Line:
    """One connection for one visit, as both sides see it."""

    asker: "Node"
    holder: "Node"
    request: "Request"
    delay_s: float
    is_open: bool = True
    """Neither side has closed it."""
    asker_listens: bool = True
    leg: Leg | None = None
    """At the holder: the visit waits, or is joined."""
    is_joined: bool = False
    last_down_s: float = 0.0
    last_up_s: float = 0.0


@dataclass(eq=False)
class Request:
    """One caller."""

    leg: Leg
    key: bytes
    node: "Node"
    begun_s: float
    machine: Seeking | None = None
    line: Line | None = None
    offers: int = 0
    settled: str = ""
    settled_s: float = 0.0
    timer: int = 0


@dataclass(eq=False)
class Node:
    """One relay of the cluster."""

    number: int
    board: Switchboard
    directory: Directory
    is_alive: bool = True
    frozen_until_s: float = 0.0
    postponed: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    spares: dict[Leg, bytes] = field(default_factory=dict[Leg, bytes])
    requests: dict[Leg, Request] = field(default_factory=dict[Leg, Request])
    visits: dict[Leg, Line] = field(default_factory=dict[Leg, Line])
    free_since_s: dict[bytes, float] = field(default_factory=dict[bytes, float])
    used_s: dict[bytes, float] = field(default_factory=dict[bytes, float])
    bad_until_s: dict[str, float] = field(default_factory=dict[str, float])
    up: list[int] = field(default_factory=lambda: [0, 1])
    doubt_until_s: float = -1.0
    tick_s: float = inf

    @property
    def name(self) -> str:
        return f"n{self.number}"


class Around:
    """The `Surroundings` of the requests of one node."""

    def __init__(self, model: "Model", node: Node) -> None:
        self._model = model
        self._node = node

    def servers(self) -> Sequence[int]:
        return self._node.up

    def is_in_doubt(self) -> bool:
        return self._model.now_s < self._node.doubt_until_s

    def is_bad(self, node: str) -> bool:
        return self._model.now_s < self._node.bad_until_s.get(node, 0.0)


class Watcher:
    """What a switchboard tells of its keys, told to the directory of its node."""

    def __init__(self, model: "Model", node: Node) -> None:
        self._model = model
        self._node = node

    def note_gained(self, key: bytes) -> None:
        self._model.announce(self._node, self._node.directory.gain(key))

    def note_lost(self, key: bytes, *, comes_back: bool) -> None:
        if comes_back:
            self._node.used_s[key] = self._model.now_s
        changes = self._node.directory.lose(key, self._model.now_s, comes_back=comes_back)
        self._model.announce(self._node, changes)


class Model:
    """One run. `run` raises `Violation`; afterwards `joined` and `refused` say what became."""

    def __init__(
        self,
        seed: int,
        *,
        seeking: type[Seeking] = Seeking,
        directory: type[Directory] = Directory,
        hangs_up: bool = True,
        leaves_line: bool = True,
        hears_late: bool = False,
    ) -> None:
        self.chance = random.Random(seed)
        self.now_s = 0.0
        self.joined = 0
        self.refused = 0
        self._seeking = seeking
        self._hangs_up = hangs_up
        self._leaves_line = leaves_line
        self._hears_late = hears_late
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._legs = 0
        self._loss = self.chance.choice((0.0, 0.0, 0.1, 0.3))
        self._no_way = self.chance.choice((0.0, 0.0, 0.05, 0.5))
        self._late_s = self.chance.choice((0.0, 0.0, 0.3))
        """How much later than usual one in four words between nodes is."""
        self._interest: list[dict[bytes, set[int]]] = [{}, {}]
        self._server_up = [True, True]
        self._ill = self.chance.choice((None,) * 7 + (0, 1))
        """A server that is up, takes everything, and passes no question on."""
        self._bus_troubled_s = -100.0
        self._trouble_s = -100.0
        """When something last went wrong with a link or a node."""
        self.nodes = [self._new_node(number, directory) for number in range(4)]
        self._requests: list[Request] = []

    # -- the run --------------------------------------------------------------------------------

    def run(self) -> None:
        chance = self.chance
        for key in KEYS:
            for _ in range(chance.randint(0, 3)):
                self._at(chance.uniform(0, 0.5), self._register_somewhere, key)
        for _ in range(chance.randint(3, 10)):
            self._at(chance.uniform(0.3, END_S - 4), self._arrive, chance.choice(KEYS))
        if chance.random() < 0.3:
            self._at(chance.uniform(0.5, 5), self._kill, chance.randrange(4))
        if chance.random() < 0.3:
            self._at(chance.uniform(0.5, 5), self._freeze, chance.randrange(4))
        if chance.random() < 0.3:
            self._at(chance.uniform(0.5, 4), self._take_server_down, chance.randrange(2))
        if chance.random() < 0.1:
            self._at(chance.uniform(0.5, 4), self._take_server_down, chance.randrange(2))
        while self._events:
            at_s, _, event = heappop(self._events)
            if at_s > QUIET_S:
                break
            self.now_s = at_s
            event()
        self._check_quiet()

    def _at(self, at_s: float, event: Callable[..., None], *values: object) -> None:
        self._count += 1
        heappush(self._events, (at_s, self._count, lambda: event(*values)))

    def _after(self, delay_s: float, event: Callable[..., None], *values: object) -> None:
        self._at(self.now_s + delay_s, event, *values)

    def _on(self, node: Node, event: Callable[[], None]) -> None:
        """Let a node do something, when it is not frozen; never if it is dead."""
        if not node.is_alive:
            return
        if self.now_s < node.frozen_until_s:
            node.postponed.append(event)
            return
        event()

    def _new_node(self, number: int, directory: type[Directory]) -> Node:
        board = Switchboard(RELAY_LIMITS)
        board.has_other_nodes = True
        node = Node(number, board, directory(LIMITS, lambda key: board.look_at(key, self.now_s)))
        board.watcher = Watcher(self, node)
        return node

    def _arm(self, node: Node) -> None:
        due_s = min(node.board.next_due_s() or 0.0, node.directory.due_s)
        if node.board.next_due_s() is None:
            due_s = node.directory.due_s
        due_s = max(due_s, self.now_s)
        if due_s < node.tick_s:
            node.tick_s = due_s
            self._at(due_s, self._tick, node)

    def _tick(self, node: Node) -> None:
        node.tick_s = inf

        def do() -> None:
            self._carry_out(node, node.board.due(self.now_s))
            self.announce(node, node.directory.due(self.now_s))

        self._on(node, do)

    def _new_leg(self) -> Leg:
        self._legs += 1
        return Leg(self._legs)

    # -- what goes wrong ------------------------------------------------------------------------

    def _kill(self, number: int) -> None:
        node = self.nodes[number]
        node.is_alive = False
        self._trouble_s = max(self._trouble_s, self.now_s)
        for interest in self._interest:
            for nodes in interest.values():
                nodes.discard(number)
        for line in [each.line for each in node.requests.values() if each.line is not None]:
            self._close(line)
        for line in list(node.visits.values()):
            self._close(line)
        for key in node.spares.values():
            self._after(self.chance.uniform(0.5, 4), self._register_somewhere, key)

    def _freeze(self, number: int) -> None:
        node = self.nodes[number]
        if not node.is_alive:
            return
        seconds = self.chance.uniform(0.2, 4)
        node.frozen_until_s = self.now_s + seconds
        self._trouble_s = max(self._trouble_s, self.now_s + seconds)
        self._after(seconds, self._thaw, node)

    def _thaw(self, node: Node) -> None:
        postponed, node.postponed = node.postponed, []
        for event in postponed:
            self._on(node, event)

    def _take_server_down(self, number: int) -> None:
        self._server_up[number] = False
        self._bus_troubled_s = 1e9
        self._interest[number].clear()
        for node in self.nodes:
            if number in node.up:
                self._after(self.chance.uniform(0, 0.05), self._note_server, node, number, False)
        if self.chance.random() < 0.8:
            self._after(self.chance.uniform(0.1, 3), self._bring_server_back, number)

    def _bring_server_back(self, number: int) -> None:
        self._server_up[number] = True
        if all(self._server_up):
            self._bus_troubled_s = self.now_s + 1.0
        for node in self.nodes:
            self._after(self.chance.uniform(0.05, 0.9), self._note_server, node, number, True)

    def _note_server(self, node: Node, number: int, is_up: bool) -> None:
        if not node.is_alive:
            return
        if not is_up:
            node.up = [each for each in node.up if each != number]
        elif number not in node.up and self._server_up[number]:
            node.up = [*node.up, number]
            node.doubt_until_s = self.now_s + LIMITS.bus_doubt_s
            for key in node.directory:
                self._interest[number].setdefault(key, set()).add(node.number)

    # -- listeners ------------------------------------------------------------------------------

    def _register_somewhere(self, key: bytes) -> None:
        alive = [each for each in self.nodes if each.is_alive]
        node = self.chance.choice(alive)
        if self.now_s < END_S - 1:
            self._on(node, lambda: self._register(node, key))

    def _register(self, node: Node, key: bytes) -> None:
        leg = self._new_leg()
        node.spares[leg] = key
        self._carry_out(node, node.board.register(leg, key, "listener", self.now_s))

    def _note_free(self, node: Node) -> None:
        for key in KEYS:
            free, _ = node.board.look_at(key, self.now_s)
            if free == 0:
                node.free_since_s.pop(key, None)
            else:
                node.free_since_s.setdefault(key, self.now_s)

    # -- callers --------------------------------------------------------------------------------

    def _arrive(self, key: bytes) -> None:
        node = self.chance.choice([each for each in self.nodes if each.is_alive])
        if self.now_s < node.frozen_until_s:
            return
        request = Request(self._new_leg(), key, node, self.now_s)
        node.requests[request.leg] = request
        self._requests.append(request)
        actions = node.board.request(request.leg, b"S" * 32, key, "caller", self.now_s)
        self._carry_out(node, actions)
        if self.chance.random() < 0.1:
            self._after(self.chance.uniform(0, 3), self._leave, request)

    def _leave(self, request: Request) -> None:
        """The caller goes, whatever has become of it."""
        node = request.node
        if not node.is_alive or request.settled == "joined":
            return

        def do() -> None:
            if not request.settled:
                self._settle(request, "left")
            if request.machine is not None:
                self._take_steps(request, request.machine.end())
            node.board.leave(request.leg, self.now_s)

        self._on(node, do)

    def _settle(self, request: Request, how: str) -> None:
        if request.settled:
            raise Violation(f"{request.settled}, then {how}")
        request.settled, request.settled_s = how, self.now_s
        if how == "joined":
            self.joined += 1
        if how == "refused":
            self.refused += 1
            self._check_refusal(request)

    # -- what switchboards want done ------------------------------------------------------------

    def _carry_out(self, node: Node, actions: Sequence[object]) -> None:
        for action in actions:
            match action:
                case HandOver(caller, listener, _, target):
                    self._hand_over(node, caller, listener, target)
                case Close(leg, reason, cause, limit):
                    self._close_leg(node, leg, reason, cause, limit)
                case Seek(leg, _, _, waits_until_s, refusal):
                    self._seek(node.requests[leg], waits_until_s, refusal)
                case SendPing():
                    pass
                case _:
                    raise Violation(f"{action}")
        self._note_free(node)
        self._arm(node)

    def _hand_over(self, node: Node, caller: Leg, listener: Leg, target: bytes) -> None:
        if node.spares.pop(listener, None) is None:
            raise Violation("a spare was used twice")
        self._after(self.chance.uniform(0.05, 1.5), self._register_somewhere, target)
        line = node.visits.get(caller)
        if line is not None:
            line.is_joined = True
            self._down(line, lambda machine: machine.accepted())
            return
        request = node.requests[caller]
        if request.line is not None or request.offers:
            raise Violation("served here while it has a visit elsewhere")
        self._settle(request, "joined")
        if request.machine is not None:
            self._take_steps(request, request.machine.end())
        self._after(self.chance.uniform(0.1, 2), self._part, node, caller)

    def _part(self, node: Node, leg: Leg) -> None:
        if node.is_alive:
            self._on(node, lambda: self._leave_board(node, leg))

    def _leave_board(self, node: Node, leg: Leg) -> None:
        node.board.leave(leg, self.now_s)
        self._carry_out(node, node.board.due(self.now_s))

    def _close_leg(self, node: Node, leg: Leg, reason: str, cause: Cause, limit: str) -> None:
        line = node.visits.pop(leg, None)
        node.board.leave(leg, self.now_s)
        if line is not None:
            line.leg = None
            self._down(line, lambda machine: machine.refused(reason, cause, limit, self.now_s))
            return
        request = node.requests[leg]
        self._settle(request, "refused")
        if request.machine is not None:
            self._take_steps(request, request.machine.end())

    def _seek(self, request: Request, waits_until_s: float | None, refusal: Close | None) -> None:
        request.machine = self._seeking(
            LIMITS,
            Around(self, request.node),
            now_s=self.now_s,
            patience_s=RELAY_LIMITS.spare_wait_s,
            is_in_line=waits_until_s is not None,
            has_spare_here=lambda: request.node.board.look_at(request.key, self.now_s)[0] > 0,
            refusal=None
            if refusal is None
            else Refuse(refusal.reason, refusal.cause, refusal.limit),
        )
        self._take_steps(request, request.machine.start(self.now_s))

    # -- requests -------------------------------------------------------------------------------

    def _take_steps(self, request: Request, steps: list[Step]) -> None:
        for step in steps:
            self._take_step(request, step)
        machine = request.machine
        if machine is not None and machine.state is not State.DONE:
            request.timer += 1
            self._at(max(self.now_s, machine.due_s), self._due, request, request.timer)

    def _due(self, request: Request, timer: int) -> None:
        machine = request.machine
        if timer == request.timer and machine is not None:
            self._on(request.node, lambda: self._take_steps(request, machine.due(self.now_s)))

    def _take_step(self, request: Request, step: Step) -> None:
        node, machine = request.node, request.machine
        assert machine is not None
        match step:
            case Ask(server, number):
                self._ask(request, server, number)
            case LeaveLine():
                if self._leaves_line:
                    node.board.leave_line(request.leg)
            case JoinLine():
                actions = node.board.rejoin(
                    request.leg, b"S" * 32, request.key, "caller", self.now_s + 2, self.now_s
                )
                self._carry_out(node, actions)
                machine.note_line(is_in_line=node.board.is_waiting(request.leg))
            case Visit(name, _, wait_s):
                self._visit(request, self.nodes[int(name[1])], wait_s)
            case Cancel():
                line = request.line
                if line is not None:
                    self._up(line, partial(self._cancel_at, line))
            case HangUp():
                if self._hangs_up and request.line is not None:
                    self._close(request.line)
                self._end_visit(request)
            case Tunnel():
                self._settle(request, "joined")
                line = request.line
                if line is None:
                    raise Violation("a tunnel without a connection")
                request.offers = 0
                self._after(self.chance.uniform(0.1, 2), self._close, line)
            case Refuse():
                self._settle(request, "refused")
                node.board.leave(request.leg, self.now_s)
        if request.offers + node.board.is_waiting(request.leg) > 1:
            raise Violation("two offers are out")

    def _visit(self, request: Request, holder: Node, wait_s: float) -> None:
        if request.offers:
            raise Violation("a visit while another is out")
        request.offers = 1
        line = Line(request.node, holder, request, self.chance.uniform(0.001, 0.02))
        request.line = line
        if self.chance.random() < self._no_way or not holder.is_alive:
            is_black_hole = self.chance.random() < 0.5
            lasts_s = LIMITS.link_open_timeout_s if is_black_hole else 0.0
            self._trouble_s = max(self._trouble_s, self.now_s + lasts_s)
            if not is_black_hole:
                self._after(line.delay_s, self._lose, line)
            return
        self._up(line, lambda: self._begin_visit(line, wait_s))

    def _begin_visit(self, line: Line, wait_s: float) -> None:
        leg = self._new_leg()
        line.leg = leg
        holder = line.holder
        holder.visits[leg] = line
        wait = max(0.0, wait_s)
        actions = holder.board.request(
            leg, b"S" * 32, line.request.key, "caller", self.now_s, visit_wait_s=wait
        )
        self._carry_out(holder, actions)
        if holder.board.is_waiting(leg):
            self._down(line, lambda machine: machine.waiting(self.now_s))

    def _cancel_at(self, line: Line) -> None:
        leg = line.leg
        if leg is None or line.is_joined:
            return
        line.holder.board.leave(leg, self.now_s)
        del line.holder.visits[leg]
        line.leg = None
        self._down(line, lambda machine: machine.cancelled(self.now_s))

    def _up(self, line: Line, event: Callable[[], None]) -> None:
        """From the asker to the holder, in order."""
        late_s = self.chance.choice((0.0, 0.0, 0.0, self._late_s))
        line.last_up_s = max(line.last_up_s, self.now_s + line.delay_s + late_s)

        def arrive() -> None:
            if line.is_open and line.holder.is_alive:
                self._on(line.holder, lambda: event() if line.is_open else None)

        self._at(line.last_up_s, arrive)

    def _down(self, line: Line, word: Callable[[Seeking], list[Step]]) -> None:
        """From the holder to the asker, in order."""
        late_s = self.chance.choice((0.0, 0.0, 0.0, self._late_s))
        line.last_down_s = max(line.last_down_s, self.now_s + line.delay_s + late_s)

        def hear() -> None:
            request = line.request
            machine = request.machine
            if machine is None or not (line.asker_listens or self._hears_late):
                return
            before = machine.state
            steps = word(machine)
            if before is not State.DONE and machine.state in (State.SEEK, State.DONE):
                is_joined = any(isinstance(each, Tunnel) for each in steps)
                if not is_joined:
                    self._end_visit(request)
            elif any(isinstance(each, Visit) for each in steps):
                self._end_visit(request)
            self._take_steps(request, steps)

        def arrive() -> None:
            if line.is_open and line.asker.is_alive:
                self._on(line.asker, hear)

        self._at(line.last_down_s, arrive)

    def _end_visit(self, request: Request) -> None:
        request.offers = 0
        if request.line is not None:
            request.line.asker_listens = False
            request.line = None

    def _lose(self, line: Line) -> None:
        """The asker learns that the connection is gone."""
        request = line.request

        def do() -> None:
            machine = request.machine
            if machine is None or not line.asker_listens:
                return
            request.node.bad_until_s[line.holder.name] = self.now_s + LIMITS.node_bad_s
            self._end_visit(request)
            self._take_steps(request, machine.lost(self.now_s))

        self._on(line.asker, do)

    def _close(self, line: Line) -> None:
        """Either side closes, or dies; the other side learns of it."""
        if not line.is_open:
            return
        line.is_open = False

        def at_holder() -> None:
            if line.leg is not None:
                line.holder.visits.pop(line.leg, None)
                self._leave_board(line.holder, line.leg)
                line.leg = None

        self._after(line.delay_s, self._on, line.holder, at_holder)
        self._after(line.delay_s, self._lose, line)

    # -- the bus --------------------------------------------------------------------------------

    def announce(self, node: Node, changes: list[Change]) -> None:
        """A node tells all servers."""
        for change in changes:
            for server in list(node.up):
                self._after(0.001, self._note_interest, node, server, change)
        self._arm(node)

    def _note_interest(self, node: Node, server: int, change: Change) -> None:
        if not node.is_alive or not self._server_up[server]:
            return
        nodes = self._interest[server].setdefault(change.key, set())
        if isinstance(change, Announce):
            nodes.add(node.number)
        else:
            nodes.discard(node.number)

    def _bus_delay_s(self) -> float:
        return self.chance.choice((0.0005, 0.001, 0.002, 0.002, 0.4))

    def _is_lost(self) -> bool:
        return self.chance.random() < self._loss

    def _ask(self, request: Request, server: int, number: int) -> None:
        if not self._server_up[server] or server == self._ill or self._is_lost():
            return
        self._after(self._bus_delay_s(), self._ask_server, request, server, number)

    def _ask_server(self, request: Request, server: int, number: int) -> None:
        if not self._server_up[server]:
            return
        nodes = self._interest[server].get(request.key, set()) - {request.node.number}
        if not nodes:
            self._after(self._bus_delay_s(), self._hear_nobody, request, number)
        for each in sorted(nodes):
            for _ in range(1 + (self.chance.random() < 0.1)):
                if not self._is_lost():
                    self._after(self._bus_delay_s(), self._be_asked, self.nodes[each], request)

    def _hear_nobody(self, request: Request, number: int) -> None:
        machine = request.machine
        if machine is not None:
            self._on(
                request.node,
                lambda: self._take_steps(request, machine.nobody(number, self.now_s)),
            )

    def _be_asked(self, node: Node, request: Request) -> None:
        def do() -> None:
            answer = node.directory.answer(request.key)
            if answer is not None and not self._is_lost():
                self._after(self._bus_delay_s(), self._hear_have, request, node, answer[0])

        self._on(node, do)

    def _hear_have(self, request: Request, node: Node, state: SpareState) -> None:
        machine = request.machine
        if machine is not None:
            self._on(
                request.node,
                lambda: self._take_steps(
                    request, machine.have(node.name, "link", state, self.now_s)
                ),
            )

    # -- invariants -----------------------------------------------------------------------------

    def _check_refusal(self, request: Request) -> None:
        now_s = self.now_s
        took_s = now_s - request.begun_s
        was_frozen = request.node.frozen_until_s > request.begun_s
        most_s = LIMITS.request_deadline_s + 2 * TICK_S
        if took_s > most_s and not was_frozen:
            raise Violation(f"settled only after {took_s:.2f} s")
        is_calm = (
            self._loss == self._late_s == 0
            and now_s > self._bus_troubled_s + 1
            and now_s > self._trouble_s + TROUBLE_S
            and not was_frozen
        )
        if not is_calm:
            return
        for node in self.nodes:
            if not node.is_alive or now_s < node.frozen_until_s + 1:
                continue
            free_s = now_s - node.free_since_s.get(request.key, now_s)
            if self._ill is not None and took_s > free_s > FREE_LONG_S + SILENCE_S:
                raise Violation(f"refused while a spare was free for {free_s:.2f} s, elsewhere ill")
            if free_s > FREE_LONG_S and free_s > took_s - 0.1 > 0:
                raise Violation(f"refused while a spare was free for {free_s:.2f} s")
            used_s = now_s - node.used_s.get(request.key, -100.0)
            if used_s < RELAY_LIMITS.spare_wait_s - 0.5 and took_s < 1.5 and used_s > 0.5:
                raise Violation("refused at once though its listener is on its way back")

    def _check_quiet(self) -> None:
        for request in self._requests:
            if request.node.is_alive and not request.settled:
                raise Violation("never settled")
        for node in self.nodes:
            if not node.is_alive:
                continue
            if node.board.waiting:
                raise Violation("somebody waits for ever")
            for line in node.visits.values():
                if not line.is_open or not line.asker.is_alive or line.request.settled == "refused":
                    raise Violation("a visit whose caller is gone")
            here = {key for key in KEYS if node.board.look_at(key, self.now_s)[0]}
            for server, interest in enumerate(self._interest):
                told = {key for key, nodes in interest.items() if node.number in nodes}
                if server in node.up and self._server_up[server] and told != here:
                    raise Violation(f"it has {here} and is asked for {told}")
