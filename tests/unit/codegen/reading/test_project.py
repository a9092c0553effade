from pathlib import Path

import pytest

from duologue_codegen.checks import check
from duologue_codegen.reading.project import PathOutsideSchema, load_project
from tests.unit.codegen.contract_text import lay_out, project_of

EXAMPLES = Path(__file__).parents[4] / "schema"

FILES = {
    "a/v1.yaml": "imports: {b: b/v1.yaml}\n",
    "b/v1.yaml": "imports: {c: c/sub/v1.yaml}\n",
    "c/sub/v1.yaml": "types: {T: {is: string}}\n",
    "d/v1.yaml": "nonsense: 1\n",
}


def names(contracts: tuple[object, ...]) -> list[str]:
    return [getattr(contract, "package", "") for contract in contracts]


def test_example_contracts_have_no_findings() -> None:
    project = load_project(EXAMPLES)
    assert names(project.contracts) == [
        "chat.common.v1",
        "chat.rooms.v1",
        "lab.psu.v1",
        "onecore.basics.v1",
        "onecore.chum.v1",
        "shop.orders.v1",
    ]
    assert check(project) == []


def test_all_contracts_below_the_root_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    project = project_of(tmp_path, FILES)
    assert names(project.contracts) == ["a.v1", "b.v1", "c.sub.v1", "d.v1"]
    assert [fault.rule for fault in project.diagnostics] == ["known-keys"]


def test_paths_narrow_down_what_is_asked_for_and_judged(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    project = load_project(tmp_path, [tmp_path / "b" / "v1.yaml"])
    assert names(project.contracts) == ["b.v1"]
    assert names(project.judged) == ["b.v1", "c.sub.v1"]
    assert names(project.everything) == ["a.v1", "b.v1", "c.sub.v1", "d.v1"]
    assert project.diagnostics == ()


def test_folder_asks_for_all_contracts_below_it(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    assert names(load_project(tmp_path, [tmp_path / "c"]).contracts) == ["c.sub.v1"]
    assert len(load_project(tmp_path, [tmp_path]).contracts) == 4


def test_imports_hold_the_contracts_themselves(tmp_path: Path) -> None:
    a, b, c, _ = project_of(tmp_path, FILES).contracts
    assert a.imports["b"].contract is b
    assert b.imports["c"].contract is c


def test_findings_show_paths_as_the_user_gave_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "schema", FILES)
    monkeypatch.chdir(tmp_path)
    project = load_project(Path("schema"))
    assert project.diagnostics[0].at.file == "schema/d/v1.yaml"
    assert project.contracts[0].path == "a/v1.yaml"
    assert "schema/a/v1.yaml" in project.sources


def test_circle_of_imports_ends(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        {
            "a/v1.yaml": "imports: {b: b/v1.yaml}\n",
            "b/v1.yaml": "imports: {a: a/v1.yaml, me: b/v1.yaml}\n",
        },
    )
    a, b = project.contracts
    assert a.imports["b"].contract is b
    assert b.imports["a"].contract is None
    errors = [found.rule for found in check(project) if found.level == "error"]
    assert errors == ["import-cycle"]


def test_long_chain_of_imports_is_followed(tmp_path: Path) -> None:
    files = {f"p{i}/v1.yaml": f"imports: {{n: p{i + 1}/v1.yaml}}\n" for i in range(1200)}
    files["p1200/v1.yaml"] = "doc: The last one.\n"
    project = load_project(lay_out(tmp_path, files), [tmp_path / "p0" / "v1.yaml"])
    assert len(project.judged) == 1201
    assert project.diagnostics == ()


@pytest.mark.parametrize("path", ["missing.yaml", "../outside.yaml", "empty"])
def test_path_that_is_no_contract_is_refused(tmp_path: Path, path: str) -> None:
    root = lay_out(tmp_path / "schema", FILES)
    (tmp_path / "outside.yaml").write_text("duologue: 1\n")
    (root / "empty").mkdir()
    with pytest.raises(PathOutsideSchema):
        load_project(root, [root / path])


def test_other_ending_is_a_finding_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a/v1.yaml": ""})
    (tmp_path / "a" / "v2.yml").write_text("duologue: 1\n")
    (tmp_path / "a" / ".v3.yaml").write_text("nonsense\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "v4.yaml").write_text("nonsense\n")
    project = load_project(tmp_path)
    assert names(project.contracts) == ["a.v1"]
    assert [fault.rule for fault in project.diagnostics] == ["package-path-match"]


def test_folder_called_like_a_contract_is_no_contract(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    assert load_project(tmp_path).contracts == ()


def test_link_that_leads_nowhere_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "v1.yaml").symlink_to(tmp_path / "gone.yaml")
    assert [fault.rule for fault in load_project(tmp_path).diagnostics] == ["yaml-syntax"]


def test_file_that_is_no_yaml_leaves_the_others_readable(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a/v1.yaml": "", "b/v1.yaml": "[\n"})
    project = load_project(tmp_path)
    assert names(project.contracts) == ["a.v1"]
    assert [fault.rule for fault in project.diagnostics] == ["yaml-syntax"]


def test_import_of_an_unreadable_file_is_told_once(tmp_path: Path) -> None:
    files = {"a/v1.yaml": "imports: {b: b/v1.yaml}\ntypes: {T: {is: b.U}}\n", "b/v1.yaml": "[\n"}
    assert [found.rule for found in check(project_of(tmp_path, files))] == ["yaml-syntax"]
