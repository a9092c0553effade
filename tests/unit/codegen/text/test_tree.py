from dataclasses import replace

from duologue_codegen.diagnostics import Position
from tests.unit.codegen.contract_text import tree_of


def test_mapping_gives_values_and_entries_by_key() -> None:
    tree = tree_of("a: 1\nb: {c: [x]}\n")
    entry = tree.entry("b")
    assert entry is not None
    assert entry.value.data == {"c": ["x"]}
    assert tree.get("missing") is None
    assert [key for key, _ in tree] == ["a", "b"]


def test_places_take_no_part_in_comparisons() -> None:
    tree = tree_of("a: 1")
    assert replace(tree, at=Position("other", 9, 9)) == tree
