"""What client, service and runtime read of a contract: its methods, as values."""

from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, ParamSpec, TypeVar

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
from duologue.promisifier.own_call import BaseOf
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload
from duologue.protocol.session import UNKNOWN_SERVICE
from duologue.protocol.values import SENTINEL_START, is_list, is_object, parse_json, plain_json
from duologue.typed.codec import NOTHING, Codec
from duologue.typed.params import Params
from duologue.typed.problems import problems_of

if TYPE_CHECKING:
    from duologue.typed.events import Event

A = ParamSpec("A")
P = TypeVar("P")
R = TypeVar("R")
D = TypeVar("D")

Effect = Literal["read", "idempotent", "write"]
"""Whether a call may be repeated: the first two may, a `write` must not."""


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
        try:
            return self.error.from_data(self.codec.decode(plain_json(failure.details)))
        except ValidationError as error:
            return InvalidResult(
                f"the fields of the error {failure.code} do not fit the contract",
                problems_of(error, self.codec.adapter.core_schema),
            )


class Unary(Generic[A, P, R]):
    """A method with params and one result. `timeout` is the contract's deadline in seconds."""

    def __init__(
        self,
        *,
        id: int,
        name: str,
        params: Params[A, P],
        returns: Codec[R],
        errors: tuple[DeclaredError[Any], ...] = (),
        effect: Effect = "write",
        timeout: float | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.full_name = name
        """`chat.rooms.v1.Rooms/join`, once the method is part of a `ServiceContract`."""
        self.params = params
        self.returns = returns
        self.has_bytes: bool | None = None
        """What `look_for_bytes` has found; None before."""
        self.takes_parts = False
        """Whether the result may come with parts beside it (PROTOCOL 12)."""
        self.errors = {declared.error.code: declared for declared in errors}
        self.effect: Effect = effect
        self.may_be_repeated = effect != "write"
        self.timeout = timeout
        self.contract: ServiceContract | None = None
        """Whose method it is."""

    def number(self, base_of: BaseOf) -> int | None:
        """The number to call it by, where `base_of` tells how the other side counts.

        Raises:
            ContractMismatch: the other side offers it by another contract.
        """
        return None if self.contract is None else base_of(self.contract) + self.id

    def look_for_bytes(self) -> bool:
        """Find out whether params or result have bytes that may travel beside them."""
        self.takes_parts = self.returns.knows_bytes()
        self.has_bytes = self.takes_parts or self.params.knows_bytes()
        return self.has_bytes

    def decode_result(self, data: Payload | None) -> R:
        """The result in an answer.

        Raises:
            InvalidResult: it does not fit the contract.
            BadFrame: it is no JSON.
        """
        try:
            if type(data) is bytes and SENTINEL_START not in data:
                return self.returns.validate_json(data)
            return self.returns.decode(b"null" if data is None else data)
        except ValidationError as error:
            raise InvalidResult(
                f"the answer of {self.full_name} does not fit the contract",
                problems_of(error, self.returns.adapter.core_schema),
            ) from None

    def decode_stream(self, stream: ByteStream | TextStream) -> R:
        """The result that came as a stream.

        Raises:
            InvalidResult: the contract has none of this kind here.
        """
        return self.returns.decode_stream(stream, self.full_name)

    def decode_failure(self, failure: Failure) -> DuologueError:
        """The exception that a received failure stands for."""
        declared = self.errors.get(failure.code or "")
        if declared is not None:
            return declared.rebuild(failure)
        return runtime_error(failure)


class ServiceContract:
    """A service of a contract. `digest` tells apart contracts that differ on the wire."""

    def __init__(
        self,
        *,
        name: str,
        base: int,
        digest: str,
        methods: tuple[Unary[..., Any, Any], ...],
        events: "tuple[Event[..., Any], ...]" = (),
    ) -> None:
        self.name = name
        self.base = base
        self.digest = digest
        self.methods = methods
        self.events = events
        for event in events:
            event.full_name = f"{name}/{event.name}"
            event.contract = self
        for method in methods:
            method.full_name = f"{name}/{method.name}"
            method.contract = self


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
            return LimitExceeded(f"the other side's {limit}", value)
    return UnknownError(message, code=code, details=details)


def _problems(details: object) -> list[Problem]:
    if not is_list(details):
        return []
    return [
        Problem(str(each.get("path", "")), str(each.get("text", "")))
        for each in details[:MAX_REPORTED_PROBLEMS]
        if is_object(each)
    ]


def unimplemented(method: Unary[..., Any, Any]) -> NoReturn:
    """What a method of a `...ServicePartial` answers that was not overridden.

    Raises:
        Unimplemented: always.
    """
    raise Unimplemented(f"{method.full_name} is not offered here")
