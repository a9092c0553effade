"""What is known of the other side, before and after it has introduced itself."""

import pytest

from duologue.errors import BadFrame, ContractMismatch, IdentityMismatch
from duologue.limits import Limits
from duologue.protocol.hello import Counterpart, Hello, OfferedService, decode_hello, encode_hello

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
    assert not counterpart.has("meta")


def test_a_service_that_the_hello_does_not_name_is_where_its_contract_says() -> None:
    counterpart = Counterpart()
    counterpart.introduce(hello())
    assert counterpart.base_of(elsewhere()) == 5


def test_another_contract_is_refused_each_time_and_may_be_allowed() -> None:
    strict, lenient = Counterpart(), Counterpart(same_contracts=False)
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
