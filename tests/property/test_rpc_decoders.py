"""Any text and any bytes into the RPC layer: 20,000 inputs a decoder, 1,000,000 in the slow run.

Good messages, changed a little, and noise. Each is taken, or counted, or refused with a typed
error; nothing else comes out. The seed is fixed: a failure comes again.
"""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from duologue.connection.memory import connected_pair
from duologue.errors import (
    BadFrame,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    ProtocolError,
    Unimplemented,
)
from duologue.limits import MAX_LATE_MESSAGES, Limits
from duologue.promisifier.broadcasts import Broadcasts
from duologue.promisifier.control import ControlService
from duologue.protocol.codec import route
from duologue.protocol.control import Notified, read_subscribed
from duologue.protocol.counters import Counters
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Parcel
from duologue.protocol.session import Session
from duologue.protocol.stream_kinds import binary_prefix
from duologue.protocol.values import decode_value, encode_value
from duologue.typed.declared_errors import runtime_error
from generated.chat.rooms.v1 import _contract as chat
from generated.lab.psu.v1 import _contract as lab
from tests.clock_service import RANG, Clock
from tests.support import greeting

FRAMES: Final = 20_000
MANY_FRAMES: Final = 1_000_000

# Bounds out of the way: it is the decoders that are tried.
LIMITS: Final = Limits(max_invalid_messages=10**9, max_unasked_messages=10**9)

MEMBERS: Final[dict[str, list[Any]]] = {
    "requestId": [0, 1, 5, -1, 1.0, 1.5, 2**53, 1e300, True, None, "1", [], {}],
    "responseId": [0, 1, 2, 3, 7, -1, 1.0, 2**53, None, "0", {}],
    "serviceId": [0, 1, 3, -3, 2**60, None, "3"],
    "type": [
        "request", "data", "error", "stream", "stream-end", "stream-error", "write-stream-error",
        "cancel", "item", "keepalive", "", None, 5,
    ],
    "args": [[], [1], [{}], [[[]]], {}, None, "ab", "$__undefined$", [None, "$__undefined$"]],
    "data": [None, 0, "x", {"a": "$__undefined$"}, [1e300], "$__undefined$"],
    "error": [None, {}, {"name": 5, "code": []}, {"name": "E", "message": "m", "code": "C"}, "x"],
    "chunk": ["", "AAEC", "\ud800", 5, None, "ä"],
    "encoding": ["utf8", "base64", "hex", "$__undefined$", None, 5],
    "parts": [None, [3], [3], [0, 3], [], [-1], [True], [3.0], 3, "3", [2**40], [2**70], [1] * 65],
    "takesParts": [True, False, None, 1, "true"],
    "details": [None, {"incident": 5}, [{"path": 1}], {"limit": "x", "value": 1}],
}  # fmt: skip


def some_message(source: random.Random) -> str:
    names = source.sample(list(MEMBERS), source.randrange(1, 7))
    text = json.dumps({name: source.choice(MEMBERS[name]) for name in ["type", *names]})
    return changed(source, text) if source.randrange(3) == 0 else text


def changed(source: random.Random, text: str) -> str:
    place = source.randrange(len(text) + 1)
    match source.randrange(5):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + source.choice('{}[],:"\\0eE.-\x00é\ud800') + text[place:]
        case 2:
            return text[:place] + text[place + 1 :]
        case 3:
            return "".join(chr(source.randrange(0x3000)) for _ in range(source.randrange(30)))
        case _:
            return text.replace("1", source.choice(["1e400", "NaN", "01", "1" * 400]), 1)


def decode_text(session: Session[int], source: random.Random) -> None:
    counters = session.counters
    before = counters.requests_received_invalid
    text = some_message(source)
    event = session.receive(text)
    assert counters.requests_received_invalid - before in (0, 1)
    if counters.requests_received_invalid > before:
        assert event is None or "BadFrame" in repr(event), text


def decode_bytes(session: Session[int], source: random.Random) -> None:
    prefix = source.choice([source.randbytes(8), binary_prefix(source.randrange(9))])
    message = (prefix + source.randbytes(5))[: source.choice([7, 8, 13, 13])]
    try:
        session.receive_bytes(message)
    except BadFrame:
        assert len(message) < 8
    except LimitExceeded:
        # They are for nobody, and each connection bears so many.
        assert session.counters.messages_dropped >= MAX_LATE_MESSAGES


def decode_parcels(session: Session[int], source: random.Random) -> None:
    """Texts, and bytes that mostly are what they announce; one that broke is closed for good."""
    session.allow_control()
    open_calls = set(session.own.unanswered.values())
    try:
        if source.randrange(4) == 0:
            session.receive_bytes(source.randbytes(source.choice([0, 3, 8, 12])))
        else:
            event = session.receive(some_message(source))
            while event is None and session.arriving is not None and source.randrange(50):
                event = session.receive_bytes(source.randbytes(session.arriving.next_size))
    except (ProtocolError, LimitExceeded):
        # What was open is handed back, so that nobody waits for ever.
        assert set(session.close()) <= open_calls
        assert session.arriving is None


def decode_untyped(_session: Session[int], source: random.Random) -> None:
    text = changed(source, json.dumps(source.choice([*MEMBERS["data"], *MEMBERS["error"]])))
    try:
        value = decode_value(text.encode(errors="surrogatepass"))
    except BadFrame:
        return
    encode_value(value if value is not None else 0, "value", 256)


PARAMS: Final = [each.params for each in (*chat.ROOMS.methods, *lab.SUPPLY.methods)]
RETURNS: Final = [*chat.ROOMS.methods, *lab.SUPPLY.methods]
PARTS: Final = (b"", bytes(5000))
VALUES: Final[list[Any]] = [
    {}, {"room": "lobby", "name": "Ann"}, {"room": "Lobby!"}, {"channel": 1, "volts": "5.00"},
    {"room": "a", "body": {"kind": "text", "text": "x"}}, {"room": "a", "body": {"kind": "?"}},
    [], [{}], None, True, 1e300, "x", {"channel": 1, "ramp": "PT1S", "since": "2026-01-01"},
    {"a": {"a": {"a": [[[{}]]]}}}, {"name": "$__undefined$"}, "AAEC", {"kind": 5},
    0, 1, -1, {"room": "a", "body": {"kind": "file", "name": "n", "size": 1, "preview": 1}},
]  # fmt: skip


def decode_params(_session: Session[int], source: random.Random) -> None:
    text = changed(source, json.dumps([source.choice(VALUES)])).encode(errors="replace")
    # The session has made sure that it is a list; what is in it, it has not looked at.
    args = text if text[:1] == b"[" and text[-1:] == b"]" else b"[%b]" % text
    payload = Parcel(args, PARTS) if source.randrange(3) == 0 else args
    try:
        source.choice(PARAMS).decode("a/b", payload)
    except (InvalidParams, BadFrame):
        pass


def decode_result(_session: Session[int], source: random.Random) -> None:
    text = changed(source, json.dumps(source.choice(VALUES))).encode(errors="replace")
    data = source.choice([text, text, Parcel(text, PARTS), None])
    try:
        source.choice(RETURNS).decode_result(data)
    except (InvalidResult, BadFrame):
        pass


def decode_failure(_session: Session[int], source: random.Random) -> None:
    method = source.choice(RETURNS)
    codes = [*method.errors, "INVALID_PARAMS", "INTERNAL", "LIMIT_EXCEEDED", "X", None]
    failure = Failure("E", "m", source.choice(codes), source.choice([*VALUES, *MEMBERS["details"]]))
    assert str(method.decode_failure(failure)) != "" or failure.code is None
    runtime_error(failure)


HELLO: Final[dict[str, Any]] = {
    "profile": "duologue/1",
    "self": None,
    "features": ["cancel"],
    "limits": {"maxCalls": 5},
    "services": [{"name": "a.v1.B", "base": 1, "digest": "d"}],
}


ODD: Final[list[Any]] = [5, None, "x", [], {}, [{}], [5]]


def decode_hello(_session: Session[int], source: random.Random) -> None:
    hello = dict(HELLO)
    hello[source.choice(list(hello))] = source.choice(ODD)
    text = changed(source, json.dumps([hello])).encode(errors="replace")
    try:
        control_service().answer(text)
    except (InvalidParams, Unimplemented):
        pass


class Somebody:
    """Whoever subscribes."""


def control_service() -> ControlService[Somebody]:
    """One that offers an event."""
    call_soon = asyncio.get_running_loop().call_soon
    broadcasts = Broadcasts(
        Somebody(), connected_pair()[0], Limits(), Counters(), call_soon, lambda _seconds: None
    )
    sources = {120: Clock().__audience__.source(RANG)}
    return ControlService(greeting(), lambda: broadcasts, sources, {})


CONTROL: Final[dict[str, list[Any]]] = {
    "subscribe": [120, 0, -1, 2**70, 1.5, "x", None],
    "unsubscribe": [1, 7, -1, 2**70, "7", None],
    "key": ["lobby", "é", "\ud800", "k" * 300, 5, 1e300, None, {}, [[]]],
    "replay": [0, 10, -1, 2**53, 2**70, "x", None],
    "after": [None, {"epoch": "e", "seq": 3}, {"epoch": 5}, {"seq": -1, "epoch": ""}, []],
    "dance": [1],
}
NOTIFY: Final[dict[str, list[Any]]] = {
    "subscription": [1, 0, -1, 2**70, "x", None],
    "seq": [1, 2, 0, -1, 2**70, 1.5, None],
    "data": [{}, {"number": 1}, None, "\ud800", [[[[]]]], 5],
    "missed": [0, 3, -1, 2**70, "x"],
    "key": ["lobby", None],
    "end": [None, {"code": "TOO_SLOW", "message": "m"}, {}, {"code": 5}, "x"],
}


def some_object(source: random.Random, members: dict[str, list[Any]]) -> dict[str, Any]:
    names = source.sample(list(members), source.randrange(1, len(members)))
    return {name: source.choice(members[name]) for name in names}


def decode_control(_session: Session[int], source: random.Random) -> None:
    text = changed(source, json.dumps([some_object(source, CONTROL)])).encode(errors="replace")
    try:
        answer = control_service().answer(text)
    except (InvalidParams, Unimplemented):
        return
    if answer != b"{}" and b"profile" not in answer:
        read_subscribed(answer)


def decode_subscribed(_session: Session[int], source: random.Random) -> None:
    answer = {"subscription": 1, "epoch": "e", "seq": 3, "gap": True}
    answer[source.choice(list(answer))] = source.choice(ODD)
    try:
        read_subscribed(changed(source, json.dumps(answer)).encode(errors="replace"))
    except BadFrame:
        pass


def decode_notify(session: Session[int], source: random.Random) -> None:
    session.allow_control()
    fields = {"type": "notify", **some_object(source, NOTIFY)}
    before = session.counters.requests_received_invalid
    text = changed(source, json.dumps(fields)) if source.randrange(2) else json.dumps(fields)
    event = session.receive(text)
    if isinstance(event, Notified):
        assert session.counters.requests_received_invalid == before
        assert event.end is not None or (event.seq > 0 and event.missed >= 0)


DECODERS: Final[dict[str, Callable[[Session[int], random.Random], None]]] = {
    "texts": decode_text,
    "byte messages": decode_bytes,
    "parcels": decode_parcels,
    "untyped values": decode_untyped,
    "params": decode_params,
    "results": decode_result,
    "failures": decode_failure,
    "the hello": decode_hello,
    "control calls": decode_control,
    "their answers": decode_subscribed,
    "events": decode_notify,
}


async def try_many(name: str, frames: int) -> None:
    source = random.Random(name)
    session: Session[int] = Session(LIMITS)
    for number in range(frames):
        if number % 50 == 0:
            session.close()
            for _ in range(4):
                session.own.open(route(3), b"[]", number)
        DECODERS[name](session, source)


@pytest.mark.parametrize("name", DECODERS)
async def test_nothing_but_typed_errors_comes_out(name: str) -> None:
    await try_many(name, FRAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
async def test_nothing_but_typed_errors_comes_out_of_very_many(name: str) -> None:
    await try_many(name, MANY_FRAMES)
