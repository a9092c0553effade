"""The hello: what two duologue peers tell each other before anything else (duologue profile 1).

It travels as an ordinary request to service 0, which a base-profile peer answers with
`UNKNOWN-SERVICE`. So the other side either introduces itself too, or is a base peer and is served
as one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Annotated, Final, Literal, Protocol, TypeAlias

import msgspec

from duologue.errors import BadFrame, ContractMismatch, Digests, IdentityMismatch
from duologue.limits import (
    MAX_HELLO_BYTES,
    MAX_HELLO_FEATURES,
    MAX_HELLO_SERVICES,
    MAX_HELLO_TEXT,
    MAX_SERVICE_BASE,
    Limits,
)
from duologue.protocol.control import DESCRIBE, SUBSCRIBE
from duologue.protocol.goaway import GOAWAY

CONTROL_SERVICE: Final = 0

BATCHES: Final = "batches"
PARTS: Final = "parts"
ITEMS: Final = "items"
DEADLINE: Final = "deadline"
META: Final = "meta"
NESTED: Final = "nested"
FEATURES: Final = (
    *(BATCHES, "cancel", DEADLINE, "details", GOAWAY, ITEMS, META, NESTED, PARTS, SUBSCRIBE),
)
"""What this build knows beyond the base profile: several messages in one box, giving up calls, how
long they may take, typed error data, being told of an end, typed streams, what is said beside
arguments, which calls are made for calls, large bytes beside a message, subscriptions to events.
`DESCRIBE` is listed by those who do it."""

_ALL_FEATURES: Final = tuple(sorted((*FEATURES, DESCRIBE)))

Contracts = Literal["any", "same"]
"""Whose services are called: those of any contract, or only of the very one that the client was
generated from."""

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


class CalledContract(ContractOfService, Protocol):
    """What a call knows of the service that it is for."""

    def differences(self, described: bytes) -> tuple[str, ...]:
        """In words, what tells our contract from the one that the other side has described.

        Empty if that cannot be said.
        """
        ...


_Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=MAX_HELLO_TEXT)]


class _Limits(msgspec.Struct, rename="camel", frozen=True):
    max_message_bytes: int = 0
    max_calls: int = 0


class _Service(msgspec.Struct, frozen=True):
    name: _Text
    base: Annotated[int, msgspec.Meta(ge=0, le=MAX_SERVICE_BASE)]
    digest: _Text = ""


class Hello(msgspec.Struct, frozen=True):
    """What one side says of itself. Keys are 64 hex digits, or None without encryption."""

    profile: Literal["duologue/1"]
    role: _Text = ""
    self: _Text | None = None
    peer: _Text | None = None
    features: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=MAX_HELLO_FEATURES)] = ()
    limits: _Limits = msgspec.field(default_factory=_Limits)
    services: Annotated[tuple[_Service, ...], msgspec.Meta(max_length=MAX_HELLO_SERVICES)] = ()
    agent: _Text = ""


_decode: Final = msgspec.json.Decoder(Hello).decode
_decode_services: Final = msgspec.json.Decoder(tuple[_Service, ...]).decode

KEPT_HELLOS: Final = 64
"""Who comes next mostly says, to the byte, what somebody has said before."""

KEPT_HELLO_BYTES: Final = 2048
"""Longer ones are read each time they come: all that are kept have to be few."""

FEW_SERVICES: Final = 8
"""So many are kept as they were read, shared by all who say the same; of more, the JSON is: a
thousand in objects take four times as much."""


def decode_hello(text: bytes) -> Hello:
    """The hello in a JSON text.

    Raises:
        BadFrame: it is none, or larger than one may be.
    """
    if len(text) > MAX_HELLO_BYTES:
        raise BadFrame(f"a hello has at most {MAX_HELLO_BYTES} bytes, met {len(text)}")
    try:
        return _read_once(text) if len(text) <= KEPT_HELLO_BYTES else _read(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFrame(f"this is no hello: {error}") from None


def _read(text: bytes) -> Hello:
    said = _decode(text)
    # Nearly everybody says the same words: of these there need be one each.
    return msgspec.structs.replace(
        said,
        role=intern(said.role),
        features=tuple(map(intern, said.features)),
        agent=intern(said.agent),
    )


# It is frozen all through, so that all who have said the same can share it.
_read_once: Final = lru_cache(KEPT_HELLOS)(_read)


def encode_hello(
    *,
    role: Role,
    own_key: bytes | None,
    remote_key: bytes | None,
    services: Sequence[OfferedService],
    limits: Limits,
    agent: str,
    describes: bool = False,
) -> bytes:
    """What this side says of itself, as JSON. `describes`: it tells its contracts who asks."""
    # Whoever calls or is called in plain text says the same each time.
    write = _written_once if len(services) <= FEW_SERVICES else _written
    return write(
        role,
        own_key,
        remote_key,
        tuple(services),
        limits.max_message_bytes,
        limits.max_running_calls + limits.max_waiting_calls,
        agent,
        describes,
    )


def _written(
    role: Role,
    own_key: bytes | None,
    remote_key: bytes | None,
    services: tuple[OfferedService, ...],
    max_message_bytes: int,
    max_calls: int,
    agent: str,
    describes: bool,
) -> bytes:
    return msgspec.json.encode(
        Hello(
            "duologue/1",
            role,
            _hex(own_key),
            _hex(remote_key),
            _ALL_FEATURES if describes else FEATURES,
            _Limits(max_message_bytes, max_calls),
            tuple(_Service(each.name, each.base, each.digest) for each in services),
            agent,
        )
    )


_written_once: Final = lru_cache(KEPT_HELLOS)(_written)


class Counterpart:
    """What this side knows of the other one, over one connection.

    Nothing until `introduce`, and for ever if it is a base peer: then its services are where our
    contracts say. Keys are those that the handshake proved, 32 bytes, or None without encryption.
    """

    def __init__(
        self,
        own_key: bytes | None = None,
        remote_key: bytes | None = None,
        *,
        contracts: Contracts = "any",
    ) -> None:
        self.on_difference: Callable[[str, Digests], None] = _ignore
        """Told once of each service that is called and was generated from another contract than
        our client: its name, and both digests."""
        self.hello: Hello | None = None
        """What it said of itself; without its services where they are more than a few."""
        self._own_key = own_key
        self._remote_key = remote_key
        self._contracts: Contracts = contracts
        self._many_services = b""
        """Its services as JSON, where they are more than a few."""
        self._offers: dict[str, OfferedService | None] = {}
        """Those of them that have been looked for, by name."""
        self._bases: dict[ContractOfService, int] = {}
        """What `base_of` has found; contracts are told apart as objects."""

    @property
    def is_introduced(self) -> bool:
        """Whether it has said what it is; False for a base peer."""
        return self.hello is not None

    def introduce(self, hello: Hello) -> bool:
        """Take what it says of itself; a second hello changes nothing, and gives False.

        Raises:
            IdentityMismatch: it names other keys than the handshake proved. Seen from the other
                side our keys are exchanged: a mirror or a mix-up shows here.
        """
        if self.hello is not None:
            return False
        if hello.self != _hex(self._remote_key) or hello.peer != _hex(self._own_key):
            raise IdentityMismatch("the hello names other keys than the handshake proved")
        if len(hello.services) > FEW_SERVICES:
            self._many_services = msgspec.json.encode(hello.services)
            hello = msgspec.structs.replace(hello, services=())
        self.hello = hello
        self._offers.clear()
        self._bases.clear()
        return True

    def has(self, feature: str) -> bool:
        """Whether it knows an extension."""
        return self.hello is not None and feature in self.hello.features

    def takes_parts_of(self, contract: ContractOfService) -> bool:
        """Whether calls of a service of its may have parts (PROTOCOL 12).

        By the same contract only. A reader with another one may see a number where there were
        bytes: in a variant that it does not know, or a field that has changed its type.
        """
        offer = self._offer_of(contract.name)
        return (
            offer is not None
            and contract.digest != ""
            and offer.digest == contract.digest
            and self.has(PARTS)
        )

    def digests_of(self, contract: ContractOfService) -> Digests | None:
        """Ours and its own, where it offers a service by another contract than ours."""
        offer = self._offer_of(contract.name)
        if offer is None or not contract.digest or not offer.digest:
            return None
        return None if offer.digest == contract.digest else Digests(contract.digest, offer.digest)

    def offers(self, contract: ContractOfService) -> bool:
        """Whether its hello lists the service."""
        return self._offer_of(contract.name) is not None

    @property
    def offered_names(self) -> list[str]:
        """The services that it offers; none of a base peer, which does not say."""
        return [each.name for each in self._services()]

    def base_of(self, contract: ContractOfService) -> int:
        """Where it counts the methods of a service from; as our contract does, if it does not say.

        Raises:
            ContractMismatch: it offers the service by another contract than ours, and only the same
                one will do.
        """
        base = self._bases.get(contract)
        return self._find_base(contract) if base is None else base

    def _services(self) -> tuple[_Service, ...]:
        if self._many_services:
            return _decode_services(self._many_services)
        return () if self.hello is None else self.hello.services

    def _offer_of(self, name: str) -> OfferedService | None:
        if name not in self._offers:
            # Of a service that is listed twice the last counts, as of fields of JSON.
            found = [each for each in self._services() if each.name == name]
            self._offers[name] = (
                OfferedService(name, found[-1].base, found[-1].digest) if found else None
            )
        return self._offers[name]

    def _find_base(self, contract: ContractOfService) -> int:
        offer = self._offer_of(contract.name)
        base = contract.base if offer is None else offer.base
        digests = self.digests_of(contract)
        if digests is not None:
            if self._contracts == "same":
                raise ContractMismatch(contract.name, digests)
            self.on_difference(contract.name, digests)
        self._bases[contract] = base
        return base


def _hex(key: bytes | None) -> str | None:
    return None if key is None else key.hex()


def _ignore(_name: str, _digests: Digests) -> None:
    pass
