"""The relay itself, without sockets: links come in, are told apart, joined, and parted."""

from collections.abc import Callable, Mapping
from typing import Final

from duologue.connection.base import ConnectionState, Message
from duologue.errors import UnsafeKey
from duologue.identity import Identity
from duologue.protocol.deadline_wheel import DeadlineWheel
from duologue.protocol.keys import canonical_public_key
from duologue.relay import messages
from duologue.relay.access import Access, Right
from duologue.relay.actions import Action, Close, Drop, HandOver, Seek, SendPing
from duologue.relay.events import (
    Cause,
    Closed,
    Leg,
    Observer,
    Opened,
    Ponged,
    Refused,
    Routed,
)
from duologue.relay.events import Registered as ListenerRegistered
from duologue.relay.lane import BREATHER_S, Lane
from duologue.relay.limits import RelayLimits
from duologue.relay.link import CLOSE_CODE_GOING_AWAY, Link
from duologue.relay.meeting_points import MeetingPoints
from duologue.relay.messages import (
    AuthenticationResponse,
    BadCommand,
    Command,
    CommunicationRequest,
    Ping,
    Pong,
    Register,
)
from duologue.relay.pair import Traffic
from duologue.relay.pairs import Pairs
from duologue.relay.registrar import Registrar
from duologue.relay.switchboard import Switchboard
from duologue.relay.visitor import Seeker, Stage, Visit, Visitor

GOING_AWAY: Final = "The relay is being stopped."


class Exchange:
    """All connections of one relay. Everything happens in callbacks; there are no tasks.

    Whoever owns it calls `tick` at `next_due_s`, and `sweep` every second or two.
    """

    def __init__(
        self,
        limits: RelayLimits,
        identity: Identity,
        *,
        announces_key: bool,
        next_key: bytes | None = None,
        clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        note: Observer,
        on_known: Callable[[Link], None] = lambda _: None,
        on_taken: Callable[[Link], None] = lambda _: None,
        on_due_changed: Callable[[], None] = lambda: None,
        meeting_points: bool = False,
    ) -> None:
        """`on_known` is told of links that are no longer strangers: spares and pairs; `on_taken` of
        each spare that is handed over, whose listener then comes with another."""
        self.access: Access = Access()
        """May be replaced at any time; call `apply_access` then."""
        self.switchboard = Switchboard(limits, started_s=clock())
        self.seeker: Seeker | None = None
        """Who looks for listeners at other nodes, where there are any."""
        self._limits = limits
        self._registrar = Registrar(
            identity,
            announces_key=announces_key,
            next_key=next_key,
            ping_interval_s=limits.ping_interval_s,
            random_bytes=random_bytes,
        )
        self._clock = clock
        self._note = note
        self._on_known = on_known
        self._on_taken = on_taken
        self._on_due_changed = on_due_changed
        self._visitors: dict[Leg, Visitor] = {}
        self._deadlines: DeadlineWheel[Visitor | Lane] = DeadlineWheel()
        self._pairs = Pairs(limits, clock, self._take_breather, note)
        self._meeting_points = (
            MeetingPoints(limits, clock, self._take_breather, on_known) if meeting_points else None
        )

    # -- what there is --------------------------------------------------------------------------

    def count_stages(self) -> Mapping[Stage, int]:
        """How many links are at each stage."""
        counts = dict.fromkeys(Stage, 0)
        for visitor in self._visitors.values():
            counts[visitor.stage] += 1
        return counts

    def open_traffic(self) -> Traffic:
        """What the pairs that are open now have carried so far."""
        return self._pairs.open_traffic()

    def __len__(self) -> int:
        return len(self._visitors)

    # -- links come and go ----------------------------------------------------------------------

    def welcome(self, link: Link) -> None:
        """A link is open. Its first message must come within `first_message_timeout_s`."""
        visitor = Visitor(Leg(link.id), link, self._clock())
        self._visitors[visitor.leg] = visitor
        self._note(Opened(visitor.leg, link.address_group))
        self._set_deadline(visitor, link.accepted_s + self._limits.first_message_timeout_s)
        link.state.on_enter_state.listen(lambda state: self._on_state(visitor, state))
        visitor.unlisten = link.on_message.listen(lambda message: self._receive(visitor, message))

    def _on_state(self, visitor: Visitor, state: ConnectionState) -> None:
        if visitor.stage is not Stage.LEAVING:
            self._leave(visitor)
        if state is ConnectionState.CLOSED:
            self._visitors.pop(visitor.leg, None)
            seconds = self._clock() - visitor.opened_s
            self._note(Closed(visitor.leg, visitor.cause, seconds, visitor.link.fault))

    def _leave(self, visitor: Visitor) -> None:
        if self.seeker is not None:
            self.seeker.forget(visitor.leg, is_joined=False)
        visitor.stage = Stage.LEAVING
        self._forget_deadline(visitor)
        if visitor.unlisten is not None:
            visitor.unlisten()
            visitor.unlisten = None
        # What still comes is of no interest; a listener keeps it from being kept.
        visitor.link.on_message.listen(_ignore)
        self.switchboard.leave(visitor.leg, self._clock())
        if visitor.pair is not None:
            self._pairs.part(visitor.pair, visitor.link)

    # -- before a link is known -----------------------------------------------------------------

    def _receive(self, visitor: Visitor, message: Message) -> None:
        points = self._meeting_points
        is_first = visitor.stage is Stage.NEW
        if is_first and points is not None and points.receive_first(visitor.link, message):
            self._enter_meeting_point(visitor)
            return
        try:
            command = messages.decode(message)
            self._obey(visitor, command)
        except BadCommand as error:
            self._refuse(visitor, str(error), Cause.BAD_MESSAGE)
        except UnsafeKey:
            self._refuse(visitor, messages.NOT_A_KEY, Cause.BAD_KEY)
        self._on_due_changed()

    def _enter_meeting_point(self, visitor: Visitor) -> None:
        self._forget_deadline(visitor)
        if visitor.stage is Stage.NEW:
            visitor.stage = Stage.MEETING
        if visitor.unlisten is not None:
            visitor.unlisten()
            visitor.unlisten = None

    def _obey(self, visitor: Visitor, command: Command) -> None:
        match visitor.stage, command:
            case Stage.NEW, Register():
                self._pose_challenge(visitor, command)
            case Stage.CHALLENGED, AuthenticationResponse():
                self._judge_answer(visitor, command)
            case Stage.CHALLENGED, _:
                raise BadCommand(
                    f"Received unexpected type '{messages.name_of(command)}'. "
                    "Expected type 'authentication_response'."
                )
            case Stage.SPARE, Pong():
                self._note(Ponged(visitor.leg, self._clock() - visitor.pinged_s))
                self._carry_out(self.switchboard.receive_pong(visitor.leg, self._clock()))
            case Stage.NEW, CommunicationRequest():
                self._request(visitor, command)
            case _:
                raise BadCommand(messages.NOT_FIRST)

    def _pose_challenge(self, visitor: Visitor, command: Register) -> None:
        link = visitor.link
        visitor.key = canonical_public_key(command.public_key)
        visitor.token = command.token or link.token
        if not self.access.allows(Right.REGISTER, visitor.key, visitor.token):
            self._refuse(visitor, messages.NOT_ALLOWED_TO_REGISTER, Cause.NOT_ALLOWED)
            return
        now_s = self._clock()
        refusal = self.switchboard.admit_registration(
            visitor.leg, visitor.key, link.address_group, now_s
        )
        if refusal is not None:
            self._carry_out([refusal])
            return
        visitor.stage = Stage.CHALLENGED
        visitor.asked_s = now_s
        visitor.challenge, question = self._registrar.ask(visitor.key)
        visitor.send(question)
        self._set_deadline(visitor, now_s + self._limits.challenge_timeout_s)

    def _judge_answer(self, visitor: Visitor, command: AuthenticationResponse) -> None:
        challenge, visitor.challenge = visitor.challenge, None
        answer = None
        if challenge is not None:
            answer = self._registrar.judge(challenge, command.response)
        if answer is None:
            self._refuse(visitor, messages.AUTHENTICATION_FAILED, Cause.NOT_PROVED)
            return
        now_s = self._clock()
        self._forget_deadline(visitor)
        visitor.stage = Stage.SPARE
        self._on_known(visitor.link)
        self._note(ListenerRegistered(visitor.leg, visitor.key, now_s - visitor.asked_s))
        visitor.send(answer)
        self._carry_out(
            self.switchboard.register(visitor.leg, visitor.key, visitor.link.address_group, now_s)
        )

    def _request(self, visitor: Visitor, command: CommunicationRequest) -> None:
        # Both, before a spare is taken: a bad one must not cost the listener anything (4.3).
        source = canonical_public_key(command.source)
        visitor.key = canonical_public_key(command.target)
        visitor.token = command.token or visitor.link.token
        if not self.access.allows(Right.REQUEST, source, visitor.token):
            self._refuse(visitor, messages.NOT_ALLOWED_TO_REQUEST, Cause.NOT_ALLOWED)
            return
        self._forget_deadline(visitor)
        visitor.asked_s = self._clock()
        visitor.stage = Stage.WAITING
        self._carry_out(
            self.switchboard.request(
                visitor.leg, source, visitor.key, visitor.link.address_group, visitor.asked_s
            )
        )
        if visitor.stage is Stage.WAITING and visitor.unlisten is not None:
            # What comes too early waits in the link, which bounds it (4.3).
            visitor.unlisten()
            visitor.unlisten = None

    # -- other nodes ----------------------------------------------------------------------------

    def welcome_visit(
        self, link: Link, visit: Visit, source: bytes, target: bytes, wait_s: float
    ) -> None:
        """A caller of another node, who has shown there that it may ask; see `Visit`."""
        now_s = self._clock()
        visitor = Visitor(Leg(link.id), link, now_s, Stage.WAITING, target, visit=visit)
        visitor.asked_s = now_s
        self._visitors[visitor.leg] = visitor
        link.state.on_enter_state.listen(lambda state: self._on_state(visitor, state))
        self._carry_out(
            self.switchboard.request(
                visitor.leg, source, target, link.address_group, now_s, visit_wait_s=wait_s
            )
        )
        self._on_due_changed()

    def rejoin(self, leg: Leg, source: bytes, until_s: float) -> bool:
        """Serve a request here after all; tells whether it waits in the line."""
        visitor = self._visitors[leg]
        group = visitor.link.address_group
        self._carry_out(
            self.switchboard.rejoin(leg, source, visitor.key, group, until_s, self._clock())
        )
        self._on_due_changed()
        return self.switchboard.is_waiting(leg)

    def refuse(self, leg: Leg, reason: str, cause: Cause, limit: str = "") -> None:
        """Tell a request no, because no other node serves it either."""
        self._carry_out([Close(leg, reason, cause, limit)])

    def give_away(self, leg: Leg) -> Link:
        """Let another node serve a request. Its link is here until that has ended."""
        visitor = self._visitors[leg]
        visitor.stage = Stage.ROUTED
        self.switchboard.leave_line(leg)
        self._note(Routed(leg, visitor.key, self._clock() - visitor.asked_s))
        self._on_known(visitor.link)
        return visitor.link

    # -- pairs ----------------------------------------------------------------------------------

    def _hand_over(self, action: HandOver) -> None:
        caller, listener = self._visitors[action.caller], self._visitors[action.listener]
        if self.seeker is not None:
            self.seeker.forget(caller.leg, is_joined=True)
        self._pairs.join(caller, listener, action)
        self._on_taken(listener.link)
        self._on_known(caller.link)

    def _take_breather(self, lane: Lane) -> None:
        self._deadlines.add(lane, self._clock() + BREATHER_S)
        self._on_due_changed()

    # -- time -----------------------------------------------------------------------------------

    def next_due_s(self) -> float | None:
        """When `tick` has something to do, or None."""
        times = (self._deadlines.next_due_s(), self.switchboard.next_due_s())
        return min((each for each in times if each is not None), default=None)

    def tick(self) -> None:
        """Do what is due."""
        now_s = self._clock()
        for each in self._deadlines.expired(now_s):
            if isinstance(each, Lane):
                each.go_on()
            else:
                each.tick = -1
                each.cause = Cause.TOO_SLOW
                self._note(Refused(each.leg, each.asked, Cause.TOO_SLOW, "", each.key or None))
                # Told, but not waited for: who is silent would not answer a close frame either.
                each.link.terminate("Too slow.")
        self._carry_out(self.switchboard.due(now_s))

    def sweep(self) -> None:
        """Look for pairs of which one side takes nothing, or neither says anything."""
        self._pairs.sweep()
        if self._meeting_points is not None:
            self._meeting_points.sweep()

    # -- the owner's doing ----------------------------------------------------------------------

    def apply_access(self) -> None:
        """Close the spares that may not be registered any more."""
        for leg, key in list(self.switchboard.spare_legs()):
            visitor = self._visitors[leg]
            if not self.access.allows(Right.REGISTER, key, visitor.token):
                self._refuse(visitor, messages.NOT_ALLOWED_TO_REGISTER, Cause.NOT_ALLOWED)

    def start_draining(self) -> tuple[list[Leg], list[Leg]]:
        """Take nothing new. Returns the spares, and one leg of each pair, to dismiss."""
        self._carry_out(self.switchboard.start_draining())
        spares = [leg for leg, _ in self.switchboard.spare_legs()]
        for leg in [e.leg for e in self._visitors.values() if e.stage is Stage.WAITING]:
            # Those that look for somebody at other nodes.
            self.refuse(leg, messages.DRAINING, Cause.DRAINING)
        others = (Stage.MEETING, Stage.ROUTED)
        guests = [each.leg for each in self._visitors.values() if each.stage in others]
        return spares, self._pairs.caller_legs() + guests

    def dismiss(self, leg: Leg) -> None:
        """Close this leg, and the one it is joined with, because the relay is going away."""
        visitor = self._visitors.get(leg)
        if visitor is None or visitor.stage is Stage.LEAVING:
            return
        if visitor.stage is Stage.ROUTED and self.seeker is not None:
            self.seeker.dismiss(leg)
            return
        links = [visitor.link]
        if visitor.pair is not None:
            self._pairs.note_cause(visitor.pair, Cause.DRAINING)
            links = [visitor.pair.caller, visitor.pair.listener]
        visitor.cause = Cause.DRAINING
        for link in links:
            link.close_as(CLOSE_CODE_GOING_AWAY, GOING_AWAY)

    def terminate_all(self) -> None:
        """End everything at once."""
        for visitor in list(self._visitors.values()):
            visitor.cause = visitor.cause or Cause.DRAINING
            visitor.link.terminate(GOING_AWAY)

    # -- inside ---------------------------------------------------------------------------------

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case HandOver():
                    self._hand_over(action)
                case SendPing(leg):
                    self._visitors[leg].pinged_s = self._clock()
                    self._visitors[leg].send(Ping())
                case Close(leg, reason, cause, limit):
                    self._refuse(self._visitors[leg], reason, cause, limit)
                case Drop(leg, reason, cause):
                    self._visitors[leg].cause = cause
                    self._visitors[leg].link.terminate(reason)
                case Seek(leg) if self.seeker is not None:
                    self.seeker.seek(action, self._visitors[leg].link.address_group)
                case Seek():
                    raise AssertionError("a relay that is alone has nowhere to look")

    def _refuse(self, visitor: Visitor, reason: str, cause: Cause, limit: str = "") -> None:
        visitor.cause = cause
        self._note(Refused(visitor.leg, visitor.asked, cause, limit, visitor.key or None))
        if visitor.visit is not None and visitor.stage is Stage.WAITING:
            visitor.visit.refuse(reason, cause, limit)
        else:
            visitor.link.close(reason)

    def _set_deadline(self, visitor: Visitor, due_s: float) -> None:
        self._forget_deadline(visitor)
        visitor.tick = self._deadlines.add(visitor, due_s)
        self._on_due_changed()

    def _forget_deadline(self, visitor: Visitor) -> None:
        if visitor.tick >= 0:
            self._deadlines.discard(visitor.tick, visitor)
            visitor.tick = -1


def _ignore(_message: Message) -> None:
    """What comes after the end."""
