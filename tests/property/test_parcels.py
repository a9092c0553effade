"""Parcels between two ends under any interleaving, and noise in their midst (PROTOCOL 12)."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duologue.errors import LimitExceeded, ProtocolError
from duologue.limits import PART_ABOVE_BYTES, Limits
from duologue.protocol.codec import route
from duologue.protocol.messages import (
    AnswerBroken,
    AnswerReceived,
    Failure,
    FailureReceived,
    RequestReceived,
    StreamEnded,
)
from duologue.protocol.parcels import Parcel, Parts, Payload, split
from duologue.protocol.session import Session
from duologue.typed import Codec
from duologue.typed.model import Model

Message = str | bytes

quick = settings(max_examples=200, deadline=None, database=None)


def introduced(limits: Limits) -> Session[int]:
    session: Session[int] = Session(limits)
    session.allow_control()
    return session


def payload_of(sizes: list[int]) -> Payload:
    return Parcel(b"[0]", [bytes(size) for size in sizes]) if sizes else b"[]"


def messages_of(text: bytes, payload: Payload | None) -> list[Message]:
    return [text.decode(), *split(payload or b"")[1]]


class TwoSessions(RuleBasedStateMachine):
    """Calls and answers with parts; each message of them arrives by itself, whatever comes first.

    Within one direction the messages of a parcel stay together, as a sender has to send them.
    Parcels themselves overtake each other: late and crossing answers are the point.
    """

    def __init__(self) -> None:
        super().__init__()
        limits = Limits(max_open_calls=4)
        self.ends = (introduced(limits), introduced(limits))
        self.on_the_way: tuple[list[list[Message]], list[list[Message]]] = ([], [])
        self.arriving: tuple[list[Message], list[Message]] = ([], [])
        self.sent: tuple[dict[int, Payload], dict[int, Payload]] = ({}, {})
        self.being_served: tuple[list[int], list[int]] = ([], [])
        self.settled: tuple[list[int], list[int]] = ([], [])
        self.made = [0, 0]

    sides = st.integers(0, 1)
    some_sizes = st.lists(st.sampled_from([0, 1, 8, 9, 300]), max_size=3)

    @rule(side=sides, sizes=some_sizes, takes_parts=st.booleans())
    def call(self, side: int, sizes: list[int], takes_parts: bool) -> None:
        payload = payload_of(sizes)
        try:
            request_id, text = self.ends[side].own.open(
                route(3, takes_parts), payload, self.made[side]
            )
        except LimitExceeded:
            return
        self.sent[side][request_id] = payload
        self.made[side] += 1
        self.on_the_way[1 - side].append(messages_of(text, payload))

    @rule(side=sides, which=st.integers(0, 100))
    def arrive(self, side: int, which: int) -> None:
        if not self.arriving[side] and self.on_the_way[side]:
            waiting = self.on_the_way[side]
            self.arriving[side].extend(waiting.pop(which % len(waiting)))
        if not self.arriving[side]:
            return
        message = self.arriving[side].pop(0)
        end = self.ends[side]
        event = end.receive(message) if isinstance(message, str) else end.receive_bytes(message)
        # An event comes with the last message of its parcel and not before.
        assert event is None or not self.arriving[side]
        if isinstance(event, RequestReceived):
            assert event.args == self.sent[1 - side][event.request_id]
            self.being_served[side].append(event.request_id)
        elif isinstance(event, AnswerReceived | FailureReceived):
            self.settled[side].append(event.call)

    @rule(side=sides, which=st.integers(0, 100), sizes=some_sizes, well=st.booleans())
    def answer(self, side: int, which: int, sizes: list[int], well: bool) -> None:
        serving = self.being_served[side]
        if not serving:
            return
        request_id = serving.pop(which % len(serving))
        payload = payload_of(sizes) if well else None
        if well:
            text = self.ends[side].served.answer(request_id, payload)
        else:
            text = self.ends[side].served.fail(request_id, Failure("Error", "no", None))
        self.on_the_way[1 - side].append(messages_of(text, payload))

    @rule(side=sides, which=st.integers(0, 100))
    def abandon(self, side: int, which: int) -> None:
        open_calls = list(self.ends[side].own.unanswered.items())
        if open_calls:
            request_id, call = open_calls[which % len(open_calls)]
            assert self.ends[side].own.give_up(request_id)
            self.settled[side].append(call)

    @invariant()
    def each_call_is_open_or_has_settled_once(self) -> None:
        for side, end in enumerate(self.ends):
            settled = self.settled[side]
            assert len(settled) == len(set(settled))
            assert {*settled, *end.own.unanswered.values()} == set(range(self.made[side]))
            assert (end.arriving is not None) == bool(self.arriving[side])
            assert end.counters.requests_received_invalid == 0
            assert end.counters.answers_dropped_unknown == 0
            assert end.counters.messages_dropped == 0

    def teardown(self) -> None:
        # What is on the way arrives, all is answered: then no call is left open.
        for _ in range(4):
            for side in (0, 1):
                while self.arriving[side] or self.on_the_way[side]:
                    self.arrive(side, 0)
                while self.being_served[side]:
                    self.answer(side, 0, [9], True)
        assert [dict(end.own.unanswered) for end in self.ends] == [{}, {}]


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, database=None
)


odd_sizes: st.SearchStrategy[Any] = st.lists(
    st.integers(-1, 12) | st.sampled_from([True, 1.0, None, 2**70]), max_size=4
) | st.sampled_from([5, "5", None])


def text_of(kind: str, number: int, sizes: Any) -> str:
    fields = {"type": kind, "requestId": number, "responseId": number, "serviceId": 3}
    announced = {} if sizes is None else {"parts": sizes}
    return json.dumps({**fields, "args": [0], "data": 0, **announced})


texts = st.builds(
    text_of,
    st.sampled_from(["request", "data", "data", "error", "stream-end", "cancel", "?"]),
    st.integers(0, 4),
    odd_sizes,
)
noise: st.SearchStrategy[list[Message]] = st.lists(
    texts | st.text(max_size=5) | st.binary(max_size=12), max_size=12
)


@quick
@given(noise)
def test_whatever_comes_each_call_is_settled_or_handed_back(messages: list[Message]) -> None:
    session = introduced(Limits(max_unasked_messages=5))
    for call in range(4):
        session.own.open(route(3, True), b"[]", call)
    settled: list[int] = []
    for message in messages:
        try:
            event = (
                session.receive(message)
                if isinstance(message, str)
                else session.receive_bytes(message)
            )
        except (ProtocolError, LimitExceeded):
            break
        if isinstance(event, AnswerReceived | FailureReceived | AnswerBroken | StreamEnded):
            settled.append(event.call)
        arriving = session.arriving
        if arriving is not None:
            assert event is None
            assert len(arriving.text) + sum(map(len, arriving.parts)) <= 1024 * 1024
    ended = [call for call in session.close() if call not in settled]
    assert sorted(settled + ended) == list(range(4))
    assert session.arriving is None


class Tree(Model):
    blob: bytes = b""
    blobs: list[bytes | None] = []  # noqa: RUF012
    named: dict[str, bytes] = {}  # noqa: RUF012
    trees: list["Tree"] = []  # noqa: RUF012


def padded(start: bytes, size: int) -> bytes:
    return start + bytes(size)


some_bytes = st.builds(
    padded,
    st.binary(max_size=3),
    st.sampled_from([0, 1, PART_ABOVE_BYTES - 3, PART_ABOVE_BYTES, PART_ABOVE_BYTES + 1]),
)
trees = st.recursive(
    st.builds(
        Tree,
        blob=some_bytes,
        blobs=st.lists(st.none() | some_bytes, max_size=3),
        named=st.dictionaries(st.text(max_size=2), some_bytes, max_size=2),
    ),
    lambda inner: st.builds(Tree, blob=some_bytes, trees=st.lists(inner, max_size=2)),
    max_leaves=4,
)


@quick
@given(trees)
def test_any_value_comes_back_with_parts_and_without(tree: Tree) -> None:
    codec = Codec(Tree)
    parts = Parts()
    text = codec.encode(tree, parts)
    assert all(len(part) > PART_ABOVE_BYTES for part in parts)
    assert codec.decode(Parcel(text, parts)) == tree
    assert codec.decode(codec.encode(tree)) == tree
