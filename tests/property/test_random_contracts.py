"""For any contract that the checks accept, the package can be imported, type-checks, and works.

The contracts come from a seeded generator, so a failure can be repeated by its seed. Each imports
the one before it, and those of a batch live in one process: what a package does to another shows.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.model import Contract, SchemaType, StreamOf
from duologue_codegen.model.walk import events, methods
from duologue_codegen.reading.project import load_project
from tests.contract_values import Values
from tests.generated_code import check_types, run_python
from tests.property.random_contracts import SHARED, Json, Writer

SEEDS: Final = [range(8)]
MORE_SEEDS: Final = [range(first, first + 50) for first in range(8, 2008, 50)]


def write_contracts(schema: Path, seeds: Iterable[int]) -> list[str]:
    """Returns the packages, not the shared one."""
    shared = schema / "fuzz" / "shared" / "v1.yaml"
    shared.parent.mkdir(parents=True, exist_ok=True)
    shared.write_text(SHARED)
    written: dict[str, dict[str, Json]] = {}
    before: Writer | None = None
    for seed in seeds:
        writer = Writer(seed)
        if before is not None:
            own = [*before.objects, *before.enums, *before.unions, "TreeAlias", "RawKept"]
            writer.before = [f"before.{name}" for name in own]
        written[writer.package] = writer.contract()
        before = writer
        _write(schema, writer.package, written[writer.package])
    for contract in load_project(schema).everything:
        if contract.package in written:
            stated = written[contract.package]
            add_examples(stated, contract)
            _write(schema, contract.package, stated)
    return list(written)


def _write(schema: Path, package: str, contract: dict[str, Json]) -> None:
    path = schema / f"{package.replace('.', '/')}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    # JSON with its escapes is YAML, and keeps the texts exactly as they are.
    path.write_text(json.dumps(contract, ensure_ascii=False))


def add_examples(stated: dict[str, Json], contract: Contract) -> None:
    """What a sender of the contract may send, as its examples."""
    values: Any = Values(contract, 1)
    types: Any = stated["types"]
    for name, type_ in contract.types.items():
        if not isinstance(type_, SchemaType):
            types[name]["examples"] = [values.named(type_, contract) for _ in range(2)]
    services: Any = stated["services"]
    for service, method in methods(contract):
        fields, home = contract.fields_of(method.params)
        example: Any = {"name": "drawn"}
        if fields:
            example["params"] = values.fields(fields, home)
        for key in ("sends", "yields"):
            if getattr(method, key) is not None:
                example[key] = [values.of(getattr(method, key))]
        if method.returns is not None and not isinstance(method.returns, StreamOf):
            example["returns"] = values.of(method.returns)
        services[service.name]["methods"][method.name]["examples"] = [example]
    for service, event in events(contract):
        fields, home = contract.fields_of(event.payload)
        example = {"name": "drawn", "payload": values.fields(fields, home)}
        services[service.name]["events"][event.name]["examples"] = [example]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seeds", SEEDS, ids=str)
def test_packages_of_random_contracts_work_and_type_check(
    seeds: Iterable[int], tmp_path: Path
) -> None:
    work_and_type_check(tmp_path, seeds)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seeds", MORE_SEEDS, ids=str)
def test_packages_of_many_random_contracts_work_and_type_check(
    seeds: Iterable[int], tmp_path: Path
) -> None:
    work_and_type_check(tmp_path, seeds)


def work_and_type_check(tmp_path: Path, seeds: Iterable[int]) -> None:
    schema = tmp_path / "schema"
    packages = write_contracts(schema, seeds)
    result = build(schema, tmp_path / "generated", targets=TARGETS, import_root="generated")
    # By chance some types are used nowhere, which is no more than a warning.
    errors = [each for each in result.diagnostics if each.level == "error"]
    assert [f"{each.at.file}:{each.at.column} {each.message}" for each in errors] == []
    assert len(result.packages) == len(packages) + 1  # the shared one

    imports = "\n".join(
        f"from generated.{package} import _contract, models, NewsService\n"
        "from pydantic import BaseModel\n"
        "for form in vars(models).values():\n"
        "    if isinstance(form, type) and issubclass(form, BaseModel):\n"
        "        form.model_json_schema()\n"
        "NewsService()\n"
        for package in packages
    )
    run_python(tmp_path, "-W", "error", "-c", imports)
    run_python(tmp_path, "-m", "tests.property.values_at_work", "schema", *packages)
    check_types(tmp_path, "generated")
