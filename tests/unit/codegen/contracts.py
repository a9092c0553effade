"""Contracts for tests of code generation, from a text or from parts of one."""

from pathlib import Path
from textwrap import dedent

from duologue_codegen.checks import check
from duologue_codegen.model import Contract
from duologue_codegen.reading.project import load_project
from duologue_codegen.targets.python.view import PackageView, package_view

HELLO = """
duologue: 1
package: hello.v1
doc: The first conversation.
types:
  Greeting:
    doc: What to say.
    fields: {text: string}
errors:
  NobodyThere: {doc: The name is empty., message: there is nobody to greet}
services:
  Greeter:
    doc: Greets people.
    methods:
      greet:
        id: 1
        doc: Say hello.
        params: {name: {type: string, max: 80}}
        returns: Greeting
        errors: [NobodyThere]
"""

COMMON = """
duologue: 1
package: common.v1
types:
  User: {doc: A person., fields: {id: string}}
  Color: {doc: A color., enum: {red: Like blood.}, open: false}
"""


def write(schema: Path, path: str, text: str) -> Path:
    """One contract below `schema`."""
    file = schema / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text).lstrip())
    return file


def contract_of(text: str, tmp_path: Path, *, path: str = "test/v1.yaml") -> Contract:
    """The contract that `text` states, beside `common.v1`; it must be without findings."""
    schema = tmp_path / "schema"
    write(schema, "common/v1.yaml", COMMON)
    write(schema, path, text)
    project = load_project(schema)
    assert [found.message for found in check(project) if found.level == "error"] == []
    return next(contract for contract in project.contracts if contract.path == path)


def view_of(
    body: str, tmp_path: Path, *, imports_common: bool = False, import_root: str = "generated"
) -> PackageView:
    """The view of the contract `test.v1` whose types, errors and services `body` states."""
    imports = "imports: {common: common/v1.yaml}\n" if imports_common else ""
    text = f"duologue: 1\npackage: test.v1\n{imports}{dedent(body)}"
    contract = contract_of(text, tmp_path)
    return package_view(contract, contract_json="{}\n", digest="sha256:0", import_root=import_root)
