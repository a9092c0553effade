"""The pairs of a relay: how two links are joined, watched, and parted."""

from collections.abc import Callable

from duologue.connection.base import CLOSE_CODE_NORMAL
from duologue.relay.actions import HandOver
from duologue.relay.events import Cause, Joined, Leg, Observer
from duologue.relay.lane import Lane
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Link
from duologue.relay.messages import CommunicationRequest, ConnectionHandover
from duologue.relay.pair import Pair, Traffic
from duologue.relay.visitor import Stage, Visitor


class Pairs:
    """All that are joined now. What becomes of their tables is the switchboard's."""

    def __init__(
        self,
        limits: RelayLimits,
        clock: Callable[[], float],
        on_breather: Callable[[Lane], None],
        note: Observer,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._on_breather = on_breather
        self._note = note
        self._visitors: dict[Pair, tuple[Visitor, Visitor]] = {}
        """Of each pair its caller and its listener."""

    def open_traffic(self) -> Traffic:
        """What those that are open now have carried so far."""
        now_s = self._clock()
        return sum((pair.traffic(now_s) for pair in self._visitors), Traffic())

    def caller_legs(self) -> list[Leg]:
        """One leg of each."""
        return [caller.leg for caller, _ in self._visitors.values()]

    def join(self, caller: Visitor, listener: Visitor, action: HandOver) -> None:
        """Join two that the switchboard has brought together, and tell the listener with whom."""
        waited_s = self._clock() - caller.asked_s
        self._note(Joined(caller.leg, listener.leg, action.source, action.target, waited_s))
        # First the rewiring of both, then the messages: the answer finds its way (4.3).
        pair = Pair(caller.link, listener.link, self._limits, self._clock, self._on_breather)
        self._visitors[pair] = caller, listener
        for visitor in (caller, listener):
            visitor.stage = Stage.JOINED
            visitor.pair = pair
            if visitor.visit is not None:
                visitor.visit.accept()
            visitor.link.allow_message_bytes(self._limits.max_frame_bytes)
            if visitor.unlisten is not None:
                visitor.unlisten()
        listener.unlisten = listener.link.pass_on(pair.down)
        listener.send(ConnectionHandover())
        listener.send(CommunicationRequest(action.source, action.target))
        # Last, because what the caller has sent too early is forwarded in this very moment.
        caller.unlisten = caller.link.pass_on(pair.up)

    def part(self, pair: Pair, leaving: Link) -> None:
        """A link of it has ended, or begins to: the other one goes too. The second one changes
        nothing."""
        if self._visitors.pop(pair, None) is None:
            return
        self._note(pair.stop(self._clock()))
        if pair.cause is Cause.PEER_LEFT:
            # 4.5: code 1000 always, and the same text.
            pair.partner_of(leaving).close_as(CLOSE_CODE_NORMAL, leaving.parting_text)

    def note_cause(self, pair: Pair, cause: Cause) -> None:
        """Note why the relay ends it; closing both links is up to the caller."""
        pair.cause = cause
        for visitor in self._visitors.get(pair, ()):
            visitor.cause = cause

    def sweep(self) -> None:
        """Look for those of which one side takes nothing, or neither says anything."""
        now_s = self._clock()
        for pair in list(self._visitors):
            fault = pair.find_fault(now_s)
            if fault is None:
                continue
            cause, link = fault
            self.note_cause(pair, cause)
            pair.partner_of(link).close(cause.value)
            if cause is Cause.SLOW_READER:
                # Nothing reaches it, a close frame neither.
                link.terminate(cause.value)
            else:
                link.close(cause.value)
