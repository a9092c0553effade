"""The manual of the language: every example in it works."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from duologue_codegen.checks import check, purposes
from duologue_codegen.reading.project import load_project

SCHEMA = Path(__file__).parents[3] / "schema"
MANUAL = (SCHEMA / "README.md").read_text("utf-8")

# What examples speak of without declaring it.
AROUND = {
    "types": {
        "Address": "{fields: {street: string}}",
        "Channel": "{is: int32}",
        "Edit": "{fields: {at: int, insert: string}}",
        "File": "{fields: {size: int}}",
        "HistoryEnd": "{fields: {total: int}}",
        "Member": "{fields: {user: common.User, joined_at: datetime}}",
        "Message": "{fields: {text: string}}",
        "Role": "{enum: {member: May write.}, open: false}",
        "Order": "{fields: {id: string}}",
        "RoomId": "{is: string}",
        "Text": "{fields: {text: string}}",
        "User": "{fields: {id: string}}",
        "Volts": "{is: decimal}",
    },
    "errors": {"RoomFull": "{doc: Full.}", "RoomNotFound": "{fields: {room: RoomId}}"},
}


def examples() -> Iterator[str]:
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    for block in blocks:
        if "{…}" not in block:  # an outline
            yield block


def contract_around(block: str) -> str:
    """The block as part of a whole contract, by what it begins with."""
    first = re.sub(r"^#.*\n", "", block).split(":")[0]
    match first:
        case "duologue":
            return block
        case "errors" | "services" | "dialogues":
            body = block
        case "fields":
            body = f"types:\n  Shown:\n{indent(block, '    ')}"
        case "adjust":
            body = f"services:\n  Shown:\n    methods:\n{indent(block, '      ')}"
        case _ if first[0].isupper():
            body = f"types:\n{indent(block, '  ')}"
        case _:
            body = f"types:\n  Shown:\n    fields:\n{indent(block, '      ')}"
    declared = set(re.findall(r"^  ([A-Z]\w+):", body, re.MULTILINE))
    for section, things in AROUND.items():
        missing = [f"  {name}: {form}\n" for name, form in things.items() if name not in declared]
        if f"{section}:\n" in body:
            body = body.replace(f"{section}:\n", f"{section}:\n{''.join(missing)}", 1)
        else:
            body += f"\n{section}:\n{''.join(missing)}"
    head = "duologue: 1\npackage: shown.v1\nimports: {common: chat/common/v1.yaml}\n"
    return f"{head}{body}"


@pytest.mark.parametrize("block", list(examples()))
def test_example_of_the_manual_has_no_findings(block: str, tmp_path: Path) -> None:
    text = contract_around(block)
    package = re.search(r"^package: (.*)$", text, re.MULTILINE)
    assert package is not None
    file = tmp_path / (package.group(1).replace(".", "/") + ".yaml")
    common = tmp_path / "chat" / "common" / "v1.yaml"
    for path, content in (
        (common, (SCHEMA / "chat/common/v1.yaml").read_text("utf-8")),
        (file, text),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    # What stands around an example is there for others as well.
    found = check(load_project(tmp_path, [file]), off=["type-used", "error-used", "import-used"])
    assert [(each.rule, each.message) for each in found] == []


def test_every_rule_stands_in_the_manual_with_its_purpose() -> None:
    for id_, purpose in purposes().items():
        assert f"| `{id_}` | {purpose} |" in MANUAL


def test_manual_speaks_of_no_other_rule() -> None:
    assert set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)` \|", MANUAL, re.MULTILINE)) == set(
        purposes()
    )
