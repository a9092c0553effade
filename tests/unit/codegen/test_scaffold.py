"""What `duologue init` writes: projects that work, are typed and can be installed."""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.new_files import AlreadyThere
from duologue_codegen.scaffold import (
    Names,
    NoName,
    Template,
    next_commands,
    project_texts,
    write_project,
)
from tests.generated_code import mypy_cache

HELLO = Names.of("hello")


def written(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def test_a_project_has_the_promised_files(tmp_path: Path) -> None:
    files = write_project(tmp_path / "night-watch")
    assert written(tmp_path / "night-watch") == {
        ".gitignore",
        "Makefile",
        "README.md",
        "night_watch/__init__.py",
        "night_watch/client.py",
        "night_watch/py.typed",
        "night_watch/service.py",
        "pyproject.toml",
        "schema/contract.schema.json",
        "schema/night_watch/v1.yaml",
        "tests/test_night_watch.py",
    }
    assert all(path.is_file() for path in files)


def test_it_is_called_as_the_folder_is_or_as_asked(tmp_path: Path) -> None:
    write_project(tmp_path / "one")
    write_project(tmp_path / "two", name="Night Watch")
    named = [
        tomllib.loads((tmp_path / folder / "pyproject.toml").read_text())["project"]["name"]
        for folder in ("one", "two")
    ]
    assert named == ["one", "night-watch"]


@pytest.mark.parametrize("template", Template)
def test_no_place_for_a_name_is_left_over(template: Template) -> None:
    for path, text in project_texts(template, HELLO).items():
        for place in ("PACKAGE", "PROJECT", "SOURCES", "EXTRAS"):
            assert place not in path + text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("2026", "'2026' makes no name for a package: it must begin with a letter"),
        ("...", "'...' makes no name for a package: it must begin with a letter"),
        ("json", "'json' is the name of something else; `my-json` would do"),
        ("class", "'class' is the name of something else; `my-class` would do"),
        ("duologue", "'duologue' is the name of something else; `my-duologue` would do"),
    ],
)
def test_names_that_cannot_be_are_refused_in_words(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(NoName) as caught:
        write_project(tmp_path, name=name)
    assert str(caught.value) == reason
    assert written(tmp_path) == set()


@pytest.mark.parametrize("name", sorted(project_texts(Template.SERVICE, HELLO)))
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(AlreadyThere) as caught:
        write_project(tmp_path, name="hello")
    assert caught.value.paths == (mine,)
    assert written(tmp_path) == {name}


def test_the_next_commands_say_what_they_are_for() -> None:
    assert next_commands(Template.SERVICE, HELLO) == [
        "duologue generate          # the contract becomes a typed package",
        "python -m hello.service    # leave it running",
        "python -m hello.client     # in a second terminal: the first typed call",
    ]


def installed_from(origin: str | None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The settings of a new project where the installer has noted `origin`."""

    def read_text(_name: str) -> str | None:
        return origin

    def distribution(_name: str) -> SimpleNamespace:
        return SimpleNamespace(read_text=read_text)

    monkeypatch.setattr("duologue_codegen.scaffold.distribution", distribution)
    return project_texts(Template.SERVICE, HELLO)["pyproject.toml"]


def test_uv_is_told_the_folder_that_duologue_was_installed_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = installed_from('{"url": "file:///here/it%20is", "dir_info": {}}', monkeypatch)
    assert tomllib.loads(text)["tool"]["uv"]["sources"]["duologue"] == {"path": "/here/it is"}


@pytest.mark.parametrize("origin", [None, '{"url": "https://example.org/duologue.whl"}'])
def test_uv_is_left_to_its_index_where_that_was_used(
    origin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "uv" not in tomllib.loads(installed_from(origin, monkeypatch))["tool"]


def test_uv_is_left_to_its_index_where_nothing_was_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def not_installed(name: str) -> object:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("duologue_codegen.scaffold.distribution", not_installed)
    text = project_texts(Template.SERVICE, HELLO)["pyproject.toml"]
    assert "uv" not in tomllib.loads(text)["tool"]


def run(folder: Path, *arguments: str) -> str:
    """Run Python in `folder`; the test fails if that does."""
    # Installed or not, the packages under test are those of this process.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=list(Template))
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "night-watch"
    write_project(folder, request.param)
    result = build(
        folder / "schema",
        folder / "night_watch" / "generated",
        targets=TARGETS,
        import_root="night_watch.generated",
    )
    assert not result.diagnostics
    return folder


def test_its_tests_pass(project: Path) -> None:
    assert "3 passed" in run(project, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_its_types_are_right(project: Path) -> None:
    assert "Success" in run(project, "-m", "mypy", "--cache-dir", mypy_cache("scaffold"))


def test_its_files_are_in_ruffs_form(project: Path) -> None:
    run(project, "-m", "ruff", "format", "--check", ".")
    run(project, "-m", "ruff", "check", "--extend-select=I,B,UP,RUF", ".")
