import re
from pathlib import Path

import pytest

from duologue_codegen.checks import READING_RULES, RULES, check
from duologue_codegen.checks.registry import Findings, rule
from duologue_codegen.model import Contract
from tests.unit.codegen.contract_text import project_of

PURPOSES = {**READING_RULES, **{id_: each.purpose for id_, each in RULES.items()}}


@pytest.mark.parametrize("id_", PURPOSES)
def test_rule_has_a_plain_name_and_a_purpose_of_one_sentence(id_: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", id_)
    assert re.fullmatch(r"[A-Z].*[^.]\.", PURPOSES[id_])
    assert len(PURPOSES[id_]) <= 100


def test_rule_cannot_be_made_twice() -> None:
    def again(contract: Contract) -> Findings:
        """Says it again."""
        yield from ()

    with pytest.raises(ValueError, match="exists already"):
        rule("id-unique")(again)


def test_rule_needs_a_purpose() -> None:
    def silent(contract: Contract) -> Findings:
        yield from ()

    with pytest.raises(ValueError, match="no purpose"):
        rule("brand-new")(silent)


def test_rule_that_may_be_off_can_be_turned_off(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"demo/v1.yaml": "types: {E: {enum: {a: A.}}}\n"})
    assert [found.rule for found in check(project)] == ["open-stated"]
    assert check(project, off=["open-stated"]) == []


def test_rule_that_code_relies_on_stays_on(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"demo/v1.yaml": "types: {e: {fields: {}}}\n"})
    assert [found.rule for found in check(project, off=["name-case"])] == ["name-case"]


def test_findings_of_all_files_come_at_once_and_in_file_order(tmp_path: Path) -> None:
    files = {"b/v1.yaml": "types: {B: {is: X}}\nx: 1\n", "a/v1.yaml": "types: {A: {is: Y}}\n"}
    found = [(each.at.file[-9:], each.rule) for each in check(project_of(tmp_path, files))]
    assert found == [
        ("a/v1.yaml", "known-types"),
        ("b/v1.yaml", "known-types"),
        ("b/v1.yaml", "known-keys"),
    ]
