import pytest

from duologue_codegen.reading import read_contract
from duologue_codegen.reading.contract import package_of
from tests.unit.codegen.contract_text import FILE, contract_of, tree_of


def test_package_is_the_path() -> None:
    assert package_of("chat/rooms/v1.yaml") == "chat.rooms.v1"


def test_head_is_read() -> None:
    contract = contract_of("doc: About it.\nimports: {common: chat/common/v1.yaml}\n")
    assert (contract.edition, contract.package, contract.path) == (1, "demo.v1", "demo/v1.yaml")
    assert contract.doc == "About it."
    assert contract.imports["common"].path == "chat/common/v1.yaml"
    assert contract.imports["common"].contract is None


def test_missing_head_is_told_and_the_rest_is_read() -> None:
    contract, faults = read_contract(tree_of("types: {A: {is: int}}"), FILE, "demo/v1.yaml")
    assert [fault.rule for fault in faults] == ["node-shape", "package-path-match"]
    assert contract.package == "demo.v1"
    assert list(contract.types) == ["A"]


@pytest.mark.parametrize(
    "path", ["../a/v1.yaml", "/a/v1.yaml", "./a/v1.yaml", "https://a/v1.yaml", "a\\v1.yaml", "a/v1"]
)
def test_import_is_a_path_from_the_schema_root(path: str) -> None:
    tree = tree_of(f"duologue: 1\npackage: demo.v1\nimports: {{x: '{path}'}}\n")
    contract, faults = read_contract(tree, FILE, "demo/v1.yaml")
    assert [fault.rule for fault in faults] == ["import-exists"]
    assert contract.imports == {}
