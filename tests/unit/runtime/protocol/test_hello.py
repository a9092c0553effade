"""What is known of the other side, before and after it has introduced itself."""

import gc
import json
import tracemalloc

import pytest

from duologue.errors import BadFrame, ContractMismatch, IdentityMismatch
from duologue.limits import (
    MAX_HELLO_BYTES,
    MAX_HELLO_FEATURES,
    MAX_HELLO_SERVICES,
    MAX_HELLO_TEXT,
    Limits,
)
from duologue.protocol.hello import (
    FEW_SERVICES,
    KEPT_HELLO_BYTES,
    KEPT_HELLOS,
    Counterpart,
    Hello,
    OfferedService,
    decode_hello,
    encode_hello,
)

ANN, BOB = bytes([1]) * 32, bytes([2]) * 32
ROOMS = OfferedService("chat.v1.Rooms", 100, "sha256:aa")


def hello(
    *services: OfferedService, own_key: bytes | None = None, remote_key: bytes | None = None
) -> Hello:
    text = encode_hello(
        role="acceptor",
        own_key=own_key,
        remote_key=remote_key,
        services=services,
        limits=Limits(),
        agent="test",
    )
    return decode_hello(text)


def elsewhere(digest: str = "sha256:aa") -> OfferedService:
    """The contract of this side, which counts from another number."""
    return OfferedService("chat.v1.Rooms", 5, digest)


def test_nothing_is_known_of_a_base_peer() -> None:
    counterpart = Counterpart()
    assert not counterpart.is_introduced
    assert not counterpart.has("cancel")
    assert counterpart.base_of(elsewhere()) == 5
    assert not counterpart.takes_parts_of(elsewhere())


def test_a_service_is_where_the_hello_says_also_if_it_was_asked_before() -> None:
    counterpart = Counterpart()
    contract = elsewhere()
    assert counterpart.base_of(contract) == 5
    assert counterpart.introduce(hello(ROOMS))
    assert counterpart.base_of(contract) == counterpart.base_of(contract) == 100
    assert counterpart.takes_parts_of(contract)
    assert counterpart.has("cancel")
    assert not counterpart.has("nonsense")


def test_a_service_that_the_hello_does_not_name_is_where_its_contract_says() -> None:
    counterpart = Counterpart()
    counterpart.introduce(hello())
    assert counterpart.base_of(elsewhere()) == 5


def test_another_contract_is_refused_each_time_and_may_be_allowed() -> None:
    strict, lenient = Counterpart(contracts="same"), Counterpart()
    for each in (strict, lenient):
        each.introduce(hello(ROOMS))
    for _ in range(2):
        with pytest.raises(ContractMismatch, match=r"chat\.v1\.Rooms.*sha256:bb.*sha256:aa"):
            strict.base_of(elsewhere("sha256:bb"))
    assert lenient.base_of(elsewhere("sha256:bb")) == 100
    assert not lenient.takes_parts_of(elsewhere("sha256:bb"))


def test_the_first_hello_counts() -> None:
    counterpart = Counterpart()
    assert counterpart.introduce(hello(ROOMS))
    assert not counterpart.introduce(hello())
    assert counterpart.base_of(elsewhere()) == 100


def test_keys_must_be_those_of_the_handshake_seen_from_the_other_side() -> None:
    Counterpart(ANN, BOB).introduce(hello(own_key=BOB, remote_key=ANN))
    for own, remote in ((ANN, BOB), (None, None), (BOB, None)):
        counterpart = Counterpart(ANN, BOB)
        with pytest.raises(IdentityMismatch):
            counterpart.introduce(hello(own_key=own, remote_key=remote))
        assert not counterpart.is_introduced


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"profile":5}', b"\xff", b'{"profile":"x"'])
def test_what_is_no_hello_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(BadFrame, match="this is no hello"):
        decode_hello(text)


# -- how much one may say -----------------------------------------------------------------------


def said(**fields: object) -> bytes:
    return json.dumps({"profile": "duologue/1", **fields}).encode()


def service(base: object = 0, name: str = "s", digest: str = "d") -> dict[str, object]:
    return {"name": name, "base": base, "digest": digest}


AT_THE_LIMIT = {
    "services": {"services": [service()] * MAX_HELLO_SERVICES},
    "features": {"features": ["f"] * MAX_HELLO_FEATURES},
    "a feature": {"features": ["f" * MAX_HELLO_TEXT]},
    "a name": {"services": [service(name="n" * MAX_HELLO_TEXT)]},
    "a digest": {"services": [service(digest="n" * MAX_HELLO_TEXT)]},
    "an agent": {"agent": "a" * MAX_HELLO_TEXT},
    "a base": {"services": [service(2**53 - 1 - 16_383)]},
    "no base": {"services": [service(0)]},
}
ABOVE = {
    "services": {"services": [service()] * (MAX_HELLO_SERVICES + 1)},
    "features": {"features": ["f"] * (MAX_HELLO_FEATURES + 1)},
    "a feature": {"features": ["f" * (MAX_HELLO_TEXT + 1)]},
    "a name": {"services": [service(name="n" * (MAX_HELLO_TEXT + 1))]},
    "a digest": {"services": [service(digest="n" * (MAX_HELLO_TEXT + 1))]},
    "an agent": {"agent": "a" * (MAX_HELLO_TEXT + 1)},
    "a role": {"role": "a" * (MAX_HELLO_TEXT + 1)},
    "a key": {"self": "a" * (MAX_HELLO_TEXT + 1)},
    "a base": {"services": [service(2**53 - 16_383)]},
    "a base below": {"services": [service(-1)]},
    "a base that is no integer": {"services": [service("0")]},
    "another profile": {"profile": "duologue/2"},
}


@pytest.mark.parametrize("fields", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT.keys())
def test_a_hello_may_say_so_much(fields: dict[str, object]) -> None:
    assert decode_hello(said(**fields)).profile == "duologue/1"


@pytest.mark.parametrize("fields", ABOVE.values(), ids=ABOVE.keys())
def test_a_hello_that_says_more_is_none(fields: dict[str, object]) -> None:
    with pytest.raises(BadFrame, match="this is no hello"):
        decode_hello(said(**fields))


def test_a_hello_is_as_long_as_it_may_be_and_no_longer() -> None:
    room = MAX_HELLO_BYTES - len(said(more=""))
    decode_hello(said(more="x" * room))
    with pytest.raises(BadFrame, match="at most 262144 bytes, met 262145"):
        decode_hello(said(more="x" * (room + 1)))


def test_what_is_kept_of_a_hello_is_less_than_it_said() -> None:
    services = [service(index, f"{index:04}" + "n" * 100, "d" * 71) for index in range(1000)]
    text = said(services=services, more="x" * 40_000)
    counterpart = Counterpart()
    # What is made once for all, and what others have left to collect, does not count.
    Counterpart().introduce(decode_hello(text))
    gc.collect()
    tracemalloc.start()
    counterpart.introduce(decode_hello(text))
    gc.collect()
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < len(text) <= MAX_HELLO_BYTES
    assert counterpart.base_of(OfferedService("0999" + "n" * 100, 5, "d" * 71)) == 999


def test_of_a_service_that_is_listed_twice_the_last_counts() -> None:
    counterpart = Counterpart()
    counterpart.introduce(hello(ROOMS, OfferedService(ROOMS.name, 300, ROOMS.digest)))
    assert counterpart.base_of(elsewhere()) == 300


def test_what_is_said_in_the_same_words_is_read_once_and_shared() -> None:
    first, second = decode_hello(said()), decode_hello(bytes(bytearray(said())))
    assert first is second
    with pytest.raises(AttributeError):
        first.role = "acceptor"  # type: ignore[misc]  # pyright: ignore


def test_only_so_many_hellos_are_kept_and_no_long_ones() -> None:
    oldest = decode_hello(said(agent="0"))
    for number in range(1, KEPT_HELLOS + 1):
        decode_hello(said(agent=str(number)))
    assert decode_hello(said(agent="0")) is not oldest
    long = said(more="x" * KEPT_HELLO_BYTES)
    assert decode_hello(long) == decode_hello(long)
    assert decode_hello(long) is not decode_hello(long)


@pytest.mark.parametrize("number", [FEW_SERVICES, FEW_SERVICES + 1])
def test_few_services_and_many_are_found_alike(number: int) -> None:
    offered = [OfferedService(f"service{each}", each, "digest") for each in range(number)]
    counterpart = Counterpart()
    counterpart.introduce(hello(*offered))
    assert counterpart.offered_names == [each.name for each in offered]
    assert counterpart.base_of(OfferedService(f"service{number - 1}", 5, "digest")) == number - 1
    assert not counterpart.offers(OfferedService("another", 5, "digest"))


def test_what_is_kept_of_what_was_said_depends_on_all_of_it() -> None:
    for key in (None, ANN, BOB):
        assert hello(ROOMS, own_key=key).self == (None if key is None else key.hex())
    assert hello(ROOMS).services != hello(elsewhere()).services
