from duologue_codegen.model import AliasType, Ref, Scalar
from duologue_codegen.model.walk import (
    expressions,
    fields,
    meaning,
    own_type_graph,
    schema_refs,
)
from tests.unit.codegen.contract_text import contract_of, node_of


def test_meaning_takes_off_aliases_and_optional() -> None:
    contract = contract_of(
        "types: {A: {is: B}, B: {is: int}, C: {is: D}, D: {is: C}, E: {is: O}, O: {fields: {}}}"
    )
    a, c, e = (contract.types[name] for name in "ACE")
    assert isinstance(a, AliasType)
    assert isinstance(c, AliasType)
    assert isinstance(e, AliasType)
    found = meaning(a.type, contract)
    assert found is not None
    assert isinstance(found[0], Scalar)
    assert meaning(c.type, contract) is None
    object_ = meaning(e.type, contract)
    assert object_ is not None
    assert isinstance(object_[0], Ref)


def test_graph_tells_which_types_name_which() -> None:
    contract = contract_of("""
        types:
          A: {fields: {b: list of B, c: map of K to A, x: Missing}}
          B: {union: {a: A}, tag: kind, open: false}
          K: {is: string}
          R: {schema: {type: array, items: {$ref: "#/$defs/A"}}}
        """)
    assert own_type_graph(contract) == {"A": ["A", "B", "K"], "B": ["A"], "K": [], "R": ["A"]}


def test_refs_of_a_raw_schema_are_found_at_every_depth() -> None:
    node = node_of("{items: {anyOf: [{$ref: '#/$defs/A'}, {$ref: 'https://x'}, {$ref: 5}]}}")
    assert [name for name, _ in schema_refs(node)] == ["A"]


def test_fields_and_types_of_methods_and_events_are_passed_through() -> None:
    contract = contract_of("""
        types: {P: {fields: {a: int}}}
        services:
          S:
            methods:
              m: {id: 1, params: {b: int}, returns: byte stream}
              n: {id: 2, returns: P}
              o: {id: 5, sends: P, yields: P}
            events: {e: {id: 3, fields: {c: int}}, f: {id: 4, payload: P}}
        """)
    shown = [(one.field.name, one.owner) for one in fields(contract)]
    assert shown == [
        ("a", "type `P`"),
        ("b", "method `m`"),
        ("c", "event `e`"),
    ]
    assert sum(isinstance(one, Ref) for one in expressions(contract)) == 4
