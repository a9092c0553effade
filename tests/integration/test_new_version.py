"""`new-version` over every word of the language: what it writes passes both type checkers."""

import re
import shutil
from pathlib import Path

import pytest

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.next_version import next_package, renewed
from duologue_codegen.reading.project import load_project
from duologue_codegen.targets.python.conversions import conversions_module
from tests.generated_code import ROOT, check_types, run_python

EVERY_WORD = Path(__file__).parents[1] / "golden" / "packages"
TROUBLED = {"every_type": "known-types", "numbers": "default-type"}
"""Contracts in which something that stays needs what is deprecated, and what says so."""


BACK_AND_FORTH = """
import warnings
warnings.simplefilter("error")
from datetime import UTC, datetime
from converting.chat_rooms_v1 import *
from made_schema.chat.common.v1 import User
from made_schema.chat.rooms import v1, v2

body = v1.Text(text="Hello", mentions=["u2"])
message = v1.Message(seq=1, author=User(id="u1", name="Ann"), sent_at=datetime.now(UTC), body=body)
there = message_to_v2(message)
assert type(there) is v2.Message and type(there.body) is v2.Text, there
assert message_to_v1(there) == message
assert not_allowed_to_v1(v2.NotAllowed(needed=v2.Role.OWNER)).data.needed is v1.Role.OWNER
"""


@pytest.mark.timeout(600)
def test_conversions_lead_there_and_back(tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    shutil.copytree(ROOT / "schema", schema)
    project = load_project(schema, import_root="made_schema")
    (old,) = (each for each in project.everything if each.package == "chat.rooms.v1")
    renewal = renewed(project, old, "chat.rooms.v2")
    (schema / renewal.new.path).write_text(renewal.text, encoding="utf-8")
    assert build(schema, tmp_path / "made_schema", targets=TARGETS, import_root="made_schema").ok
    (tmp_path / "converting").mkdir()
    module = conversions_module(old, renewal.new, "made_schema")
    (tmp_path / "converting" / "chat_rooms_v1.py").write_text(module, encoding="utf-8")
    run_python(tmp_path, "-c", BACK_AND_FORTH)


@pytest.mark.timeout(600)
def test_conversions_of_every_word_pass_both_type_checkers(tmp_path: Path) -> None:
    for golden in sorted(each for each in EVERY_WORD.iterdir() if each.is_dir()):
        root = f"made_{golden.name}"
        schema = tmp_path / "schemas" / golden.name
        for file in golden.glob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            (package,) = re.findall(r"^package: (\S+)$", text, re.MULTILINE)
            place = schema / f"{package.replace('.', '/')}.yaml"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        project = load_project(schema, import_root=root)
        packages = [contract.package for contract in project.everything]
        for old in project.everything:
            renewal = renewed(
                project,
                old,
                next_package(old.package, packages),
                keep_deprecated=golden.name in TROUBLED,
            )
            assert not [found for found in renewal.findings if found.level == "error"]
            place = schema / renewal.new.path
            place.write_text(renewal.text, encoding="utf-8")
            project = load_project(schema, import_root=root)
            module = conversions_module(old, renewal.new, root)
            name = old.package.replace(".", "_")
            (tmp_path / "converting").mkdir(exist_ok=True)
            (tmp_path / "converting" / f"{name}.py").write_text(module, encoding="utf-8")
        result = build(schema, tmp_path / root, targets=TARGETS, import_root=root)
        assert result.ok, result.diagnostics
    check_types(tmp_path, "converting")
