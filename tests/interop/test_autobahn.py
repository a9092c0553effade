"""The Autobahn Testsuite against our endpoint, and our client against its server."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import ConnectionClosed
from duologue.limits import Limits
from tests.integration.loopback import closed, serving
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.interop.autobahn import AGENT, NotToBeHad, Suite, Verdict, free_port, suite, verdicts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("autobahn")]

CASES: Final = 301
RUN_TIMEOUT_S: Final = 170.0
"""Below the time after which pytest takes a test for hanging."""

LIMITS: Final = Limits(max_message_bytes=16 * 1024 * 1024, max_unsent_bytes=64 * 1024 * 1024)
"""The largest messages of the suite (9.1.6) have 16 MiB."""

AT_THE_END: Final = "UTF-8 is checked when a message is whole; RFC 6455 8.1 does not ask for more."
UNDEFINED: Final = "RFC 6455 does not say what happens; the suite only tells what did."
BEFORE_THE_APPLICATION: Final = (
    "The message before the fault may come together with it, and before the program that dialled "
    "has its connection: it is delivered, but nothing can be sent any more."
)

NOT_STRICT: Final[Mapping[str, str]] = dict.fromkeys(
    ("6.4.1", "6.4.2", "6.4.3", "6.4.4"), AT_THE_END
)
INFORMATIONAL: Final[Mapping[str, str]] = dict.fromkeys(("7.1.6", "7.13.1", "7.13.2"), UNDEFINED)
NOT_STRICT_AS_CLIENT: Final[Mapping[str, str]] = {
    **NOT_STRICT,
    **dict.fromkeys(
        ("3.2", "3.3", "4.1.3", "4.1.4", "4.2.3", "4.2.4", "5.15"),
        BEFORE_THE_APPLICATION,
    ),
}


@pytest.fixture(scope="module")
def installed() -> Suite:
    try:
        return suite()
    except NotToBeHad as error:
        pytest.skip(f"Autobahn Testsuite: {error}")


def judge(met: Mapping[str, Verdict], not_strict: Mapping[str, str]) -> None:
    """Only what is named may be less than OK."""
    print(Counter(verdict.behaviour for verdict in met.values()))
    assert len(met) == CASES
    wrong: dict[str, Verdict] = {}
    for number, verdict in met.items():
        allowed = {Verdict("OK", "OK")}
        if number in not_strict:
            allowed.add(Verdict("NON-STRICT", "OK"))
        if number in INFORMATIONAL:
            allowed.add(Verdict("INFORMATIONAL", "INFORMATIONAL"))
        if verdict not in allowed:
            wrong[number] = verdict
    assert wrong == {}


async def test_our_endpoint_against_the_fuzzing_client(installed: Suite, tmp_path: Path) -> None:
    async with serving(LIMITS, echo=True) as served:
        spec = {"servers": [{"agent": AGENT, "url": served.url}]}
        async with (
            installed.running("fuzzingclient", spec, tmp_path) as process,
            asyncio.timeout(RUN_TIMEOUT_S),
        ):
            assert await process.wait() == 0, (tmp_path / "output.txt").read_text()
    judge(verdicts(tmp_path), NOT_STRICT)


async def test_our_client_against_the_fuzzing_server(installed: Suite, tmp_path: Path) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    async with (
        installed.running("fuzzingserver", {"url": url}, tmp_path),
        asyncio.timeout(RUN_TIMEOUT_S),
    ):
        await until_there(url)
        (answer,) = await visit(f"{url}/getCaseCount", echo=False)
        count = json.loads(answer)
        assert count == CASES
        for number in range(1, count + 1):
            await visit(f"{url}/runCase?case={number}&agent={AGENT}", echo=True)
        await visit(f"{url}/updateReports?agent={AGENT}", echo=False)
    judge(verdicts(tmp_path), NOT_STRICT_AS_CLIENT)


async def until_there(url: str) -> None:
    for _ in range(100):
        try:
            connection = await dial(f"{url}/getCaseCount")
        except ConnectionClosed:
            await asyncio.sleep(0.1)
        else:
            await closed(connection)
            return
    raise AssertionError("the fuzzing server did not start")


async def dial(url: str) -> WebSocketConnection:
    return await dial_websocket(url, LIMITS, timeout_s=10)


async def visit(url: str, *, echo: bool) -> list[Message]:
    """Connect, and stay until the suite closes; returns what came."""
    connection = await dial(url)
    messages: list[Message] = []

    def take(message: Message) -> None:
        messages.append(message)
        if echo and connection.state.current_state is ConnectionState.OPEN:
            connection.send(message)

    connection.on_message.listen(take)
    await closed(connection)
    return messages
