"""Entries taken out of a contract's text: what stays is as it was."""

import pytest

from duologue_codegen.diagnostics import Position
from duologue_codegen.text.cutting import without
from duologue_codegen.text.source import parse, read_source
from duologue_codegen.text.tree import ListNode, MapNode, Node


def places(node: Node, name: str) -> list[Position]:
    """Where a key, or an item of a list, is called so."""
    found: list[Position] = []
    if isinstance(node, MapNode):
        for entry in node.entries:
            found += [entry.key.at] if entry.key.text == name else []
            found += places(entry.value, name)
    elif isinstance(node, ListNode):
        for item in node.items:
            found += [item.at] if item.data == name else []
            found += places(item, name)
    return found


def cut(text: str, *names: str) -> str:
    source, faults = read_source("a.yaml", text.encode())
    tree, more = parse(source)
    assert tree is not None
    assert not faults
    assert not more
    gone = {at for name in names for at in places(tree, name)}
    return without(source.lines, tree, gone)


def test_an_entry_goes_with_its_lines_and_the_comments_above_it() -> None:
    text = "a: 1\n# of b\n# more\nb:\n  c: 2\n\n  # inside\n  d: 3\n# of e\ne: 4\n"
    assert cut(text, "b") == "a: 1\n# of e\ne: 4\n"


def test_the_last_entry_goes() -> None:
    assert cut("a: 1\nb:\n  c: 2\n", "b") == "a: 1\n"


def test_of_the_empty_lines_around_it_one_stays() -> None:
    assert cut("a: 1\n\nb: 2\n\nc: 3\n", "b") == "a: 1\n\nc: 3\n"
    assert cut("x:\n  a: 1\n  b: 2\n\ny: 3\n", "b") == "x:\n  a: 1\n\ny: 3\n"
    assert cut("x:\n  a: 1\n\n  b: 2\ny: 3\n", "a") == "x:\n  b: 2\ny: 3\n"


def test_a_text_on_several_lines_goes_whole() -> None:
    assert cut("a: |\n  one\n\n  two\nb: 2\n", "a") == "b: 2\n"


def test_a_list_below_its_key_without_a_further_level_goes_whole() -> None:
    assert cut("a:\n- 1\n- 2\nb: 2\n", "a") == "b: 2\n"


def test_items_of_a_list_go() -> None:
    assert cut("a:\n  - x\n  # of y\n  - y\n  - z\n", "y") == "a:\n  - x\n  - z\n"


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("a", "x: {b: 'it''s, }', c: [1, {d: 2}]}\n"),
        ("b", "x: {a: 1, c: [1, {d: 2}]}\n"),
        ("c", "x: {a: 1, b: 'it''s, }'}\n"),
        ("ab", "x: {c: [1, {d: 2}]}\n"),
        ("bc", "x: {a: 1}\n"),
        ("ac", "x: {b: 'it''s, }'}\n"),
    ],
)
def test_entries_in_braces_go_with_their_commas(gone: str, left: str) -> None:
    assert cut("x: {a: 1, b: 'it''s, }', c: [1, {d: 2}]}\n", *gone) == left


def test_quotes_and_apostrophes_in_braces_are_told_apart() -> None:
    text = 'x: {a: a user\'s "name", b: "a \\" quote, }", c: it\'s}\n'
    assert cut(text, "b") == "x: {a: a user's \"name\", c: it's}\n"
    assert cut(text, "a") == 'x: {b: "a \\" quote, }", c: it\'s}\n'


def test_braces_may_go_over_several_lines() -> None:
    text = "x: {\n  a: 1,  # one, or more}\n  b: {c: 2},\n  d: 3\n}\n"
    assert cut(text, "b") == "x: {\n  a: 1,  # one, or more}\n  d: 3\n}\n"
    assert cut(text, "d") == "x: {\n  a: 1,  # one, or more}\n  b: {c: 2}\n}\n"


def test_items_in_brackets_go() -> None:
    assert cut("x: [a, b, c]\n", "c") == "x: [a, b]\n"


def test_what_nothing_is_left_of_goes_with_its_key() -> None:
    assert cut("a: 1\nx:\n  y: {z: 1}\nb: 2\n", "z") == "a: 1\nb: 2\n"
    assert cut("a: 1\nx: [c, d]\n", "c", "d") == "a: 1\n"


def test_nothing_is_cut_where_nothing_goes() -> None:
    text = "a: 1\n\n\nb: {c: 2}  # three\n"
    assert cut(text) == text
