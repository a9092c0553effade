import pytest

from duologue_codegen.model import Contract, Field, ObjectType
from duologue_codegen.model.forms import own_tag_of
from duologue_codegen.text.source import MAX_DEPTH
from duologue_codegen.text.tree import ScalarNode
from duologue_codegen.values.fits import field_misfits, misfits, type_misfits
from tests.unit.codegen.contract_text import contract_of, node_of

CONTRACT = contract_of("""
    types:
      Word: {is: {type: string, pattern: "^[a-z]+$", max: 5}}
      Color: {enum: {red: {value: R}, green: Green.}, open: false}
      Mood: {enum: {calm: Calm.}, open: true}
      Text: {fields: {text: string}}
      File: {fields: {size: {type: int, min: 0}}}
      Body: {union: {text: Text, file: File}, tag: kind, open: false}
      Grown: {union: {text: Text}, tag: kind, open: true}
      Loop: {is: Circle}
      Circle: {is: Loop}
      Raw: {schema: {type: object, required: [word], properties: {word: {$ref: "#/$defs/Word"}}}}
      All:
        fields:
          word: {type: optional Word}
          words: {type: list of Word, max: 2, default: []}
          colors: {type: map of Color to int, default: {}}
          names: {type: map of Word to int, default: {}}
          mood: {type: Mood, default: calm}
          body: optional Body
          grown: optional Grown
          raw: optional Raw
          loop: optional Loop
          tenth: {type: float, multiple_of: 0.1, default: 0}
          price: {type: decimal, gt: 0, lt: 10, presence: explicit}
          note: {type: string, presence: explicit}
    """)


def fields() -> dict[str, Field]:
    all_ = CONTRACT.types["All"]
    assert isinstance(all_, ObjectType)
    return dict(all_.fields)


def messages(value: str) -> list[str]:
    return [one.message for one in field_misfits(node_of(value), fields(), CONTRACT, "`All`")]


@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "{word: null}",
        "{word: abc, words: [a, b]}",
        "{colors: {R: 1, green: 2}}",
        "{mood: never heard of}",
        "{body: {kind: file, size: 0}}",
        "{grown: {kind: new, x: 1}}",
        "{raw: {word: abc}}",
        "{loop: anything}",
        "{tenth: 0.3}",
        '{price: "9.99"}',
    ],
)
def test_value_that_belongs_to_its_type_has_no_misfits(value: str) -> None:
    assert messages(value) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "`All` is an object"),
        ("{wrd: a}", "`All` has no field `wrd`"),
        ("{word: ABC}", "`ABC` does not match `^[a-z]+$`"),
        ("{word: abcdef}", "a length of 6 is more than `max`, 5"),
        ("{words: [a, b, c]}", "a count of 3 is more than `max`, 2"),
        ("{words: abc}", "`abc` is not a list"),
        ("{colors: {red: 1}}", "`Color` has no value `red`"),
        ("{colors: [1]}", "a list is not a map"),
        ("{names: {A: 1}}", "`A` does not match `^[a-z]+$`"),
        ("{mood: 5}", "`5` is not a value of `Mood`"),
        ("{body: {size: 0}}", "`Body` needs the tag `kind`, a text"),
        ("{body: {kind: fiel, size: 0}}", "`Body` has no form `fiel`"),
        ("{body: {kind: file, size: -1}}", "-1 is less than `min`, 0"),
        ("{grown: {kind: 5}}", "`Grown` needs the tag `kind`, a text"),
        ("{raw: {word: ABC}}", "`ABC` does not match `^[a-z]+$`"),
        ("{tenth: 0.25}", "0.25 is no multiple of 0.1"),
        ('{price: "10"}', "10 is not below `lt`, 10"),
        ('{price: "0"}', "0 is not above `gt`, 0"),
        ("{note: null}", "null is not a string"),
    ],
)
def test_misfit_is_told_in_words(value: str, message: str) -> None:
    assert message in messages(value)


WORLD = contract_of("""
    types:
      Address: {fields: {street: string}}
      Kept: {unknown: keep, fields: {id: int}}
      Tree: {is: string or list of Tree}
      Leaf: {fields: {text: string}}
      Inner: {union: {leaf: Leaf}, tag: kind, open: true}
      Outer: {union: {address: Address, inner: Inner}, tag: kind, open: true}
      World:
        fields:
          place: {type: optional string or Address, presence: omit_null}
          port: {type: optional int or string}
          kept: optional Kept
          tree: optional Tree
          outer: optional Outer
          held: optional text of Address
    """)


def world_messages(value: str) -> list[str]:
    return [one.message for one in type_misfits(node_of(value), WORLD.types["World"], WORLD)]


@pytest.mark.parametrize(
    "value",
    [
        "{place: here, port: 5}",
        '{place: {street: a}, port: "5"}',
        "{place: null, port: null}",
        "{kept: {id: 1, more: [1, {a: null}]}}",
        "{tree: [a, [b, []]]}",
        "{outer: {kind: address, street: a}}",
        "{outer: {kind: leaf, text: a}}",
        "{outer: {kind: other, x: 1}}",
        '{held: \'{"street": "a"}\'}',
    ],
)
def test_value_of_the_world_as_it_is_has_no_misfits(value: str) -> None:
    assert world_messages(value) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{place: 5}", "`5` is not `Address or string`"),
        ("{place: {}}", "field `street` of `Address` is missing"),
        ("{port: 1.5}", "`1.5` is not an int"),
        ("{port: true}", "`true` is not `int or string`"),
        ("{kept: {id: a, more: .nan}}", "`a` is not an int"),
        ("{kept: {id: 1, more: .nan}}", "`.nan` is not a json"),
        ("{tree: [a, [5]]}", "`5` is not `string or list of Tree`"),
        ("{outer: {kind: leaf, street: a}}", "field `text` of `Leaf` is missing"),
        ("{held: {street: a}}", "a mapping is not a text with JSON in it"),
        ("{held: '{'}", "`{` is not a text with JSON in it"),
        ("{held: '{\"street\": NaN}'}", '`{"street": NaN}` is not a text with JSON in it'),
        ("{held: '{\"street\": 5}'}", "in the text: `5` is not a string"),
        ("{held: '{\"strt\": 5}'}", "in the text: field `street` of `Address` is missing"),
    ],
)
def test_misfit_of_the_world_as_it_is_is_told_in_words(value: str, message: str) -> None:
    assert message in world_messages(value)


@pytest.mark.parametrize(("depth", "misfits"), [(MAX_DEPTH, 0), (MAX_DEPTH + 1, 1), (5000, 1)])
def test_json_in_a_text_is_as_deep_as_contracts_are(depth: int, misfits: int) -> None:
    contract = contract_of("types: {A: {is: text of Tree}, Tree: {is: string or list of Tree}}")
    text = "[" * depth + "]" * depth
    value = ScalarNode(text, text, node_of("1").at)
    assert len(list(type_misfits(value, contract.types["A"], contract))) == misfits


def test_each_misfit_is_told_at_its_own_place() -> None:
    found = list(field_misfits(node_of("{words: [A, b, C]}"), fields(), CONTRACT, "`All`"))
    assert [(one.at.column, one.at.length) for one in found][:2] == [(17, 1), (23, 1)]


def test_missing_field_is_told_unless_it_may_be_absent() -> None:
    body = CONTRACT.types["File"]
    assert [one.message for one in type_misfits(node_of("{}"), body, CONTRACT)] == [
        "field `size` of `File` is missing"
    ]


def test_object_of_a_union_may_carry_its_tag_alone_as_well() -> None:
    text = CONTRACT.types["Text"]
    assert isinstance(text, ObjectType)
    assert own_tag_of(text, CONTRACT) == ("kind", "kind", "text")
    assert list(type_misfits(node_of("{kind: text, text: a}"), text, CONTRACT)) == []
    assert len(list(type_misfits(node_of("{kind: file, text: a}"), text, CONTRACT))) == 1


def test_hint_tells_to_quote_what_is_meant_as_text() -> None:
    assert next(type_misfits(node_of("12"), CONTRACT.types["Word"], CONTRACT)).hint == (
        'put it in quotes: "12"'
    )


def chain_of_aliases(length: int) -> Contract:
    aliases = [f"  A{i}: {{is: A{i + 1}}}" for i in range(length)]
    last = f"  A{length}: {{fields: {{next: optional A0}}}}"
    return contract_of("\n".join(["types:", *aliases, last]))


@pytest.mark.parametrize("length", [1, 4, 2000])
def test_deep_value_of_chained_aliases_ends_without_an_exception(length: int) -> None:
    contract = chain_of_aliases(length)
    depth = MAX_DEPTH - 1
    value = node_of("{next: " * depth + "null" + "}" * depth)
    assert list(type_misfits(value, contract.types["A0"], contract)) == []


def test_type_that_nobody_declares_takes_anything() -> None:
    contract = contract_of("types: {A: {is: Missing}}")
    assert list(type_misfits(node_of("5"), contract.types["A"], contract)) == []


def test_constraints_of_an_optional_speak_of_what_is_inside() -> None:
    word = fields()["word"]
    assert list(misfits(node_of("null"), word.type, CONTRACT, word.constraints)) == []
