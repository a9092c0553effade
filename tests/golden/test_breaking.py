"""Every rule about changes, shown at work: its page has an old, a wrong and a right new contract.

The text that a user reads of the wrong one is kept in `breaking/`; with DUOLOGUE_UPDATE_GOLDEN=1 it
is written anew instead of compared.
"""

import os
from pathlib import Path

import pytest
from duologue_codegen.checks import check
from duologue_codegen.compatibility import CHANGE_RULES, breaking
from duologue_codegen.diagnostics import render_text
from duologue_codegen.explaining import Page, page_of
from duologue_codegen.reading.project import Project, project_of_texts

EXPECTED = Path(__file__).parent / "breaking"
ALWAYS = "duologue: 1\npackage: stays.v1\ntypes: {Kept: {fields: {id: string}}}\n"


def project(text: str, root: str) -> Project:
    """What a page shows, beside a contract that does not change."""
    files = {"stays/v1.yaml": ALWAYS}
    if text:
        files["demo/v1.yaml"] = text
    made = project_of_texts({path: each.encode() for path, each in files.items()}, root)
    found = check(made, off=STYLE)
    assert [each.message for each in found if each.level == "error"] == []
    return made


STYLE = ("type-used", "error-used", "payload-is-object")
"""Rules that a page of another rule need not keep."""


def page(rule: str) -> Page:
    found = page_of(rule)
    assert found is not None
    return found


@pytest.mark.parametrize("rule", sorted(CHANGE_RULES))
def test_wrong_change_gives_the_expected_findings(rule: str) -> None:
    shown = page(rule)
    old, new = project(shown.before, "main:schema"), project(shown.wrong, "schema")
    found = breaking(old, new)

    text = render_text(found, {**old.sources, **new.sources})

    assert rule in {each.rule for each in found}
    expected = EXPECTED / f"{rule}.txt"
    if os.environ.get("DUOLOGUE_UPDATE_GOLDEN"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(text, "utf-8")
    assert text == expected.read_text("utf-8")


@pytest.mark.parametrize("rule", sorted(CHANGE_RULES))
def test_right_change_breaks_nothing(rule: str) -> None:
    shown = page(rule)
    found = breaking(project(shown.before, "main:schema"), project(shown.right, "schema"))
    assert [each.message for each in found if each.level == "error" and each.rule == rule] == []


def test_every_text_is_of_a_rule() -> None:
    assert {path.stem for path in EXPECTED.iterdir()} == set(CHANGE_RULES)
