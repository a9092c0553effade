"""Every rule, shown at work: a contract that breaks it, and the text that a user then reads.

A case is a folder named for its rule. `contract.yaml` becomes `schema/demo/v1.yaml`; a file such as
`other.v1.yaml` becomes `schema/other/v1.yaml` beside it. With DUOLOGUE_UPDATE_GOLDEN=1 in the
environment, `expected.txt` is written anew instead of compared.
"""

import os
from pathlib import Path

import pytest
from duologue_codegen.checks import READING_RULES, RULES, check
from duologue_codegen.diagnostics import render_text
from duologue_codegen.reading.project import load_project

OF_ALL_FILES = {"version-suffix"}
"""Rules that are shown by another file than `contract.yaml`."""
CASES = Path(__file__).parent / "findings"


def lay_out(case: Path, schema: Path) -> Path:
    """Copy the files of a case to where a project has them."""
    main = schema / "demo" / "v1.yaml"
    for file in case.glob("*.yaml"):
        inside = file.name.removesuffix(".yaml").replace(".", "/") + ".yaml"
        target = main if file.name == "contract.yaml" else schema / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    return main


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.is_dir()))
def test_contract_gives_the_expected_findings(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main = lay_out(CASES / case, Path("schema"))
    project = load_project(Path("schema"), [] if case in OF_ALL_FILES else [main])

    # What is only had on demand is demanded in its own case.
    shown = render_text(check(project, on=[case]), project.sources)

    expected = CASES / case / "expected.txt"
    if os.environ.get("DUOLOGUE_UPDATE_GOLDEN"):
        expected.write_text(shown, "utf-8")
    assert shown == expected.read_text("utf-8")


def test_every_rule_has_a_case() -> None:
    assert {path.name for path in CASES.iterdir()} == {*RULES, *READING_RULES, "none"}


@pytest.mark.parametrize("rule", sorted({*RULES, *READING_RULES}))
def test_case_shows_its_rule(rule: str) -> None:
    assert f"[{rule}]" in (CASES / rule / "expected.txt").read_text("utf-8")
