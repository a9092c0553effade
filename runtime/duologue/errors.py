"""Every exception of duologue, in one tree.

    DuologueError
    |- CallError(.code .message .details)       the other side answered with a failure
    |  |- ContractError[D](.data)               declared in a contract; the generated classes
    |  |- UnknownError                          a declared error this build does not know
    |  |- InvalidParams  InvalidResult  Unimplemented  InternalError(.incident)
    |  |- Cancelled  Unauthorised  GoingAway
    |  |- DeadlineExceeded(.where)              also a TimeoutError
    |  |- StreamFailed                          the other side broke a stream off
    |  `- RemoteError(.cause)                   failure of an untyped `send`
    |- ConnectionClosed(.code .reason .stats .pending .sent)    also a ConnectionError
    |  `- HttpUnavailable(.status .retry_after_s)              408, 425, 429, 5xx: not now
    |- ProtocolError                            the other side broke the protocol
    |  `- BadFrame  HttpRefused(.status .retry_after_s)
    |- LimitExceeded(.limit .value .met)
    |- RefusedValue  RefusedService  ServiceIdTaken
    |- ContractMismatch(.service .digests .differences)
    |- SecurityError                            a proof of identity or a sealed message is not right
    |  |- HandshakeFailed(.fault .key)
    |  |  `- KeyNotAllowed                      the other side does not let our key in
    |  |- IdentityMismatch  DecryptionFailed  NonceExhausted
    |  `- UnsafeKey  UnsafeKeyFile(.path .remedy)
    `- RelayError                               the relay could not join us, or is not what it was
       `- PeerNotFound  RelayRefused  RelayUnreachable  RelayKeyChanged(.pinned .met .remedy)

A branch answers: whose fault, and what can I do? runtime/ERRORS.md says it for each.
Errors with a code of the wire have it in `.code`.
Words of the other side are as they came in the attributes, and harmless in what `str` gives.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar

from duologue.foreign_text import SafelyShown, shown

D = TypeVar("D")
Sent = Literal["yes", "no", "unknown"]
"""Whether a request had left: "no" makes a retry safe, "unknown" and "yes" do not."""


class DuologueError(SafelyShown):
    """The root: `except DuologueError` catches everything this library raises on purpose."""

    foreign: bool = False
    """True once it came out of an own call. A handler that lets it pass answers INTERNAL, or it
    would speak of somebody else's call. (A declared error that it lists passes.)"""


class Digests(NamedTuple):
    """Of two contracts of one service that differ."""

    ours: str
    theirs: str

    def __str__(self) -> str:
        return (
            f"this side was generated from the contract {self.ours}, the other side from "
            f"{self.theirs}"
        )


class CallError(DuologueError):
    """The call was answered with a failure, or could not be made as the contract says."""

    code: str = ""
    """What programs test: a declared error's code, or one of the runtime's own in capitals."""
    message: str
    """For people."""
    details: Any
    """The declared error's fields, or what the class says."""
    digests: Digests | None = None
    """Of both contracts, where they differ and that is a likely reason."""

    def __init__(self, message: str = "", *, code: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.code, self.message) if part)
        return text if self.digests is None else f"{text} ({self.digests})"


class ContractError(CallError, Generic[D]):
    """A failure that a contract declares; the base of the generated error classes.

    Raise it in a handler of a method that lists it, catch it by class at the caller.
    """

    retry: ClassVar[Literal["never", "now", "later"]] = "never"
    """Whether the same call may do better, as the contract tells callers."""
    data: D
    """The declared fields; None where the contract declares none."""

    def __init__(self, data: D) -> None:
        self._carry(data)

    def __str__(self) -> str:
        return self.code

    @classmethod
    def from_data(cls, data: D) -> "ContractError[D]":
        """The error that these received fields stand for."""
        error = cls.__new__(cls)
        error._carry(data)
        return error

    def _carry(self, data: D) -> None:
        # Apart from __init__, whose signature in generated classes has the fields one by one; a
        # field called `super` would hide Python's there.
        self.data = data
        CallError.__init__(self, str(self), details=data)


class UnknownError(CallError):
    """An error code that this build's contract does not list: the other side may be newer."""


class Problem(NamedTuple):
    """One thing wrong with a value: where, and what. Never the value itself."""

    path: str
    """Dotted path inside the params or the result; empty for the whole."""
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class _InvalidValue(CallError):
    """Carries the problems found, one on each line; at most `MAX_REPORTED_PROBLEMS` of them."""

    own_breaks = "\n"

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(message, details=[each._asdict() for each in self.problems])

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.message}", *map(str, self.problems)]
        if self.digests is not None:
            lines.append(str(self.digests))
        return "\n  ".join(map(shown, lines))


class InvalidParams(_InvalidValue):
    """The params do not fit the contract. Raised by the client before anything is sent."""

    code = "INVALID_PARAMS"


class InvalidResult(_InvalidValue):
    """The answer does not fit the contract: the two sides disagree, or the service has a bug."""

    code = "INVALID_RESULT"


class Unimplemented(CallError):
    """The other side does not offer the service (`UNKNOWN-SERVICE`) or method (`UNIMPLEMENTED`)."""

    code = "UNIMPLEMENTED"


class InternalError(CallError):
    """The handler failed in a way its contract does not declare. Nothing of it crosses the wire."""

    code = "INTERNAL"

    def __init__(self, message: str = "the handler failed", *, incident: str = "") -> None:
        self.incident = incident
        """The id beside the traceback in the serving side's log."""
        super().__init__(message, details={"incident": incident} if incident else None)


class Cancelled(CallError):
    """The other side gave the call up, for instance because it is shutting down."""

    code = "CANCELLED"


class Unauthorised(CallError):
    """The other side refuses this caller."""

    code = "UNAUTHORISED"


class GoingAway(CallError):
    """The other side takes no new calls. Nothing ran; another connection may serve it."""

    code = "GOING_AWAY"


Where = Literal["leaving", "answer", "waiting", "running"]
"""Where the time of a call passed: before it left; unanswered, wherever it was; at the other side
waiting for a handler, so that it has not run; in its handler."""


_PLACES: Final[tuple[Where, ...]] = ("leaving", "answer", "waiting", "running")


class DeadlineExceeded(CallError, TimeoutError):
    """No answer came in time. The call may still have run; `where` tells more."""

    code = "DEADLINE_EXCEEDED"

    @property
    def where(self) -> Where | None:
        """Where the time passed; None if it is no call's, or nobody says."""
        look_up: object = getattr(self.details, "get", None)
        said: object = look_up("where") if callable(look_up) else None
        return next((each for each in _PLACES if each == said), None)


class StreamFailed(CallError):
    """The other side could not finish its stream; what was received is discarded."""

    code = "WSRQ-SEH1"

    def __init__(self, received: str) -> None:
        super().__init__(
            "Remote ReadStream failed. While receiving a stream we received an error from the "
            f"sender. Message: {received}"
        )


class RemoteCause(SafelyShown):
    """What the serving side said of its failure (base profile 7.4)."""

    def __init__(self, name: str, message: str, code: str | None) -> None:
        super().__init__(message)
        self.name, self.message, self.code = name, message, code

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.name}{code}: {self.message}"


class RemoteError(CallError):
    """The other side's service failed; raised by an untyped `send` (base profile 7.4)."""

    name: Final = "WebsocketRequestError"
    code = "WSRQ-JRMH1"

    def __init__(self, cause: RemoteCause) -> None:
        super().__init__('Remote websocket function returned an error (see "cause" property)')
        self.cause = cause
        self.__cause__ = cause

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.cause}"


class ConnectionClosed(DuologueError, ConnectionError):
    """No answer can come any more.

    A call that was open, or came too late, has the code `WSP-ONCL0` (base profile 8.4) and tells in
    `sent` whether its request had left. The one that `promise` raises has the WebSocket close code.
    """

    def __init__(
        self,
        code: int | str,
        reason: str,
        *,
        close_code: int | None = None,
        stats: Mapping[str, int] | None = None,
        pending: Sequence[int] = (),
        sent: Sent = "unknown",
    ) -> None:
        self.code, self.reason = code, reason
        self.close_code = code if isinstance(code, int) else close_code
        self.stats: Mapping[str, int] = stats if stats is not None else {}
        self.pending = tuple(pending)
        """Service ids of the own calls that were open."""
        self.sent: Sent = sent
        super().__init__(code, reason)

    def __str__(self) -> str:
        reason = self.reason or "no reason given"
        if isinstance(self.code, str):
            why = f" (close code {self.close_code}: {reason})" if self.close_code else ""
            return f"{self.code}: Aborted: Connection closed{why}; request sent: {self.sent}"
        how = f"code {self.code}: {reason}"
        if not self.pending:
            return f"Connection closed with {how}"
        return (
            f"{self.wsp_code}: Connection closed with {len(self.pending)} requests still pending "
            f"({list(self.pending)}); {how}"
        )

    @property
    def wsp_code(self) -> str | None:
        """The base profile's code (8.4): of an aborted call, or of an end with calls pending."""
        if isinstance(self.code, str):
            return self.code
        return "WSP-ONCL1" if self.pending else None


class ProtocolError(DuologueError):
    """The other side broke the protocol."""


class BadFrame(ProtocolError):
    """A message that cannot be read, or that may not come here. Says what was met."""


class HttpUnavailable(ConnectionClosed):
    """HTTP 408, 425, 429 or 5xx in the place of a WebSocket: not now; later, if it says when."""

    def __init__(self, text: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(1006, text, sent="no")
        self.status, self.retry_after_s = status, retry_after_s


class HttpRefused(ProtocolError):
    """Any other HTTP answer in the place of a WebSocket: 4xx, a redirect, a page."""

    def __init__(self, text: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.status, self.retry_after_s = status, retry_after_s


class LimitExceeded(DuologueError):
    """A bound was met: its name in `Limits`, its value, and what was met if that is known."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, limit: str, value: float, met: float | None = None) -> None:
        self.limit, self.value, self.met = limit, value, met
        super().__init__(limit, value, met)

    def __str__(self) -> str:
        met = "" if self.met is None else f", met {self.met}"
        # What is written large is no field of `Limits`.
        advice = "" if self.limit.isupper() else "; raise it in Limits if that is intended"
        return f"{self.limit} is {self.value}{met}{advice}"


class RefusedValue(DuologueError, ValueError):
    """A value the wire has no form for; nothing was sent (base profile 7.2)."""

    code = "WSP-ESV"

    def __init__(self, key: str, what: str) -> None:
        self.key = key
        super().__init__(f'{self.code}: Key "{key}" value {what} is not allowed')


class RefusedService(DuologueError, ValueError):
    """A service id that is no integer above 0 (base profile 7.1)."""

    code = "WSP-SN3"

    def __init__(self, met: object) -> None:
        kind = type(met).__name__
        super().__init__(f'{self.code}: "type" must be a number > 0 but is {met!r} ({kind})')


class ServiceIdTaken(DuologueError):
    """Two services of one connection want the same number. Names both."""

    def __init__(self, service_id: int, holder: str, newcomer: str) -> None:
        self.service_id, self.holder, self.newcomer = service_id, holder, newcomer
        super().__init__(
            f"service id {service_id} belongs to {holder}; {newcomer} cannot have it too. "
            "Give one of them another `base` in its contract."
        )


class ContractMismatch(DuologueError):
    """The other side has another contract than ours, and `contracts="same"` wants the very one."""

    own_breaks = "\n"

    def __init__(self, service: str, digests: Digests, differences: Sequence[str] = ()) -> None:
        self.service, self.digests = service, digests
        self.differences = tuple(differences)
        """What tells the two apart, one thing each; empty if the other side does not say."""
        super().__init__(service, digests)

    def __str__(self) -> str:
        head = (
            f'{self.service}: {self.digests}, and contracts="same" allows no difference. Generate '
            'both from the same contract, or leave it at contracts="any".'
        )
        return "\n  ".join(map(shown, (head, *self.differences)))


class SecurityError(DuologueError):
    """A proof of identity or a sealed message was not right."""


HandshakeFault = Literal[
    "unexpected", "box", "key", "target", "loopback", "reflection", "replay", "not-allowed",
    "too-many", "unconfirmed", "timeout", "closed",
]  # fmt: skip
"""Why a handshake came to nothing, for counting; PROTOCOL 3 says what each stands for."""


class HandshakeFailed(SecurityError):
    """No key could be agreed on with the other side, or it could not prove that it has its own."""

    def __init__(self, text: str, fault: HandshakeFault, key: bytes | None = None) -> None:
        super().__init__(text)
        self.fault: HandshakeFault = fault
        self.key = key
        """At the side that is called, the caller's public key, if that was known by then."""


class KeyNotAllowed(HandshakeFailed):
    """The other side has seen our key, and does not let its holder in. Trying again is of no use.

    `key` is ours: whoever runs the other side has to put it into its `allow=`.
    """

    def __init__(self, key: bytes) -> None:
        super().__init__(
            f"the other side does not let this identity in: its key {key.hex()} is not in what "
            "allow= of the other side says",
            "not-allowed",
            key,
        )


class IdentityMismatch(SecurityError):
    """The other side says, inside the sealed channel, that it is or speaks to somebody else."""


class DecryptionFailed(SecurityError):
    """A sealed message does not open: changed, repeated, out of order, or under another key."""


class NonceExhausted(SecurityError):
    """The connection has sealed as many messages as its key may seal; open another."""


class UnsafeKey(SecurityError, ValueError):
    """No public key to build on: misshapen, in an unusual form, or one that agrees with anybody."""


class UnsafeKeyFile(SecurityError):
    """A key file that others could read or swap, or that is damaged; `remedy` mends it."""

    def __init__(self, path: str, trouble: str, remedy: str) -> None:
        self.path, self.remedy = path, remedy
        super().__init__(f"{path}: {trouble}. {remedy}")


class RelayError(DuologueError):
    """The communication server could not, or would not, join the two sides."""


class PeerNotFound(RelayError):
    """Nobody is registered at the relay under the wanted key, or all its spares are taken."""


class RelayRefused(RelayError):
    """The relay is there and does not let us; says why in its own words."""

    def __init__(self, text: str, *, may_pass: bool = False) -> None:
        self.may_pass = may_pass
        """Whether another try may do better: the relay is too busy now, or being stopped."""
        super().__init__(text)


class RelayUnreachable(RelayError, ConnectionError):
    """The relay cannot be reached, or went away before it had joined anybody."""


class RelayKeyChanged(RelayError, SecurityError):
    """A relay that announced a lasting key has another one now. Its challenge got no answer."""

    def __init__(self, url: str, pinned: bytes, met: bytes, remedy: str) -> None:
        self.url, self.pinned, self.met, self.remedy = url, pinned, met, remedy
        super().__init__(
            f"{url} had the key {pinned.hex()} and now has {met.hex()}. If its operator has "
            f"changed it on purpose, forget the old one: {remedy}"
        )
