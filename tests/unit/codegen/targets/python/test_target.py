import itertools
import json
from pathlib import Path

import pytest

from duologue_codegen.checks import check
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.reading.project import project_of_texts
from duologue_codegen.targets.python import target as python_target
from duologue_codegen.targets.python.target import PythonTarget, view_of_contract
from duologue_codegen.targets.target import Options
from tests.contract_changes import changed_contracts
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


@pytest.mark.parametrize(
    ("count", "least"), [(120, 80), pytest.param(300, 200, marks=pytest.mark.slow)]
)
def test_whatever_changes_a_package_changes_what_it_is_made_from(count: int, least: int) -> None:
    seen = 0
    for pair in itertools.islice(changed_contracts(seed=5), count):
        projects = [
            project_of_texts({"pair/v1.yaml": json.dumps(each).encode()}, "schema")
            for each in (pair.old, pair.new)
        ]
        if any(found.level == "error" for each in projects for found in check(each)):
            continue
        (old,), (new,) = (each.contracts for each in projects)
        if view_of_contract(old, OPTIONS) != view_of_contract(new, OPTIONS):
            seen += 1
            made = [PythonTarget().made_from(each, OPTIONS) for each in (old, new)]
            assert made[0] != made[1], pair.changes
    assert seen > least


IMPORTING = """
duologue: 1
package: a.v1
imports: {ALIAS: b/v1.yaml}
types:
  User: {fields: {id: string}}
  Pair: {fields: {mine: User, yours: ALIAS.User}}
"""


def test_aliases_of_imports_and_the_order_of_a_contract_decide_the_files() -> None:
    def made(text: str, path: str = "a/v1.yaml") -> str:
        other = b"duologue: 1\npackage: b.v1\ntypes: {User: {fields: {id: string}}}\n"
        project = project_of_texts({path: text.encode(), "b/v1.yaml": other}, "schema")
        (contract,) = (each for each in project.contracts if each.package == "a.v1")
        return PythonTarget().made_from(contract, OPTIONS)

    one = made(IMPORTING.replace("ALIAS", "one"))
    assert made(IMPORTING.replace("ALIAS", "other")) != one
    turned = IMPORTING.replace("mine: User, yours: ALIAS.User", "yours: ALIAS.User, mine: User")
    assert made(turned.replace("ALIAS", "one")) != one
