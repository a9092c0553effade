"""Items of calls: whatever comes is taken, counted, or ends the connection; and any interleaving
of two honest sides brings every item once, in order, within what was granted."""

import json
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from duologue.errors import BadFrame, LimitExceeded, ProtocolError
from duologue.limits import Limits
from duologue.protocol import codec
from duologue.protocol.codec import route
from duologue.protocol.control import Notified
from duologue.protocol.credit import FIRST_WINDOW_BYTES
from duologue.protocol.items import ITEM_KINDS, ItemCalls, ItemsOfCall
from duologue.protocol.messages import (
    AnswerReceived,
    CancelReceived,
    Failure,
    FailureReceived,
    Refused,
    RequestReceived,
)
from duologue.protocol.session import Session
from duologue.typed import Codec
from tests.property.test_decoders import ids, json_values

quick = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

# -- one message, whatever it is ------------------------------------------------------------------

totals: st.SearchStrategy[Any] = st.one_of(
    st.integers(-3, 200),
    st.sampled_from([2**53 - 1, 2**53, 2**64, 1e300, 1.5, -0.0, True, None, "1", 10**400]),
)
item_messages = st.fixed_dictionaries(
    {"type": st.sampled_from(ITEM_KINDS)},
    optional={
        "requestId": ids,
        "responseId": ids,
        "data": st.lists(json_values, max_size=70) | json_values,
        "items": totals,
        "bytes": totals,
        "parts": st.lists(st.integers(-1, 3), max_size=2) | json_values,
        "x": json_values,
    },
)


def session() -> Session[int]:
    """Own calls 0 to 2 and served ones 0 to 2: the first has items both ways, the second lets none
    come, of the third nothing was said."""
    end: Session[int] = Session(Limits(max_invalid_messages=10**9, max_unasked_messages=10**9))
    end.allow_control()
    for call in range(3):
        end.own.open(route(1), b"[]", call)
        end.receive(f'{{"requestId":{call},"type":"request","serviceId":3,"args":[]}}')
    for side in (end.own.items, end.served.items):
        side.open(0, takes_items=True)
        side.open(1, takes_items=False)
    return end


def seen(side: ItemCalls) -> dict[float, tuple[object, ...]]:
    """What became of the calls of one side; what has come is taken."""
    return {
        each: (
            items.incoming.has_begun,
            items.incoming.has_ended,
            items.incoming.failure,
            items.incoming.is_held_back,
            items.outgoing.granted_items,
            items.outgoing.granted_bytes,
            [batch.data for batch in iter(items.incoming.take, None)],
        )
        for each, items in side.calls.items()
    }


def ids_of(message: dict[str, Any]) -> tuple[int | None, int | None]:
    """Which own and which served call a message is about; None: none."""
    about = [message.get(name) for name in ("responseId", "requestId")]
    known = [
        int(each) if type(each) in (int, float) and each in (0, 1, 2) else None for each in about
    ]
    return (known[0], None) if type(about[0]) in (int, float) else (None, known[1])


@settings(parent=quick, max_examples=600)
@given(item_messages)
def test_any_message_about_items_touches_its_call_alone_or_is_counted(
    message: dict[str, Any],
) -> None:
    end, untouched = session(), session()
    counters = end.counters
    try:
        event = end.receive(json.dumps(message))
        if end.arriving is not None:
            return
    except (LimitExceeded, ProtocolError) as error:
        # More than was granted, or what cannot belong together: the connection is closed.
        assert message["type"] == "items" or "parts" in message
        str(error)
        return
    assert event is None or isinstance(event, Refused)
    if isinstance(event, Refused):
        assert message["type"] == "blocked"
        reply = json.loads(event.reply)
        assert reply["type"] == "credit"
    own, served = ids_of(message)
    changed = 0
    for about, side, plain in (
        (own, end.own.items, untouched.own.items),
        (served, end.served.items, untouched.served.items),
    ):
        after, before = seen(side), seen(plain)
        for each in after.keys() | before.keys():
            if after.get(each) != before.get(each):
                assert each == about
                changed += 1
    counted = (
        counters.requests_received_invalid
        + counters.answers_dropped_unknown
        + counters.messages_dropped
    )
    assert counted <= 1
    if message["type"] == "items":
        assert changed + counted >= 1
    assert not any(end.own.is_open(each) != untouched.own.is_open(each) for each in range(3))


@quick
@given(st.integers(-3, 3).map(float) | st.floats(), st.binary(max_size=40))
def test_any_byte_message_is_an_item_of_its_call_or_counted(number: float, item: bytes) -> None:
    end, untouched = session(), session()
    try:
        event = end.receive_bytes(struct.pack("<d", number) + item)
    except BadFrame:
        return
    own_id = 0 if number == 0 else None
    served_id = 0 if number == -1 else None
    is_taken = 0
    for about, side, plain in (
        (own_id, end.own.items, untouched.own.items),
        (served_id, end.served.items, untouched.served.items),
    ):
        after, before = seen(side), seen(plain)
        for each in before:
            if after[each] != before[each]:
                assert each == about
                is_taken += 1
    counters = end.counters
    is_counted = counters.answers_dropped_unknown + counters.messages_dropped
    assert is_taken + is_counted + (event is not None) >= 1 or number in (-2.0, -3.0)


@quick
@given(st.lists(json_values, min_size=1, max_size=5))
def test_any_list_of_items_is_values_or_a_typed_error(values: list[Any]) -> None:
    try:
        decoded = Codec(int).of_list.decode(json.dumps(values).encode())
    except ValidationError:
        return
    assert all(type(each) is int for each in decoded)


# -- two honest sides -----------------------------------------------------------------------------


@dataclass
class Flow:
    """One direction of one call."""

    sent: int = 0
    read: int = 0
    held_back_bytes: int = 0
    """Of the item that its sender has said to be blocked with: that one leaves next."""
    has_ended: bool = False


@dataclass
class OneCall:
    up: Flow = field(default_factory=Flow)
    down: Flow = field(default_factory=Flow)
    is_running: bool = False
    """At the server, which has not answered."""
    outcomes: list[str] = field(default_factory=list[str])
    own: ItemsOfCall | None = None
    served: ItemsOfCall | None = None


MAX_BYTES = 3 * FIRST_WINDOW_BYTES


class TwoSidesWithItems(RuleBasedStateMachine):
    """Calls with items both ways, between two sessions; lines delay, and keep the order."""

    calls = st.integers(0, 2)
    sizes = st.sampled_from([1, 1, 40, 160, 9_000])

    def __init__(self) -> None:
        super().__init__()
        limits = Limits(max_stream_window_bytes=MAX_BYTES)
        self.caller: Session[int] = Session(limits)
        self.server: Session[int] = Session(limits)
        for end in (self.caller, self.server):
            end.allow_control()
        self.to_server: deque[bytes] = deque()
        self.to_caller: deque[bytes] = deque()
        self.made: list[OneCall] = []
        self.call()
        self.call()
        self.arrive_at_the_server()

    # -- what the sides do

    @precondition(lambda self: len(self.made) < 3)
    @rule()
    def call(self) -> None:
        request_id, text = self.caller.own.open(route(3), b"[]", len(self.made))
        assert request_id == len(self.made)
        own = self.caller.own.items.open(request_id, takes_items=True)
        own.incoming.on_grant = lambda totals: self.to_server.append(
            codec.credit(request_id, totals, is_own=True)
        )
        self.made.append(OneCall(own=own))
        self.to_server.append(text)

    @rule(number=calls, size=sizes, is_up=st.booleans(), count=st.sampled_from([1, 5, 40]))
    def send(self, number: int, size: int, is_up: bool, count: int) -> None:
        if number >= len(self.made):
            return
        call = self.made[number]
        items, flow = (call.own, call.up) if is_up else (call.served, call.down)
        is_open = not call.outcomes if is_up else call.is_running
        if items is None or not is_open or flow.has_ended:
            return
        if flow.held_back_bytes:
            size, count = flow.held_back_bytes, 1
        texts = [json.dumps(f"{flow.sent + each}:".ljust(size)).encode() for each in range(count)]
        data = b",".join(texts)
        wire = self.to_server if is_up else self.to_caller
        if items.outgoing.may_send(count, len(data) + 2):
            items.outgoing.take(count, len(data) + 2)
            wire.append(codec.items(codec.items_head(number, is_own=is_up), data))
            flow.sent += count
            flow.held_back_bytes = 0
        else:
            flow.held_back_bytes = size
            wanted = items.outgoing.ask(len(texts[0]) + 2)
            if wanted is not None:
                wire.append(codec.blocked(number, wanted, is_own=is_up))

    @rule(number=calls)
    def end_items(self, number: int) -> None:
        if number < len(self.made) and not self.made[number].outcomes:
            flow = self.made[number].up
            if not flow.has_ended:
                flow.has_ended = True
                self.to_server.append(codec.items_end(number))

    @rule(number=calls, is_up=st.booleans())
    def read(self, number: int, is_up: bool) -> None:
        if number < len(self.made):
            call = self.made[number]
            items, flow = (call.served, call.up) if is_up else (call.own, call.down)
            if items is not None:
                self._read(number, items, flow, is_up)

    def _read(self, number: int, items: ItemsOfCall, flow: Flow, is_up: bool) -> bool:
        batch = items.incoming.take()
        if batch is None:
            return False
        for value in json.loads(bytes(batch.data)):  # type: ignore[arg-type]
            assert value.startswith(f"{flow.read}:")
            flow.read += 1
        granted = items.incoming.read(batch)
        if granted is not None:
            wire = self.to_caller if is_up else self.to_server
            wire.append(codec.credit(number, granted, is_own=not is_up))
        return True

    @rule(number=calls, well=st.booleans())
    def answer(self, number: int, well: bool) -> None:
        if number >= len(self.made) or not self.made[number].is_running:
            return
        self.made[number].is_running = False
        served = self.server.served
        self.to_caller.append(
            served.answer(number, b"1") if well else served.fail(number, Failure("E", "no", None))
        )

    @rule(number=calls)
    def give_up(self, number: int) -> None:
        if number < len(self.made) and self.caller.own.give_up(number):
            self._settle(number, "given up")
            self.to_server.append(codec.cancel(number))

    def _settle(self, number: int, how: str) -> None:
        self.made[number].outcomes.append(how)
        self.caller.own.items.close(number)

    # -- what comes

    @rule()
    def arrive_at_the_server(self) -> None:
        if not self.to_server:
            return
        event = self.server.receive(self.to_server.popleft().decode())
        assert not isinstance(event, Notified | AnswerReceived | FailureReceived)
        if isinstance(event, RequestReceived):
            number = event.request_id
            served = self.server.served.items.open(number, takes_items=True)
            served.incoming.on_grant = lambda totals: self.to_caller.append(
                codec.credit(number, totals, is_own=False)
            )
            self.made[number].served = served
            self.made[number].is_running = True
        elif isinstance(event, CancelReceived):
            self.answer(event.request_id, False)
        elif isinstance(event, Refused):
            self.to_caller.append(event.reply)

    @rule()
    def arrive_at_the_caller(self) -> None:
        if not self.to_caller:
            return
        event = self.caller.receive(self.to_caller.popleft().decode())
        if isinstance(event, AnswerReceived):
            self._settle(event.call, "answered")
        elif isinstance(event, FailureReceived):
            self._settle(event.call, "failed")
        elif isinstance(event, Refused):
            self.to_server.append(event.reply)

    # -- what holds

    @invariant()
    def each_call_settles_once(self) -> None:
        for number, call in enumerate(self.made):
            assert len(call.outcomes) + self.caller.own.is_open(number) == 1
            assert call.up.read <= call.up.sent
            assert call.down.read <= call.down.sent
        for end in (self.caller, self.server):
            assert end.counters.requests_received_invalid == 0
            assert end.counters.answers_dropped_unknown == 0

    def teardown(self) -> None:
        """Whoever reads is granted again: everything that is open can be sent to its end."""
        for number, call in enumerate(self.made):
            if not call.outcomes and call.is_running and not call.up.has_ended:
                before = call.up.sent
                for _ in range(200):
                    self._send_what_was_held_back()
                    self.send(number, 9_000, True, 1)
                    self._bring_all()
                    if call.up.sent > before:
                        break
                else:
                    raise AssertionError("a reader who reads does not let more come")
                self.end_items(number)
        self._bring_all()
        for number, call in enumerate(self.made):
            served, own = call.served, call.own
            if call.up.has_ended and call.is_running and not call.outcomes:
                assert served is not None
                # What is called complete is complete.
                assert served.incoming.has_ended
                assert call.up.read == call.up.sent
            self.answer(number, True)
            self._bring_all()
            assert len(call.outcomes) == 1
            if call.outcomes == ["answered"]:
                assert own is not None
                assert call.down.read == call.down.sent
        for side in (self.caller.own.items, self.server.served.items):
            assert not side.calls

    def _send_what_was_held_back(self) -> None:
        """As honest senders do, as soon as they may: one large item at a time has its turn."""
        for number, call in enumerate(self.made):
            for flow, is_up in ((call.up, True), (call.down, False)):
                if flow.held_back_bytes:
                    self.send(number, flow.held_back_bytes, is_up, 1)

    def _bring_all(self) -> None:
        for _ in range(1000):
            is_busy = bool(self.to_server or self.to_caller)
            self.arrive_at_the_server()
            self.arrive_at_the_caller()
            for number, call in enumerate(self.made):
                for items, flow, is_up in (
                    (call.served, call.up, True),
                    (call.own, call.down, False),
                ):
                    is_busy |= items is not None and self._read(number, items, flow, is_up)
            if not is_busy:
                return
        raise AssertionError("the two sides never come to rest")


TestTwoSidesWithItems = TwoSidesWithItems.TestCase
TestTwoSidesWithItems.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, database=None
)
