"""What client and service read of a contract: methods, errors, and the failures of the runtime."""

import json
from typing import Any

import pytest

from duologue.errors import (
    BadFrame,
    CallError,
    Cancelled,
    ContractError,
    DeadlineExceeded,
    DuologueError,
    GoingAway,
    InternalError,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    Problem,
    RefusedValue,
    Unauthorised,
    Unimplemented,
    UnknownError,
)
from duologue.limits import MAX_REPORTED_PROBLEMS
from duologue.protocol.codec import error_answer, read_failure
from duologue.protocol.messages import Failure
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Codec,
    DeclaredError,
    Json,
    ServiceContract,
    Unary,
    unimplemented,
)
from duologue.typed.contract import Effect
from duologue.typed.declared_errors import runtime_error
from duologue.typed.model import Model


class RoomFullData(Model):
    capacity: int
    note: str = ""
    more: Json = None


class RoomFull(ContractError[RoomFullData]):
    code = "room_full"

    def __init__(self, *, capacity: int, note: str = "", more: Json = None) -> None:
        super().__init__(RoomFullData(capacity=capacity, note=note, more=more))

    def __str__(self) -> str:
        return f"room holds {self.data.capacity} members"


class RoomClosed(ContractError[None]):
    code = "room_closed"

    def __init__(self) -> None:
        super().__init__(None)


FULL = DeclaredError(RoomFull, Codec(RoomFullData))
CLOSED = DeclaredError(RoomClosed, NOTHING)
JOIN = Unary(id=1, name="join", params=NO_PARAMS, returns=Codec(int), errors=(FULL, CLOSED))
PING = Unary(id=2, name="ping", params=NO_PARAMS, returns=NOTHING)
ROOMS = ServiceContract(name="chat.v1.Rooms", base=100, digest="", methods=(JOIN, PING))


def over_the_wire(failure: Failure) -> Failure:
    return read_failure(json.dumps(json.loads(error_answer(0, failure))["error"]).encode())


def test_a_method_knows_its_full_name() -> None:
    assert JOIN.full_name == "chat.v1.Rooms/join"
    assert (JOIN.effect, JOIN.timeout) == ("write", None)


# -- results ------------------------------------------------------------------------------------


def test_results_are_read() -> None:
    assert JOIN.decode_result(b"5") == 5
    assert PING.decode_result(None) is None
    assert PING.decode_result(b'"whatever"') is None


@pytest.mark.parametrize("data", [b'"secret"', b"null", None, b"5.5", b"[]", b"1e400", b"{"])
def test_results_of_another_type_are_invalid(data: bytes | None) -> None:
    with pytest.raises(InvalidResult, match=r"the answer of chat\.v1\.Rooms/join") as invalid:
        JOIN.decode_result(data)
    assert "secret" not in str(invalid.value)


def test_a_result_that_is_no_json_is_a_bad_frame() -> None:
    floats = Unary(id=3, name="floats", params=NO_PARAMS, returns=Codec(list[float]))
    with pytest.raises(BadFrame):
        floats.decode_result(b'["$__undefined$",1e400]')


# -- declared errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        RoomFull(capacity=7),
        RoomFull(capacity=7, note="ä\n😀", more=[{"a": None}, 1.5, 2**70]),
        RoomClosed(),
    ],
    ids=repr,
)
def test_a_declared_error_arrives_as_itself(error: ContractError[Any]) -> None:
    declared = JOIN.errors[error.code]
    failure = declared.describe(error)
    assert (failure.name, failure.code) == (type(error).__name__, error.code)
    again = JOIN.decode_failure(over_the_wire(failure))
    assert type(again) is type(error)
    assert isinstance(again, ContractError)
    assert again.data == error.data
    assert str(again) == str(error)


def test_a_base_peer_sees_name_text_and_code() -> None:
    failure = FULL.describe(RoomFull(capacity=7))
    assert failure == Failure(
        "RoomFull",
        "room holds 7 members",
        "room_full",
        {"capacity": 7, "note": "", "more": None},
    )
    assert CLOSED.describe(RoomClosed()).details is None


@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        {"capacity": "secret"},
        [],
        {"capacity": 1, "note": "\ud800"},
        {"capacity": 2**100, "note": 5},
    ],
)
def test_a_declared_error_with_other_fields_is_an_invalid_result(details: Any) -> None:
    error = JOIN.decode_failure(Failure("RoomFull", "x", "room_full", details))
    assert isinstance(error, InvalidResult)
    assert error.problems
    assert "secret" not in str(error)


def test_fields_that_are_undefined_are_absent() -> None:
    error = JOIN.decode_failure(
        Failure(None, None, "room_full", {"capacity": 1, "note": "$__undefined$"})
    )
    assert isinstance(error, RoomFull)
    assert error.data.note == ""


def test_an_error_without_fields_takes_any_details() -> None:
    assert isinstance(JOIN.decode_failure(Failure(None, None, "room_closed", [1])), RoomClosed)


def test_fields_equal_to_the_sentinel_cannot_be_sent() -> None:
    with pytest.raises(RefusedValue):
        FULL.describe(RoomFull(capacity=1, note="$__undefined$"))


def test_an_error_that_the_method_does_not_declare_is_unknown_here() -> None:
    error = PING.decode_failure(Failure("RoomFull", "full", "room_full", {"capacity": 7}))
    assert isinstance(error, UnknownError)
    assert (error.code, error.message, error.details) == ("room_full", "full", {"capacity": 7})


# -- errors of the runtime ------------------------------------------------------------------------

RUNTIME: list[tuple[Failure, type[DuologueError], str]] = [
    (Failure("Cancelled", "m", "CANCELLED"), Cancelled, "CANCELLED: m"),
    (Failure(None, None, "CANCELLED"), Cancelled, "CANCELLED"),
    (Failure("x", "m", "DEADLINE_EXCEEDED"), DeadlineExceeded, "DEADLINE_EXCEEDED: m"),
    (Failure("x", "m", "GOING_AWAY"), GoingAway, "GOING_AWAY: m"),
    (Failure("x", "m", "UNAUTHORISED"), Unauthorised, "UNAUTHORISED: m"),
    (Failure("x", "m", "UNIMPLEMENTED"), Unimplemented, "UNIMPLEMENTED: m"),
    (Failure("TypeError", "m", "UNKNOWN-SERVICE"), Unimplemented, "UNKNOWN-SERVICE: m"),
    (Failure("x", "m", "INTERNAL", {"incident": "ab"}), InternalError, "INTERNAL: m"),
    (Failure("x", "m", "INTERNAL", {"incident": 5}), InternalError, "INTERNAL: m"),
    (Failure("x", "m", "INTERNAL", [5]), InternalError, "INTERNAL: m"),
    (
        Failure("x", "m", "INVALID_PARAMS", [{"path": "a", "text": "missing"}, 5, {}]),
        InvalidParams,
        "INVALID_PARAMS: m\n  a: missing\n  ",
    ),
    (Failure("x", "m", "INVALID_PARAMS", 5), InvalidParams, "INVALID_PARAMS: m"),
    (Failure("x", "m", "INVALID_RESULT", None), InvalidResult, "INVALID_RESULT: m"),
    (
        Failure("x", "m", "LIMIT_EXCEEDED", {"limit": "max_running_calls", "value": 5}),
        LimitExceeded,
        "the other side's max_running_calls is 5; raise it in Limits if that is intended",
    ),
    (Failure("x", "m", "LIMIT_EXCEEDED", {"limit": 5}), UnknownError, "LIMIT_EXCEEDED: m"),
    (Failure("x", "m", "LIMIT_EXCEEDED"), UnknownError, "LIMIT_EXCEEDED: m"),
    (Failure("N", "m", "SOMETHING"), UnknownError, "SOMETHING: m"),
    (Failure("N", "m", None), UnknownError, "N: m"),
    (Failure(None, None, None), UnknownError, "Error"),
    (Failure("", "", ""), UnknownError, "Error"),
]


@pytest.mark.parametrize(("failure", "kind", "text"), RUNTIME, ids=repr)
def test_other_failures_are_errors_of_the_runtime(
    failure: Failure, kind: type[DuologueError], text: str
) -> None:
    error = runtime_error(failure)
    assert type(error) is kind
    assert str(error) == text


def test_the_incident_of_the_other_side_is_kept() -> None:
    error = runtime_error(Failure("x", "m", "INTERNAL", {"incident": "ab12"}))
    assert isinstance(error, InternalError)
    assert error.incident == "ab12"


@pytest.mark.parametrize("code", ["INVALID_PARAMS", "INVALID_RESULT"])
def test_problems_named_by_the_other_side_are_kept_up_to_the_limit(code: str) -> None:
    for count in (MAX_REPORTED_PROBLEMS, MAX_REPORTED_PROBLEMS + 1):
        details = [{"path": str(number), "text": "x"} for number in range(count)]
        error = runtime_error(Failure(None, None, code, details))
        assert isinstance(error, InvalidParams | InvalidResult)
        assert len(error.problems) == MAX_REPORTED_PROBLEMS
        assert error.problems[0] == Problem("0", "x")


def test_every_failure_of_the_runtime_is_an_error_a_client_may_expect() -> None:
    for failure, _, _ in RUNTIME:
        assert isinstance(runtime_error(failure), CallError | LimitExceeded)


def test_a_method_that_is_not_offered_says_which() -> None:
    with pytest.raises(Unimplemented, match=r"chat\.v1\.Rooms/join is not offered here"):
        unimplemented(JOIN)


@pytest.mark.parametrize(
    ("effect", "may"), [("read", True), ("idempotent", True), ("write", False)]
)
def test_what_may_be_repeated_is_declared(effect: Effect, may: bool) -> None:
    method = Unary(id=1, name="m", params=NO_PARAMS, returns=NOTHING, effect=effect)
    assert method.may_be_repeated is may


def test_nothing_is_repeated_that_is_not_declared() -> None:
    assert not Unary(id=1, name="m", params=NO_PARAMS, returns=NOTHING).may_be_repeated
