import subprocess
import sys
from pathlib import Path

import pytest

from duologue_codegen import emit
from duologue_codegen.build import BuildResult, build, judge
from duologue_codegen.emit.models import ModelsRefused
from duologue_codegen.output import ForeignFiles
from duologue_codegen.view import PackageView
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


def kinds(result: BuildResult, out: Path) -> set[str]:
    return {f"{each.kind} {each.path.relative_to(out).as_posix()}" for each in result.changes}


def test_contracts_become_packages(schema: Path, out: Path) -> None:
    result = build(schema, out, import_root="generated")
    assert result.ok
    assert result.packages == ("common.v1", "hello.v1")
    names = {path.name for path in (out / "hello" / "v1").iterdir()}
    assert names == {
        *("__init__.py", "models.py", "errors.py", "client.py", "service.py", "_contract.py"),
        *("contract.json", "py.typed"),
    }


def test_a_contract_without_services_becomes_its_types(schema: Path, out: Path) -> None:
    build(schema, out, import_root="generated")
    names = {path.name for path in (out / "common" / "v1").iterdir()}
    assert names == {"__init__.py", "models.py", "contract.json", "py.typed"}


def test_with_a_finding_nothing_is_written(schema: Path, out: Path) -> None:
    write(schema, "bad/v1.yaml", "duologue: 1\npackage: bad.v1\ntypes: {A: {fields: {a: Nope}}}\n")
    result = build(schema, out, import_root="generated")
    assert not result.ok
    assert [each.rule for each in result.diagnostics] == ["known-types"]
    assert not out.exists()


def test_when_generating_fails_nothing_is_written(
    schema: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> dict[str, str]:
        raise ModelsRefused("no")

    monkeypatch.setattr("duologue_codegen.emit.package_files", refuse)
    with pytest.raises(ModelsRefused):
        build(schema, out, import_root="generated")
    assert not out.exists()


def test_a_dry_run_says_what_would_change_and_writes_nothing(schema: Path, out: Path) -> None:
    result = build(schema, out, import_root="generated", dry_run=True)
    assert "create hello/v1/client.py" in kinds(result, out)
    assert not out.exists()


def test_a_second_build_changes_nothing(schema: Path, out: Path) -> None:
    build(schema, out, import_root="generated")
    assert build(schema, out, import_root="generated").changes == ()


def test_a_comment_in_a_contract_changes_nothing(schema: Path, out: Path) -> None:
    build(schema, out, import_root="generated")
    write(schema, "hello/v1.yaml", f"# A comment.\n{HELLO}")
    assert build(schema, out, import_root="generated").changes == ()


def test_a_changed_doc_changes_what_shows_it(schema: Path, out: Path) -> None:
    build(schema, out, import_root="generated")
    write(schema, "hello/v1.yaml", HELLO.replace("Say hello.", "Say it."))
    assert kinds(build(schema, out, import_root="generated"), out) == {
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
    build(schema, out, import_root="generated")
    write(schema, "common/v1.yaml", COMMON.replace("open: false", "open: true"))
    assert "update using/v1/models.py" in kinds(build(schema, out, import_root="generated"), out)


def test_a_file_edited_by_hand_is_written_again(schema: Path, out: Path) -> None:
    build(schema, out, import_root="generated")
    client = out / "hello" / "v1" / "client.py"
    text = client.read_text()
    client.write_text(f"{text}x = 1\n")
    assert kinds(build(schema, out, import_root="generated", dry_run=True), out) == {
        "update hello/v1/client.py"
    }
    build(schema, out, import_root="generated")
    assert client.read_text() == text


def test_a_deleted_contract_takes_its_package_along(schema: Path, out: Path) -> None:
    build(schema, out, import_root="generated")
    (schema / "hello" / "v1.yaml").unlink()
    build(schema, out, import_root="generated")
    assert not (out / "hello").exists()
    assert (out / "common" / "v1" / "models.py").exists()


def test_one_contract_can_be_asked_for(schema: Path, out: Path) -> None:
    result = build(schema, out, [schema / "hello" / "v1.yaml"], import_root="generated")
    assert result.packages == ("hello.v1",)
    assert not (out / "common").exists()
    build(schema, out, [schema / "common"], import_root="generated")
    assert (out / "hello" / "v1" / "client.py").exists()


def test_a_foreign_file_in_the_way_stops_everything(schema: Path, out: Path) -> None:
    mine = out / "hello" / "v1" / "client.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    with pytest.raises(ForeignFiles):
        build(schema, out, import_root="generated")
    assert [path for path in out.rglob("*") if path.is_file()] == [mine]


def test_another_generator_makes_everything_anew(
    schema: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(schema, out, import_root="generated")
    made: list[str] = []
    real = emit.package_files

    def counted(view: PackageView) -> dict[str, str]:
        made.append(view.package)
        return real(view)

    monkeypatch.setattr(emit, "package_files", counted)
    monkeypatch.setattr("duologue_codegen.build._generators", lambda: "another")
    build(schema, out, import_root="generated")
    assert made == ["common.v1", "hello.v1"]


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
    build(schema, top.joinpath(*import_root.split(".")), import_root=import_root)
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
result = build(Path("schema"), Path("generated"), import_root="generated")
assert result.changes == ()
print(*sorted({"jinja2", "datamodel_code_generator", "pydantic", "ruff"} & set(sys.modules)))
"""


def test_an_unchanged_tree_imports_no_generator(schema: Path, out: Path, tmp_path: Path) -> None:
    build(schema, out, import_root="generated")
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


def test_judging_only_reads(schema: Path, out: Path) -> None:
    result = judge(schema)
    assert result.ok
    assert [contract.package for contract in result.project.judged] == ["common.v1", "hello.v1"]
    assert not out.exists()
