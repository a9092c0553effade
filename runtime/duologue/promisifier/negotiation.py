"""The hello: what two duologue peers tell each other before anything else (duologue profile 1).

It travels as an ordinary request to service 0, which a base-profile peer answers with
`UNKNOWN-SERVICE`. So the other side either introduces itself too, or is a base peer and is served
as one.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from duologue.errors import (
    BadFrame,
    ContractMismatch,
    DuologueError,
    IdentityMismatch,
    InvalidParams,
    ProtocolError,
    Unimplemented,
)
from duologue.limits import Limits
from duologue.promisifier.failures import describe_failure
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split

PROFILE: Final = "duologue/1"
CONTROL_SERVICE: Final = 0
HELLO_TIMEOUT_S: Final = 2.0
"""How long the other side may take to introduce itself before it is taken for a base peer."""

PARTS: Final = "parts"
FEATURES: Final = ("cancel", "details", PARTS)
"""What this build knows beyond the base profile: giving up calls, typed error data, large bytes
beside a message."""

Role = Literal["connector", "acceptor"]


@dataclass(frozen=True, slots=True)
class OfferedService:
    """A service as the hello lists it."""

    name: str
    """`chat.rooms.v1.Rooms`."""
    base: int
    """Its numbers are this plus the ids of its contract."""
    digest: str
    """Equal on both sides if they were generated from the same contract."""


class ContractOfService(Protocol):
    """What a client knows of the service it calls."""

    @property
    def name(self) -> str:
        """`chat.rooms.v1.Rooms`."""
        ...

    @property
    def base(self) -> int:
        """Its numbers are this plus their ids, unless the other side's hello says another base."""
        ...

    @property
    def digest(self) -> str:
        """Equal on both sides if they were generated from the same contract."""
        ...


class _Limits(msgspec.Struct, rename="camel"):
    max_message_bytes: int = 0
    max_calls: int = 0
    max_streams: int = 0


class _Service(msgspec.Struct):
    name: str
    base: int
    digest: str = ""


class Hello(msgspec.Struct):
    """What one side says of itself. Keys are 64 hex digits, or None without encryption."""

    profile: str
    role: str = ""
    self: str | None = None
    peer: str | None = None
    features: list[str] = []
    limits: _Limits = msgspec.field(default_factory=_Limits)
    services: list[_Service] = []
    agent: str = ""


_decode_args: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_hello: Final = msgspec.json.Decoder(Hello).decode


class Negotiation:
    """Says hello, hears the other side's, and holds what follows from it.

    It is the handler of service 0, and the reader of the answer to our own hello. `remote` is what
    the other side said, None until it has, and for ever if it is a base peer.
    """

    name = "the control service"
    full_name = name
    takes_parts = False
    contract = None

    def __init__(
        self,
        *,
        role: Role,
        own_key: bytes | None,
        remote_key: bytes | None,
        services: Sequence[OfferedService],
        limits: Limits,
        agent: str,
        same_contracts: bool,
    ) -> None:
        self.remote: Hello | None = None
        self.on_mismatch: Callable[[IdentityMismatch], None] = _ignore
        """Told when the conversation must end: the other side is somebody else."""
        self.on_introduced: Callable[[], None] = _ignore
        """Told when the other side has introduced itself, before its next message is read."""
        self._own_key = own_key
        self._remote_key = remote_key
        self._same_contracts = same_contracts
        self._offers: dict[str, OfferedService] = {}
        self._settled = asyncio.Event()
        self._hello = msgspec.json.encode(
            Hello(
                PROFILE,
                role,
                _hex(own_key),
                _hex(remote_key),
                list(FEATURES),
                _Limits(limits.max_message_bytes, limits.max_running_calls, limits.max_open_calls),
                [_Service(each.name, each.base, each.digest) for each in services],
                agent,
            )
        )

    def forget_listeners(self) -> None:
        """Tell nobody any more."""
        self.on_mismatch = self.on_introduced = _ignore

    @property
    def hello(self) -> bytes:
        """The arguments of our hello, a JSON list."""
        return b"[%b]" % self._hello

    async def settled(self) -> None:
        """Wait until the other side has introduced itself, or is known for a base peer."""
        await self._settled.wait()

    def has(self, feature: str) -> bool:
        """Whether the other side knows an extension."""
        return self.remote is not None and feature in self.remote.features

    def takes_parts_of(self, name: str, digest: str) -> bool:
        """Whether calls of a service of the other side may have parts (PROTOCOL 12).

        By the same contract only. A reader with another one may see a number where there were
        bytes: in a variant that it does not know, or a field that has changed its type.
        """
        offer = self._offers.get(name)
        return offer is not None and digest != "" and offer.digest == digest and self.has(PARTS)

    def base_of(self, name: str, base: int, digest: str) -> int:
        """Where the other side offers a service; `base` if it does not say.

        Raises:
            ContractMismatch: its contract is another one than ours.
        """
        offer = self._offers.get(name)
        if offer is None:
            return base
        if self._same_contracts and digest and offer.digest and offer.digest != digest:
            raise ContractMismatch(
                f"{name}: this side was generated from the contract {digest}, the other side from "
                f"{offer.digest}. Generate both from the same one, or allow the difference with "
                "same_contracts=False."
            )
        return offer.base

    # -- as the handler of service 0 ------------------------------------------------------------

    def start(self, args: Payload | None, peer: object, takes_parts: bool = False) -> bytes:
        """Take the other side's hello and answer with ours."""
        try:
            calls = _decode_args(split(args)[0] if args else b"[]")
            if calls and b'"profile"' not in bytes(calls[0]):
                raise Unimplemented("this side knows no such control call")
            hello = _decode_hello(calls[0] if calls else b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidParams(f"this is no hello: {error}") from None
        self._take(hello)
        return self._hello

    def failure(self, error: Exception) -> Failure:
        """What a control call that failed is answered with."""
        return describe_failure(error, self.name)

    # -- as the reader of the answer to our hello -----------------------------------------------

    def decode_result(self, data: Payload | None) -> None:
        """The other side's hello has come as an answer to ours."""
        try:
            self._take(_decode_hello(split(data)[0] if data else b""))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadFrame("the answer to our hello is no hello") from None

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        """A stream is no hello."""
        stream.cancel()
        raise BadFrame("the answer to our hello is a stream")

    def decode_failure(self, failure: Failure) -> DuologueError:
        """The other side speaks the base profile only."""
        return ProtocolError(f"no hello: {failure.code}")

    @property
    def may_be_repeated(self) -> bool:
        """Each connection has a hello of its own."""
        return False

    def number(self, base_of: Callable[[ContractOfService], int]) -> None:
        """It is that of the control service."""

    def settle(self, hello: "asyncio.Future[None]") -> None:
        """Our hello has been answered, or never will be: a base peer is served all the same."""
        if not hello.cancelled():
            hello.exception()
        self._settled.set()

    def _take(self, hello: Hello) -> None:
        if self.remote is not None:
            return
        # Seen from the other side, our keys are exchanged: a mirror or a mix-up shows here.
        if hello.self != _hex(self._remote_key) or hello.peer != _hex(self._own_key):
            self.on_mismatch(
                IdentityMismatch("the hello names other keys than the handshake proved")
            )
            return
        self.remote = hello
        self._offers = {
            each.name: OfferedService(each.name, each.base, each.digest) for each in hello.services
        }
        self._settled.set()
        self.on_introduced()


def _ignore(*_: object) -> None:
    pass


def _hex(key: bytes | None) -> str | None:
    return None if key is None else key.hex()
