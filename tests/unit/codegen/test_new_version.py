"""`duologue new-version`: what goes, what stays, and what cannot be decided for anybody."""

from pathlib import Path

import pytest

from tests.unit.codegen.commands import Ran
from tests.unit.codegen.contracts import write

TALK = """\
duologue: 1
package: talk.v1

imports:
  base: base/v1.yaml

types:
  Kind:
    enum:
      short: ""
      # Nobody writes these any more.
      long: {doc: "", deprecated: Write several.}
    open: false

  Entry:
    fields:
      text: string
      kind: {type: Kind, default: short}
      # Where it was written.
      place: {type: base.Place, deprecated: It is nobody's concern.}
    examples:
      - {text: Hello, place: {name: Bonn}}
      - {text: Hi, place: {name: Bonn}}

  Old:
    fields: {text: string}

errors:
  TooLong: {fields: {max: int}}
  TooOld: {fields: {at: int}}

services:
  Talk:
    base: 1000                             # a round one
    methods:
      say:
        id: 1
        params: {text: string}
        returns: Entry
        errors: [TooLong]
      tell:
        id: 2
        params: {old: Old}
        returns: bool
        errors: [TooLong, TooOld]
        deprecated: Use say.
"""
BASE = "duologue: 1\npackage: base.v1\ntypes:\n  Place: {fields: {name: string}}\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "schema", "talk/v1.yaml", TALK)
    write(tmp_path / "schema", "base/v1.yaml", BASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_deprecated_goes_and_what_only_that_needed(work: Path) -> None:
    ran = Ran("new-version", "talk")
    assert (ran.code, ran.err) == (0, "")
    assert (
        (work / "schema/talk/v2.yaml").read_text()
        == """\
duologue: 1
package: talk.v2

types:
  Kind:
    enum:
      short: ""
    open: false

  Entry:
    fields:
      text: string
      kind: {type: Kind, default: short}

errors:
  TooLong: {fields: {max: int}}

services:
  Talk:
    base: 1100                             # a round one
    methods:
      say:
        id: 1
        params: {text: string}
        returns: Entry
        errors: [TooLong]
"""
    )
    assert ran.out.splitlines() == [
        "wrote schema/talk/v2.yaml",
        "  left out types.Kind.enum.long",
        "  left out types.Entry.fields.place",
        "  left out services.Talk.methods.tell",
        "  left out imports.base",
        "  left out types.Entry.examples.1",
        "  left out types.Entry.examples.2",
        "  left out types.Old",
        "  left out errors.TooOld",
        "  Talk has the base 1100, it had 1000",
        "wrote talk_v1_v2.py",
        "",
        "Next: change the new contract and run `duologue generate`; a type checker names",
        "the conversions that must change with it. One program can offer both versions.",
    ]
    assert Ran("check").code == 0
    assert (work / "schema/talk/v1.yaml").read_text() == TALK


def test_what_only_one_version_has_is_left_to_a_person(work: Path) -> None:
    assert Ran("new-version", "talk").code == 0
    text = (work / "talk_v1_v2.py").read_text()
    assert "def kind_for_long() -> v2.Kind:" in text
    assert "def entry_place(given: v2.Entry) -> Place:" in text
    assert text.count("raise NotImplementedError(") == 2


def test_deprecated_things_can_be_kept(work: Path) -> None:
    ran = Ran("new-version", "talk.v1", "--keep-deprecated", "--to", "v2alpha1")
    assert ran.code == 0
    assert "left out" not in ran.out
    expected = TALK.replace("talk.v1", "talk.v2alpha1").replace("base: 1000", "base: 1100")
    assert (work / "schema/talk/v2alpha1.yaml").read_text() == expected


def test_what_something_else_needs_is_told_and_nothing_is_written(work: Path) -> None:
    text = TALK.replace("default: short", "default: long")
    write(work / "schema", "talk/v1.yaml", text)
    ran = Ran("new-version", "talk")
    assert ran.code == 1
    assert "talk.v2 would not be right without what is deprecated" in ran.err
    assert "schema/talk/v2.yaml:13:35: error[default-type]" in ran.out
    assert ran.err.endswith("Nothing was written.\n")
    assert not (work / "schema/talk/v2.yaml").exists()
    assert not list(work.glob("*.py"))


def test_a_wrong_contract_is_told_first(work: Path) -> None:
    write(work / "schema", "talk/v1.yaml", TALK.replace("returns: Entry", "returns: Entrie"))
    ran = Ran("new-version", "talk")
    assert ran.code == 1
    assert "error[known-types]" in ran.out
    assert ran.err.endswith("Nothing was written.\n")


def test_nothing_is_overwritten(work: Path) -> None:
    (work / "talk_v1_v2.py").write_text("mine")
    ran = Ran("new-version", "talk")
    assert ran.code == 2
    assert ran.err == (
        "duologue new-version: talk_v1_v2.py is already there; nothing was written\n"
    )
    assert (work / "talk_v1_v2.py").read_text() == "mine"
    assert not (work / "schema/talk/v2.yaml").exists()
    assert Ran("new-version", "talk", "--conversions", "code/between.py").code == 0
    assert (work / "code/between.py").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tolk"], "there is no package `tolk`; did you mean `talk`?"),
        (["weather"], "there is no package `weather`; there are base.v1, talk.v1"),
        (["talk", "--to", "v1"], "`talk.v1` is there already; name another one with --to"),
        (["talk", "--to", "2"], "`2` is no version: write `v2`, or `v2alpha1`"),
        (["talk.v3"], "there is no package `talk.v3`; did you mean `talk.v1`?"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], said: str, work: Path) -> None:
    ran = Ran("new-version", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"duologue new-version: {said}\n"


def test_the_latest_version_is_meant_where_none_is_named(work: Path) -> None:
    assert Ran("new-version", "talk", "--to", "v2beta1").code == 0
    assert "wrote schema/talk/v2beta2.yaml" in Ran("new-version", "talk").out
    assert Ran("new-version", "talk", "--to", "v2", "--conversions", "a.py").code == 0
    assert "wrote schema/talk/v3.yaml" in Ran("new-version", "talk").out


def test_services_without_a_base_get_one(work: Path) -> None:
    write(work / "schema", "talk/v1.yaml", TALK.replace("    base: 1000  ", "    #"))
    assert Ran("new-version", "talk").code == 0
    text = (work / "schema/talk/v2.yaml").read_text()
    assert "\n    base: 100\n    methods:\n" in text
    assert Ran("check").code == 0
