"""One request that looks for its listener at other nodes; what to do comes back as values. Pure.

At any time a request has at most one offer out: a place in the line of its own node, or a visit at
another. A visit begins only after the place was given up, and the next visit only after the one
before was cancelled, refused or lost: so a spare is never used up by a request that has another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final, Protocol

from duologue.relay import messages
from duologue.relay.cluster.bus_messages import SpareState
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
from duologue.relay.events import Cause

ROUNDS_OF_NOBODY: Final = 2
"""A "nobody" cannot be sealed, so one alone settles nothing."""


class Surroundings(Protocol):
    """What a request must know of its node at the moment of deciding."""

    def servers(self) -> Sequence[int]:
        """The NATS servers that are up, the one that is up longest first."""
        ...

    def is_in_doubt(self) -> bool:
        """Whether "nobody" may come from a server that does not know all keys yet."""
        ...

    def is_bad(self, node: str) -> bool:
        """Whether this node could not be connected lately."""
        ...


class State(Enum):
    """Of a request; see `Seeking`."""

    SEEK = auto()
    """No visit is out."""
    OPENING = auto()
    """A visit was sent; nothing was heard of it."""
    WAITING = auto()
    """It waits in the line of the holder."""
    CANCELLING = auto()
    """It was asked to end, for the sake of another holder."""
    DONE = auto()
    """Joined, refused, or the caller has left."""


@dataclass(slots=True)
class Holder:
    """A node that has said that it has the key."""

    node: str
    link: str
    state: SpareState
    was_lost: bool = False
    """A visit there ended without a word."""
    not_before_s: float = -inf


class Seeking:
    """The state of one request. Every method is told the time, and returns what to do, in order."""

    def __init__(
        self,
        limits: ClusterLimits,
        around: Surroundings,
        *,
        now_s: float,
        patience_s: float,
        is_in_line: bool,
        has_spare_here: Callable[[], bool],
        refusal: Refuse | None = None,
    ) -> None:
        """`patience_s` is how long a listener may take to come (`spare_wait_s`, or what is left of
        the grace after a start); `has_spare_here` tells whether this node could serve it now;
        `refusal` is what this node would say if it were alone."""
        self.state = State.SEEK
        self.is_in_line = is_in_line
        self.was_answered = False
        """Some node has said that it has the key."""
        self.asked_anyone = False
        self.was_denied = False
        """All servers have said, at least once, that nobody has the key."""
        self._limits = limits
        self._around = around
        self._patient_until_s = now_s + patience_s
        # After a start a request may be more patient than usual.
        self._deadline_s = now_s + max(
            limits.request_deadline_s, patience_s + limits.link_open_timeout_s
        )
        self._refusal = refusal
        self._has_spare_here = has_spare_here
        self._goes_home = False
        """The present visit was cancelled for the sake of a spare of this node."""
        self._was_connected = False
        """Some holder has said a word on a visit."""
        self._holders: dict[str, Holder] = {}
        self._visited: Holder | None = None
        self._next: Holder | None = None
        """Whom to visit when the present visit has been cancelled."""
        self._visit_due_s = inf
        """When the visited node must have said something."""
        self._number = 0
        self._asked_server: int = -1
        self._asked_s = -inf
        self._ask_due_s = inf
        self._denied: set[int] = set()
        """Servers that have said "nobody" in this round."""
        self._asked: set[int] = set()
        """Servers that had their turn, those that are silent too; once all had, it begins anew."""
        self._rounds = 0

    # -- what happens ---------------------------------------------------------------------------

    def start(self, now_s: float) -> list[Step]:
        """Begin to ask."""
        return self._ask(now_s)

    def have(self, node: str, link: str, state: SpareState, now_s: float) -> list[Step]:
        """A node has the key."""
        if self.state is State.DONE:
            return []
        self.was_answered = True
        self._rounds = 0
        self._denied.clear()
        holder = self._holders.setdefault(node, Holder(node, link, state))
        holder.link, holder.state = link, state
        if self.state is State.SEEK:
            return self._visit_best(now_s)
        if self.state is State.WAITING and self._may_move_to(holder, now_s):
            self._next = holder
            return self._cancel(now_s)
        return []

    def nobody(self, number: int, now_s: float) -> list[Step]:
        """The server that was asked under this number knows no node with the key."""
        if self.state is State.DONE or number != self._number:
            return []
        self._denied.add(self._asked_server)
        if not self._denied.issuperset(self._around.servers()):
            return self._ask(now_s)
        self._denied.clear()
        self.was_denied = True
        self._rounds += 1
        if self.state is not State.SEEK:
            self._ask_due_s = now_s + self._limits.find_again_s
            return []
        if self._rounds >= ROUNDS_OF_NOBODY and self._nobody_is_left():
            return self._refuse()
        self._ask_due_s = now_s + (
            self._limits.second_look_s
            if self._rounds < ROUNDS_OF_NOBODY
            else self._limits.find_again_s
        )
        return []

    def waiting(self, now_s: float) -> list[Step]:
        """The holder has no spare at the moment, and lets the visit wait."""
        if self.state is not State.OPENING:
            return []
        self.state = State.WAITING
        self._was_connected = True
        if self._visited is not None:
            self._visited.was_lost = False
        self._visit_due_s = inf
        return [] if self._is_late(now_s) else self._ask(now_s)

    def accepted(self) -> list[Step]:
        """The holder has joined the visit with a spare."""
        if self.state not in (State.OPENING, State.WAITING, State.CANCELLING):
            return []
        self._end()
        return [Tunnel()]

    def refused(self, reason: str, cause: Cause, limit: str, now_s: float) -> list[Step]:
        """The holder does not want the visit; the connection may be used again."""
        holder = self._visited
        if self.state not in (State.OPENING, State.WAITING, State.CANCELLING) or holder is None:
            return []
        self._was_connected = True
        self._refusal = Refuse(reason, cause, limit)
        self._holders.pop(holder.node, None)
        self._ask_due_s = max(now_s, self._asked_s + self._limits.second_look_s)
        return self._after_visit(now_s)

    def lost(self, now_s: float) -> list[Step]:
        """The connection of the visit could not be opened, or has ended."""
        holder = self._visited
        if self.state not in (State.OPENING, State.WAITING, State.CANCELLING) or holder is None:
            return []
        holder.was_lost = True
        holder.not_before_s = now_s + self._limits.find_again_s
        return self._after_visit(now_s)

    def cancelled(self, now_s: float) -> list[Step]:
        """The holder has forgotten the visit; the connection may be used again."""
        if self.state is not State.CANCELLING:
            return []
        return self._after_visit(now_s)

    def note_line(self, *, is_in_line: bool) -> None:
        """What became of `JoinLine`."""
        self.is_in_line = is_in_line

    def end(self) -> list[Step]:
        """A spare of this node was taken, or the caller has left."""
        if self.state is State.DONE:
            return []
        steps: list[Step] = []
        if self.state is not State.SEEK:
            steps.append(HangUp())
        self._end()
        return steps

    # -- time -----------------------------------------------------------------------------------

    @property
    def due_s(self) -> float:
        """When `due` has something to do."""
        if self.state is State.DONE:
            return inf
        times = [self._deadline_s, self._visit_due_s]
        if self.state is State.SEEK:
            times += [self._patient_until_s, self._ask_due_s, self._ready_s()]
        elif self.state is State.WAITING:
            times.append(self._ask_due_s)
        return min(times)

    def due(self, now_s: float) -> list[Step]:
        """Do what the time has brought."""
        if self.state is State.DONE:
            return []
        if now_s >= self._deadline_s:
            steps: list[Step] = [] if self.state is State.SEEK else [HangUp()]
            return steps + self._refuse()
        if now_s >= self._visit_due_s:
            return [HangUp(), *self.lost(now_s)]
        if self.state is State.SEEK:
            if self._is_late(now_s):
                return self._refuse()
            return self._look_further(now_s)
        if now_s >= self._ask_due_s:
            if self._is_late(now_s):
                self._ask_due_s = inf
                return []
            if self.state is State.WAITING and self._has_spare_here():
                self._goes_home = True
                return self._cancel(now_s)
            return self._ask(now_s)
        return []

    # -- inside ---------------------------------------------------------------------------------

    def _is_late(self, now_s: float) -> bool:
        return now_s >= self._patient_until_s

    def _nobody_is_left(self) -> bool:
        """Whether two rounds of "nobody" are the end of it."""
        if self.is_in_line or self._around.is_in_doubt():
            return False
        return all(each.was_lost for each in self._holders.values())

    def _ask(self, now_s: float) -> list[Step]:
        self._number += 1
        self._asked_s = now_s
        self._ask_due_s = now_s + self._limits.find_again_s
        servers = list(self._around.servers())
        if not servers:
            return []
        if self._asked.issuperset(servers):
            # Also those that have said "nobody": a listener may have come, and a server that is
            # silent is perhaps ill.
            self._asked.clear()
        # The next one, if there is one.
        place = servers.index(self._asked_server) + 1 if self._asked_server in servers else 0
        turn = servers[place:] + servers[:place]
        self._asked_server = next(each for each in turn if each not in self._asked)
        self._asked.add(self._asked_server)
        self.asked_anyone = True
        return [Ask(self._asked_server, self._number)]

    def _may_visit(self, holder: Holder) -> bool:
        return holder.state is SpareState.FREE or not self.is_in_line

    def _may_move_to(self, holder: Holder, now_s: float) -> bool:
        return (
            holder is not self._visited
            and holder.state is SpareState.FREE
            and now_s >= holder.not_before_s
            and not self._is_late(now_s)
        )

    def _is_last_choice(self, holder: Holder) -> bool:
        return holder.was_lost or self._around.is_bad(holder.node)

    def _ready_s(self) -> float:
        """When one of the holders may be visited."""
        able = (each.not_before_s for each in self._holders.values() if self._may_visit(each))
        return min(able, default=inf)

    def _visit_best(self, now_s: float) -> list[Step]:
        able = [
            each
            for each in self._holders.values()
            if self._may_visit(each) and now_s >= each.not_before_s
        ]
        if not able or self._is_late(now_s):
            return []
        best = min(
            able,
            key=lambda each: (self._is_last_choice(each), each.state is not SpareState.FREE),
        )
        if best.not_before_s == -inf and self._is_last_choice(best):
            # Others may answer within a moment.
            best.not_before_s = now_s + self._limits.second_look_s
            return []
        return self._visit(best, now_s)

    def _cancel(self, now_s: float) -> list[Step]:
        self.state = State.CANCELLING
        self._visit_due_s = now_s + self._limits.link_open_timeout_s
        return [Cancel()]

    def _visit(self, holder: Holder, now_s: float) -> list[Step]:
        steps: list[Step] = [LeaveLine()] if self.is_in_line else []
        self.is_in_line = False
        self.state = State.OPENING
        self._visited, self._next = holder, None
        # It may have changed since: whatever comes of the visit, it is not repeated at once.
        holder.not_before_s = now_s + self._limits.find_again_s
        self._visit_due_s = now_s + self._limits.link_open_timeout_s
        steps.append(Visit(holder.node, holder.link, self._patient_until_s - now_s))
        return steps

    def _after_visit(self, now_s: float) -> list[Step]:
        chosen, self._next = self._next, None
        self._visited = None
        self._visit_due_s = inf
        self.state = State.SEEK
        goes_home, self._goes_home = self._goes_home, False
        if self._is_late(now_s):
            return self._refuse()
        if chosen is not None:
            return self._visit(chosen, now_s)
        if goes_home:
            return [JoinLine()]
        steps = self._look_further(now_s)
        if self.state is State.SEEK and JoinLine() not in steps:
            # A spare may have come to this node meanwhile.
            steps.append(JoinLine())
        return steps

    def _look_further(self, now_s: float) -> list[Step]:
        """Ask, if that is due, and visit, if somebody is there to be visited.

        Both: else a holder that cannot be reached, and is tried again and again, would keep the
        question from those that have come meanwhile.
        """
        is_due = now_s >= self._ask_due_s
        steps = self._ask(now_s) if is_due else []
        steps += self._visit_best(now_s)
        if is_due and self.state is State.SEEK and not self.is_in_line:
            # The listener may have come to this node meanwhile.
            steps.append(JoinLine())
        return steps

    def _refuse(self) -> list[Step]:
        refusal = self._refusal or Refuse(messages.NO_LISTENER, Cause.NO_SPARE)
        if (
            self._holders
            and not self._was_connected
            and any(each.was_lost for each in self._holders.values())
        ):
            refusal = Refuse(messages.NO_WAY, Cause.NO_WAY)
        self._end()
        return [refusal]

    def _end(self) -> None:
        self.state = State.DONE
        self._visited = self._next = None
