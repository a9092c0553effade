"""`fmt`: one form, the same meaning, comments where they were, and twice is once."""

from pathlib import Path

import pytest

from duologue_codegen.text.comments import comments_of
from duologue_codegen.text.form import formed
from duologue_codegen.text.source import parse, read_source

ROOT = Path(__file__).parents[4]
CONTRACTS = sorted([*(ROOT / "schema").rglob("*.yaml"), *(ROOT / "tests").rglob("*.yaml")])

UGLY = """

duologue: 1   # the edition
package:   demo.v1


# about types
types:
    # about a member
    Member:
          doc: >-
               A user
               of a room.

                 indented
          fields: {id:string,   nick : "a: b" , seats: [ 1,2 ,3 ]}   # behind
          # the end of a member

    Note: {
        fields: {
          text: string,  # within
        }
      }


    Empty:
        fields: {}
services:
   Rooms:
      methods:
         join:
               id: 1
               doc: Two
                 lines of it.
         leave:
            id: 2
            errors:
            - RoomFull
            -  RoomGone
            examples:
            -   name: one
                params:
                   a: 1

            -   {name: two}
# the end
"""

FORMED = """duologue: 1   # the edition
package: demo.v1

# about types
types:
  # about a member
  Member:
    doc: >-
      A user
      of a room.

        indented
    fields: {id:string, nick: "a: b", seats: [1, 2, 3]}   # behind
    # the end of a member

  Note: {
      fields: {
        text: string,  # within
      }
    }

  Empty:
    fields: {}
services:
  Rooms:
    methods:
      join:
        id: 1
        doc: Two
          lines of it.
      leave:
        id: 2
        errors:
          - RoomFull
          - RoomGone
        examples:
          - name: one
            params:
              a: 1

          - {name: two}
# the end
"""


def form(text: str) -> str:
    source, faults = read_source("a.yaml", text.encode())
    assert faults == []
    return formed(source)


def test_ugly_contract_is_put_into_form() -> None:
    assert form(UGLY.replace("id:string", "id: string")) == FORMED.replace(
        "id:string", "id: string"
    )


def test_what_is_in_form_stays() -> None:
    once = form(UGLY.replace("id:string", "id: string"))
    assert form(once) == once


def test_line_ends_and_marks_of_other_systems_go() -> None:
    assert form("\ufeffduologue: 1\r\npackage: demo.v1\r\n\r\n\r\n") == (
        "duologue: 1\npackage: demo.v1\n"
    )


def test_what_is_no_contract_is_left_alone() -> None:
    for text in ("a: [1", "a: &b 1\nc: *b\n", "\ta: 1", "- 1\n-   2\n", ""):
        assert form(text) == text


@pytest.mark.parametrize("file", CONTRACTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_laid_out_anyhow_a_contract_means_the_same_in_form(file: Path) -> None:
    source, faults = read_source("a.yaml", file.read_bytes())
    tree, more = parse(source)
    if faults or more:
        return
    doubled = "\n".join(_doubled(line) for line in source.lines)
    same, more = parse(read_source("a.yaml", doubled.encode())[0])
    for text in (source.text, doubled) if not more and same == tree else (source.text,):
        before, _ = read_source("a.yaml", text.encode())
        result = formed(before)
        after, _ = read_source("a.yaml", result.encode())
        assert parse(after)[0] == parse(before)[0]
        assert [each.text.rstrip() for each in comments_of(after)] == [
            each.text.rstrip() for each in comments_of(before)
        ]
        assert formed(after) == result


def _doubled(line: str) -> str:
    return " " * (len(line) - len(line.lstrip(" "))) + line
