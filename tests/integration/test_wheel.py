"""The wheel, installed into an empty environment, is all a user needs."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path, cwd: Path) -> str:
    # Without the variables of this environment, which would lend the new one its packages.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(each) for each in arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `make build` makes."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


def test_a_project_can_be_started_with_nothing_but_the_wheel(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(
        python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--constraint", ROOT / "constraints.txt",
        f"{wheel}[tools]", "pytest", "pytest-asyncio", "mypy",
        cwd=tmp_path,
    )  # fmt: skip
    duologue = tmp_path / "env" / "bin" / "duologue"
    run(duologue, "init", "hello", cwd=tmp_path)
    project = tmp_path / "hello"
    run(duologue, "generate", cwd=project)
    run(duologue, "generate", "--check", cwd=project)
    assert "2 passed" in run(python, "-m", "pytest", "-q", cwd=project)
    assert "no issues" in run(python, "-m", "mypy", cwd=project)


def test_without_the_tools_the_command_says_what_to_install(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(
        python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--constraint", ROOT / "constraints.txt", wheel,
        cwd=tmp_path,
    )  # fmt: skip
    run(python, "-c", "import duologue, duologue.testing", cwd=tmp_path)
    duologue = tmp_path / "env" / "bin" / "duologue"
    run(duologue, "bench", "--quick", "--rounds", "1", "--seconds", "0.01", cwd=tmp_path)
    done = subprocess.run(
        [str(duologue), "generate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "pip install 'duologue[tools]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
