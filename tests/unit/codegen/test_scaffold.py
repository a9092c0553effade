import os
import subprocess
import sys
from pathlib import Path

import pytest

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.scaffold import PROJECT_FILES, AlreadyThere, write_project


def test_a_project_has_the_promised_files(tmp_path: Path) -> None:
    files = write_project(tmp_path / "new")
    assert files == tuple(tmp_path / "new" / name for name in PROJECT_FILES)
    assert all(path.read_text() for path in files)


@pytest.mark.parametrize("name", PROJECT_FILES)
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(AlreadyThere) as caught:
        write_project(tmp_path)
    assert caught.value.paths == (mine,)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


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


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    result = build(
        folder / "schema", folder / "generated", targets=TARGETS, import_root="generated"
    )
    assert not result.diagnostics
    return folder


def test_its_tests_pass(project: Path) -> None:
    assert "2 passed" in run(project, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_its_types_are_right(project: Path) -> None:
    assert "Success" in run(project, "-m", "mypy")


def test_its_files_are_in_ruffs_form(project: Path) -> None:
    run(project, "-m", "ruff", "format", "--check", ".")
    run(project, "-m", "ruff", "check", "--extend-select=I,B,UP,RUF", ".")
