import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.codegen.commands import Ran
from tests.unit.codegen.contracts import HELLO, write

BAD = "duologue: 1\npackage: bad.v1\ntypes: {A: {fields: {a: Nope}}}\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project with one contract."""
    folder = tmp_path / "work"
    write(folder / "schema", "hello/v1.yaml", HELLO)
    monkeypatch.chdir(folder)
    return folder


def test_the_commands_are_registered() -> None:
    entries = importlib.metadata.entry_points(group="duologue.commands")
    assert {"generate", "check", "init"} <= {entry.name for entry in entries}


# ---- generate ------------------------------------------------------------------------------------


def test_generate_says_what_it_made(work: Path) -> None:
    ran = Ran("generate")
    assert ran.code == 0
    assert "created generated/hello/v1/client.py" in ran.out
    assert (work / "generated" / "hello" / "v1" / "client.py").exists()


def test_generate_again_has_nothing_to_do(work: Path) -> None:
    Ran("generate")
    ran = Ran("generate")
    assert (ran.code, ran.out) == (0, "1 package: up to date\n")


def test_generate_can_be_quiet(work: Path) -> None:
    assert (Ran("generate", "--quiet").out, Ran("generate", "-q").out) == ("", "")


def test_generate_check_writes_nothing_and_fails_when_something_would_change(work: Path) -> None:
    ran = Ran("generate", "--check")
    assert ran.code == 1
    assert "generated/hello/v1/client.py would be created" in ran.out
    assert "not up to date; run `duologue generate`" in ran.out
    assert not (work / "generated").exists()


def test_generate_check_is_content_with_what_is_up_to_date(work: Path) -> None:
    Ran("generate")
    assert Ran("generate", "--check").code == 0


def test_generate_check_notices_a_file_edited_by_hand(work: Path) -> None:
    Ran("generate")
    (work / "generated" / "hello" / "v1" / "client.py").write_text("x = 1\n")
    ran = Ran("generate", "--check")
    assert ran.code == 1
    assert "generated/hello/v1/client.py would be updated" in ran.out


def test_generate_with_a_finding_shows_it_and_writes_nothing(work: Path) -> None:
    write(work / "schema", "bad/v1.yaml", BAD)
    ran = Ran("generate")
    assert ran.code == 1
    assert "schema/bad/v1.yaml:3:25: error[known-types]" in ran.out
    assert "1 error; nothing was written" in ran.err
    assert not (work / "generated").exists()


def test_generate_as_json_is_one_object(work: Path) -> None:
    ran = Ran("generate", "--format", "json")
    content = json.loads(ran.out)
    assert content["findings"] == []
    assert {"path": "generated/hello/v1/client.py", "change": "create"} in content["changes"]


def test_generate_check_annotates_for_github(work: Path) -> None:
    ran = Ran("generate", "--check", "--format", "github")
    assert "::error file=generated/hello/v1/client.py::" in ran.out


def test_generate_takes_folders_from_options(work: Path) -> None:
    (work / "schema").rename(work / "contracts")
    ran = Ran("generate", "--schema", "contracts", "--out", "api")
    assert ran.code == 0
    assert (work / "api" / "hello" / "v1" / "client.py").exists()


def test_generate_reads_the_configuration(work: Path) -> None:
    (work / "schema").rename(work / "contracts")
    (work / "pyproject.toml").write_text(
        '[tool.duologue]\nschema = "contracts"\nout = "app/api"\nimport_root = "app.api"\n'
    )
    assert Ran("generate").code == 0
    assert (work / "app" / "api" / "hello" / "v1" / "client.py").exists()


def test_a_folder_elsewhere_is_a_schema_folder_of_its_own(work: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", "bye/v1.yaml", HELLO.replace("hello.v1", "bye.v1"))
    ran = Ran("generate", str(tmp_path / "other"))
    assert ran.code == 0
    assert (work / "generated" / "bye" / "v1" / "client.py").exists()


def test_one_contract_can_be_named(work: Path) -> None:
    bye = HELLO.replace("hello.v1", "bye.v1").replace("    methods:", "    base: 100\n    methods:")
    write(work / "schema", "bye/v1.yaml", bye)
    assert Ran("generate", "schema/hello/v1.yaml").code == 0
    assert (work / "generated" / "hello" / "v1" / "client.py").exists()
    assert not (work / "generated" / "bye").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["generate", "schema/nope.yaml"], "schema/nope.yaml does not exist"),
        (["generate", "--schema", "nope"], "there is no schema folder nope"),
        (["generate", "../other", "schema"], "is a schema folder of its own; name it alone"),
        (["check", "../other/bye.yaml"], "does not lie below the schema folder"),
        (["check", "--format", "xml"], "xml"),
    ],
)
def test_wrong_use_is_said_in_one_line(
    arguments: list[str], text: str, work: Path, tmp_path: Path
) -> None:
    write(tmp_path / "other", "bye.yaml", HELLO)
    ran = Ran(*arguments)
    assert ran.code == 2
    assert text in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_a_wrong_configuration_is_wrong_use(work: Path) -> None:
    (work / "pyproject.toml").write_text("[tool.duologue]\nshema = 1\n")
    ran = Ran("check")
    assert ran.code == 2
    assert "no key `shema`" in ran.err


def test_a_foreign_file_in_the_way_is_named(work: Path) -> None:
    mine = work / "generated" / "hello" / "v1" / "client.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    ran = Ran("generate")
    assert ran.code == 2
    assert "generated/hello/v1/client.py was not generated by duologue" in ran.err
    assert mine.read_text() == "mine\n"


# ---- check ---------------------------------------------------------------------------------------


def test_check_is_content(work: Path) -> None:
    ran = Ran("check")
    assert (ran.code, ran.out) == (0, "1 contract: all good\n")
    assert not (work / "generated").exists()


def test_check_reports_findings_and_how_many(work: Path) -> None:
    write(work / "schema", "bad/v1.yaml", BAD)
    ran = Ran("check")
    assert ran.code == 1
    assert "error[known-types]: no type named `Nope`" in ran.out
    assert ran.err == "\n1 error\n"


def test_check_as_json_is_a_list_of_findings(work: Path) -> None:
    write(work / "schema", "bad/v1.yaml", BAD)
    (found,) = json.loads(Ran("check", "--format", "json").out)
    assert (found["rule"], found["line"]) == ("known-types", 3)


def test_findings_have_no_colours_outside_a_terminal(work: Path) -> None:
    write(work / "schema", "bad/v1.yaml", BAD)
    assert "\x1b" not in Ran("check").out


# ---- init ----------------------------------------------------------------------------------------


def test_init_says_how_to_go_on(work: Path) -> None:
    ran = Ran("init", "new")
    assert ran.code == 0
    assert "  new/schema/new/v1.yaml\n" in ran.out
    steps = ran.out.partition("Next:\n\n")[2].splitlines()
    assert [step.split()[:2] for step in steps] == [
        ["cd", "new"],
        ["duologue", "generate"],
        ["python", "-m"],
        ["python", "-m"],
    ]


def test_init_refuses_to_overwrite(work: Path) -> None:
    (work / "Makefile").write_text("mine\n")
    ran = Ran("init", "--name", "hello")
    assert ran.code == 2
    assert "Makefile is already there" in ran.err
    assert not (work / "pyproject.toml").exists()


def test_init_says_what_is_no_name(work: Path) -> None:
    ran = Ran("init", "json")
    assert (ran.code, ran.err) == (
        2,
        "duologue init: 'json' is the name of something else; `my-json` would do; "
        "choose another with --name\n",
    )


# ---- what is not installed -----------------------------------------------------------------------

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
import typer
from duologue_codegen import cli
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(cli.generate)
app.command()(cli.init)
app({arguments!r})
"""


def without(modules: set[str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(blocked=modules, arguments=list(arguments))],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", ["yaml", "jinja2", "datamodel_code_generator", "ruff"])
def test_a_missing_extra_is_one_clear_line(module: str, work: Path) -> None:
    ran = without({module}, "generate")
    assert ran.returncode == 2
    assert ran.stderr == (
        "duologue generate needs the code generator: pip install 'duologue[tools]'\n"
    )
    assert not (work / "generated").exists()


def test_init_needs_no_extra(work: Path) -> None:
    ran = without({"yaml", "jinja2", "datamodel_code_generator", "ruff"}, "init", "new")
    assert ran.returncode == 0, ran.stderr
    assert (work / "new" / "new" / "service.py").exists()
