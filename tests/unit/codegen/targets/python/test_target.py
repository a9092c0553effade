from pathlib import Path

import pytest

from duologue_codegen.known_targets import TARGETS
from duologue_codegen.targets.python import target as python_target
from duologue_codegen.targets.python.target import PythonTarget
from duologue_codegen.targets.target import Options
from tests.unit.codegen.contracts import HELLO, contract_of

OPTIONS = Options(import_root="generated")


def made_from(text: str, tmp_path: Path, options: Options = OPTIONS) -> str:
    contract = contract_of(text, tmp_path, path="hello/v1.yaml")
    return PythonTarget().made_from(contract, options)


def test_no_two_targets_have_one_name() -> None:
    names = [target.name for target in TARGETS]
    assert sorted(names) == sorted(set(names))


def test_files_bear_the_marks_by_which_they_are_known(tmp_path: Path) -> None:
    target = PythonTarget()
    marks = target.marks
    files = target.files(contract_of(HELLO, tmp_path, path="hello/v1.yaml"), OPTIONS)
    assert {marks.front, marks.sign, *marks.without_header} <= set(files)
    for name, text in files.items():
        bears_header = name.endswith(marks.ending) and text.startswith(marks.header)
        assert bears_header or name in marks.without_header
    assert marks.between.startswith(marks.header)


def test_what_shows_in_the_files_decides_them(tmp_path: Path) -> None:
    before = made_from(HELLO, tmp_path)
    assert made_from(f"# A comment.\n{HELLO.lstrip()}", tmp_path) == before
    assert made_from(HELLO.replace("Say hello.", "Say it."), tmp_path) != before
    assert made_from(HELLO, tmp_path, Options(import_root="")) != before


@pytest.mark.parametrize("what", ["_versions", "_source_digest"])
def test_generators_and_own_source_decide_the_files(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made_from(HELLO, tmp_path)
    monkeypatch.setattr(python_target, what, lambda: {"another": "1"})
    assert made_from(HELLO, tmp_path) != before
