"""No message that is let through costs more than 150 ms of CPU time, or 32 MiB."""

import gc
import time
import tracemalloc
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import pytest

from duologue import BadFrame, InvalidParams, Limits, Model
from duologue.protocol.excess import held_by, weigh
from duologue.protocol.messages import Refused, RequestReceived
from duologue.protocol.session import Session
from duologue.typed import Json, Params
from duologue.typed.unions import OpenUnion, Unknown

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("measuring")]

MIB: Final = 1024 * 1024
REQUEST: Final = '{"requestId":1,"type":"request","serviceId":3,"args":[%s]}'
OBJECTS: Final = Limits().max_json_objects - 5
VALUES: Final = Limits().max_json_values - 20


class Few(Model):
    a: int | None = None
    b: str | None = None
    kids: list["Few"] = []  # noqa: RUF012


class Wide(Model):
    a: int = 0
    b: int = 0
    c: int = 0
    d: str = ""
    e: str = ""
    f: list[int] = []  # noqa: RUF012
    g: dict[str, int] = {}  # noqa: RUF012
    h: float = 0.0
    i: bool = False
    j: str | None = None
    k: int | None = None
    m: float | None = None


class One(Model):
    kind: Literal["one"] = "one"
    x: int = 0


class Two(Model):
    kind: Literal["two"] = "two"


class Fews(Model):
    v: list[Few]


class Wides(Model):
    v: list[Wide]


class Variants(Model):
    v: list[Annotated[One | Two | Unknown, OpenUnion("kind")]]


class Decimals(Model):
    v: list[Decimal]


class Blobs(Model):
    v: list[bytes]


class Names(Model):
    v: dict[str, str]


class Anything(Model):
    v: Json


def many(item: str, number: int) -> str:
    return '{"v":[%s]}' % ",".join([item] * number)


CASES: Final[dict[str, tuple[Any, str]]] = {
    "models with defaults": (Fews, many("{}", OBJECTS)),
    "models within models": (Fews, many('{"kids":[{},{},{},{}]}', OBJECTS // 6)),
    "wide models": (Wides, many("{}", OBJECTS)),
    "wide models, filled": (Wides, many('{"a":1,"b":2,"d":"x","e":"y","h":1.5,"m":2.5}', OBJECTS)),
    "variants": (Variants, many('{"kind":"one"}', OBJECTS)),
    "variants nobody knows": (Variants, many('{"kind":"new"}', OBJECTS)),
    "lists": (Anything, many("[]", OBJECTS)),
    "objects": (Anything, many('{"a":1}', OBJECTS)),
    "numbers": (Anything, many("123456", VALUES)),
    "texts": (Anything, many('"abcd"', VALUES)),
    "members": (Anything, '{"v":{%s}}' % ",".join(f'"k{n:x}":1' for n in range(80_000))),
    "sentinels": (Anything, many('"$__undefined$"', 60_000)),
    "a sentinel among numbers": (
        Anything,
        '{"v":["$__undefined$",%s]}' % ",".join(["123456"] * VALUES),
    ),
    "models with sentinels": (Fews, many('{"b":"$__undefined$"}', OBJECTS)),
    "a lone surrogate among numbers": (
        Anything,
        '{"v":["\\ud800",%s]}' % ",".join(["123456"] * VALUES),
    ),
    "decimals": (Decimals, many('"1.5"', VALUES)),
    "long decimals": (Decimals, many('"1.%s"' % ("5" * 1000), 1000)),
    "blobs": (Blobs, many('"QUJD"', VALUES)),
    "names": (Names, '{"v":{%s}}' % ",".join(f'"k{n:x}":"v"' for n in range(80_000))),
}


def read(params: Params[..., Any], text: str) -> object:
    """What a request costs before its handler runs."""
    event = Session[str](Limits()).receive(text)
    if isinstance(event, Refused):
        return event
    assert isinstance(event, RequestReceived)
    try:
        return params.decode("x", event.args)
    except (InvalidParams, BadFrame) as error:
        return error


@pytest.mark.parametrize("name", CASES)
def test_it_is_read_in_time_and_in_little_memory(name: str) -> None:
    model, body = CASES[name]
    params: Params[..., Any] = Params(model)
    text = REQUEST % body
    assert len(text) <= Limits().max_message_bytes
    read(params, REQUEST % '{"v":[]}')
    times: list[float] = []
    for _ in range(5):
        gc.collect()
        began = time.process_time()
        result = read(params, text)
        times.append(time.process_time() - began)
        assert not isinstance(result, Refused)
        del result
    assert min(times) <= 0.150
    gc.collect()
    tracemalloc.start()
    result = read(params, text)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 32 * MIB
    assert held <= weigh(text, held_by(text)) + 100_000
    del result


@pytest.mark.parametrize("unit", ["{}", "[]", '{"a":1}', '{"kids":[{}]}', '""', "1"])
def test_what_is_refused_costs_less(unit: str) -> None:
    text = REQUEST % many(unit, (MIB - 200) // (len(unit) + 1))
    times: list[float] = []
    for _ in range(5):
        session: Session[str] = Session(Limits())
        began = time.process_time()
        event = session.receive(text)
        times.append(time.process_time() - began)
        assert isinstance(event, Refused)
    assert min(times) <= 0.050
