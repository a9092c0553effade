"""Whatever comes in: typed errors and counters, nothing else; and each call settles once."""

import json
import string
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from duologue.errors import (
    BadFrame,
    CallError,
    ContractError,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    RefusedValue,
)
from duologue.limits import Limits
from duologue.protocol.codec import error_answer, read_envelope, read_failure, route
from duologue.protocol.excess import find_excess, held_by
from duologue.protocol.messages import (
    AnswerReceived,
    Failure,
    FailureReceived,
    Refused,
    RequestReceived,
)
from duologue.protocol.parcels import split
from duologue.protocol.session import Session
from duologue.protocol.values import SENTINEL, UNDEFINED, decode_value, encode_value, is_object
from duologue.typed import NO_PARAMS, NOTHING, Codec, DeclaredError, Int64, Json, Params, Unary
from duologue.typed.model import Model

quick = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

any_text = st.text(
    st.characters() | st.sampled_from('{}[]":,\\0123456789eE+-. \ud800\udfff'), max_size=200
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([SENTINEL, "\ud800", 2**53, 2**64, 10**400, -0.0, 1e308]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.just(SENTINEL), inner, max_size=4)
    ),
    max_leaves=12,
)
ids: st.SearchStrategy[Any] = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, 1.5, -0.0, 2**53 - 1, 2**53, 1e300, True, None, "1", [], {}]),
)
kinds = st.sampled_from(
    ["request", "data", "error", "stream", "stream-end", "stream-error", "write-stream-error", "?"]
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "type": kinds | json_values,
        "requestId": ids,
        "responseId": ids,
        "serviceId": ids,
        "args": json_values | st.lists(json_values, max_size=3),
        "data": json_values,
        "error": json_values
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("name", "message", "code", "details"), json_values)
        ),
        "parts": st.lists(ids, max_size=3) | json_values,
        "takesParts": st.booleans() | json_values,
        "x": json_values,
    },
)


def broken_by(text: str, where: int, what: str) -> str:
    where %= len(text) + 1
    return text[:where] + what + text[where:]


broken: st.SearchStrategy[str] = st.builds(
    broken_by,
    messages.map(json.dumps),
    st.integers(0, 500),
    st.sampled_from(["1e400", "NaN", "\x00", '"', "\\", "[" * 300, "}", "\ud800", "\ufeff", ","]),
)


class Params1(Model):
    text: str
    number: int = 0
    big: Int64 = 0
    anything: Json = None
    inner: "Params1 | None" = None
    many: list["Params1"] = []  # noqa: RUF012


PARAMS = Params(Params1)
RESULT = Unary(id=1, name="m", params=NO_PARAMS, returns=Codec(Params1))


def session() -> Session[int]:
    receiver: Session[int] = Session(Limits(max_invalid_messages=10**9))
    for call in range(3):
        receiver.own.open(route(1), b"[]", call)
    return receiver


def check_one_message(text: str) -> None:
    receiver = session()
    counters = receiver.counters
    event = receiver.receive(text)
    unreadable = counters.requests_received_invalid
    outcomes = [
        unreadable,
        counters.requests_received_total,
        counters.answers_dropped_late,
        counters.answers_dropped_unknown,
        int(isinstance(event, AnswerReceived | FailureReceived)),
    ]
    assert unreadable in (0, 1)
    if event is None:
        # Not an event: then one counter tells what became of it.
        assert sum(outcomes) >= 1 or counters.messages_dropped == 1
    if isinstance(event, RequestReceived):
        assert unreadable == 0
        try:
            decode_value(split(event.args or b"[]")[0])
        except BadFrame:
            receiver.disown(event)
            assert (counters.requests_received_total, counters.requests_received_invalid) == (0, 1)
    elif isinstance(event, Refused):
        assert unreadable == 0
        json.loads(event.reply)
    elif isinstance(event, AnswerReceived):
        assert event.call not in receiver.own.unanswered.values()
    # The JSON of the standard library is the oracle for what is readable.
    try:
        fields = json.loads(text)
    except ValueError:
        # What has too many levels is judged by them alone: nobody reads it to its end.
        assert unreadable == 1 or find_excess(text, held_by(text), Limits()) is not None
    else:
        if not is_object(fields) or not isinstance(fields.get("type"), str):
            assert unreadable == 1


@quick
@given(any_text)
def test_any_text_is_an_event_or_counted(text: str) -> None:
    check_one_message(text)


@quick
@given(json_values)
def test_any_json_is_an_event_or_counted(value: Any) -> None:
    check_one_message(json.dumps(value))


@settings(parent=quick, max_examples=350)
@given(messages)
def test_anything_like_a_message_is_an_event_or_counted(fields: dict[str, Any]) -> None:
    check_one_message(json.dumps(fields))
    try:
        check_one_message(json.dumps(fields, ensure_ascii=False))
    except UnicodeEncodeError:
        raise AssertionError("raw surrogates must be borne") from None


@settings(parent=quick, max_examples=350)
@given(broken)
def test_a_broken_message_is_an_event_or_counted(text: str) -> None:
    check_one_message(text)


@quick
@given(st.binary(max_size=20))
def test_any_bytes_are_counted_or_a_bad_frame(message: bytes) -> None:
    receiver = session()
    try:
        event = receiver.receive_bytes(message)
    except BadFrame:
        assert len(message) < 8
    else:
        assert (event is None) == (receiver.counters.answers_dropped_unknown == 1)


@quick
@given(st.lists(any_text, max_size=20))
def test_every_unreadable_message_is_counted_until_the_bound(texts: list[str]) -> None:
    receiver: Session[int] = Session(Limits(max_invalid_messages=5))
    for text in texts:
        before = receiver.counters.requests_received_invalid
        try:
            receiver.receive(text)
        except LimitExceeded:
            assert receiver.counters.requests_received_invalid == before + 1 == 6
            break


@quick
@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps([value]).encode()))
def test_any_arguments_are_params_or_a_typed_error(args: bytes) -> None:
    # What the session hands on is always a list as JSON sees it, so only those come here.
    try:
        envelope = read_envelope('{"type":"request","args":%s}' % args.decode())
    except (BadFrame, UnicodeDecodeError):
        return
    raw = bytes(envelope.args)
    if raw[:1] != b"[":
        return
    try:
        assert isinstance(PARAMS.decode("m", raw), Params1)
    except BadFrame:
        pass
    except InvalidParams as error:
        reported = len(error.problems)
        assert reported <= 20


@quick
@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_result_is_a_value_or_a_typed_error(data: bytes) -> None:
    try:
        assert isinstance(RESULT.decode_result(data), Params1)
    except (InvalidResult, BadFrame):
        pass
    try:
        decode_value(data)
    except BadFrame:
        pass


class Declared(ContractError[Params1]):
    code = "declared"


FAILED = Unary(id=2, name="m", params=NO_PARAMS, returns=NOTHING)
DECLARING = Unary(
    id=3,
    name="m",
    params=NO_PARAMS,
    returns=NOTHING,
    errors=(DeclaredError(Declared, Codec(Params1)),),
)


details: st.SearchStrategy[Any] = st.one_of(
    json_values,
    st.lists(st.fixed_dictionaries({}, optional={"path": json_values, "text": json_values})),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("incident", "limit", "value", "text", "number"), json_values),
    ),
)
codes: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["declared", "INVALID_PARAMS", "INTERNAL", "LIMIT_EXCEEDED", "CANCELLED", ""]),
    json_values,
)
failures: st.SearchStrategy[Any] = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {},
        optional={"name": json_values, "message": json_values, "code": codes, "details": details},
    ),
)


@quick
@given(failures)
def test_any_failure_is_an_error_of_ours(value: Any) -> None:
    failure = read_failure(json.dumps(value).encode())
    for method in (FAILED, DECLARING):
        error = method.decode_failure(failure)
        assert isinstance(error, CallError | LimitExceeded)
        str(error)
    # And what was read can be told to somebody else.
    json.loads(error_answer(0, failure))


@quick
@given(json_values)
def test_values_that_can_be_sent_come_back(value: Any) -> None:
    try:
        text = encode_value(value, "k", 256)
    except RefusedValue:
        return
    assert decode_value(text) == value
    text.decode()


@quick
@given(st.text(string.printable, max_size=10), st.integers(0, 6))
def test_undefined_survives_at_any_depth(text: str, levels: int) -> None:
    value: Any = UNDEFINED
    for _ in range(levels):
        value = [value, text]
    assert decode_value(encode_value(value, "k", 256)) == value


class TwoSessions(RuleBasedStateMachine):
    """Two ends, any interleaving of calls, answers, losses of interest and closing."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: tuple[Session[int], Session[int]] = (
            Session(Limits(max_open_calls=4)),
            Session(Limits(max_open_calls=4)),
        )
        self.on_the_way: tuple[list[str], list[str]] = ([], [])
        self.being_served: tuple[list[int], list[int]] = ([], [])
        self.made: tuple[set[int], set[int]] = (set(), set())
        self.settled: tuple[list[int], list[int]] = ([], [])
        self.closed = [False, False]

    sides = st.integers(0, 1)

    @rule(side=sides)
    def call(self, side: int) -> None:
        if self.closed[side]:
            return
        call = len(self.made[side])
        try:
            _, text = self.ends[side].own.open(route(3), b"[]", call)
        except LimitExceeded:
            assert len(self.ends[side].own.unanswered) == 4
            return
        self.made[side].add(call)
        self.on_the_way[1 - side].append(text.decode())

    @rule(side=sides)
    def call_that_is_not_handed_over(self, side: int) -> None:
        if self.closed[side] or len(self.ends[side].own.unanswered) == 4:
            return
        request_id, _ = self.ends[side].own.open(route(3), b"[]", -1)
        self.ends[side].own.take_back(request_id, 3)

    @rule(side=sides, which=st.integers(0, 100))
    def arrive(self, side: int, which: int) -> None:
        waiting = self.on_the_way[side]
        if not waiting or self.closed[side]:
            return
        # In any order: late and crossing answers are the point.
        event = self.ends[side].receive(waiting.pop(which % len(waiting)))
        if isinstance(event, RequestReceived):
            self.being_served[side].append(event.request_id)
        elif isinstance(event, AnswerReceived | FailureReceived):
            self.settled[side].append(event.call)

    @rule(side=sides, which=st.integers(0, 100), well=st.booleans(), twice=st.booleans())
    def answer(self, side: int, which: int, well: bool, twice: bool) -> None:
        serving = self.being_served[side]
        if not serving:
            return
        request_id = serving.pop(which % len(serving))
        if well:
            text = self.ends[side].served.answer(request_id, b"1")
        else:
            text = self.ends[side].served.fail(request_id, Failure("Error", "no", None))
        self.on_the_way[1 - side].extend([text.decode()] * (2 if twice else 1))

    @rule(side=sides, which=st.integers(0, 100))
    def abandon(self, side: int, which: int) -> None:
        open_calls = list(self.ends[side].own.unanswered.items())
        if open_calls:
            request_id, call = open_calls[which % len(open_calls)]
            assert self.ends[side].own.give_up(request_id)
            assert not self.ends[side].own.give_up(request_id)
            self.settled[side].append(call)

    @rule(side=sides)
    @precondition(lambda self: sum(map(len, self.made)) > 5)
    def close(self, side: int) -> None:
        self.closed[side] = True
        self.settled[side].extend(self.ends[side].close())

    @invariant()
    def each_call_is_open_or_has_settled_once(self) -> None:
        for end, made, settled in zip(self.ends, self.made, self.settled, strict=True):
            assert len(settled) == len(set(settled))
            assert set(settled) | set(end.own.unanswered.values()) == made
            assert not set(settled) & set(end.own.unanswered.values())
            assert end.counters.requests_sent_total == len(made)
            assert end.counters.requests_received_invalid == 0
            assert end.counters.answers_dropped_unknown == 0


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, database=None
)
