import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from duologue_codegen.build import BuildResult, build, judge
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.model import Contract
from duologue_codegen.targets.target import Marks, Options, Target
from duologue_codegen.writing import ForeignFiles, read_manifest
from tests.unit.codegen.contracts import COMMON, HELLO, write


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    folder = tmp_path / "schema"
    write(folder, "hello/v1.yaml", HELLO)
    write(folder, "common/v1.yaml", COMMON)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "generated"


class Lists:
    """A target of its own: the names of a contract's types, one a line."""

    name = "lists"
    marks = Marks(
        ending=".list",
        header="; ",
        front="types.list",
        between="; \n",
        without_header=(),
        sign="types.list",
    )

    def __init__(self) -> None:
        self.asked: list[str] = []
        """The packages whose files were made."""
        self.source = "one"

    def files(self, contract: Contract, options: Options) -> dict[str, str]:
        self.asked.append(contract.package)
        return {"types.list": "\n".join((f"; {contract.package}", *contract.types, ""))}

    def made_from(self, contract: Contract, options: Options) -> str:
        return f"{self.source} {contract.package} {options.import_root}"

    def versions(self) -> dict[str, str]:
        return {}


def made(
    schema: Path,
    out: Path,
    paths: Sequence[Path] = (),
    *,
    targets: Sequence[Target] = TARGETS,
    dry_run: bool = False,
) -> BuildResult:
    return build(schema, out, paths, targets=targets, import_root="generated", dry_run=dry_run)


def kinds(result: BuildResult, out: Path) -> set[str]:
    return {f"{each.kind} {each.path.relative_to(out).as_posix()}" for each in result.changes}


def test_it_is_told_which_package_comes_now(schema: Path, out: Path) -> None:
    told: list[tuple[int, int, str]] = []

    def note(number: int, whole: int, package: str) -> None:
        told.append((number, whole, package))

    build(
        schema,
        out,
        targets=TARGETS,
        import_root="generated",
        on_package=note,
    )
    assert told == [(1, 2, "common.v1"), (2, 2, "hello.v1")]


def test_contracts_become_packages(schema: Path, out: Path) -> None:
    result = made(schema, out)
    assert result.ok
    assert result.packages == ("common.v1", "hello.v1")
    names = {path.name for path in (out / "hello" / "v1").iterdir()}
    assert names == {
        *("__init__.py", "models.py", "errors.py", "client.py", "service.py", "_contract.py"),
        *("contract.json", "py.typed"),
    }


def test_a_contract_without_services_becomes_its_types(schema: Path, out: Path) -> None:
    made(schema, out)
    names = {path.name for path in (out / "common" / "v1").iterdir()}
    assert names == {"__init__.py", "models.py", "contract.json", "py.typed"}


def test_with_a_finding_nothing_is_written(schema: Path, out: Path) -> None:
    write(schema, "bad/v1.yaml", "duologue: 1\npackage: bad.v1\ntypes: {A: {fields: {a: Nope}}}\n")
    result = made(schema, out)
    assert not result.ok
    assert [each.rule for each in result.diagnostics] == ["known-types"]
    assert not out.exists()


def test_when_a_target_fails_nothing_is_written(schema: Path, out: Path) -> None:
    class Failing(Lists):
        def files(self, contract: Contract, options: Options) -> dict[str, str]:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        made(schema, out, targets=(*TARGETS, Failing()))
    assert not out.exists()


def test_a_dry_run_says_what_would_change_and_writes_nothing(schema: Path, out: Path) -> None:
    result = made(schema, out, dry_run=True)
    assert "create hello/v1/client.py" in kinds(result, out)
    assert not out.exists()


def test_a_second_build_changes_nothing(schema: Path, out: Path) -> None:
    made(schema, out)
    assert made(schema, out).changes == ()


def test_a_comment_in_a_contract_changes_nothing(schema: Path, out: Path) -> None:
    made(schema, out)
    write(schema, "hello/v1.yaml", f"# A comment.\n{HELLO}")
    assert made(schema, out).changes == ()


def test_a_changed_doc_changes_what_shows_it(schema: Path, out: Path) -> None:
    made(schema, out)
    write(schema, "hello/v1.yaml", HELLO.replace("Say hello.", "Say it."))
    assert kinds(made(schema, out), out) == {
        "update .duologue.json",
        "update hello/v1/client.py",
        "update hello/v1/contract.json",
        "update hello/v1/service.py",
    }


def test_a_changed_import_changes_those_who_import_it(schema: Path, out: Path) -> None:
    importing = (
        "duologue: 1\npackage: using.v1\nimports: {common: common/v1.yaml}\n"
        "types: {A: {fields: {color: {type: common.Color, default: red}}}}\n"
    )
    write(schema, "using/v1.yaml", importing)
    made(schema, out)
    write(schema, "common/v1.yaml", COMMON.replace("open: false", "open: true"))
    assert "update using/v1/models.py" in kinds(made(schema, out), out)


def test_a_file_edited_by_hand_is_written_again(schema: Path, out: Path) -> None:
    made(schema, out)
    client = out / "hello" / "v1" / "client.py"
    text = client.read_text()
    client.write_text(f"{text}x = 1\n")
    assert kinds(made(schema, out, dry_run=True), out) == {"update hello/v1/client.py"}
    made(schema, out)
    assert client.read_text() == text


def test_a_deleted_contract_takes_its_package_along(schema: Path, out: Path) -> None:
    made(schema, out)
    (schema / "hello" / "v1.yaml").unlink()
    made(schema, out)
    assert not (out / "hello").exists()
    assert (out / "common" / "v1" / "models.py").exists()


def test_one_contract_can_be_asked_for(schema: Path, out: Path) -> None:
    result = made(schema, out, [schema / "hello" / "v1.yaml"])
    assert result.packages == ("hello.v1",)
    assert not (out / "common").exists()
    made(schema, out, [schema / "common"])
    assert (out / "hello" / "v1" / "client.py").exists()


def test_a_foreign_file_in_the_way_stops_everything(schema: Path, out: Path) -> None:
    mine = out / "hello" / "v1" / "client.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    with pytest.raises(ForeignFiles):
        made(schema, out)
    assert [path for path in out.rglob("*") if path.is_file()] == [mine]


def test_what_a_target_says_decides_whether_it_makes_a_package_anew(
    schema: Path, out: Path
) -> None:
    lists = Lists()
    made(schema, out, targets=(lists,))
    made(schema, out, targets=(lists,))
    assert lists.asked == ["common.v1", "hello.v1"]
    lists.source = "another"
    made(schema, out, targets=(lists,))
    assert lists.asked == ["common.v1", "hello.v1"] * 2


def test_every_target_makes_files_and_has_an_entry_for_each_package(
    schema: Path, out: Path
) -> None:
    made(schema, out, targets=(*TARGETS, Lists()))
    assert (out / "hello" / "v1" / "types.list").read_text() == "; hello.v1\nGreeting\n"
    assert (out / "hello" / "v1" / "client.py").exists()
    packages = read_manifest(out).packages
    assert {folder: sorted(entries) for folder, entries in packages.items()} == {
        "common/v1": ["lists", "python"],
        "hello/v1": ["lists", "python"],
    }


def test_files_of_a_target_that_is_given_up_are_left_and_told(schema: Path, out: Path) -> None:
    # Nobody knows their marks any more, and the manifest alone is no proof.
    made(schema, out, targets=(*TARGETS, Lists()))
    result = made(schema, out)
    assert result.ok
    assert kinds(result, out) == {"update .duologue.json"}
    assert [(each.rule, each.at.file) for each in result.diagnostics] == [
        ("leftover-kept", (out / folder / "v1" / "types.list").as_posix())
        for folder in ("common", "hello")
    ]


@pytest.mark.parametrize("import_root", ["", "mine.generated"])
def test_packages_find_each_other_below_the_import_root(
    import_root: str, schema: Path, tmp_path: Path
) -> None:
    importing = (
        "duologue: 1\npackage: using.v1\nimports: {common: common/v1.yaml}\n"
        "types: {A: {fields: {user: common.User}}}\n"
    )
    write(schema, "using/v1.yaml", importing)
    top = tmp_path / "top"
    build(schema, top.joinpath(*import_root.split(".")), targets=TARGETS, import_root=import_root)
    name = ".".join(filter(None, (import_root, "using.v1")))
    code = f"from {name} import A; print(A.model_fields['user'].annotation.__module__)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=top, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ".".join(filter(None, (import_root, "common.v1.models")))


SCRIPT = """
import sys
from pathlib import Path
from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
result = build(Path("schema"), Path("generated"), targets=TARGETS, import_root="generated")
assert result.changes == ()
print(*sorted({"jinja2", "datamodel_code_generator", "pydantic", "ruff"} & set(sys.modules)))
"""


def test_an_unchanged_tree_imports_no_generator(schema: Path, out: Path, tmp_path: Path) -> None:
    made(schema, out)
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


def test_judging_only_reads(schema: Path, out: Path) -> None:
    result = judge(schema, import_root="generated")
    assert result.ok
    assert [contract.package for contract in result.project.judged] == ["common.v1", "hello.v1"]
    assert not out.exists()
