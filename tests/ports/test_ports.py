"""Four public APIs as contracts: the messages of their documentation come and go unchanged.

Below this folder, which is a schema folder too, each API has its contracts, a README that tells
what could not be said, and `messages.json`: examples of its documentation, key for key, with other
values.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import pytest

from duologue.testing import linked_peers
from duologue.typed import Codec
from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from tests.generated_code import check_types

HERE: Final = Path(__file__).parent
PORTS: Final = ("esphome", "kubernetes", "matrix", "mcp")
# No other test makes packages under this name: imported modules stay.
IMPORT_ROOT: Final = "generated_ports"


class Message(NamedTuple):
    """One example of a documentation."""

    port: str
    named: str
    """Where it is found there."""
    module: str
    form: str
    json: Any


def messages_of(port: str) -> list[Message]:
    stated = json.loads((HERE / port / "messages.json").read_text())
    found: list[Message] = []
    for each in stated["messages"]:
        package, _, form = each["type"].rpartition(".")
        path = ".".join(part for part in (IMPORT_ROOT, port, package, "v1.models") if part)
        found.append(Message(port, each["named"], path, form, each["json"]))
    return found


MESSAGES: Final = [message for port in PORTS for message in messages_of(port)]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the packages, which can be imported."""
    folder = tmp_path_factory.mktemp("ports")
    result = build(HERE, folder / IMPORT_ROOT, targets=TARGETS, import_root=IMPORT_ROOT)
    # Of whole foreign contracts only parts are ported: some of their types nothing uses.
    errors = [each for each in result.diagnostics if each.level == "error"]
    assert [f"{each.at.file}:{each.at.line} {each.message}" for each in errors] == []
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.mark.parametrize("port", PORTS)
def test_each_port_has_twenty_messages_and_a_note(port: str) -> None:
    assert len({message.named for message in messages_of(port)}) >= 20
    assert "not sayable" in (HERE / port / "README.md").read_text()


def test_both_strict_checkers_are_content(generated: Path) -> None:
    check_types(generated, IMPORT_ROOT)


@pytest.mark.usefixtures("generated")
@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: f"{each.port}: {each.named}")
def test_message_comes_back_as_it_was(message: Message) -> None:
    codec = Codec[Any](getattr(importlib.import_module(message.module), message.form))
    value = codec.decode(json.dumps(message.json).encode())
    assert differences(message.json, json.loads(codec.encode(value))) == []


@pytest.mark.usefixtures("generated")
async def test_a_documented_call_by_number_has_the_documented_result() -> None:
    package = importlib.import_module(f"{IMPORT_ROOT}.mcp.server.v1")
    by_name = {each.named: each.json for each in messages_of("mcp")}
    request = by_name["Tools, Calling Tools: request"]["params"]
    result = by_name["Tools, Output Schema: response"]["result"]

    async def call_tool(_self: object, params: Any, _ctx: object) -> Any:
        assert params.name == request["name"]
        assert params.arguments == request["arguments"]
        return package.CallToolResult.model_validate_json(json.dumps(result))

    service = type("Server", (package.McpServerServicePartial,), {"call_tool": call_tool})()
    async with linked_peers(right=[service]) as (peer, _):
        assert differences(result, await peer.send(3011, request)) == []


def differences(expected: Any, met: Any, path: str = "$") -> list[str]:
    """Where two JSON values differ. Times that mean the same instant do not."""
    if isinstance(expected, dict) and isinstance(met, dict):
        expected, met = cast("dict[str, Any]", expected), cast("dict[str, Any]", met)
        found = [f"{path}.{key}: lost" for key in expected.keys() - met.keys()]
        found += [f"{path}.{key}: added" for key in met.keys() - expected.keys()]
        for key in expected.keys() & met.keys():
            found += differences(expected[key], met[key], f"{path}.{key}")
        return found
    if isinstance(expected, list) and isinstance(met, list):
        lists: list[list[object]] = [expected, met]
        return [
            text
            for number, (one, other) in enumerate(zip_longest(*lists))
            for text in differences(one, other, f"{path}[{number}]")
        ]
    if expected == met and isinstance(expected, bool) == isinstance(met, bool):
        return []
    if isinstance(expected, str) and isinstance(met, str) and _same_instant(expected, met):
        return []
    return [f"{path}: expected {expected!r}, met {met!r}"]


def _same_instant(one: str, other: str) -> bool:
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except ValueError:
        return False


def test_the_comparison_finds_what_is_lost_added_and_changed() -> None:
    before = {"a": [1, True], "b": None, "t": "2026-01-31T12:00:00Z"}
    assert differences(before, {**before, "t": "2026-01-31T13:00:00+01:00", "a": [1.0, True]}) == []
    after = {"a": [1, 1], "t": "2026-01-31T12:00:01Z", "c": 0}
    assert sorted(differences(before, after)) == [
        "$.a[1]: expected True, met 1",
        "$.b: lost",
        "$.c: added",
        "$.t: expected '2026-01-31T12:00:00Z', met '2026-01-31T12:00:01Z'",
    ]
