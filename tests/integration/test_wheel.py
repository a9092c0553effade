"""The wheel, installed into an empty environment, is all a user needs.

It needs packages from outside, from wherever pip gets them, and has its own patience with that.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL_TIMEOUT_S = 900
"""For each command: a slow index, a cold cache and a busy machine together."""

pytestmark = pytest.mark.timeout(3 * INSTALL_TIMEOUT_S)


def run(*arguments: str | Path, cwd: Path) -> str:
    # Without the variables of this environment, which would lend the new one its packages.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(each) for each in arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(python: Path, *wanted: str, cwd: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    pinned = ("--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt"))
    run(*pip, *pinned, *wanted, cwd=cwd)


def test_a_project_can_be_started_with_nothing_but_the_wheel(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    run(sys.executable, "-m", "build", "--wheel", "--outdir", dist, ROOT, cwd=ROOT)
    (wheel,) = dist.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    duologue = tmp_path / "env" / "bin" / "duologue"

    # Without the tools there is a runtime, and a command that says what to install.
    install(python, str(wheel), cwd=tmp_path)
    run(python, "-c", "import duologue, duologue.testing", cwd=tmp_path)
    run(duologue, "bench", "--quick", "--rounds", "1", "--seconds", "0.01", cwd=tmp_path)
    done = subprocess.run(
        [str(duologue), "generate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 2
    assert "pip install 'duologue[tools]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2

    # So that is what one does.
    install(python, f"{wheel}[tools]", "pytest", "pytest-asyncio", "mypy", cwd=tmp_path)
    run(duologue, "init", "hello", cwd=tmp_path)
    project = tmp_path / "hello"
    run(duologue, "generate", cwd=project)
    run(duologue, "generate", "--check", cwd=project)
    assert "3 passed" in run(python, "-m", "pytest", "-q", cwd=project)
    assert "no issues" in run(python, "-m", "mypy", cwd=project)
