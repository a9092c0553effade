"""What the pytest plugin gives to the tests of others; they are run as others would run them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

SUITE = """
import asyncio
from datetime import UTC, datetime

import duologue
from generated.chat.common.v1 import User
from generated.chat.rooms.v1 import *


class Rooms(RoomsServicePartial):
    async def join(self, params, ctx):
        if params.name == "stay":
            await asyncio.Event().wait()
        if params.name == "fail":
            raise KeyError("surprise")
        user = User(id="u1", name=params.name)
        return Member(user=user, role=params.role, joined_at=datetime.now(UTC))


async def test_joined(duologue_link):
    async with duologue_link(Rooms(), RoomsClient) as rooms:
        assert (await rooms.join(room="lobby", name="Ann")).user.name == "Ann"


async def test_left_running(duologue_link):
    async with duologue_link(Rooms(), RoomsClient) as rooms:
        call = asyncio.ensure_future(rooms.join(room="lobby", name="stay"))
        await asyncio.sleep(0.1)
    call.exception()


async def test_given_up(duologue_link):
    async with duologue_link(Rooms(), RoomsClient) as rooms:
        call = asyncio.ensure_future(rooms.join(room="lobby", name="stay"))
        await asyncio.sleep(0.1)
        call.cancel()


async def fail(link):
    async with link as rooms:
        try:
            await rooms.join(room="lobby", name="fail")
        except duologue.InternalError:
            pass


async def test_surprise(duologue_link):
    await fail(duologue_link(Rooms(), RoomsClient))


async def test_surprise_is_wanted(duologue_link):
    await fail(duologue_link(Rooms(), RoomsClient, may_fail=True))


async def test_deadline(duologue_clock, duologue_link):
    async with duologue_link(Rooms(), RoomsClient) as rooms:
        with duologue_clock() as clock:
            call = asyncio.ensure_future(rooms.join(room="lobby", name="stay"))
            await clock.advance(4)
            assert not call.done()
            await clock.advance(2)
            assert isinstance(call.exception(), duologue.DeadlineExceeded)


async def test_frames(duologue_frames, duologue_link):
    async with duologue_link(Rooms(), RoomsClient) as rooms:
        await rooms.join(room="lobby", name="Ann")
    assert '"name":"Ann"' in duologue_frames.getvalue()


async def test_frames_of_a_failure(duologue_frames, duologue_link):
    async with duologue_link(Rooms(), RoomsClient) as rooms:
        await rooms.join(room="lobby", name="Bob")
    raise AssertionError("on purpose")


async def through(relay):
    host, me = duologue.Identity.generate(), duologue.Identity.generate()
    listener = duologue.listen(
        relay.url, Rooms(), identity=host, allow={me.public_key}, known_relays=relay.known_relays
    )
    async with listener, duologue.dial(relay.url, to=host.public_key, identity=me) as peer:
        assert (await RoomsClient(peer).join(room="lobby", name="Ann")).user.name == "Ann"


async def test_relay(duologue_relay):
    await through(duologue_relay)


async def test_relay_again(duologue_relay):
    await through(duologue_relay)
"""

ANYIO = """
import pytest


@pytest.fixture
def anyio_backend():
    return "asyncio"


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.anyio)
"""


@pytest.mark.parametrize("plugin", ["auto", "strict", "anyio"])
def test_fixtures_work_with_every_plugin_that_runs_coroutines(
    plugin: str, pytester: pytest.Pytester
) -> None:
    settings = f"[pytest]\npythonpath = {ROOT}\naddopts = -p no:cacheprovider -p no:xdist -v"
    if plugin == "anyio":
        pytester.makeconftest(ANYIO)
        pytester.makeini(f"{settings} -p no:asyncio\n")
    else:
        mode = f"asyncio_mode = {plugin}\nasyncio_default_fixture_loop_scope = function\n"
        pytester.makeini(f"{settings}\n{mode}")
    mark = "import pytest\npytestmark = pytest.mark.asyncio\n" if plugin == "strict" else ""
    pytester.makepyfile(test_it=mark + SUITE)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=7, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*::test_left_running* FAILED*",
            "*::test_surprise* FAILED*",
            "*What was said*",
            '*"direction":"in"*Bob*',
            "E *AssertionError: 1 calls of Rooms were running still",
            "E *AssertionError: incident *: chat.rooms.v1.Rooms/join failed: KeyError('surprise')",
        ]
    )


EXAMPLES = """
import duologue
from hello.v1 import *

class Right(GreeterService):
    def greet(self, params, ctx):
        if not params.name.strip():
            raise NobodyThere()
        return Greeting(text=f"Hello, {params.name}!")

class Wrong(GreeterService):
    def greet(self, params, ctx):
        return Greeting(text="Bye")

@duologue.testing.contract_examples(GreeterService)
def test_right() -> GreeterService:
    return Right()

@duologue.testing.contract_examples(GreeterService)
def test_wrong() -> GreeterService:
    return Wrong()

@duologue.testing.contract_examples(GreeterService, ignoring=["text"])
def test_ignoring() -> GreeterService:
    return Wrong()

@duologue.testing.contract_examples(SilentService)
def test_silent() -> SilentService:
    raise AssertionError("never made")
"""

CONTRACT = """
duologue: 1
package: hello.v1
doc: Greets.
types:
  Greeting:
    doc: What to say.
    fields: {text: string}
errors:
  NobodyThere: {doc: Blanks., message: nobody}
services:
  Greeter:
    doc: Greets.
    base: 100
    methods:
      greet:
        id: 1
        doc: Say hello.
        params: {name: string}
        returns: Greeting
        errors: [NobodyThere]
        examples:
          - {name: a name, params: {name: Ann}, returns: {text: "Hello, Ann!"}}
          - {name: blanks, params: {name: " "}, error: NobodyThere}
  Silent:
    doc: Says nothing.
    base: 200
    methods:
      hush: {id: 1, doc: Be silent.}
"""


def test_examples_of_a_contract_are_tests_of_a_service(pytester: pytest.Pytester) -> None:
    from duologue_codegen.build import build
    from duologue_codegen.known_targets import TARGETS

    contract = pytester.mkdir("schema") / "hello" / "v1.yaml"
    contract.parent.mkdir()
    contract.write_text(CONTRACT)
    built = build(pytester.path / "schema", pytester.path, targets=TARGETS, import_root="")
    assert not built.diagnostics
    pytester.makepyfile(test_it=EXAMPLES)
    pytester.makeini("[pytest]\npythonpath = .\naddopts = -rs")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v")
    result.assert_outcomes(passed=3, failed=3, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*test_right?greet: a name? PASSED*",
            "*test_right?greet: blanks? PASSED*",
            "*test_wrong?greet: blanks? FAILED*",
            "*AssertionError: what it returns: {'text': 'Hello, Ann!'} was expected, "
            "and {'text': 'Bye'} has come",
            "*AssertionError: NobodyThere was expected, and Greeting(text='Bye') was returned",
            "*hello.v1.Silent has no examples",
        ]
    )


def test_runs_that_use_no_fixture_import_nothing_of_it() -> None:
    asked = "import sys, duologue_pytest; print('duologue' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
