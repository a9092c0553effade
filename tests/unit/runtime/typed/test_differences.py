"""What tells two contracts apart, in words."""

import json
from typing import Any

import msgspec
import pytest

from duologue.protocol.control import Described
from duologue.typed.differences import MAX_TOLD, differences

HUB: dict[str, Any] = {
    "duologue": 1,
    "package": "hub.v1",
    "doc": "A hub.",
    "imports": {"words.v1": "sha256:1"},
    "services": {
        "Hub": {
            "base": 1,
            "doc": "One.",
            "methods": {
                "ping": {"id": 1, "effect": "read", "doc": "?", "examples": [1], "since": "1"},
                "name": {"id": 2, "effect": "write", "params": {"doc": {"type": "string"}}},
            },
        }
    },
}


def described(contract: Any, imports: dict[str, Any] | None = None) -> Described:
    texts = {name: json.dumps(each).encode() for name, each in (imports or {}).items()}
    return Described("sha256:?", json.dumps(contract).encode(), texts)


def changed(path: str, value: Any) -> Any:
    """The hub with another value at a path; None takes away what is there."""
    hub = json.loads(json.dumps(HUB))
    *way, last = path.split("/")
    place = hub
    for each in way:
        place = place[each]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return hub


CASES: list[tuple[str, Any, str]] = [
    ("services/Hub/methods/ping/id", 7, "services.Hub.methods.ping.id is 1 here and 7 there"),
    ("services/Hub/methods/ping", None, "services.Hub.methods.ping: only this side has it"),
    (
        "services/Hub/methods/beat",
        {"id": 5},
        "services.Hub.methods.beat: only the other side has it",
    ),
    (
        "services/Hub/methods/name/params/doc",
        None,
        "services.Hub.methods.name.params.doc: only this side has it",
    ),
    (
        "services/Hub/methods/name/params/doc/max",
        9,
        "services.Hub.methods.name.params.doc.max (9): only the other side has it",
    ),
    (
        "services/Hub/methods/name/params",
        "Name",
        'services.Hub.methods.name.params is {"doc":{"type":"string"}} here and "Name" there',
    ),
    (
        "services/Hub/methods/name/returns",
        "x" * 100,
        f'services.Hub.methods.name.returns ("{"x" * 56}...): only the other side has it',
    ),
]


@pytest.mark.parametrize(("path", "value", "words"), CASES)
def test_each_difference_is_told_with_its_place(path: str, value: Any, words: str) -> None:
    assert differences(described(HUB), described(changed(path, value))) == (words,)


@pytest.mark.parametrize(
    "path", ["doc", "services/Hub/doc", "services/Hub/methods/ping/doc", "imports/words.v1"]
)
def test_words_for_people_and_digests_of_imports_do_not_count(path: str) -> None:
    assert differences(described(HUB), described(changed(path, "other"))) == ()


def test_what_is_imported_is_compared_too() -> None:
    here: dict[str, Any] = {"package": "words.v1", "types": {}}
    there: dict[str, Any] = {"package": "words.v1", "types": {"A": {}}}
    found = differences(described(HUB, {"words.v1": here}), described(HUB, {"words.v1": there}))
    assert found == ("words.v1: types.A: only the other side has it",)


def test_many_are_counted() -> None:
    def hub(number: int) -> Any:
        methods = {f"m{each:02}": {"id": each} for each in range(number)}
        return changed("services/Hub/methods", methods)

    for number, told in ((MAX_TOLD, MAX_TOLD), (MAX_TOLD + 3, MAX_TOLD + 1)):
        found = differences(described(hub(0)), described(hub(number)))
        assert len(found) == told
    assert found[-1] == "and 3 more"


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        differences(described(HUB), Described("", b"{", {}))
