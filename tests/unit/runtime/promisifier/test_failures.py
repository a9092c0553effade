"""What the caller learns of a service's exception, and what stays in the log."""

import logging

import pytest

from duologue.errors import (
    CallError,
    Cancelled,
    ConnectionClosed,
    ContractError,
    DeadlineExceeded,
    GoingAway,
    InvalidResult,
    LimitExceeded,
    Problem,
    RefusedValue,
    RemoteCause,
    RemoteError,
    Unauthorised,
)
from duologue.promisifier.failures import describe_failure, describe_incident, describe_limit
from duologue.protocol.messages import Failure

pytestmark = pytest.mark.usefixtures("caplog")


class RoomFull(ContractError[None]):
    code = "room_full"


class NamedError(CallError):
    name = "CustomError"


TOLD: list[tuple[Exception, Failure]] = [
    (CallError("no"), Failure("CallError", "no", None)),
    (CallError("no", code="NO", details=[1]), Failure("CallError", "no", "NO", [1])),
    (NamedError("no", code="NO"), Failure("CustomError", "no", "NO")),
    (RoomFull(None), Failure("RoomFull", "room_full", "room_full")),
    (Cancelled("given up"), Failure("Cancelled", "given up", "CANCELLED")),
    (Unauthorised("not you"), Failure("Unauthorised", "not you", "UNAUTHORISED")),
    (DeadlineExceeded("late"), Failure("DeadlineExceeded", "late", "DEADLINE_EXCEEDED")),
    (
        RefusedValue("data", 'NaN ("number")'),
        Failure("Error", 'WSP-ESV: Key "data" value NaN ("number") is not allowed', "WSP-ESV"),
    ),
    (
        LimitExceeded("max_message_bytes", 10, 20),
        Failure(
            "LimitExceeded",
            "max_message_bytes is 10",
            "LIMIT_EXCEEDED",
            {"limit": "max_message_bytes", "value": 10},
        ),
    ),
    (
        InvalidResult("unfit", [Problem("name", "missing")]),
        Failure("InvalidResult", "unfit", "INVALID_RESULT", [{"path": "name", "text": "missing"}]),
    ),
]


@pytest.mark.parametrize(("error", "failure"), TOLD, ids=lambda part: type(part).__name__)
def test_errors_meant_for_callers_are_told(error: Exception, failure: Failure) -> None:
    assert describe_failure(error, "x") == failure


@pytest.mark.parametrize("error", [error for error, _ in TOLD], ids=lambda e: type(e).__name__)
def test_the_same_errors_out_of_an_own_call_are_incidents(error: CallError) -> None:
    error.foreign = True
    try:
        assert describe_failure(error, "x").code == "INTERNAL"
    finally:
        error.foreign = False


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        KeyError("secret"),
        ConnectionClosed(1006, "secret"),
        TimeoutError("secret"),
        GoingAway("secret"),
        CallError("secret", code="GOING_AWAY"),
        ExceptionGroup("secret", [ValueError("secret")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_exception_is_an_incident_of_which_nothing_is_told(error: Exception) -> None:
    failure = describe_failure(error, "x")
    assert failure.name == "InternalError"
    assert failure.code == "INTERNAL"
    assert "secret" not in repr(failure)


def test_an_incident_has_the_same_id_in_the_answer_and_beside_the_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise ValueError("secret")
    except ValueError as error:
        failure = describe_incident(error, "chat.Rooms/join")
    incident = failure.details["incident"]
    assert incident in (failure.message or "")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.name == "duologue"
    assert incident in record.getMessage()
    assert "chat.Rooms/join" in record.getMessage()
    assert "ValueError: secret" in caplog.text


def test_incidents_have_ids_of_their_own() -> None:
    assert (
        describe_incident(ValueError(), "x").details != describe_incident(ValueError(), "x").details
    )


@pytest.mark.parametrize(
    "error", [InvalidResult("unfit"), RefusedValue("data", 'NaN ("number")')], ids=repr
)
def test_a_result_that_cannot_be_sent_is_logged_where_it_was_made(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    describe_failure(error, "chat.Rooms/join")
    assert "chat.Rooms/join" in caplog.text


def test_an_error_told_to_the_caller_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    describe_failure(CallError("no"), "x")
    assert caplog.text == ""


def test_a_limit_is_told_without_what_was_met() -> None:
    failure = describe_limit(LimitExceeded("max_waiting_calls", 5, 6))
    assert failure.details == {"limit": "max_waiting_calls", "value": 5}


def test_a_remote_error_raised_here_shows_only_its_shell() -> None:
    error = RemoteError(RemoteCause("Inner", "inner text", "INNER"))
    failure = describe_failure(error, "x")
    assert (failure.name, failure.code) == ("WebsocketRequestError", "WSRQ-JRMH1")
    assert "inner" not in (failure.message or "").lower()
