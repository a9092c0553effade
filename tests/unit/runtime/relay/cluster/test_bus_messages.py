"""What is believed of what comes over the bus."""

import random

import msgspec
import pytest

from duologue.protocol.boxes import seal_box
from duologue.relay.cluster.bus_messages import (
    MAX_BYTES,
    BadBusMessage,
    Find,
    FindNodes,
    Have,
    NodeHere,
    SpareState,
    open_message,
    seal,
)
from duologue.relay.cluster.cluster_keys import ClusterKeys

EU, ASIA = (ClusterKeys.derive(b"s" * 32, name) for name in ("eu", "asia"))
FIND = Find(v=1, ask="ab" * 8, key="cd" * 32, node="a")
HAVE = Have(v=1, ask="ab" * 8, node="b", link="[2001:db8::1]:8788", state=SpareState.FREE, free=2)
NONCE = bytes(24)


def why(data: bytes, kind: type[Find] | type[Have] = Find) -> str:
    with pytest.raises(BadBusMessage) as caught:
        open_message(data, (EU,), kind)  # type: ignore[type-var]
    return str(caught.value)


def test_what_is_sealed_opens_with_the_same_secret_and_name_only() -> None:
    assert open_message(seal(FIND, EU, NONCE), (ASIA, EU), Find) == (FIND, EU)
    assert why(seal(FIND, ASIA, NONCE)) == "not_sealed"


def test_all_messages_have_the_sizes_that_were_planned() -> None:
    here = NodeHere(
        v=1,
        ask="ab" * 8,
        node="b",
        link="10.0.0.1:8788",
        relay_key="cd" * 32,
        rules="ef" * 16,
        version="1.0.0",
        spares=10_000,
        pairs=5_000,
        run="ab" * 8,
    )
    for message, most in ((FIND, 190), (HAVE, 180), (here, 340)):
        assert len(seal(message, EU, NONCE)) <= most
    assert len(seal(FindNodes(v=1, ask="ab" * 8, node="a"), EU, NONCE)) <= 100


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"ask": "x" * 16},
        {"ask": "ab" * 9},
        {"key": "CD" * 32},
        {"key": "cd" * 31},
        {"node": "A"},
        {"node": ""},
        {"node": "a" * 33},
        {"more": 1},
        {"node": None},
    ],
)
def test_a_bad_value_or_another_shape_is_dropped(change: dict[str, object]) -> None:
    fields = {**msgspec.to_builtins(FIND), **change}
    assert why(seal_box(msgspec.json.encode(fields), EU.bus, NONCE)) == "malformed"


def test_one_kind_is_never_taken_for_another() -> None:
    assert why(seal(HAVE, EU, NONCE), Find) == "malformed"
    assert why(seal(FIND, EU, NONCE), Have) == "malformed"


def test_a_message_above_the_limit_is_not_even_opened() -> None:
    assert why(bytes(MAX_BYTES + 1)) == "too_large"
    assert why(bytes(MAX_BYTES)) == "not_sealed"


def test_of_ten_thousand_spoilt_messages_none_is_taken() -> None:
    chance = random.Random(1)
    good = seal(FIND, EU, NONCE)
    for _ in range(10_000):
        data = bytearray(good)
        match chance.randrange(4):
            case 0:
                data = bytearray(chance.randbytes(chance.randrange(300)))
            case 1:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 2:
                del data[chance.randrange(len(data)) :]
            case _:
                place = chance.randrange(len(data))
                data[place:place] = chance.randbytes(1)
        assert why(bytes(data)) in ("not_sealed", "malformed", "too_large")
