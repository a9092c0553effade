import pytest

from duologue_codegen.model import (
    MAX_ID,
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


@pytest.mark.parametrize("key", ["key: a", "replay: 5", "buffer: {max: 5, when_full: close}"])
def test_what_events_cannot_do_yet_is_a_finding(key: str) -> None:
    _, faults = read(f"services: {{S: {{events: {{e: {{id: 1, fields: {{a: int}}, {key}}}}}}}}}")
    assert [fault.rule for fault in faults] == ["not-supported-yet"]
