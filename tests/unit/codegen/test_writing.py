import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from duologue_codegen.targets.target import Marks
from duologue_codegen.writing import (
    MANIFEST,
    Entry,
    ForeignFiles,
    Manifest,
    Plan,
    apply,
    digest,
    is_untouched,
    plan,
    read_manifest,
)

Files = dict[str, str]

HEADER = "# Ours"
MARKS = Marks(
    ending=".py",
    header=HEADER,
    front="__init__.py",
    between=f"{HEADER}, too.\n",
    without_header=("contract.json", "py.typed"),
    sign="contract.json",
)

A = {
    "__init__.py": f"{HEADER} from a/v1.yaml. Do not edit.\n",
    "contract.json": "{}\n",
    "py.typed": "",
}


def manifest_of(packages: dict[str, Files]) -> Manifest:
    return Manifest(
        {"ruff": "1"},
        {
            folder: {
                "python": Entry(
                    f"{folder}.yaml", "sha256:0", {n: digest(t) for n, t in files.items()}
                )
            }
            for folder, files in packages.items()
        },
    )


def planned(out: Path, packages: dict[str, Files], *, complete: bool = True) -> Plan:
    return plan(
        out,
        before=read_manifest(out),
        after=manifest_of(packages),
        texts=packages,
        marks={"python": MARKS},
        root_is_package=True,
        complete=complete,
    )


def written(out: Path, packages: dict[str, Files], *, complete: bool = True) -> list[str]:
    """Write `packages` and say what changed."""
    todo = planned(out, packages, complete=complete)
    changes = [f"{each.kind} {each.path.relative_to(out).as_posix()}" for each in todo.changes]
    apply(todo)
    return changes


def entry_in(out: Path) -> Entry:
    """What the manifest says of the package `a/v1`."""
    return read_manifest(out).packages["a/v1"]["python"]


def files_in(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_package_gets_its_files_and_the_folders_above_it_a_front(tmp_path: Path) -> None:
    out = tmp_path / "generated"
    written(out, {"chat/a/v1": A})
    assert files_in(out) == {
        MANIFEST,
        "__init__.py",
        "chat/__init__.py",
        "chat/a/__init__.py",
        "chat/a/v1/__init__.py",
        "chat/a/v1/contract.json",
        "chat/a/v1/py.typed",
    }


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == [MANIFEST]


def test_unchanged_files_are_not_written_again(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert written(tmp_path, {"a/v1": A}) == []
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_a_changed_file_is_the_only_one_replaced(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    changes = written(tmp_path, {"a/v1": {**A, "contract.json": "[]\n"}})
    assert changes == [f"update {MANIFEST}", "update a/v1/contract.json"]


def test_a_file_that_is_no_longer_made_goes(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": {**A, "client.py": f"{HEADER} from a/v1.yaml.\n"}})
    assert "remove a/v1/client.py" in written(tmp_path, {"a/v1": A})


def test_a_package_whose_contract_is_gone_goes_with_its_folders(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A, "b/v1": A})
    (tmp_path / "b" / "v1" / "__pycache__").mkdir()
    (tmp_path / "b" / "v1" / "__pycache__" / "x.pyc").touch()
    written(tmp_path, {"a/v1": A})
    assert not (tmp_path / "b").exists()


def test_what_no_manifest_lists_is_left_and_told(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A, "b/v1": A})
    (tmp_path / MANIFEST).unlink()
    todo = planned(tmp_path, {"a/v1": A})
    # A front between packages has one text only.
    assert todo.removals == (tmp_path / "b" / "__init__.py",)
    assert todo.left == tuple(sorted(tmp_path / "b" / "v1" / name for name in A))
    assert {(each.rule, each.level) for each in todo.warnings} == {("leftover-kept", "warning")}
    assert [each.at.file for each in todo.warnings] == [each.as_posix() for each in todo.left]


def test_what_was_edited_by_hand_is_not_removed(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A, "b/v1": A})
    edited = tmp_path / "b" / "v1" / "__init__.py"
    edited.write_text(f"{edited.read_text()}PRECIOUS = 1\n")
    todo = planned(tmp_path, {"a/v1": A})
    assert todo.left == (edited,)
    apply(todo)
    assert edited.exists()
    assert not edited.with_name("py.typed").exists()


def test_a_folder_with_more_than_bytecode_in_its_cache_stays(tmp_path: Path) -> None:
    written(tmp_path, {"b/v1": A})
    cache = tmp_path / "b" / "v1" / "__pycache__"
    cache.mkdir()
    (cache / "notes.txt").write_text("precious")
    written(tmp_path, {})
    assert files_in(tmp_path) == {MANIFEST, "b/v1/__pycache__/notes.txt"}


def test_some_packages_can_be_made_without_touching_the_others(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A, "b/v1": A})
    (tmp_path / MANIFEST).unlink()
    written(tmp_path, {"a/v1": A}, complete=False)
    assert (tmp_path / "b" / "v1" / "__init__.py").exists()


def test_foreign_files_stay_where_they_are(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    mine = tmp_path / "a" / "v1" / "mine.py"
    mine.write_text("x = 1\n")
    written(tmp_path, {})
    assert files_in(tmp_path) == {MANIFEST, "a/v1/mine.py"}


def test_a_front_written_by_hand_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text('"""Mine."""\n')
    written(tmp_path, {"a/v1": A})
    assert (tmp_path / "__init__.py").read_text() == '"""Mine."""\n'


@pytest.mark.parametrize("name", sorted(A))
def test_a_foreign_file_in_the_way_stops_everything(name: str, tmp_path: Path) -> None:
    mine = tmp_path / "a" / "v1" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    with pytest.raises(ForeignFiles) as caught:
        planned(tmp_path, {"a/v1": A, "b/v1": A})
    assert caught.value.paths == (mine,)
    assert files_in(tmp_path) == {f"a/v1/{name}"}


def test_a_file_edited_by_hand_is_noticed_and_replaced(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    (tmp_path / "a" / "v1" / "__init__.py").write_text("x = 1\n")
    assert not is_untouched(tmp_path, "a/v1", entry_in(tmp_path), MARKS)
    assert written(tmp_path, {"a/v1": A}) == ["update a/v1/__init__.py"]


def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    entry = entry_in(tmp_path)
    assert is_untouched(tmp_path, "a/v1", entry, MARKS)
    (tmp_path / "a" / "v1" / "py.typed").unlink()
    assert not is_untouched(tmp_path, "a/v1", entry, MARKS)


def test_a_leftover_of_ours_is_noticed(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    (tmp_path / "a" / "v1" / "old.py").write_text(f"{HEADER} from a/v1.yaml.\n")
    assert not is_untouched(tmp_path, "a/v1", entry_in(tmp_path), MARKS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<<<<<<< ours",
        "[]",
        '{"packages": 3}',
        '{"versions": {}, "packages": {"../up": {"t": {"source": "", "input": "", "files": {}}}}}',
        '{"versions": {}, "packages": {"/a": {"t": {"source": "", "input": "", "files": {}}}}}',
        '{"versions": {}, "packages": '
        '{"a": {"t": {"source": "", "input": "", "files": {"../x": ""}}}}}',
        *(
            '{"versions": {}, "packages": '
            '{"a": {"t": {"source": "", "input": "", "files": {"%s": ""}}}}}' % name
            for name in ("..", ".", "", "a/b", "/a", "a\\\\b", "c:a", "\\u0000", "\\ud800")
        ),
        *(
            '{"versions": {}, "packages": {"%s": {"t": {"source": "", "input": "", "files": {}}}}}'
            % folder
            for folder in (
                "..",
                ".",
                "",
                "/",
                "a/../..",
                "a/b/../../..",
                "a\\\\..\\\\b",
                "\\u0000/x",
            )
        ),
        "[" * 100_000,
    ],
)
def test_a_manifest_that_cannot_be_trusted_counts_as_none(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text)
    assert read_manifest(tmp_path) == Manifest()


def test_a_manifest_without_targets_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A, "b/v1": A})
    files = {name: digest(text) for name, text in A.items()}
    entry = {"source": "a/v1.yaml", "input": "sha256:0", "files": files}
    old = {"versions": {"ruff": "1"}, "packages": {"a/v1": entry, "b/v1": entry}}
    (tmp_path / MANIFEST).write_text(json.dumps(old))
    assert written(tmp_path, {"a/v1": A, "b/v1": A}) == [f"update {MANIFEST}"]


def test_each_target_has_its_own_marks_and_files(tmp_path: Path) -> None:
    other = replace(MARKS, ending=".ts", header="// Ours", front="index.ts", between="// Ours.\n")
    index = {"index.ts": "// Ours: a\n"}
    python, other_entry = (
        Entry("", "", {name: digest(text) for name, text in files.items()}) for files in (A, index)
    )
    after = Manifest({}, {"a/v1": {"python": python, "other": other_entry}})
    todo = plan(
        tmp_path,
        before=Manifest(),
        after=after,
        texts={"a/v1": A | index},
        marks={"python": MARKS, "other": other},
        root_is_package=False,
        complete=True,
    )
    apply(todo)
    assert files_in(tmp_path) == {
        MANIFEST,
        "a/__init__.py",
        "a/index.ts",
        *(f"a/v1/{name}" for name in (*A, "index.ts")),
    }
    gone = plan(
        tmp_path,
        before=after,
        after=Manifest(),
        texts={},
        marks={"python": MARKS, "other": other},
        root_is_package=False,
        complete=True,
    )
    apply(gone)
    assert files_in(tmp_path) == {MANIFEST}


def test_a_manifest_reads_back_as_it_was(tmp_path: Path) -> None:
    manifest = manifest_of({"b/v1": A, "a/v1": A})
    (tmp_path / MANIFEST).write_text(manifest.text)
    assert read_manifest(tmp_path) == manifest


def test_when_a_file_cannot_be_written_none_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, {"a/v1": A})
    todo = planned(tmp_path, {"a/v1": {**A, "contract.json": "[]\n", "x.py": f"{HEADER}\n"}})
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "x.py":
            raise OSError("disk full")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    before = files_in(tmp_path)
    with pytest.raises(OSError, match="disk full"):
        apply(todo)
    assert files_in(tmp_path) == before
    assert (tmp_path / "a" / "v1" / "contract.json").read_text() == A["contract.json"]


def test_line_ends_are_the_same_everywhere(tmp_path: Path) -> None:
    written(tmp_path, {"a/v1": A})
    assert os.linesep.encode() == b"\n" or b"\r" not in (tmp_path / MANIFEST).read_bytes()
    assert b"\r" not in (tmp_path / "a" / "v1" / "__init__.py").read_bytes()
