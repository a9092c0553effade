import pytest

from duologue_codegen.diagnostics import Diagnostic, Position
from duologue_codegen.text import source as source_module
from duologue_codegen.text.source import MAX_DEPTH, MAX_FILE_BYTES, parse, read_source
from duologue_codegen.text.tree import ListNode, MapNode, Node, ScalarNode


def read(data: bytes) -> tuple[MapNode | None, list[Diagnostic]]:
    source, faults = read_source("f", data)
    if faults:
        return None, faults
    return parse(source)


def tree(data: bytes) -> MapNode:
    found, faults = read(data)
    assert faults == []
    assert found is not None
    return found


def rules(data: bytes) -> list[str]:
    return [fault.rule for fault in read(data)[1]]


def place(node: Node | None) -> tuple[int, int, int]:
    assert node is not None
    return node.at.line, node.at.column, node.at.length


def test_document_becomes_plain_data() -> None:
    text = b"a: 1\nb: [on, 'no', 010, {c: ~}]\nd: |\n  two\n  lines\n"
    assert tree(text).data == {"a": 1, "b": ["on", "no", 10, {"c": None}], "d": "two\nlines\n"}


def test_quoted_scalars_are_text() -> None:
    assert tree(b'a: "1"\nb: \'true\'\nc: ""').data == {"a": "1", "b": "true", "c": ""}


def test_nodes_know_where_they_stand() -> None:
    found = tree(b"first: x\nblock:\n  inner: [1, two]\n")
    entry = found.entry("block")
    assert entry is not None
    assert place(entry.key) == (2, 1, 5)
    assert place(entry.value) == (3, 3, 5)
    assert isinstance(entry.value, MapNode)
    items = entry.value.get("inner")
    assert place(items) == (3, 10, 8)
    assert isinstance(items, ListNode)
    assert place(items.items[1]) == (3, 14, 3)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_positions_hold_behind_every_line_end(line_end: str) -> None:
    text = line_end.join(["a: |", "  one", "  two", "b: {c: d}"]).encode()
    found = tree(text)
    assert place(found.get("b")) == (4, 4, 6)
    assert found.data == {"a": "one\ntwo\n", "b": {"c": "d"}}


def test_positions_count_characters_and_not_bytes() -> None:
    found = tree("ü: {日本: 🎉, x: y}".encode())
    inner = found.get("ü")
    assert isinstance(inner, MapNode)
    assert place(inner.get("x")) == (1, 15, 1)


def test_byte_order_mark_takes_no_column() -> None:
    assert place(tree(b"\xef\xbb\xbfa: b").get("a")) == (1, 4, 1)


def test_part_of_a_scalar_has_its_own_place() -> None:
    node = tree(b"a: 'list of Mesage'").get("a")
    assert isinstance(node, ScalarNode)
    assert node.part_at(8, 6) == Position("f", 1, 13, 6)


@pytest.mark.parametrize(
    ("text", "start", "length", "column", "characters"),
    [
        ('"x\\ty"', 0, 1, 5, 1),
        ('"x\\ty"', 1, 1, 6, 2),
        ('"x\\ty"', 2, 1, 8, 1),
        ('"x\\ty"', 1, 2, 6, 3),
        ('"\\u0009\\x41\\U0001F600."', 2, 2, 15, 11),
        ("'it''s'", 2, 1, 7, 2),
        ("'it''s'", 3, 1, 9, 1),
    ],
)
def test_part_of_an_escaped_scalar_has_the_place_of_its_escapes(
    text: str, start: int, length: int, column: int, characters: int
) -> None:
    node = tree(f"a: {text}".encode()).get("a")
    assert isinstance(node, ScalarNode)
    assert node.part_at(start, length) == Position("f", 1, column, characters)


def test_part_of_a_scalar_on_several_lines_has_the_place_of_the_whole() -> None:
    node = tree(b'a: "x\\ty\n  z"').get("a")
    assert isinstance(node, ScalarNode)
    assert node.part_at(2, 1) == Position("f", 1, 4, 5)


def test_key_that_comes_twice_is_told_with_both_places() -> None:
    found, faults = read(b'a: 1\n"a": 2\n')
    assert [(fault.rule, fault.at.line) for fault in faults] == [("duplicate-key", 2)]
    assert faults[0].related is not None
    assert faults[0].related.at.line == 1
    assert found is not None
    assert found.data == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        b"a: &x 1",
        b"a: *x",
        b"a: &x 1\nb: *x",
        b"<<: {a: 1}",
        b"a: !!str 1",
        b"a: !mine {b: 1}",
        b"? [1]\n: 2",
        b"a: 1\n---\nb: 2",
        b"%YAML 1.1\n---\na: 1",
        b"a:\t1",
        b"a: 1 #\tcomment",
    ],
)
def test_what_the_language_leaves_out_of_yaml_is_refused(text: bytes) -> None:
    assert set(rules(text)) <= {"yaml-subset", "yaml-syntax"}
    assert "yaml-subset" in rules(text) or text == b"a: *x"


def test_quoted_merge_key_is_a_key() -> None:
    assert tree(b"'<<': 1").data == {"<<": 1}


@pytest.mark.parametrize(
    "text",
    [
        b"a: [1",
        b"a: b: c",
        b"a: @",
        b"a: \x00",
        b"a: \x1b[2J",
        b"a: \xff",
        b"\xff\xfea\x00",
        "a: \u2028".encode(),
        b'a: "\\ud800"',
        b"a: \xed\xa0\x80",
        b"k" * 1_000_000 + b": 1",
        b'a: "\\xZZ"',
    ],
)
def test_what_is_no_yaml_is_a_finding(text: bytes) -> None:
    assert rules(text) == ["yaml-syntax"]


@pytest.mark.parametrize("text", [b"", b"# nothing", b"- a", b"a", b"---", b"null"])
def test_document_that_is_no_mapping_is_a_finding(text: bytes) -> None:
    assert rules(text) == ["node-shape"]


def test_invalid_utf_8_is_told_where_it_stands() -> None:
    assert read("a: 1\nü: ".encode() + b"\xff")[1][0].at == Position("f", 2, 4)


@pytest.mark.parametrize("opening", [b"[", b"{a: ", b"- "])
def test_depth_bomb_is_a_finding(opening: bytes) -> None:
    assert rules(b"a:\n  " + opening * 100_000)[-1] in {"yaml-subset", "yaml-syntax"}


def test_depth_is_allowed_up_to_its_limit() -> None:
    inside = MAX_DEPTH - 1  # the document's own mapping is the first
    assert rules(b"a: " + b"[" * inside + b"]" * inside) == []
    assert rules(b"a: " + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) == ["yaml-subset"]


def test_size_is_allowed_up_to_its_limit() -> None:
    padding = b"a: 1 #"
    assert rules(padding + b"x" * (MAX_FILE_BYTES - len(padding))) == []
    assert rules(padding + b"x" * (MAX_FILE_BYTES - len(padding) + 1)) == ["yaml-subset"]


def test_pure_python_loader_gives_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = "a: 1\r\nü: {b: [x, 'y']}\r\nc: >\r\n  folded\r\n  text\r\n".encode()
    fast = tree(text)
    monkeypatch.setattr(source_module, "_LOADER", yaml.SafeLoader)
    slow = tree(text)
    assert slow == fast
    assert [entry.key.at for entry in slow.entries] == [entry.key.at for entry in fast.entries]
