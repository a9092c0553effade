"""Old contracts are read from folders, images and revisions, and from nothing else."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from duologue_codegen.compatibility.baseline import NoBaseline, read_baseline
from duologue_codegen.compatibility.image import image_text
from duologue_codegen.model.canonical import canonical
from duologue_codegen.reading.project import load_project
from tests.unit.codegen.contracts import COMMON, HELLO, write

TRICKY = r"""
duologue: 1
package: tricky.v1
doc: An emoji 😀.
imports: {common: common/v1.yaml}
types:
  Odd:
    fields:
      when: {type: string, default: "on"}
      odd: {type: string, default: "tab \t, line ends \N and \u2028, \x7f, 😀, \U0010fffe"}
      many: {type: json, default: {deep: [1, 1.5, null, true, "1:30", 1e16]}}
      who: common.User
"""


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project whose contracts are committed once, and changed since."""
    git(tmp_path, "init", "-b", "main")
    schema = tmp_path / "project" / "schema"
    write(schema, "hello/v1.yaml", HELLO)
    write(schema, "common/v1.yaml", COMMON)
    write(schema, ".hidden/v1.yaml", "no contract")
    write(tmp_path, "elsewhere/v1.yaml", "no contract either")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    (schema / "hello" / "v1.yaml").unlink()
    write(schema, "common/v1.yaml", COMMON.replace("id: string", "id: int"))
    return schema


def test_revision_is_read_without_a_checkout(repository: Path) -> None:
    before = sorted(path for path in repository.rglob("*"))
    old = read_baseline("main", repository)

    assert [each.package for each in old.contracts] == ["common.v1", "hello.v1"]
    assert old.diagnostics == ()
    assert old.contracts[0].at.file == "main:project/schema/common/v1.yaml"
    assert sorted(path for path in repository.rglob("*")) == before


def test_revision_that_is_none_is_told(repository: Path) -> None:
    with pytest.raises(NoBaseline, match="no git revision `nosuch`"):
        read_baseline("nosuch", repository)
    with pytest.raises(NoBaseline, match="no git revision `--all`"):
        read_baseline("--all", repository)


def test_outside_of_a_repository_there_is_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    write(tmp_path, "hello/v1.yaml", HELLO)
    with pytest.raises(NoBaseline, match="in no git repository"):
        read_baseline("main", tmp_path)


def test_without_git_that_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(NoBaseline, match="git is needed"):
        read_baseline("main", repository)


def test_revision_without_contracts_is_told(repository: Path) -> None:
    git(repository, "rm", "-r", "-q", "-f", ".")
    git(repository, "commit", "-m", "nothing left")
    repository.mkdir(parents=True, exist_ok=True)
    with pytest.raises(NoBaseline, match="no contracts in HEAD"):
        read_baseline("HEAD", repository)


def test_image_means_what_the_contracts_mean(tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    write(schema, "tricky/v1.yaml", TRICKY)
    write(schema, "common/v1.yaml", COMMON)
    project = load_project(schema)
    assert project.diagnostics == ()
    file = tmp_path / "released.json"
    file.write_text(image_text(project.trees), encoding="utf-8")

    assert json.loads(file.read_text("utf-8"))["duologue_image"] == 1
    read = read_baseline(str(file), schema)
    assert read.diagnostics == ()
    assert [canonical(each) for each in read.contracts] == [
        canonical(each) for each in project.contracts
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "no image"),
        ("", "no image"),
        ("\0\1", "no image"),
        ("duologue: 1\n", "no image"),
        ('{"duologue_image": 2}', "another version"),
        ('{"duologue_image": 1}', "damaged"),
        ('{"duologue_image": 1, "contracts": []}', "damaged"),
        ('{"duologue_image": 1, "contracts": {}}', "no contracts"),
        ('{"duologue_image": 1, "contracts": {}, "contracts": {}}', "damaged"),
    ],
)
def test_file_that_is_no_image_is_told(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(NoBaseline, match=why):
        read_baseline(str(file), tmp_path)


def test_peer_is_asked_by_whoever_can(tmp_path: Path) -> None:
    write(tmp_path, "hello/v1.yaml", HELLO)
    asked: list[str] = []

    def ask(address: str) -> Mapping[str, bytes]:
        asked.append(address)
        return {"hello/v1.yaml": HELLO.encode()}

    old = read_baseline("ws://peer:1", tmp_path, ask_peer=ask)
    assert [each.package for each in old.contracts] == ["hello.v1"]
    assert asked == ["ws://peer:1"]
    with pytest.raises(NoBaseline, match="nothing that could ask a peer"):
        read_baseline("ws://peer:1", tmp_path)
