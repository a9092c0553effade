import json

import pytest

from duologue_codegen.diagnostics import (
    MAX_QUOTED,
    MAX_SHOWN_COLUMNS,
    Diagnostic,
    Position,
    Related,
    in_file_order,
    quoted,
    render_github,
    render_json,
    render_text,
)

FILE = "schema/chat/rooms/v1.yaml"
SOURCES = {
    FILE: ["services:", "  Rooms:", "    join: {id: 4}", "    edit: {id: 4}", "    wait: Mesage"],
    "schema/other/v1.yaml": ["base: 100"],
}
UNKNOWN = Diagnostic(
    "known-types",
    Position(FILE, 5, 11, 6),
    "no type named `Mesage`",
    "did you mean `Message` (line 46)?",
)


def test_text_underlines_the_exact_token() -> None:
    assert render_text([UNKNOWN], SOURCES) == (
        "schema/chat/rooms/v1.yaml:5:11: error[known-types]: no type named `Mesage`\n"
        "    |\n"
        "  5 |     wait: Mesage\n"
        "    |           ^^^^^^ did you mean `Message` (line 46)?\n"
    )


def test_second_place_is_shown_in_the_order_of_the_file() -> None:
    found = Diagnostic(
        "id-unique",
        Position(FILE, 4, 16),
        "id 4 is already `join`",
        "next free id is 5",
        related=Related(Position(FILE, 3, 16), "first used here"),
    )
    assert render_text([found], SOURCES).splitlines()[1:] == [
        "    |",
        "  3 |     join: {id: 4}",
        "    |                - first used here",
        "  4 |     edit: {id: 4}",
        "    |                ^ next free id is 5",
    ]


def test_second_place_in_another_file_names_it() -> None:
    other = Related(Position("schema/other/v1.yaml", 1, 7, 3), "begins here")
    found = Diagnostic("wire-number-unique", Position(FILE, 3, 16), "twice", related=other)
    assert render_text([found], SOURCES).splitlines()[-3:] == [
        "    : schema/other/v1.yaml:1:7",
        "  1 | base: 100",
        "    |       --- begins here",
    ]


def test_findings_are_separated_by_an_empty_line() -> None:
    assert "line 46)?\n\nschema/" in render_text([UNKNOWN, UNKNOWN], SOURCES)


def test_no_findings_are_no_text() -> None:
    assert render_text([], SOURCES) == ""


def test_line_that_does_not_exist_is_left_out_and_the_hint_kept() -> None:
    found = Diagnostic("node-shape", Position(FILE, 99, 1), "gone", "look elsewhere")
    assert render_text([found], SOURCES).splitlines()[1:] == ["    | look elsewhere"]


def test_colour_comes_only_when_asked_for() -> None:
    assert "\x1b" not in render_text([UNKNOWN], SOURCES)
    assert "\x1b[1;31merror[known-types]\x1b[0m" in render_text([UNKNOWN], SOURCES, colour=True)


def test_warnings_have_another_colour() -> None:
    found = Diagnostic("open-stated", Position(FILE, 1, 1), "so", level="warning")
    assert "\x1b[1;33mwarning[open-stated]" in render_text([found], SOURCES, colour=True)


def test_caret_stands_below_its_token_behind_wide_and_combining_characters() -> None:
    line = "日本e\u0301: bad"
    found = Diagnostic("known-types", Position("f", 1, line.index("bad") + 1, 3), "so")
    assert render_text([found], {"f": [line]}).splitlines()[-1] == "    |        ^^^"


def test_control_characters_of_a_source_line_do_not_reach_the_terminal() -> None:
    found = Diagnostic("yaml-syntax", Position("f", 1, 1), "bad\x1b[2J\nname")
    shown = render_text([found], {"f": ["a\x1b\tb\u202e"]})
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "a� b�" in shown


@pytest.mark.parametrize("length", [MAX_SHOWN_COLUMNS, MAX_SHOWN_COLUMNS + 1])
def test_line_is_cut_only_above_the_limit(length: int) -> None:
    line = "x" * length
    shown = render_text([Diagnostic("r", Position("f", 1, 1), "m")], {"f": [line]})
    assert ("…" in shown) is (length > MAX_SHOWN_COLUMNS)


def test_long_line_is_cut_around_the_token() -> None:
    line = "a" * 5000 + "bad" + "c" * 5000
    shown = render_text([Diagnostic("r", Position("f", 1, 5001, 3), "m")], {"f": [line]})
    source, below = shown.splitlines()[2:]
    assert source[below.index("^") :].startswith("bad")
    assert len(source) < MAX_SHOWN_COLUMNS + 10


@pytest.mark.parametrize("length", [MAX_QUOTED, MAX_QUOTED + 1])
def test_name_in_a_sentence_is_cut_only_above_the_limit(length: int) -> None:
    assert quoted("n" * length).endswith("…`") is (length > MAX_QUOTED)


def test_file_order_is_by_file_line_and_column_and_tells_each_finding_once() -> None:
    places = [Position("b", 1, 1), Position("a", 2, 1), Position("a", 1, 9), Position("a", 1, 9)]
    found = in_file_order(Diagnostic("r", at, "m") for at in places)
    assert [one.at for one in found] == [places[2], places[1], places[0]]


def test_json_tells_everything_a_finding_holds() -> None:
    found = Diagnostic(
        "r", Position("f", 1, 2, 3), "ü", "h", related=Related(Position("g", 4, 5), "l")
    )
    assert json.loads(render_json([found])) == [
        {
            "rule": "r",
            "level": "error",
            "file": "f",
            "line": 1,
            "column": 2,
            "length": 3,
            "message": "ü",
            "hint": "h",
            "related": {"file": "g", "line": 4, "column": 5, "length": 1, "label": "l"},
        }
    ]


def test_json_of_no_findings_is_an_empty_list() -> None:
    assert render_json([]) == "[]\n"


def test_github_commands_escape_what_would_end_them() -> None:
    found = Diagnostic("r", Position("a,b:c", 1, 2, 3), "50% of\nit", "so", level="warning")
    assert render_github([found]) == (
        "::warning file=a%2Cb%3Ac,line=1,col=2,endColumn=5,title=r::50%25 of%0Ait; so\n"
    )
