"""Errors of a contract to the failures that cross the wire, and back."""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeGuard, TypeVar

from pydantic import ValidationError

from duologue.errors import (
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
    Unauthorised,
    Unimplemented,
    UnknownError,
)
from duologue.limits import MAX_REPORTED_PROBLEMS
from duologue.promisifier.failures import THEIRS, describe_failure, describe_incident
from duologue.protocol.messages import Failure
from duologue.protocol.session import UNKNOWN_SERVICE
from duologue.protocol.values import is_list, is_object, parse_json, plain_json
from duologue.typed.codec import NOTHING, Codec
from duologue.typed.problems import problems_of

D = TypeVar("D")


class DeclaredError(Generic[D]):
    """An error of a contract: its class, and how its fields travel."""

    __slots__ = ("codec", "error")

    def __init__(self, error: type[ContractError[D]], codec: Codec[D], /) -> None:
        self.error = error
        self.codec = codec

    def describe(self, error: ContractError[D]) -> Failure:
        """The failure to send for `error`; the fields go into `details`."""
        details = None if self.codec is NOTHING else parse_json(self.codec.encode(error.data))
        return Failure(type(error).__name__, str(error), error.code, details)

    def rebuild(self, failure: Failure) -> CallError:
        """The exception for a received failure."""
        # An error that has got its first fields: an older side sends none.
        details: Any = {} if failure.details is None else failure.details
        try:
            return self.error.from_data(self.codec.decode(plain_json(details)))
        except ValidationError as error:
            return InvalidResult(
                f"the fields of the error {failure.code} do not fit the contract",
                problems_of(error, self.codec.adapter.core_schema),
            )


_SIMPLE_ERRORS: Final[dict[str, type[CallError]]] = {
    "CANCELLED": Cancelled,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "GOING_AWAY": GoingAway,
    "UNAUTHORISED": Unauthorised,
    "UNIMPLEMENTED": Unimplemented,
    UNKNOWN_SERVICE: Unimplemented,
}


def runtime_error(failure: Failure) -> DuologueError:
    """The exception for a failure that no contract declares (duologue profile 3)."""
    code = failure.code or failure.name or "Error"
    message = failure.message or ""
    details = failure.details
    simple = _SIMPLE_ERRORS.get(code)
    if simple is not None:
        return simple(message, code=code, details=details)
    if code == InvalidParams.code:
        return InvalidParams(message, _problems(details))
    if code == InvalidResult.code:
        return InvalidResult(message, _problems(details))
    if code == InternalError.code:
        incident = details.get("incident") if is_object(details) else None
        return InternalError(message, incident=incident if isinstance(incident, str) else "")
    if code == LimitExceeded.code and is_object(details):
        limit, value = details.get("limit"), details.get("value")
        if isinstance(limit, str) and isinstance(value, int | float):
            whose = "" if details.get("of") == "caller" else THEIRS
            return LimitExceeded(f"{whose}{limit}", value)
    return UnknownError(message, code=code, details=details)


def _problems(details: object) -> list[Problem]:
    if not is_list(details):
        return []
    return [
        Problem(str(each.get("path", "")), str(each.get("text", "")))
        for each in details[:MAX_REPORTED_PROBLEMS]
        if is_object(each)
    ]


def failure_of(
    error: Exception, declared_errors: Mapping[str, DeclaredError[Any]], what: str
) -> Failure:
    """What the caller learns of an exception of `what`, which declares these errors by code.

    An error of the contract that the method does not declare is an incident.
    """
    if not _is_of_contract(error):
        return describe_failure(error, what)
    declared = declared_errors.get(error.code)
    if declared is None or not isinstance(error, declared.error):
        return describe_incident(error, what, hint=_not_listed(error, declared_errors))
    return declared.describe(error)


def _not_listed(
    error: ContractError[Any], declared_errors: Mapping[str, DeclaredError[Any]]
) -> str:
    """What the log says of an error that callers of this method are not told of."""
    listed = ", ".join(each.error.__name__ for each in declared_errors.values())
    name = type(error).__name__
    return (
        f"{name} is an error of a contract, but not one that this method lists (it lists "
        f"{listed or 'none'}); to have callers told, put {name} into its `errors`"
    )


def _is_of_contract(error: Exception) -> TypeGuard[ContractError[Any]]:
    return isinstance(error, ContractError)
