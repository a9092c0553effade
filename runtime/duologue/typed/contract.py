"""What client, service and runtime read of a contract: its methods, as values."""

import math
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    NoReturn,
    ParamSpec,
    TypedDict,
    TypeVar,
    Unpack,
)

import msgspec
from pydantic import ValidationError

from duologue.errors import (
    BadFrame,
    DuologueError,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    Unimplemented,
)
from duologue.limits import MAX_EVENT_KEY_BYTES
from duologue.promisifier.own_call import call_options
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.control import Described, canonical_key, read_described
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload
from duologue.protocol.replay import WhenFull
from duologue.protocol.values import SENTINEL_START
from duologue.typed.codec import Codec
from duologue.typed.declared_errors import DeclaredError, runtime_error
from duologue.typed.differences import differences
from duologue.typed.own_descriptions import find_description
from duologue.typed.params import Params
from duologue.typed.problems import problems_of

A = ParamSpec("A")
P = TypeVar("P")
R = TypeVar("R")
E = TypeVar("E")
S = TypeVar("S")
Y = TypeVar("Y")

DEFAULT_WAITING_EVENTS: Final = 64
"""Events that wait for one subscriber at their provider, if the contract says nothing else."""

_RAW_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

Effect = Literal["read", "idempotent", "write"]
"""Whether a call may be repeated: the first two may, a `write` must not."""


class Terms(TypedDict, total=False):
    """What a method with items may say beyond what travels, as `Method` and `Streaming` do."""

    errors: tuple[DeclaredError[Any], ...]
    effect: Effect
    timeout: float | None
    idle_timeout: float | None


class Method(Generic[A, P, R]):
    """A method with params and one result. `timeout` is the contract's deadline in seconds."""

    may_wait = True

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
        cancel: Literal["stop", "ignore"] = "stop",
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
        """Whether what answers may come with parts beside it (PROTOCOL 12)."""
        self.errors = {declared.error.code: declared for declared in errors}
        self.effect: Effect = effect
        self.may_be_repeated = effect != "write"
        self.timeout = timeout
        self.ignores_cancel = cancel == "ignore"
        """Whether a call that has begun runs to its end, given up or not."""
        self.options = call_options(timeout)
        """Of calls whose client says nothing else."""
        self.contract: ServiceContract | None = None
        """Whose method it is."""

    def look_for_bytes(self) -> bool:
        """Find out whether what is asked or what answers has bytes that may travel beside it."""
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


class Unary(Method[A, P, R]):
    """A method without items: params go, one result comes."""


class Streaming(Method[A, P, R]):
    """A method with items. Its deadline covers the time to the first of them; none by default."""

    def __init__(
        self,
        *,
        id: int,
        name: str,
        params: Params[A, P],
        returns: Codec[R],
        sends: Codec[Any] | None = None,
        yields: Codec[Any] | None = None,
        errors: tuple[DeclaredError[Any], ...] = (),
        effect: Effect = "write",
        timeout: float | None = None,
        idle_timeout: float | None = None,
    ) -> None:
        super().__init__(
            id=id,
            name=name,
            params=params,
            returns=returns,
            errors=errors,
            effect=effect,
            timeout=timeout,
        )
        self.options = call_options(math.inf if timeout is None else timeout)
        self.sends = sends
        """Of one item that the caller sends; None: it sends none."""
        self.yields = yields
        """Of one item that the caller gets; None: it gets none."""
        self.idle_timeout_s = math.inf if idle_timeout is None else idle_timeout
        """How long no item may come while its reader waits, in seconds."""

    def look_for_bytes(self) -> bool:
        """As `Method.look_for_bytes`; the items that come count with the result."""
        super().look_for_bytes()
        if self.yields is not None and self.yields.knows_bytes():
            self.takes_parts = self.has_bytes = True
        return bool(self.has_bytes)


class Download(Streaming[A, P, R], Generic[A, P, Y, R]):
    """A method that yields items to its caller."""

    def __init__(
        self,
        *,
        id: int,
        name: str,
        params: Params[A, P],
        yields: Codec[Y],
        returns: Codec[R],
        **terms: Unpack[Terms],
    ) -> None:
        super().__init__(id=id, name=name, params=params, returns=returns, yields=yields, **terms)
        self.yields = yields


class Upload(Streaming[A, P, R], Generic[A, P, S, R]):
    """A method to which its caller sends items."""

    def __init__(
        self,
        *,
        id: int,
        name: str,
        params: Params[A, P],
        sends: Codec[S],
        returns: Codec[R],
        **terms: Unpack[Terms],
    ) -> None:
        super().__init__(id=id, name=name, params=params, returns=returns, sends=sends, **terms)
        self.sends = sends


class Duplex(Streaming[A, P, R], Generic[A, P, S, Y, R]):
    """A method with items both ways."""

    def __init__(
        self,
        *,
        id: int,
        name: str,
        params: Params[A, P],
        sends: Codec[S],
        yields: Codec[Y],
        returns: Codec[R],
        **terms: Unpack[Terms],
    ) -> None:
        super().__init__(
            id=id, name=name, params=params, returns=returns, sends=sends, yields=yields, **terms
        )
        self.yields = yields


class Event(Generic[A, E]):
    """An event of a contract: its number and what it carries."""

    may_be_repeated = False
    """A listener hears of each event at most once."""
    may_wait = False

    def __init__(
        self,
        *,
        id: int,
        name: str,
        payload: Params[A, E],
        key: tuple[str, Codec[Any]] | None = None,
        replay: int = 0,
        max_waiting: int = DEFAULT_WAITING_EVENTS,
        when_full: WhenFull = "drop_oldest",
    ) -> None:
        """`key` is the field, as on the wire, by which one subscribes, and its type; of each key
        `replay` events are kept for those who come late. Up to `max_waiting` wait for a subscriber
        that is slow; then `when_full` says what happens.
        """
        self.key = key
        self.replay = replay
        self.max_waiting = max_waiting
        self.when_full: WhenFull = when_full
        self.id = id
        self.name = name
        self.full_name = name
        """`chat.rooms.v1.Rooms/message_posted`, once it is part of a `ServiceContract`."""
        self.payload = payload
        self.contract: ServiceContract | None = None
        """Whose event it is."""

    def key_of(self, data: bytes) -> bytes | None:
        """JSON of the key in the JSON of a payload; None if events of this kind have none.

        Raises:
            LimitExceeded: it is larger than a key may be.
            BadFrame: the payload is no JSON object.
        """
        if self.key is None:
            return None
        try:
            text = _RAW_OBJECT.decode(data).get(self.key[0], b"null")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadFrame(f"this is no event: {error}") from None
        return _bounded(canonical_key(bytes(text)))

    def encode_key(self, value: object) -> bytes:
        """JSON of a key that somebody subscribes to.

        Raises:
            TypeError: events of this kind have no key.
            InvalidParams: it is not of the key's type.
            LimitExceeded: it is larger than a key may be.
        """
        if self.key is None:
            raise TypeError(f"{self.full_name} has no key to subscribe by")
        try:
            return _bounded(canonical_key(self.key[1].encode(value)))
        except InvalidResult as error:
            what = f"{self.full_name} is not subscribed to by this key"
            raise InvalidParams(what, error.problems) from None


def _bounded(key: bytes) -> bytes:
    if len(key) > MAX_EVENT_KEY_BYTES:
        raise LimitExceeded("MAX_EVENT_KEY_BYTES", MAX_EVENT_KEY_BYTES, len(key))
    return key


class ServiceContract:
    """A service of a contract. `digest` tells apart contracts that differ on the wire."""

    def __init__(
        self,
        *,
        name: str,
        base: int,
        digest: str,
        methods: tuple[Method[..., Any, Any], ...],
        events: tuple[Event[..., Any], ...] = (),
    ) -> None:
        self.name = name
        self.base = base
        self.digest = digest
        self.methods = methods
        self.events = events
        self.python_package = ""
        """Where its client or service is: the contract itself is beside them."""
        for event in events:
            event.full_name = f"{name}/{event.name}"
            event.contract = self
        for method in methods:
            method.full_name = f"{name}/{method.name}"
            method.contract = self

    def description(self) -> Described | None:
        """The contract in words for others; None if it is not at hand."""
        return find_description(self.name, self.digest, self.python_package)

    def differences(self, described: bytes) -> tuple[str, ...]:
        """See `CalledContract`."""
        ours = self.description()
        if ours is None:
            return ()
        try:
            return differences(ours, read_described(described))
        except (BadFrame, msgspec.DecodeError, RecursionError, UnicodeError):
            # It is only to explain what went wrong; that it cannot is no second fault.
            return ()


def note_package(of_contract: type) -> None:
    """Note where a generated class is: its contract lies beside it."""
    contract = vars(of_contract).get("__contract__")
    if isinstance(contract, ServiceContract):
        contract.python_package = of_contract.__module__.rpartition(".")[0]


def unimplemented(method: Method[..., Any, Any]) -> NoReturn:
    """What a method of a `...ServicePartial` answers that was not overridden.

    Raises:
        Unimplemented: always.
    """
    raise Unimplemented(f"{method.full_name} is not offered here")
