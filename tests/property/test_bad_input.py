"""Whatever a contract file holds, the compiler answers with findings or succeeds: no traceback.

In `check`, `fmt`, `breaking`, and `generate` of what is accepted. Seeds make a failure come again.
"""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from duologue_codegen.checks import check
from duologue_codegen.compatibility import breaking
from duologue_codegen.compatibility.image import image_text
from duologue_codegen.diagnostics import render_github, render_json, render_text
from duologue_codegen.fixing import fixes
from duologue_codegen.model.canonical import canonical, canonical_text
from duologue_codegen.reading.project import Project, project_of_texts
from duologue_codegen.text.edits import edited
from duologue_codegen.text.form import formed
from duologue_codegen.text.source import read_source
from tests.bad_contracts import GOOD, bad_contract
from tests.quick_packages import sources_of

FEW: Final = 400
MANY: Final = 10_000
A_PART: Final = 1_250
MAX_CPU_S: Final = 2
MAX_KIB: Final = 500 * 1024
COMMAND: Final = "from duologue.commands.cli import main; main()"
COMMON: Final = (
    b"duologue: 1\npackage: chat.common.v1\n"
    b"types: {User: {fields: {id: UserId, name: string}}, UserId: {is: string}}\n"
)


def path_of(data: bytes) -> str:
    """Where a contract must lie to be right."""
    found = re.search(rb"^package: ([a-z0-9_.]+)$", data, re.MULTILINE)
    return "demo/v1.yaml" if found is None else found[1].decode().replace(".", "/") + ".yaml"


def project(data: bytes) -> Project:
    return project_of_texts({"chat/common/v1.yaml": COMMON, path_of(data): data}, "schema")


def try_out(data: bytes, number: int) -> bool:
    """All that the compiler can do with a file; whether it was accepted."""
    began = time.process_time()
    made = project(data)
    found = check(made)
    render_text(found, made.sources, colour=True)
    render_json(found)
    render_github(found)
    edited(made.sources, fixes(made, found))
    source, _ = read_source("schema/demo/v1.yaml", data)
    if not source.text.startswith("\ufffd"):
        formed(source)
    is_right = all(each.level != "error" for each in found)
    if is_right:
        old = project(GOOD[number % len(GOOD)].encode())
        breaking(old, made)
        breaking(made, old)
        image_text(made.trees)
        for contract in made.judged:
            canonical_text(canonical(contract))
        for contract in made.contracts:
            if not contract.imports:
                for name, text in sources_of(contract, "root").items():
                    compile(text, name, "exec")
    assert time.process_time() - began < MAX_CPU_S
    return is_right


@pytest.mark.parametrize("first", range(0, FEW, 100))
def test_bad_contracts_give_findings_and_no_traceback(first: int) -> None:
    accepted = sum(try_out(bad_contract(seed), seed) for seed in range(first, first + 100))
    assert 2 <= accepted <= 60  # else these are no slips any more


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, A_PART))
def test_many_bad_contracts_give_findings_and_no_traceback(first: int) -> None:
    for seed in range(first, first + A_PART):
        try_out(bad_contract(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 25, 5))
def test_bad_contracts_end_the_command_with_findings(first: int, tmp_path: Path) -> None:
    file = tmp_path / "schema" / "demo" / "v1.yaml"
    file.parent.mkdir(parents=True)
    for seed in range(first, first + 5):
        for command in (
            ["check"],
            ["fmt", "--check"],
            ["generate"],
            ["breaking", "--against", "schema"],
        ):
            file.write_bytes(bad_contract(seed))
            done = subprocess.run(
                [sys.executable, "-c", COMMAND, *command],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode in {0, 1, 2}, done.stderr
            assert "Traceback" not in done.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MAX_KIB
