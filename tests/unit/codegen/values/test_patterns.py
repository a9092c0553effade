import re

import pytest

from duologue_codegen.values.patterns import (
    MAX_LENGTH,
    MAX_REPEAT,
    NotPortable,
    check_pattern,
    matches,
)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^[a-z0-9-]{1,64}$",
        "^(a|b)+?$",
        "^(?:x|yz){2,}$",
        r"^\[\]\{\}\(\)\.\*\+\?\^\$\|\\\/\-$",
        r"^[^\t\n\r\]]*$",
        "^ü.日$",
        "a|^b$|c$",
        "(a$)",
    ],
)
def test_portable_pattern_passes(pattern: str) -> None:
    check_pattern(pattern)
    assert matches(pattern, "no match at all?!") is not None


@pytest.mark.parametrize(
    ("pattern", "start"),
    [
        (r"a\d", 1),
        (r"\bword", 0),
        (r"\p{L}", 0),
        (r"\x41", 0),
        (r"(a)\1", 3),
        ("a(?=b)", 1),
        ("(?i)a", 0),
        ("(?P<n>a)", 0),
        ("a$b", 1),
        ("a**", 2),
        ("a++", 2),
        ("+a", 0),
        ("a|*", 2),
        ("a{,3}", 1),
        ("a{x", 1),
        ("a}", 1),
        ("a]", 1),
        ("[]a]", 0),
        ("[a[b]]", 2),
        ("[a&&b]", 2),
        ("[a", 0),
        ("(a", 0),
        ("a)", 1),
        ("[z-a]", 1),
        ("a\\", 1),
        ("a{3,2}", 2),
    ],
)
def test_other_pattern_is_refused_where_it_differs(pattern: str, start: int) -> None:
    with pytest.raises(NotPortable) as caught:
        check_pattern(pattern)
    assert caught.value.start == start


def test_length_is_allowed_up_to_its_limit() -> None:
    check_pattern("a" * MAX_LENGTH)
    with pytest.raises(NotPortable):
        check_pattern("a" * (MAX_LENGTH + 1))


def test_repetition_is_allowed_up_to_its_limit() -> None:
    check_pattern(f"a{{{MAX_REPEAT}}}")
    with pytest.raises(NotPortable):
        check_pattern(f"a{{{MAX_REPEAT + 1}}}")


def test_repetitions_that_multiply_are_refused() -> None:
    with pytest.raises(NotPortable, match="Rust"):
        check_pattern("((a{1000}){1000}){1000}")


def test_deep_groups_are_refused() -> None:
    check_pattern("(" * 20 + "a" + ")" * 20)
    with pytest.raises(NotPortable):
        check_pattern("(" * 21 + "a" + ")" * 21)


def test_hostile_pattern_is_matched_in_linear_time() -> None:
    assert matches("^(a+)+$", "a" * 100_000 + "!") is False


def test_pattern_that_does_not_compile_has_no_answer() -> None:
    assert matches("(", "a") is None


@pytest.mark.parametrize("text", ["lobby", "Lobby", "", "two words", "ä"])
@pytest.mark.parametrize("pattern", ["^[a-z0-9-]{1,64}$", "^[^ ]*$", "o(b|w)", "ä|^$"])
def test_both_engines_agree_on_portable_patterns(pattern: str, text: str) -> None:
    check_pattern(pattern)
    assert matches(pattern, text) is bool(re.search(pattern, text))
