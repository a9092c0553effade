"""Generated packages under mypy --strict and pyright strict: right uses pass, wrong ones do not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.generated_code import mypy_cache

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOLDEN = ROOT / "tests" / "golden" / "packages"
ACCEPTED = sorted((HERE / "accepted").glob("*.py"))
REFUSED = sorted((HERE / "refused").glob("*.py"))

MYPY_SETTINGS = """\
[mypy]
strict = true
explicit_package_bases = true
enable_error_code = deprecated, ignore-without-code, redundant-expr, truthy-bool
"""


class Place(NamedTuple):
    """A place in a file, as type checkers name it."""

    file: str
    line: int


def mypy(folder: Path, work: Path, *targets: Path) -> dict[Place, str]:
    """What mypy --strict reports on `targets`, whose `generated` lies in `folder`."""
    settings = work / "mypy.ini"
    settings.write_text(MYPY_SETTINGS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(settings)),
            *("--cache-dir", mypy_cache("uses"), "--output", "json"),
            *map(str, targets),
        ],
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join((str(ROOT / "runtime"), str(folder)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {
        Place(Path(each["file"]).name, each["line"]): each["message"]
        for each in lines
        if each["severity"] == "error"
    }


def pyright(folder: Path, work: Path, *targets: Path) -> dict[Place, str]:
    """What pyright strict reports on `targets`, whose `generated` lies in `folder`."""
    if shutil.which("node") is None:
        pytest.skip("pyright needs node, and there is none")
    settings = {
        "typeCheckingMode": "strict",
        "include": [os.path.relpath(target, work) for target in targets],
        "extraPaths": [str(ROOT / "runtime"), str(folder)],
        "pythonVersion": "3.11",
    }
    (work / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, "-p", str(work / "pyrightconfig.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] > 0
    return {
        Place(Path(each["file"]).name, each["range"]["start"]["line"] + 1): each["message"]
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }


Checker = Callable[..., dict[Place, str]]
both = pytest.mark.parametrize("checker", [mypy, pyright])


@both
def test_golden_packages_pass_strict_checking(checker: Checker, tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    for case in sorted(GOLDEN.iterdir()):
        shutil.copytree(case / "expected", generated, dirs_exist_ok=True)
    assert checker(tmp_path, tmp_path, generated) == {}


def test_generated_code_silences_no_checker() -> None:
    for file in [*ROOT.glob("generated/**/*.py"), *GOLDEN.glob("*/expected/**/*.py")]:
        text = file.read_text()
        assert "type: ignore" not in text, file
        assert "noqa" not in text, file


@both
def test_example_packages_and_right_uses_of_them_are_accepted(
    checker: Checker, tmp_path: Path
) -> None:
    assert checker(ROOT, tmp_path, ROOT / "generated", *ACCEPTED) == {}


@both
def test_wrong_uses_are_refused_where_they_stand(checker: Checker, tmp_path: Path) -> None:
    marked = {
        Place(file.name, number)
        for file in REFUSED
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if line.endswith("# refused")
    }
    met = set(checker(ROOT, tmp_path, *REFUSED))
    assert met == marked
