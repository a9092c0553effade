import importlib.metadata
import json
from pathlib import Path

import pytest

from tests.unit.codegen.commands import COMMANDS, Ran
from tests.unit.codegen.contracts import HELLO, write

LONGER = HELLO.replace("{text: string}", "{text: string, mood: string}")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project with an image of its contracts, and a change since."""
    folder = tmp_path / "work"
    write(folder / "schema", "hello/v1.yaml", HELLO)
    monkeypatch.chdir(folder)
    assert Ran("image", "--out", "released.json").code == 0
    write(folder / "schema", "hello/v1.yaml", LONGER)
    return folder


def test_the_commands_are_registered() -> None:
    entries = importlib.metadata.entry_points(group="duologue.commands")
    assert COMMANDS.keys() <= {entry.name for entry in entries}


def test_break_is_told_with_both_places(work: Path) -> None:
    ran = Ran("breaking", "--against", "released.json")
    assert ran.code == 1
    assert "new caller against old provider: `Greeting.mood` missing" in ran.out
    assert "schema/hello/v1.yaml:7:28: error[field-added]" in ran.out
    assert "released.json:9:9" in ran.out
    assert ran.err == "\n1 error\n"


def test_nothing_breaks_against_oneself(work: Path) -> None:
    ran = Ran("breaking", "--against", "schema")
    assert (ran.code, ran.out) == (0, "1 contract: nothing breaks\n")


def test_settings_say_with_what_to_compare(work: Path) -> None:
    (work / "pyproject.toml").write_text(
        '[tool.duologue.breaking]\nagainst = "released.json"\norder = "provider-first"\n'
        'level = "WIRE"\n'
    )
    assert Ran("breaking").code == 0
    assert Ran("breaking", "--order", "any").code == 1
    assert Ran("check", "--breaking").code == 0
    assert Ran("breaking", "--level", "SOURCE").code == 1


def test_check_tells_breaks_with_its_own_findings(work: Path) -> None:
    (work / "pyproject.toml").write_text('[tool.duologue.breaking]\nagainst = "released.json"\n')
    ran = Ran("check", "--breaking", "--format", "json")
    assert ran.code == 1
    assert [each["rule"] for each in json.loads(ran.out)] == ["field-added"]
    assert Ran("check").code == 0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("breaking = 1", "must be a table"),
        ("breaking.agains = 'x'", "has no key `agains`"),
        ("breaking.against = 3", "`against` must be text"),
        ("breaking.level = 'wire'", "`level` must be one of WIRE, SOURCE, ALL"),
        ("breaking.order = 'both'", "`order` must be one of any, provider-first, caller-first"),
    ],
)
def test_impossible_settings_are_one_line(table: str, said: str, work: Path) -> None:
    (work / "pyproject.toml").write_text(f"[tool.duologue]\n{table}\n")
    ran = Ran("breaking")
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("against", ["nosuch", "schema/hello/v1.yaml", "empty", "ws://peer:1"])
def test_what_cannot_be_compared_with_is_one_line(against: str, work: Path) -> None:
    (work / "empty").mkdir()
    ran = Ran("breaking", "--against", against)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("duologue breaking: ")
    assert against in ran.err
    assert ran.err.count("\n") == 1


def test_without_a_measure_that_is_told(work: Path) -> None:
    ran = Ran("breaking")
    assert ran.code == 2
    assert "--against main" in ran.err


def test_wrong_contracts_are_told_first(work: Path) -> None:
    write(work / "schema", "hello/v1.yaml", HELLO.replace("returns: Greeting", "returns: Greting"))
    ran = Ran("breaking", "--against", "released.json")
    assert ran.code == 1
    assert "error[known-types]" in ran.out
    assert Ran("image").code == 1


def test_findings_are_sarif_for_code_hosts(work: Path) -> None:
    ran = Ran("breaking", "--against", "released.json", "--format", "sarif")
    log = json.loads(ran.out)
    (run,) = log["runs"]
    (result,) = run["results"]
    assert (log["version"], result["ruleId"], result["level"]) == ("2.1.0", "field-added", "error")
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 7, "startColumn": 28, "endColumn": 32}
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "field-added"
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "released.json"
    )
