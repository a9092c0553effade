"""What values of a type are in JSON."""

import pytest

from duologue_codegen.model import AliasType, OneOf, Scalar
from duologue_codegen.model.json_kinds import form_for, json_kind, kind_of_node
from tests.unit.codegen.contract_text import contract_of, node_of

NAMED = """
  Name: {is: string}
  Mixed: {is: string or int}
  Mood: {enum: {calm: Calm.}, open: true}
  Thing: {fields: {}}
  Union: {union: {thing: Thing}, tag: kind, open: false}
  RawEnum: {schema: {enum: [a, b]}}
  RawList: {schema: {type: array, items: {type: integer}}}
  RawThing: {schema: {type: object, properties: {a: {type: string}}}}
  RawNumber: {schema: {type: integer}}
  RawAny: {schema: {}}
"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((scalar, "string") for scalar in ("string", "int64", "bytes", "datetime", "decimal")),
        *((scalar, "string") for scalar in ("date", "time", "duration", "uuid", "url")),
        *((scalar, "number") for scalar in ("int", "int32", "float")),
        ("bool", "boolean"),
        ("json", None),
        ("Name", "string"),
        ("Mixed", None),
        ("Mood", "string"),
        ("Thing", "object"),
        ("Union", "object"),
        ("RawEnum", "string"),
        ("RawList", "array"),
        ("RawThing", "object"),
        ("RawNumber", "number"),
        ("RawAny", None),
        ("list of json", "array"),
        ("map of json", "object"),
        ("text of Thing", "string"),
        ("optional int", None),
        ("string or int", None),
        ("Missing", None),
    ],
)
def test_type_has_one_kind_or_none(text: str, kind: str | None) -> None:
    contract = contract_of(f"types:\n  T: {{is: {text}}}\n{NAMED}")
    alias = contract.types["T"]
    assert isinstance(alias, AliasType)
    assert json_kind(alias.type, contract) == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", "string"),
        ("5", "number"),
        ("1.5", "number"),
        ("true", "boolean"),
        ("[]", "array"),
        ("{}", "object"),
        ("null", None),
    ],
)
def test_value_has_a_kind_unless_it_is_null(value: str, kind: str | None) -> None:
    assert kind_of_node(node_of(value)) == kind


def test_value_is_meant_for_the_alternative_of_its_kind() -> None:
    contract = contract_of("types: {T: {is: string or int}}")
    alias = contract.types["T"]
    assert isinstance(alias, AliasType)
    assert isinstance(alias.type, OneOf)
    chosen = form_for(node_of("5"), alias.type, contract)
    assert isinstance(chosen, Scalar)
    assert chosen.kind == "int"
    assert form_for(node_of("true"), alias.type, contract) is None
