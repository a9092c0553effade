import pytest

from duologue_codegen.model import (
    MAX_ID,
    Buffer,
    Event,
    InlinePayload,
    Ref,
)
from tests.unit.codegen.contract_text import contract_of, read


def test_event_is_read_whole() -> None:
    contract = contract_of("""
        types: {P: {fields: {a: int}}}
        services:
          S:
            events:
              e:
                id: 1
                doc: It happens.
                fields: {a: int, b: {type: int, default: 1}}
                examples: [{name: one, payload: {a: 1}}, {name: none}]
              f: {id: 2, payload: P, deprecated: Use e.}
              g: {id: 3, fields: {}}
        """)
    e, f, g = contract.services["S"].events.values()
    assert (e.name, e.id, e.doc, e.deprecated) == ("e", 1, "It happens.", None)
    assert isinstance(e.payload, InlinePayload)
    assert list(e.payload.fields) == ["a", "b"]
    one, none = e.examples
    assert one.payload is not None
    assert (one.name, one.payload.data, none.payload) == ("one", {"a": 1}, None)
    assert isinstance(f.payload, Ref)
    assert f.deprecated == "Use e."
    assert g.payload == InlinePayload({}, g.at)


@pytest.mark.parametrize(
    ("number", "fits"), [(0, False), (1, True), (MAX_ID, True), (MAX_ID + 1, False)]
)
def test_id_of_an_event_lies_within_the_same_limits(number: int, fits: bool) -> None:
    contract, faults = read(f"services: {{S: {{events: {{e: {{id: {number}, fields: {{}}}}}}}}}}")
    assert [fault.rule for fault in faults] == ([] if fits else ["id-range"])
    assert contract.services["S"].events["e"].id == (number if fits else 0)


def event_with(stated: str) -> tuple[Event, list[str]]:
    text = f"services: {{S: {{events: {{e: {{id: 1, fields: {{a: int}}, {stated}}}}}}}}}"
    contract, faults = read(text)
    return contract.services["S"].events["e"], [fault.rule for fault in faults]


def test_an_event_says_by_what_one_subscribes_and_how_much_is_kept() -> None:
    event, faults = event_with("key: a, replay: 5, buffer: {max: 7, when_full: close}")
    assert faults == []
    assert event.key is not None
    assert (event.key.field, event.replay) == ("a", 5)
    assert event.buffer == Buffer(7, "close")


def test_an_event_that_says_nothing_has_no_key_and_keeps_nothing() -> None:
    event, _ = event_with("doc: It happens.")
    assert (event.key, event.replay, event.buffer) == (None, 0, Buffer(64, "drop_oldest"))


@pytest.mark.parametrize(
    ("number", "fits"), [(0, False), (1, True), (10_000, True), (10_001, False)]
)
@pytest.mark.parametrize("stated", ["replay: {}", "buffer: {{max: {}}}"])
def test_how_much_is_kept_lies_within_limits(stated: str, number: int, fits: bool) -> None:
    _, faults = event_with(stated.format(number))
    assert faults == ([] if fits else ["event-memory"])


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        ("key: [a]", "node-shape"),
        ("replay: many", "node-shape"),
        ("buffer: 5", "node-shape"),
        ("buffer: {when_full: wait}", "node-shape"),
        ("buffer: {size: 5}", "known-keys"),
    ],
)
def test_what_is_misshapen_is_a_finding(stated: str, rule: str) -> None:
    event, faults = event_with(stated)
    assert faults == [rule]
    assert event.buffer == Buffer()
