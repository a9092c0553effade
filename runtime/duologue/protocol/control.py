"""Control calls as values: what two duologue peers ask of each other by service 0."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from duologue.errors import BadFrame
from duologue.limits import MAX_EVENT_KEY_BYTES, MAX_SAFE_INTEGER
from duologue.protocol.replay import Cursor, KeptEvent

SUBSCRIBE: Final = "subscribe"
"""The feature, and the first field of the control call."""

DESCRIBE: Final = "describe"
"""The feature, and the only field of the control call."""


class Subscribe(NamedTuple):
    """Somebody wants to be told of an event."""

    number: int
    """The event's: base plus id."""
    key: bytes | None
    """JSON; None: all of them, or events without keys."""
    replay: int
    """How many past events of each key are wanted."""
    after: Cursor | None
    """What has been had before, over another connection."""


class Unsubscribe(NamedTuple):
    """No more of it is wanted."""

    subscription: int


class Describe(NamedTuple):
    """Somebody wants to see a contract."""

    service: str | None
    """The service whose contract it is; None: the names of all that are offered."""


class _Cursor(msgspec.Struct):
    epoch: str
    seq: int


class _Call(msgspec.Struct):
    subscribe: int | None = None
    unsubscribe: int | None = None
    describe: str | msgspec.UnsetType | None = msgspec.UNSET
    key: msgspec.Raw = msgspec.Raw(b"")
    replay: int = 0
    after: _Cursor | None = None


class _Subscribed(msgspec.Struct, omit_defaults=True):
    subscription: int
    epoch: str
    seq: int
    gap: bool = False


_encode: Final = msgspec.json.encode
_decode_key: Final = msgspec.json.Decoder().decode
_decode_call: Final = msgspec.json.Decoder(_Call).decode
_decode_subscribed: Final = msgspec.json.Decoder(_Subscribed).decode


class Subscribed(NamedTuple):
    """The answer to `Subscribe`."""

    subscription: int
    cursor: Cursor
    """What comes first has a number above this one."""
    gap: bool
    """Whether something behind `after` is not kept any more."""


def read_control(text: bytes) -> Subscribe | Unsubscribe | Describe | None:
    """The control call in a JSON object; None if this side knows no such.

    Raises:
        BadFrame: it is misshapen.
    """
    try:
        call = _decode_call(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFrame(f"this is no control call: {error}") from None
    if call.unsubscribe is not None:
        return Unsubscribe(call.unsubscribe)
    if call.describe is not msgspec.UNSET:
        return Describe(call.describe)
    if call.subscribe is None:
        return None
    said = bytes(call.key)
    key = canonical_key(said) if said and said != b"null" else None
    if key is not None and len(key) > MAX_EVENT_KEY_BYTES:
        raise BadFrame(f"a key has at most {MAX_EVENT_KEY_BYTES} bytes of JSON, met {len(key)}")
    if not 0 <= call.replay <= MAX_SAFE_INTEGER:
        raise BadFrame(f"`replay` is a number of events, met {call.replay}")
    after = None if call.after is None else Cursor(call.after.epoch, call.after.seq)
    return Subscribe(call.subscribe, key, call.replay, after)


def canonical_key(text: bytes) -> bytes:
    """The one JSON text of a key, whoever wrote it.

    Raises:
        BadFrame: it is no JSON that has one.
    """
    try:
        return _encode(_decode_key(text))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadFrame(f"this is no key: {error}") from None


def subscribe_args(wish: Subscribe) -> bytes:
    """The arguments of the control call."""
    after = b""
    if wish.after is not None:
        after = b',"after":%b' % msgspec.json.encode(wish.after._asdict())
    key = b"" if wish.key is None else b',"key":%b' % wish.key
    replay = b',"replay":%d' % wish.replay if wish.replay else b""
    return b'[{"subscribe":%d%b%b%b}]' % (wish.number, key, replay, after)


def unsubscribe_args(subscription: int) -> bytes:
    """The arguments of the control call."""
    return b'[{"unsubscribe":%d}]' % subscription


def describe_args(service: str | None) -> bytes:
    """The arguments of the control call."""
    return b'[{"describe":%b}]' % msgspec.json.encode(service)


class Described(NamedTuple):
    """A contract as the other side shows it: the answer to `Describe` of a service."""

    digest: str
    contract: bytes
    """Canonical JSON of the package, with its docs."""
    imports: Mapping[str, bytes]
    """The same of each package that it builds on, near or far, by name."""


class _Described(msgspec.Struct):
    digest: str
    contract: msgspec.Raw
    imports: dict[str, msgspec.Raw] = {}


class _Methods(msgspec.Struct):
    methods: dict[str, msgspec.Raw] = {}


class _Services(msgspec.Struct):
    services: dict[str, _Methods] = {}


class _DescribedMethods(msgspec.Struct):
    contract: _Services


class _Names(msgspec.Struct):
    services: list[str]


_decode_described: Final = msgspec.json.Decoder(_Described).decode
_decode_methods: Final = msgspec.json.Decoder(_DescribedMethods).decode
_decode_names: Final = msgspec.json.Decoder(_Names).decode


def described_text(described: Described) -> bytes:
    """What `Describe` of a service is answered with."""
    imports = {name: msgspec.Raw(text) for name, text in described.imports.items()}
    return _encode(_Described(described.digest, msgspec.Raw(described.contract), imports))


def read_described(text: bytes) -> Described:
    """The answer to `Describe` of a service.

    Raises:
        BadFrame: it is none.
    """
    try:
        answer = _decode_described(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadFrame("the answer to a question for a contract is none") from None
    imports = {name: bytes(each) for name, each in answer.imports.items()}
    return Described(answer.digest, bytes(answer.contract), imports)


def read_method_names(text: bytes, service: str) -> list[str]:
    """The methods of a service in the answer to `Describe`; none if it is no such answer."""
    try:
        services = _decode_methods(text).contract.services
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = services.get(service.rpartition(".")[2])
    return [] if found is None else list(found.methods)


def names_text(names: Sequence[str]) -> bytes:
    """What `Describe` of nothing is answered with."""
    return _encode(_Names(list(names)))


def read_names(text: bytes) -> list[str]:
    """The answer to `Describe` of nothing.

    Raises:
        BadFrame: it is none.
    """
    try:
        return _decode_names(text).services
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadFrame("the answer to a question for the services is none") from None


def subscribed_text(answer: Subscribed) -> bytes:
    """What `Subscribe` is answered with."""
    cursor = answer.cursor
    return msgspec.json.encode(
        _Subscribed(answer.subscription, cursor.epoch, cursor.seq, answer.gap)
    )


def read_subscribed(text: bytes) -> Subscribed:
    """The answer to `Subscribe`.

    Raises:
        BadFrame: it is none.
    """
    try:
        answer = _decode_subscribed(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadFrame("the answer to a subscription is none") from None
    return Subscribed(answer.subscription, Cursor(answer.epoch, answer.seq), answer.gap)


class End(NamedTuple):
    """Why the provider has ended a subscription."""

    code: str
    message: str


class Notified(NamedTuple):
    """One event for a subscription, or its end."""

    subscription: int
    seq: int
    data: bytes | None
    """JSON of its payload; None if that is more than this side reads."""
    missed: int
    """Events that were dropped before this one."""
    end: End | None


class _End(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Notify(msgspec.Struct):
    subscription: int
    seq: int = 0
    data: msgspec.Raw = msgspec.Raw(b"")
    missed: int = 0
    end: _End | None = None


_decode_notify: Final = msgspec.json.Decoder(_Notify).decode


def read_notify(text: str) -> Notified:
    """What a `notify` message says.

    Raises:
        BadFrame: it is misshapen.
    """
    try:
        notify = _decode_notify(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise BadFrame("a `notify` that cannot be read") from None
    end = None if notify.end is None else End(notify.end.code, notify.end.message)
    data = bytes(notify.data)
    if end is None and (not data or notify.seq <= 0 or notify.missed < 0):
        raise BadFrame("a `notify` without number or data")
    return Notified(notify.subscription, notify.seq, data, notify.missed, end)


def notify_text(subscription: int, event: KeptEvent, missed: int, *, with_key: bool) -> bytes:
    """One event for a subscription; `with_key` for one to all keys."""
    return b'{"type":"notify","subscription":%d,"seq":%d%b%b,"data":%b}' % (
        subscription,
        event.seq,
        b',"missed":%d' % missed if missed else b"",
        b',"key":%b' % event.key if with_key and event.key is not None else b"",
        event.data,
    )


def end_text(subscription: int, end: End) -> bytes:
    """The end of a subscription."""
    return b'{"type":"notify","subscription":%d,"end":%b}' % (
        subscription,
        msgspec.json.encode(end._asdict()),
    )
