"""The texts of the RPC layer: bytes made from fields, and fields read from bytes (base profile 7).

Requests and answers are spliced from parts that are JSON already. Reading leaves arguments and
results as raw slices, for whoever knows their type.
"""

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from duologue.errors import BadFrame
from duologue.limits import MAX_SAFE_INTEGER
from duologue.protocol.call_fields import UNREADABLE_META
from duologue.protocol.messages import Failure
from duologue.protocol.values import (
    SENTINEL,
    SENTINEL_JSON,
    is_list,
    is_object,
    parse_json,
    plain_json,
)


class Envelope(msgspec.Struct, gc=False):
    """The fields of one message as they came. Which are needed depends on `type`.

    An id that is absent is NaN, which JSON cannot say and no table holds.
    """

    type: str = ""
    requestId: int | float = math.nan
    responseId: int | float = math.nan
    serviceId: int | float = math.nan
    args: msgspec.Raw = msgspec.Raw(b"")
    data: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")
    chunk: msgspec.Raw = msgspec.Raw(b"")
    encoding: msgspec.Raw = msgspec.Raw(b"")
    parts: list[int] | None = None
    """Sizes of the byte messages that follow and belong to this one (PROTOCOL 12)."""
    takesParts: bool = False
    """The answer may have such, too."""
    timeoutMs: int | float = math.nan
    meta: dict[str, str] | None = None
    nested: bool = False
    """A handler that serves a call of ours has made this one (PROTOCOL 11.7)."""


_REQUEST_ID: Final = b"requestId"
_RESPONSE_ID: Final = b"responseId"

decode_envelope: Final = msgspec.json.Decoder(Envelope).decode
"""`read_envelope` for most messages; what msgspec refuses may be readable all the same."""

UNDECODED: Final = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
"""What `decode_envelope` raises where `read_leniently` is to be asked."""


def read_envelope(text: str) -> Envelope:
    """The fields of the message `text`.

    Raises:
        BadFrame: not JSON, not an object, or `type` is no string.
    """
    try:
        return decode_envelope(text)
    except UNDECODED:
        return read_leniently(text)


def read_leniently(text: str) -> Envelope:
    """As `read_envelope`, for what `decode_envelope` has refused."""
    # Two reasons to come here: lone surrogates, and odd values in fields that `type` does not need.
    fields = parse_json(text)
    if not is_object(fields):
        raise BadFrame("a message must be a JSON object")
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise BadFrame("a message must have a `type`")
    return Envelope(
        kind,
        _number_or_nan(fields.get("requestId")),
        _number_or_nan(fields.get("responseId")),
        _number_or_nan(fields.get("serviceId")),
        _raw(fields, "args"),
        _raw(fields, "data"),
        _raw(fields, "error"),
        _raw(fields, "chunk"),
        _raw(fields, "encoding"),
        _sizes(fields.get("parts")),
        fields.get("takesParts") is True,
        # What is there and is no number must not pass for "no deadline".
        _number_or_nan(fields["timeoutMs"], -1) if "timeoutMs" in fields else math.nan,
        _texts(fields.get("meta")),
        fields.get("nested") is True,
    )


def _texts(value: object) -> dict[str, str] | None:
    if value is None:
        return None
    if is_object(value) and all(isinstance(each, str) for each in value.values()):
        return value
    return dict(UNREADABLE_META)


def _sizes(value: object) -> list[int] | None:
    if value is None:
        return None
    # What is no list of sizes must not pass for "no parts": bytes may follow all the same.
    return value if is_list(value) and all(type(each) is int for each in value) else []


def _number_or_nan(value: object, other: float = math.nan) -> int | float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else other


def _raw(fields: dict[str, Any], name: str) -> msgspec.Raw:
    if name not in fields:
        return msgspec.Raw(b"")
    return msgspec.Raw(json.dumps(fields[name], separators=(",", ":")).encode())


def integral(number: int | float) -> int | None:
    """`number` as an id, or None if it is none: integral, within 2^53-1 (base profile 7.1)."""
    if isinstance(number, float):
        if not number.is_integer():
            return None
        number = int(number)
    return number if -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER else None


def slice_or_none(raw: msgspec.Raw) -> bytes | None:
    """The bytes of a field; None if it is absent or the sentinel."""
    text = bytes(raw)
    return None if not text or text == SENTINEL_JSON else text


def read_failure(text: bytes | None) -> Failure:
    """The `error` object of an answer, whatever the other side put there.

    Raises:
        BadFrame: the slice cannot be read.
    """
    fields = None if text is None else parse_json(text)
    if not is_object(fields):
        return Failure(None, None, None)

    def text_of(name: str) -> str | None:
        value = fields.get(name)
        return value if isinstance(value, str) and value != SENTINEL else None

    return Failure(text_of("name"), text_of("message"), text_of("code"), fields.get("details"))


class Route(msgspec.Struct, frozen=True, gc=False):
    """Where the requests of one method go, and what all of them say: made once for many calls."""

    service_id: int
    head: bytes
    """What stands between the id of a request and its arguments."""
    tail: bytes
    """What stands behind them."""


@lru_cache(maxsize=1024)
def route(service_id: int, takes_parts: bool = False) -> Route:
    """The way to one service; with `takes_parts` its answers may have parts."""
    return Route(
        service_id,
        b',"type":"request","serviceId":%d,"args":' % service_id,
        b',"takesParts":true' if takes_parts else b"",
    )


def request(
    request_id: int, to: Route, args: bytes, fields: bytes = b"", parts: Sequence[bytes] = ()
) -> bytes:
    """A call; `args` is a JSON list, `fields` are those of `call_fields`, `parts` follow it."""
    announced = _announced(parts) if parts else b""
    return b'{"requestId":%d%b%b%b%b%b}' % (request_id, to.head, args, announced, to.tail, fields)


def answer_with_parts(
    request_id: int, data: bytes, parts: Sequence[bytes], fields: bytes = b""
) -> bytes:
    """As `answer`; `parts` follow it."""
    return b'{"responseId":%d,"type":"data","data":%b%b%b}' % (
        request_id,
        data,
        _announced(parts),
        fields,
    )


def _announced(parts: Sequence[bytes]) -> bytes:
    return b',"parts":%b' % msgspec.json.encode([len(part) for part in parts]) if parts else b""


def cancel(request_id: int) -> bytes:
    """The caller has given a call up (duologue profile 2)."""
    return b'{"requestId":%d,"type":"cancel"}' % request_id


def items_head(request_id: int, *, is_own: bool) -> bytes:
    """What stands before the items of a call; `is_own` says that this side has made the call."""
    return b'{"%b":%d,"type":"items","data":[' % (
        _REQUEST_ID if is_own else _RESPONSE_ID,
        request_id,
    )


def items(head: bytes, data: bytes, parts: Sequence[bytes] = ()) -> bytes:
    """Items, JSON with commas between, behind their `items_head`; `parts` follow the text."""
    if not parts:
        return b"%b%b]}" % (head, data)
    return b"%b%b]%b}" % (head, data, _announced(parts))


def items_end(request_id: int) -> bytes:
    """The caller has no more items."""
    return b'{"requestId":%d,"type":"items-end"}' % request_id


def credit(request_id: int, totals: tuple[int, int], *, is_own: bool) -> bytes:
    """So many items and bytes may come in all; `is_own` as in `items_head`."""
    return _totals(b"credit", request_id, totals, is_own)


def blocked(request_id: int, totals: tuple[int, int], *, is_own: bool) -> bytes:
    """An item is held back, and would need these totals; `is_own` as in `items_head`."""
    return _totals(b"blocked", request_id, totals, is_own)


def _totals(kind: bytes, request_id: int, totals: tuple[int, int], is_own: bool) -> bytes:
    return b'{"%b":%d,"type":"%b","items":%d,"bytes":%d}' % (
        _REQUEST_ID if is_own else _RESPONSE_ID,
        request_id,
        kind,
        *totals,
    )


def answer(request_id: int, data: bytes | None, fields: bytes = b"") -> bytes:
    """The result of a call; None is sent as the sentinel. `fields` are those of `call_fields`."""
    return b'{"responseId":%d,"type":"data","data":%b%b}' % (
        request_id,
        data or SENTINEL_JSON,
        fields,
    )


def error_answer(request_id: int, failure: Failure, meta: bytes = b"") -> bytes:
    """The failure of a call. Fields that do not exist carry the sentinel, as in the original."""
    fields: dict[str, Any] = {
        name: SENTINEL if value is None else value
        for name, value in (
            ("name", failure.name),
            ("message", failure.message),
            ("code", failure.code),
        )
    }
    if failure.details is not None:
        fields["details"] = failure.details
    return b'{"responseId":%d,"type":"error","error":%b%b}' % (
        request_id,
        plain_json(fields),
        meta,
    )


def stream_chunk(request_id: int, chunk: str, encoding: str | None) -> bytes:
    """A chunk of a text stream. `encoding` is for the first one; later ones carry the sentinel."""
    try:
        text = msgspec.json.encode(chunk)
    except UnicodeEncodeError:
        text = json.dumps(chunk).encode()
    kind = SENTINEL_JSON if encoding is None else b'"%b"' % encoding.encode()
    return b'{"responseId":%d,"type":"stream","chunk":%b,"encoding":%b}' % (request_id, text, kind)


def stream_end(request_id: int) -> bytes:
    """The end of a stream: what was sent is all of it."""
    return b'{"responseId":%d,"type":"stream-end"}' % request_id


def stream_error(request_id: int) -> bytes:
    """The end of a stream whose source failed or was stopped; the cause is not told."""
    return (
        b'{"responseId":%d,"type":"stream-error","error":"Error while reading the file stream"}'
        % request_id
    )


def write_stream_error(request_id: int) -> bytes:
    """The receiver of a stream wants no more of it."""
    return b'{"requestId":%d,"type":"write-stream-error"}' % request_id
