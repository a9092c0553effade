from pathlib import Path

import pytest

from tests.unit.codegen.commands import Ran
from tests.unit.codegen.contracts import COMMON, write

MESSY = """
duologue: 1
package: messy.v1
imports:
  common: common/v1.yaml
types:
  room_member: {fields: {id: string}, reserved: [b, a]}
  Kept: {schema: {type: object, properties: {a: {$ref: "#/$defs/room_member"}}}}
errors:
  room_full: {}
services:
  rooms:
    methods:
      Join: {returns: room_member, errors: [room_full], params: {k: optional Kept}}
      leave:
        doc: Go.
      wave: {id: 7}
    reserved: {ids: [9, 8]}
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    write(folder / "schema", "messy/v1.yaml", MESSY)
    write(folder / "schema", "common/v1.yaml", COMMON)
    monkeypatch.chdir(folder)
    return folder


def test_ids_are_filled_in_and_shown(work: Path) -> None:
    ran = Ran("ids")
    assert ran.code == 0
    assert "+      Join: {id: 10, returns: room_member" in ran.out
    text = (work / "schema/messy/v1.yaml").read_text()
    assert "      leave:\n        id: 11\n        doc: Go.\n" in text
    assert (Ran("ids").code, Ran("ids").out) == (0, "")


def test_ids_can_be_looked_at_first(work: Path) -> None:
    before = (work / "schema/messy/v1.yaml").read_text()
    assert Ran("ids", "--check").code == 1
    assert (work / "schema/messy/v1.yaml").read_text() == before


def test_check_mends_what_it_can(work: Path) -> None:
    assert Ran("check").code == 1
    ran = Ran("check", "--fix")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("2 contracts: all good\n")
    text = (work / "schema/messy/v1.yaml").read_text()
    assert "imports" not in text
    assert "common" not in text
    assert "  RoomMember: {fields: {id: string}, reserved: [a, b]}" in text
    assert '{$ref: "#/$defs/RoomMember"}' in text
    assert "join: {id: 10, returns: RoomMember, errors: [RoomFull]" in text
    assert "reserved: {ids: [8, 9]}" in text


def test_names_on_the_wire_are_not_mended(work: Path) -> None:
    write(
        work / "schema",
        "messy/v1.yaml",
        COMMON.replace("common.v1", "messy.v1").replace("id:", "Id:"),
    )
    ran = Ran("check", "--fix")
    assert ran.code == 1
    assert "`wire: Id` if that is what goes over the wire" in ran.out


def test_fmt_writes_and_tells(work: Path) -> None:
    file = write(
        work / "schema", "common/v1.yaml", COMMON.replace("{id: string}", "{ id: string }")
    )
    ran = Ran("fmt", "--check")
    assert (ran.code, ran.out) == (1, "schema/common/v1.yaml would be formatted\n")
    assert "{ id: string }" in file.read_text()
    assert Ran("fmt").out == "formatted schema/common/v1.yaml\n"
    assert "{id: string}" in file.read_text()
    assert (Ran("fmt", "--check").code, Ran("fmt").out) == (0, "")


def test_fmt_tells_what_it_cannot_read(work: Path) -> None:
    write(work / "schema", "common/v1.yaml", "a: [1\n")
    ran = Ran("fmt")
    assert ran.code == 1
    assert "error[yaml-syntax]" in ran.out


def test_explain_shows_the_page(work: Path) -> None:
    ran = Ran("explain", "field-added")
    assert ran.code == 0
    assert ran.out.startswith("# field-added\n\nA field that is added can be left out")
    assert "field-added  " in Ran("explain").out


def test_explain_of_no_rule_is_one_line(work: Path) -> None:
    ran = Ran("explain", "field-aded")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "duologue explain: there is no rule field-aded; did you mean field-added?\n"
