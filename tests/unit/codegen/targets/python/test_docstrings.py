import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue_codegen.targets.python.docstrings import LINE_LENGTH, docstring

AWKWARD = [
    "Plain.",
    'Ends with a "quote"',
    'Has """three""" of them',
    "Ends with a backslash \\",
    "Has \\n and \\x41 and {braces}.",
    "'''",
    '"',
    '""""',
    'Says """',
    'Says ""',
    '""""""',
    '"""\n"""',
    'A backslash and a quote: \\"',
    'Two of them: \\\\"',
    'All: \\"""',
    'Three at the end """',
    'Three and a backslash \\"""',
    'A backslash and a quote \\"',
    "word " * 60,
    "Two.\n\nParagraphs.",
    "A list:\n\n  * one\n  * two",
]


def read(literal: str, indent: int) -> str | None:
    margin = " " * indent
    code = f"class A:\n    {literal}\n" if indent == 4 else f"{margin}{literal}\n"
    module = ast.parse(code)
    node = module.body[0] if indent == 4 else module
    assert isinstance(node, ast.ClassDef | ast.Module)
    return ast.get_docstring(node)


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("indent", [0, 4])
def test_any_text_is_safe_and_says_the_same(text: str, indent: int) -> None:
    met = read(docstring(text, indent), indent)
    assert met is not None
    assert met.split() == text.split()


# What could end a docstring early or change its meaning comes often.
AWKWARD_TEXTS = st.text(st.sampled_from("\"'\\{} \nabcxNu0ü😀") | st.characters(), max_size=300)


@given(AWKWARD_TEXTS)
def test_every_text_parses_back_to_its_words(text: str) -> None:
    printable = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    for indent in (0, 4):
        literal = docstring(text, indent)
        met = read(literal, indent) if literal else ""
        assert met is not None
        assert met.split() == printable.split()


@given(st.text(st.sampled_from("\"'\\{}abcxNu0ü"), min_size=1, max_size=80))
def test_a_line_that_fits_parses_back_to_itself(text: str) -> None:
    assert ast.literal_eval(docstring(text)) == text


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("indent", [0, 4, 8])
def test_no_line_is_too_long(text: str, indent: int) -> None:
    literal = " " * indent + docstring(text, indent)
    assert max(map(len, literal.splitlines())) <= LINE_LENGTH


def test_nothing_to_say_is_no_docstring() -> None:
    assert docstring("  \n ") == ""


def test_a_short_text_stays_on_one_line() -> None:
    assert docstring("Say hello.") == '"""Say hello."""'


@pytest.mark.parametrize(("length", "lines"), [(94, 1), (95, 2)])
def test_one_line_is_left_when_the_quotes_do_not_fit(length: int, lines: int) -> None:
    assert len(docstring("x" * length).splitlines()) == lines


def test_entries_are_wrapped_under_their_text() -> None:
    text = "Do.\n\nRaises:\n    RoomFull: " + "much " * 30
    lines = docstring(text, 8).splitlines()
    assert lines[3].startswith(" " * 12 + "RoomFull: much")
    assert lines[4].startswith(" " * 16 + "much")


def test_paragraphs_stay_apart() -> None:
    assert docstring("One.\n\nTwo.") == '"""One.\n\nTwo.\n"""'


def test_characters_that_hide_something_become_blanks() -> None:
    assert docstring("a\u202eb\x07c") == '"""a b c"""'


@given(st.text(st.sampled_from("\"\\' \nx")))
def test_no_mixture_of_quotes_and_backslashes_ends_a_docstring(text: str) -> None:
    literal = docstring(text, 4)
    assert (read(literal, 4) or "").split() == text.split() if literal else not text.strip()
