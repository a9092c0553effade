import pytest

from duologue_codegen.diagnostics import Position
from duologue_codegen.model import (
    AliasType,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    TextOf,
    TypeExpr,
)
from duologue_codegen.reading.expressions import MAX_WORDS
from tests.unit.codegen.contract_text import FILE, contract_of, read


def spelled(type_: TypeExpr) -> str:
    """Brackets around each part show how the words were grouped."""
    match type_:
        case Scalar(kind=kind):
            return kind.value
        case Ref(name=name, alias=alias):
            return name if alias is None else f"{alias}.{name}"
        case OptionalOf(of=inner):
            return f"optional({spelled(inner)})"
        case ListOf(of=item):
            return f"list({spelled(item)})"
        case MapOf(key=key, value=value):
            return f"map({'string' if key is None else spelled(key)}, {spelled(value)})"
        case TextOf(of=inner):
            return f"text({spelled(inner)})"
        case OneOf(forms=forms):
            return f"one({', '.join(map(spelled, forms))})"


def expression(text: str) -> TypeExpr:
    type_ = contract_of(f"types: {{T: {{is: {text}}}}}").types["T"]
    assert isinstance(type_, AliasType)
    return type_.type


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("int", "int"),
        ("Member", "Member"),
        ("common.User", "common.User"),
        ("optional list of int", "optional(list(int))"),
        ("list of optional int", "list(optional(int))"),
        ("map of int", "map(string, int)"),
        ("map of string to int", "map(string, int)"),
        ("map of RoomId to list of Member", "map(RoomId, list(Member))"),
        ("map of map of A to int", "map(string, map(A, int))"),
        ("map of A to map of B to int", "map(A, map(B, int))"),
        ("string or int", "one(string, int)"),
        ("optional A or int or bool", "optional(one(A, int, bool))"),
        ("int or list of A or bool", "one(int, list(one(A, bool)))"),
        ("list of A or int", "list(one(A, int))"),
        ("map of K to A or int", "map(K, one(A, int))"),
        ("text of A", "text(A)"),
        ("text of list of A or int", "text(list(one(A, int)))"),
        ("list of text of optional A", "list(text(optional(A)))"),
        ("list  of   int", "list(int)"),
        ("'list of int'", "list(int)"),
    ],
)
def test_words_are_grouped_from_the_right(text: str, grouped: str) -> None:
    assert spelled(expression(text)) == grouped


def test_each_part_stands_where_its_words_stand() -> None:
    whole = expression("optional list of common.User")
    assert isinstance(whole, OptionalOf)
    assert isinstance(whole.of, ListOf)
    start = len("types: {T: {is: ")
    assert whole.at == Position(FILE, 3, start + 1, 28)
    assert whole.of.at == Position(FILE, 3, start + 10, 19)
    assert whole.of.of.at == Position(FILE, 3, start + 18, 11)


STREAMS = ["byte stream", "list of text stream", "stream", "string or stream"]


@pytest.mark.parametrize("text", STREAMS)
def test_stream_is_no_type_of_a_value(text: str) -> None:
    _, faults = read(f"types: {{T: {{fields: {{f: {text}}}}}}}")
    assert [fault.rule for fault in faults] == ["type-expression"]
    assert "a result only" in faults[0].message


FORMS = "a type is a scalar, a name, `optional T`, `list of T`, `map of K to T` or `T or U`"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("string?", "write `optional string`"),
        ("common.User?", "write `optional common.User`"),
        ("'list[int]'", "write `list of int`"),
        ("List<int>", "write `list of int`"),
        ("'int[]'", "write `list of int`"),
        ("'[int]'", "write `list of int`"),
        ("list int", "write `list of T`"),
        ("map string to int", "write `map of T` or `map of K to T`"),
        ("optional", "a type follows `optional`, `of` and `or`"),
        ("list of", "a type follows `optional`, `of` and `or`"),
        ("map of K to", "a type follows `optional`, `of` and `or`"),
        ("string or", "a type follows `optional`, `of` and `or`"),
        ("string or optional int", "write `optional` in front of the whole type"),
        ("string|int", "write `string or int`"),
        ("''", "write a type, such as `int`"),
        (
            "a.b.c",
            FORMS,
        ),
    ],
)
def test_other_spellings_get_a_hint(text: str, hint: str) -> None:
    _, faults = read(f"types: {{T: {{is: {text}}}}}")
    assert [(fault.rule, fault.hint) for fault in faults] == [("type-expression", hint)]


def test_words_are_allowed_up_to_their_limit() -> None:
    fits = "list of " * (MAX_WORDS // 2 - 1) + "optional int"
    assert read(f"types: {{T: {{is: {fits}}}}}")[1] == []
    assert len(read(f"types: {{T: {{is: list of {fits}}}}}")[1]) == 1


def test_endless_expression_is_a_finding() -> None:
    _, faults = read("types:\n  T:\n    is: >\n      " + "optional " * 100_000)
    assert [fault.rule for fault in faults] == ["type-expression"]


@pytest.mark.parametrize("text", ["5", "true", "~", "[int]", "{type: {a: int}}"])
def test_what_is_no_text_is_no_type(text: str) -> None:
    assert {fault.rule for fault in read(f"types: {{T: {{is: {text}}}}}")[1]} <= {"node-shape"}
    assert read(f"types: {{T: {{is: {text}}}}}")[1]
