"""Every rule has a page, and what the page shows is so."""

import pytest
from duologue_codegen.checks import purposes, READING_RULES, RULES, check
from duologue_codegen.diagnostics import Diagnostic
from duologue_codegen.explaining import Page, page_of, rules_with_pages
from duologue_codegen.reading.project import project_of_texts

LINT = sorted({*RULES, *READING_RULES})
WITHOUT_WRONG = {
    "import-used",
    "package-name-taken",
    "stable-no-import-unstable",
    "type-cycle-limit",
    "type-cycle-size",
    "version-suffix",
}
"""It would take another file, or fill the page. The golden findings show these."""


def page(rule: str) -> Page:
    found = page_of(rule)
    assert found is not None
    return found


def findings(text: str) -> list[Diagnostic]:
    on = [rule.id for rule in RULES.values() if rule.on_demand]
    return check(project_of_texts({"demo/v1.yaml": text.encode()}, "schema"), on=on)


def test_every_rule_has_a_page_and_there_are_no_others() -> None:
    assert rules_with_pages() == sorted(purposes())


@pytest.mark.parametrize("rule", sorted(purposes()))
def test_page_begins_with_the_purpose(rule: str) -> None:
    assert page(rule).text.startswith(f"# {rule}\n\n{purposes()[rule]}\n\n")


@pytest.mark.parametrize("rule", LINT)
def test_wrong_contract_of_a_page_breaks_the_rule(rule: str) -> None:
    wrong = page(rule).wrong
    assert bool(wrong) == (rule not in WITHOUT_WRONG)
    if wrong:
        assert rule in {each.rule for each in findings(wrong)}


@pytest.mark.parametrize("rule", LINT)
def test_right_contract_of_a_page_keeps_the_rule(rule: str) -> None:
    right = page(rule).right
    if right:
        found = findings(right)
        assert rule not in {each.rule for each in found}
        assert [each.message for each in found if each.level == "error"] == []
    else:
        assert rule in WITHOUT_WRONG
