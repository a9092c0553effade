"""`generate --watch` looks at contract files, and works when one has changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duologue_codegen import cli, watching
from duologue_codegen.watching import Seen, changes, look
from tests.unit.codegen.commands import Ran
from tests.unit.codegen.contracts import HELLO, write


def test_first_look_and_every_other_one_that_differs_is_a_change() -> None:
    a: Seen = {"a": (1, 2, 3)}
    b: Seen = {"a": (1, 2, 4)}
    assert len(list(changes([a, a, b, b, a]))) == 3


def test_look_sees_contracts_and_nothing_else(tmp_path: Path) -> None:
    assert look(tmp_path) == {}
    write(tmp_path, "hello/v1.yaml", HELLO)
    write(tmp_path, ".hidden/v1.yaml", HELLO)
    write(tmp_path, "README.md", "no contract")
    assert [*look(tmp_path)] == [str(tmp_path / "hello/v1.yaml")]


def test_package_follows_its_contract_until_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = write(tmp_path / "schema", "hello/v1.yaml", HELLO)
    models = tmp_path / "generated/hello/v1/models.py"
    monkeypatch.chdir(tmp_path)
    told: list[bool] = []

    def looks(schema: Path) -> Iterator[Seen]:
        yield look(schema)
        told.append("class Greeting" in models.read_text())
        contract.write_text(HELLO.replace("Greeting", "Salute"))
        yield look(schema)
        told.append("class Salute" in models.read_text())
        contract.write_text("no contract")
        yield look(schema)
        told.append("class Salute" in models.read_text())
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "looks_at", looks)
    ran = Ran("generate", "--watch")

    assert told == [True, True, True]
    assert ran.code == cli.EXIT_FINDINGS
    assert "updated generated/hello/v1/models.py" in ran.out
    assert "error[node-shape]" in ran.out


def test_watching_and_only_checking_exclude_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "schema", "hello/v1.yaml", HELLO)
    monkeypatch.chdir(tmp_path)
    assert Ran("generate", "--watch", "--check").code == cli.EXIT_USAGE
