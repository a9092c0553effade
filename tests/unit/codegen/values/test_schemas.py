from collections.abc import Iterator

import pytest

from duologue_codegen.diagnostics import Position
from duologue_codegen.text.tree import MapNode, Node
from duologue_codegen.values.schemas import schema_misfits
from tests.unit.codegen.contract_text import node_of


def by_ref(name: str, node: Node) -> Iterator[tuple[Position, str]]:
    if node.data != name:
        yield node.at, f"not a {name}"


def count(value: str, schema: str) -> int:
    node = node_of(schema)
    assert isinstance(node, MapNode)
    return len(list(schema_misfits(node_of(value), node, by_ref)))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ("{}", "[1, {a: b}]", None),
        ("{type: string}", "a", "5"),
        ("{type: integer}", "5", "5.0"),
        ("{type: number}", "5.5", "a"),
        ("{type: boolean}", "true", "1"),
        ("{type: 'null'}", "null", "0"),
        ("{type: [string, 'null']}", "null", "0"),
        ("{const: a}", "a", "b"),
        ("{const: 1}", "1", "true"),
        ("{enum: [a, b]}", "b", "c"),
        ("{$ref: '#/$defs/Name'}", "Name", "Other"),
        ("{anyOf: [{type: string}, {type: 'null'}]}", "null", "5"),
        ("{oneOf: [{$ref: '#/$defs/A'}, {$ref: '#/$defs/B'}]}", "B", "C"),
        ("{type: string, minLength: 2}", "ab", "a"),
        ("{type: string, maxLength: 2}", "ab", "abc"),
        ("{type: string, pattern: '^a'}", "ab", "b"),
        ("{type: string, format: date}", "2026-01-01", "today"),
        ("{type: string, format: email}", "a@b", "a"),
        ("{type: string, format: uri}", "https://example.org", "example"),
        ("{type: integer, minimum: 2}", "2", "1"),
        ("{type: integer, maximum: 2}", "2", "3"),
        ("{type: number, exclusiveMinimum: 2}", "2.1", "2"),
        ("{type: number, exclusiveMaximum: 2}", "1.9", "2"),
        ("{type: array, items: {type: string}}", "[a]", "[5]"),
        ("{type: array, minItems: 1}", "[a]", "[]"),
        ("{type: array, maxItems: 1}", "[a]", "[a, b]"),
        ("{prefixItems: [{type: string}, {type: integer}], items: false}", "[a, 1]", "[a]"),
        ("{type: object, required: [a]}", "{a: 1}", "{}"),
        ("{type: object, properties: {a: {type: string}}}", "{a: b}", "{a: 1}"),
        ("{type: object, properties: {a: {}}}", "{}", "{b: 1}"),
        ("{type: object, additionalProperties: {type: string}}", "{a: b}", "{a: 1}"),
        ("{type: object, additionalProperties: true}", "{a: 1}", None),
        ("{type: object, additionalProperties: false}", "{}", "{a: 1}"),
        ("{properties: {a: {}}, additionalProperties: true}", "{a: 1, b: 2}", None),
        ("{properties: {a: {}}, additionalProperties: false}", "{a: 1}", "{b: 2}"),
        ("{type: object, propertyNames: {pattern: '^a'}}", "{a: 1}", "{b: 1}"),
        ("{type: object, minProperties: 1}", "{a: 1}", "{}"),
    ],
)
def test_keyword_takes_what_it_means(schema: str, good: str, bad: str | None) -> None:
    assert count(good, schema) == 0
    if bad is not None:
        assert count(bad, schema) == 1


@pytest.mark.parametrize(
    "schema", ["{type: [1]}", "{required: 5, properties: []}", "{items: 5}", "{enum: a}"]
)
def test_misshapen_schema_is_passed_over(schema: str) -> None:
    count("{a: [1]}", schema)
    count("[1]", schema)
