"""Text of others: what is made visible of it, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.foreign_text import shown

ESCAPED = {
    "\x1b[31m": r"\x1b[31m",
    "\x9b31m": r"\x9b31m",
    "\x7f": r"\x7f",
    "\0": r"\x00",
    "a\r\nb\tc": r"a\r\nb\tc",
    "\x85\u2028\u2029": r"\x85\u2028\u2029",
    "\u202a\u202b\u202c\u202d\u202e": r"\u202a\u202b\u202c\u202d\u202e",
    "\u2066\u2067\u2068\u2069": r"\u2066\u2067\u2068\u2069",
    "\u061c\u200e\u200f": r"\u061c\u200e\u200f",
    "\ufeffx\u200b\u2060": r"\ufeffx\u200b\u2060",
    "\ud800 \udfff": r"\ud800 \udfff",
    "\U000e0041": r"\U000e0041",
}
LEFT = (
    "",
    "plain, with a \\ and a ~",
    "é ß ż",
    "漢字\u3000かな",
    "עברית",
    "🙂 👩\u200d🚀",
    "می\u200cخواهم",
    "\xa0\u202f",
)

texts = st.text(st.characters(codec=None, exclude_categories=()))
anything = texts | st.text(st.sampled_from([*"".join(ESCAPED), "\x1b", "\\", "x", "é"]))


@pytest.mark.parametrize("text", ESCAPED, ids=ascii)
def test_what_commands_or_misleads_becomes_visible(text: str) -> None:
    assert shown(text) == ESCAPED[text]


@pytest.mark.parametrize("text", LEFT, ids=ascii)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_what_is_to_be_kept_is_kept() -> None:
    assert shown("a\n\tb\r\x1b", keep="\n\t") == "a\n\tb\\r\\x1b"


@given(anything)
def test_the_outcome_is_one_line_of_unicode_without_controls(text: str) -> None:
    clean = shown(text)
    clean.encode()
    assert len(clean.splitlines()) <= 1
    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in clean)
    assert not set(clean) & {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


@given(anything)
def test_it_can_be_applied_again_without_a_change(text: str) -> None:
    assert shown(shown(text)) == shown(text)


@given(anything, anything)
def test_parts_are_cleaned_like_the_whole(left: str, right: str) -> None:
    assert shown(left + right) == shown(left) + shown(right)


@given(anything)
def test_every_character_is_still_there_or_named(text: str) -> None:
    clean = shown(text)
    for character in text:
        assert character in clean or character.encode("unicode_escape").decode("ascii") in clean
