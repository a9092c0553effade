"""Contracts that are shown: found beside generated modules, bounded, of what is offered only."""

import json
from collections.abc import Sequence

import pytest

from duologue import LimitExceeded, Unimplemented
from duologue.limits import MAX_DESCRIBED_BYTES
from duologue.protocol.control import Describe, Described, read_described, read_names
from duologue.typed import ServiceContract
from duologue.typed.describing import Descriptions
from duologue.typed.own_descriptions import find_description
from generated.chat.rooms.v1 import PresenceClient, RoomsClient

ROOMS = RoomsClient.__contract__


class Sized(ServiceContract):
    """Its description has so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(name="big.v1.Big", base=1, digest="sha256:b", methods=())
        self._size = size

    def description(self) -> Described:
        around = len('{"digest":"sha256:b","contract":"","imports":{}}')
        return Described(self.digest, b'"%b"' % (b"x" * (self._size - around)), {})


def names(contracts: Sequence[ServiceContract]) -> list[str]:
    return read_names(Descriptions(contracts).answer(Describe(None)))


def test_the_names_of_what_is_offered_are_told_in_order() -> None:
    assert names([]) == []
    assert names([ROOMS, PresenceClient.__contract__]) == [
        "chat.rooms.v1.Presence",
        "chat.rooms.v1.Rooms",
    ]


def test_a_contract_comes_with_all_that_it_builds_on() -> None:
    described = read_described(Descriptions([ROOMS]).answer(Describe("chat.rooms.v1.Rooms")))
    assert described.digest == ROOMS.digest
    contract = json.loads(described.contract)
    assert contract["package"] == "chat.rooms.v1"
    assert contract["services"]["Rooms"]["doc"] == "Offered by the peer that hosts the rooms."
    assert list(described.imports) == ["chat.common.v1"]
    assert json.loads(described.imports["chat.common.v1"])["package"] == "chat.common.v1"
    assert b"\n" not in described.contract


def test_what_is_not_offered_and_what_is_not_at_hand_is_not_told() -> None:
    by_hand = ServiceContract(name="by.hand.v1.Hand", base=1, digest="", methods=())
    descriptions = Descriptions([by_hand])
    with pytest.raises(Unimplemented, match=r"chat\.rooms\.v1\.Rooms is not offered"):
        descriptions.answer(Describe("chat.rooms.v1.Rooms"))
    with pytest.raises(Unimplemented, match="is not at hand"):
        descriptions.answer(Describe("by.hand.v1.Hand"))


@pytest.mark.parametrize(
    ("service", "python_package"),
    [
        ("Rooms", "generated.chat.rooms.v1"),
        ("chat.rooms.v1.Rooms", "generated.chat.common.v1"),
        ("chat.rooms.v1.Rooms", ""),
        ("chat.rooms.v1.Rooms", "elsewhere.chat.rooms.v1"),
        ("rooms.v1.Rooms", "generated.chat.rooms.v1"),
    ],
)
def test_only_the_contract_of_that_very_package_is_taken(service: str, python_package: str) -> None:
    assert find_description(service, "", python_package) is None


def test_a_contract_of_a_mebibyte_is_told_and_a_larger_one_is_told_to_be_too_large() -> None:
    wish = Describe("big.v1.Big")
    assert len(Descriptions([Sized(MAX_DESCRIBED_BYTES)]).answer(wish)) == MAX_DESCRIBED_BYTES
    with pytest.raises(LimitExceeded, match="MAX_DESCRIBED_BYTES"):
        Descriptions([Sized(MAX_DESCRIBED_BYTES + 1)]).answer(wish)
