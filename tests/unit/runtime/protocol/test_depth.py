"""How deep a JSON text is nested, without parsing it."""

import json

import pytest

from duologue.protocol.depth import is_deeper_than


@pytest.mark.parametrize("levels", [1, 2, 255, 256, 257, 5000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_depth_is_exact(levels: int, opening: str, closing: str) -> None:
    text = opening * levels + "1" + closing * levels
    assert not is_deeper_than(text, levels)
    assert is_deeper_than(text, levels - 1)


@pytest.mark.parametrize(
    "text",
    [
        '["[[[[[["]',
        '["\\"[[[[[["]',
        '["\\\\","[[[[["]',
        '["\\\\\\"[[[[[","[[[["]',
        '{"[[[[[":"{{{{{"}',
        "[[],[],[],[],[],[]]",
        '["ä[[[[😀{{{{"]',
        '["\ud800[[[["]',
    ],
)
def test_brackets_inside_strings_and_side_by_side_do_not_count(text: str) -> None:
    json.loads(text)
    assert not is_deeper_than(text, 2)


def test_a_string_that_ends_in_a_backslash_hides_nothing() -> None:
    text = '["\\\\",[[["\\\\"]]]]'
    json.loads(text)
    assert is_deeper_than(text, 3)
    assert not is_deeper_than(text, 4)


def test_many_shallow_lists_over_several_chunks_are_not_deep() -> None:
    assert not is_deeper_than("[" + ",".join(["[[]]"] * 20_000) + "]", 3)


def test_depth_is_added_up_over_chunks() -> None:
    text = "[" + "[]," * 3000 + "[" * 50 + "]" * 50 + "]"
    assert is_deeper_than(text, 50)
    assert not is_deeper_than(text, 51)


@pytest.mark.parametrize("text", ["", "x", "]]]]", '"', '\\"[', "[" * 3, '"\\'])
def test_of_what_is_no_json_nothing_is_promised_but_an_answer(text: str) -> None:
    assert is_deeper_than(text, 3) is False
