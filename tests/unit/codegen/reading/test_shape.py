import pytest

from duologue_codegen.reading.shape import Shapes, kind_of
from tests.unit.codegen.contract_text import node_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{a: 1}", "a mapping"),
        ("[1]", "a list"),
        ("~", "nothing"),
        ("true", "the truth value `true`"),
        ("010", "the number `010`"),
        ("'010'", "the text `010`"),
    ],
)
def test_nodes_are_named_in_words(text: str, kind: str) -> None:
    assert kind_of(node_of(text)) == kind


def test_every_unknown_key_is_noted_and_the_others_are_read() -> None:
    shapes = Shapes()
    map_ = shapes.mapping(node_of("{dok: a, id: 5, x: 1}"), "it", ("doc", "id"))
    assert map_ is not None
    assert shapes.whole(map_.get("id"), "the id") == 5
    assert [(fault.rule, fault.hint) for fault in shapes.faults] == [
        ("known-keys", "did you mean `doc`? Allowed here: doc, id"),
        ("known-keys", "allowed here: doc, id"),
    ]


@pytest.mark.parametrize(
    ("method", "good", "bad"),
    [
        ("text", "abc", "5"),
        ("text", "'5'", "[a]"),
        ("word", "on", "{}"),
        ("word", "5", "''"),
        ("whole", "-5", "5.0"),
        ("whole", "0", "true"),
        ("truth", "false", "0"),
        ("number", "1.5", "true"),
        ("number", "0", ".inf"),
        ("number", "-1", ".nan"),
        ("prose", "words", '"a\\u202Eb"'),
        ("prose", "'👩‍🔬 at work'", '"\\x07"'),
    ],
)
def test_shape_is_read_or_noted(method: str, good: str, bad: str) -> None:
    shapes = Shapes()
    read = getattr(shapes, method)
    assert read(node_of(good), "it") is not None
    assert shapes.faults == []
    assert read(node_of(bad), "it") is None
    assert [fault.rule for fault in shapes.faults] == ["node-shape"]


def test_what_is_absent_is_no_fault() -> None:
    shapes = Shapes()
    assert shapes.text(None, "it") is None
    assert shapes.items(None, "it", "[]") == ()
    assert list(shapes.named(None, "it", "a: b")) == []
    assert shapes.faults == []


def test_choice_lists_what_there_is() -> None:
    shapes = Shapes()
    assert shapes.choice(node_of("red"), "it", {"red": "stop", "green": "go"}) == "red"
    assert shapes.choice(node_of("blue"), "it", {"red": "stop", "green": "go"}) is None
    assert shapes.faults[0].hint == "expected `red` (stop), `green` (go)"


def test_an_invisible_character_is_underlined_itself() -> None:
    shapes = Shapes()
    node = node_of('"one\\ttwo"')
    assert shapes.prose(node, "the doc") is None
    (fault,) = shapes.faults
    assert (fault.at.column - node.at.column, fault.at.length) == (4, 2)
    assert fault.message == "the doc holds the invisible character U+0009"


@pytest.mark.parametrize("text", ["0.1", "1e3", "1234567890123456", "-0.25"])
def test_a_bound_is_the_number_that_was_written(text: str) -> None:
    shapes = Shapes()
    assert shapes.number(node_of(text), "min") == float(text)
    assert shapes.faults == []


def test_a_bound_with_more_digits_than_a_float_keeps_is_noted() -> None:
    shapes = Shapes()
    assert shapes.number(node_of("12345678901234567890.5"), "min") is None
    (fault,) = shapes.faults
    assert "fewer digits, such as `1.2345678901234567e+19`" in fault.hint
