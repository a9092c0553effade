"""Contracts for tests, from text that leaves out what every contract begins with."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from duologue_codegen.checks import check
from duologue_codegen.diagnostics import Diagnostic
from duologue_codegen.model import Contract
from duologue_codegen.reading import read_contract
from duologue_codegen.reading.project import Project, load_project
from duologue_codegen.text.source import parse, read_source
from duologue_codegen.text.tree import MapNode, Node

FILE = "schema/demo/v1.yaml"


def tree_of(text: str) -> MapNode:
    """The tree of a text without faults."""
    source, faults = read_source(FILE, dedent(text).encode())
    tree, more = parse(source)
    assert tree is not None
    assert faults + more == []
    return tree


def node_of(text: str) -> Node:
    """One value, in flow style."""
    node = tree_of(f"value: {text}").get("value")
    assert node is not None
    return node


def read(text: str) -> tuple[Contract, list[Diagnostic]]:
    """The contract `demo.v1` with `text` below its head, and what reading it found."""
    tree = tree_of("duologue: 1\npackage: demo.v1\n" + dedent(text))
    return read_contract(tree, FILE, "demo/v1.yaml")


def contract_of(text: str) -> Contract:
    """The same, of a text without faults."""
    contract, faults = read(text)
    assert faults == []
    return contract


def lay_out(root: Path, files: Mapping[str, str]) -> Path:
    """Write contracts below `root`, each with its head; gives `root`."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        package = path.removesuffix(".yaml").replace("/", ".")
        file.write_text(f"duologue: 1\npackage: {package}\n{dedent(text)}", "utf-8")
    return root


def project_of(root: Path, files: Mapping[str, str]) -> Project:
    """The project that `lay_out` writes."""
    return load_project(lay_out(root, files))


def rules_broken(root: Path, text: str) -> list[str]:
    """The rules that the contract `demo.v1` breaks, in file order."""
    return [found.rule for found in check(project_of(root, {"demo/v1.yaml": text}))]
