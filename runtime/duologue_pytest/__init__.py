"""Fixtures for pytest, which finds them by itself where duologue is installed.

They are factories of async context managers, so that no event loop is theirs: they work with
pytest-asyncio in both modes, and with anyio's plugin. A package of its own, since pytest imports it
in every run: of duologue nothing is imported before a fixture is used.
"""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from duologue.testing.clock import Clock
    from duologue.testing.relay_process import RunningRelay
    from duologue.testing.watched_link import Link

FRAMES = "duologue_frames"


@pytest.fixture
def duologue_link(request: pytest.FixtureRequest) -> "Link":
    """Joins a client to a service in memory, through the real protocol.

        async def test_greeting(duologue_link):
            async with duologue_link(Greeter(), GreeterClient) as greeter:
                assert (await greeter.greet(name="Ann")).text == "Hello, Ann!"

    `offer=[...]` are services of the client's side. The test fails if a handler is running still at
    the end, or has raised what its contract does not declare; `may_fail=True` allows the latter.
    """
    from duologue.testing.watched_link import watched_link

    if FRAMES not in request.fixturenames:
        return watched_link
    from duologue.observability.frames import FrameLog

    frames: StringIO = request.getfixturevalue(FRAMES)
    return partial(watched_link, observers=[FrameLog(frames, show="full")])


@pytest.fixture
def duologue_frames() -> StringIO:
    """What was said over links of `duologue_link`, one line of JSON for each message.

    It stands in the report of a test that fails; the test may read it with `getvalue()`.
    """
    return StringIO()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what was said into the report of a failed test."""
    report = yield
    frames: object = getattr(item, "funcargs", {}).get(FRAMES)
    if report.failed and isinstance(frames, StringIO) and frames.getvalue():
        report.sections.append(("What was said", frames.getvalue()))
    return report


@pytest.fixture
def duologue_clock() -> "Callable[[], AbstractContextManager[Clock]]":
    """Deadlines without waiting.

    async def test_patience(duologue_clock, duologue_link):
        with duologue_clock() as clock:
            ...
            await clock.advance(30)
    """
    from duologue.testing.clock import stepped_clock

    return stepped_clock


@pytest.fixture(scope="session")
def duologue_relay() -> "Iterator[RunningRelay]":
    """A relay on loopback, a process of its own with a fresh key, one for the whole run.

    async def test_through_a_relay(duologue_relay):
        async with duologue.listen(duologue_relay.url, Greeter(), identity=me, allow=...): ...
    """
    from duologue.testing.relay_process import running_relay

    with running_relay() as relay:
        yield relay
