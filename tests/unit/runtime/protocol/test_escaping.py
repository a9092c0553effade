"""No text of the application is taken for a word of the layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.escaping import (
    FRAGMENT_WORDS,
    KEEPALIVE_WORDS,
    escape,
    escape_utf8,
    unescape,
)

WORDS = (*KEEPALIVE_WORDS, *FRAGMENT_WORDS)


@given(st.sampled_from(("", "f", *WORDS)), st.text(max_size=4))
def test_what_is_escaped_is_no_word_and_is_read_back(start: str, rest: str) -> None:
    text = start + rest
    for words in (KEEPALIVE_WORDS, FRAGMENT_WORDS):
        wire = escape(text, words)
        assert wire not in words
        assert unescape(wire, words) == text


@given(st.sampled_from(("", *WORDS)), st.text(max_size=4))
def test_both_forms_of_escaping_agree(start: str, rest: str) -> None:
    text = start + rest
    words_utf8 = tuple(word.encode() for word in FRAGMENT_WORDS)
    escaped = escape_utf8(text.encode(errors="replace"), words_utf8)
    assert escaped == escape(text, FRAGMENT_WORDS).encode(errors="replace")


@pytest.mark.parametrize("word", WORDS)
def test_no_word_begins_another(word: str) -> None:
    assert [other for other in WORDS if other.startswith(word)] == [word]
