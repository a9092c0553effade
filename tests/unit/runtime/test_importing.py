"""What is imported when, which decides what a program pays before its first call.

Contents are checked and not time, so that no machine is too slow for it. What a third-party package
imports by itself (pydantic brings `secrets`, asyncio brings `ssl`) is not ours to choose.
"""

import ast
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import duologue

SOURCE: Final = Path(duologue.__file__ or "").read_text(encoding="utf-8")

COMMAND_LINE: Final = {
    "typer": "only the command uses it",
    "rich": "only the command uses it",
    "click": "only the command uses it",
    "duologue.commands.cli": "only the command uses it",
}
TOOLS: Final = {
    "duologue_codegen": "the compiler, an extra",
    "jinja2": "the compiler, an extra",
    "yaml": "the compiler, an extra",
    "datamodel_code_generator": "the compiler, an extra",
    "prometheus_client": "of the relay, an extra",
    "uvloop": "an extra",
    "tomllib": "only commands read configuration",
}
ENCRYPTION: Final = {
    "nacl": "loads libsodium: at the first key",
    "duologue.connection.encrypted.handshaking": "for encrypted conversations",
    "duologue.protocol.handshake": "for encrypted conversations",
    "duologue.relay": "for conversations through relays",
    "duologue.endpoints.listener": "for conversations through relays",
}
SOCKETS: Final = {
    "websockets": "at the first connection; it brings importlib.metadata and the email package",
    "importlib.metadata": "slow; the version is a constant",
    "email": "comes with importlib.metadata",
    "http": "comes with websockets",
    "tempfile": "only for streams that are saved to files",
    "pydantic.plugin._loader": "searches all distributions: at the first model that is used",
}
BEFORE_A_CONNECTION: Final = {**COMMAND_LINE, **TOOLS, **ENCRYPTION, **SOCKETS}
UNTIL_ASKED: Final = {
    "asyncio": "whoever needs the errors alone runs no loop",
    "pydantic": "whoever needs the errors alone has no models",
    "msgspec": "whoever needs the errors alone reads no messages",
    "duologue.testing": "only tests use it",
    **BEFORE_A_CONNECTION,
}

CONNECTED: Final = """
import asyncio
from duologue import connect, serve

async def main():
    async with serve(on_peer=lambda peer: peer.add_service(1, abs)) as server:
        async with connect(f"ws://127.0.0.1:{server.port}") as peer:
            assert await peer.send(1, -5) == 5

asyncio.run(main())
"""


def modules_after(statements: str) -> set[str]:
    """The modules of a new process that has run `statements`."""
    code = f"{statements}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


# Coverage, debuggers and the like may be in every process of this machine.
ALWAYS: Final = modules_after("")


@pytest.mark.parametrize(
    ("statements", "unwanted"),
    [
        (
            "import duologue",
            {**BEFORE_A_CONNECTION, **UNTIL_ASKED, "duologue.testing": "for tests"},
        ),
        ("from duologue import ConnectionClosed", {**BEFORE_A_CONNECTION, **UNTIL_ASKED}),
        ("from duologue import connect, serve", BEFORE_A_CONNECTION),
        ("import generated.chat.rooms.v1", BEFORE_A_CONNECTION),
        ("from duologue.testing import linked", {**COMMAND_LINE, **TOOLS, **ENCRYPTION}),
        ("import duologue; duologue.testing.linked", {**COMMAND_LINE, **TOOLS, **ENCRYPTION}),
        (CONNECTED, {**COMMAND_LINE, **TOOLS, **ENCRYPTION}),
        ("from duologue import Identity", {"nacl": ENCRYPTION["nacl"]}),
    ],
    ids=[
        "duologue",
        "an error",
        "endpoints",
        "a package",
        "testing",
        "testing by attribute",
        "a connection",
        "Identity",
    ],
)
def test_nothing_is_imported_before_it_is_needed(statements: str, unwanted: dict[str, str]) -> None:
    met = modules_after(statements) - ALWAYS
    assert {name: why for name, why in unwanted.items() if name in met} == {}


def test_importing_a_package_builds_no_model() -> None:
    code = """
from duologue import Model
import generated.chat.rooms.v1, generated.lab.psu.v1
unbuilt, found = [Model], set()
while unbuilt:
    made = unbuilt.pop().__subclasses__()
    found |= {each for each in made if each.__pydantic_complete__}
    unbuilt += made
assert Model.__subclasses__() and not found, found
"""
    modules_after(code)


def test_testing_is_reached_without_an_import_of_its_own_and_nothing_else_is_made_up() -> None:
    modules_after("""
import duologue
assert duologue.testing.linked is __import__("duologue.testing.linked", fromlist=["linked"]).linked
assert not hasattr(duologue, "tasting")
""")


@pytest.mark.parametrize(
    "name", ["connect", "serve", "dial", "listen", "create_websocket_promisifier", "Identity"]
)
def test_every_way_in_can_be_imported_alone(name: str) -> None:
    modules_after(f"from duologue import {name}")


def test_what_type_checkers_see_is_what_there_is() -> None:
    """`duologue` imports at first use, and tells checkers the same in words of their own."""
    seen: dict[str, str] = {}
    (block,) = (each for each in ast.parse(SOURCE).body if isinstance(each, ast.If))
    for each in block.body:
        assert isinstance(each, ast.ImportFrom)
        for alias in each.names:
            assert alias.asname == alias.name, f"{alias.name} would be nobody's to import"
            seen[alias.name] = f"{each.module}.{alias.name}"
    for name, where in seen.items():
        assert pkgutil.resolve_name(f"duologue:{name}") is pkgutil.resolve_name(where)
    public: tuple[str, ...] = vars(duologue)["__all__"]
    assert set(seen) | {"__version__"} == set(public) <= set(dir(duologue))


def test_all_that_is_public_comes_with_a_star() -> None:
    modules_after(
        "from duologue import *\nassert serve and connect and ConnectionClosed and testing"
    )
