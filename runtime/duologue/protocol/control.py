"""Control calls as values: what two duologue peers ask of each other by service 0."""

from typing import Final, NamedTuple

import msgspec

from duologue.errors import BadFrame
from duologue.limits import MAX_EVENT_KEY_BYTES, MAX_SAFE_INTEGER
from duologue.protocol.replay import Cursor, KeptEvent

SUBSCRIBE: Final = "subscribe"
"""The feature, and the first field of the control call."""


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


class _Cursor(msgspec.Struct):
    epoch: str
    seq: int


class _Call(msgspec.Struct):
    subscribe: int | None = None
    unsubscribe: int | None = None
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


def read_control(text: bytes) -> Subscribe | Unsubscribe | None:
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
