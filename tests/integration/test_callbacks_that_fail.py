"""What an application's own functions raise, or give wrongly, is told and does no more harm.

What goes wrong in one of them ends the one connection, the one call, the one observer; it is told
in the log, and the others do not notice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from duologue import (
    ANYONE,
    HttpAnswer,
    Identity,
    Interceptor,
    Observer,
    WebsocketPromisifier,
    connect,
    listen,
    serve,
)
from duologue.errors import ConnectionClosed, HttpUnavailable, InternalError
from duologue.observer import CallSeen
from duologue.typed.interceptors import Invocation, Next
from tests.integration.greeters import Greeter, GreeterClient, url
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stopwatch import PATIENCE_S
from tests.stream_server import stream_server
from tests.support import Panic

R = TypeVar("R")

ME = Identity.generate()


# -- who comes in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [RuntimeError("on_peer is broken"), Panic("on_peer is broken")])
async def test_an_on_peer_that_fails_ends_its_connection_alone(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    met: list[WebsocketPromisifier] = []

    def second_is_too_much(peer: WebsocketPromisifier) -> None:
        met.append(peer)
        if len(met) == 2:
            raise fault

    async with (
        serve(Greeter(), on_peer=second_is_too_much) as server,
        connect(url(server.port)) as first,
    ):
        with pytest.raises(ConnectionClosed, match="by a fault of this side"):
            async with connect(url(server.port)):
                pytest.fail("was let in")
        async with connect(url(server.port)) as third:
            assert await GreeterClient(first).greet(name="Ann") == "hello Ann"
            assert await GreeterClient(third).greet(name="Bob") == "hello Bob"
    told = [record for record in caplog.records if "could not be taken in" in record.message]
    assert [record.exc_info and record.exc_info[1] for record in told] == [fault]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: True, "takes an HttpAnswer or None from its function, but was given True"),
        (lambda: "no", "takes an HttpAnswer or None from its function, but was given a str"),
        (lambda: HttpAnswer("401"), "takes an HTTP status, as int, but was given a str"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: HttpAnswer(401, b"no"), "takes a str, but was given bytes"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
)
async def test_a_check_request_that_gives_something_else_is_told(
    answer: Callable[[], Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(Greeter(), check_request=lambda _: answer()) as server:
        with pytest.raises(HttpUnavailable, match="500"):
            async with connect(url(server.port)):
                pytest.fail("was let in")
    assert words in caplog.text


async def test_a_check_request_that_panics_refuses_its_connection_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def panic(_of: object) -> None:
        if "x-panic" in dict(_of.headers):  # type: ignore[attr-defined]  # pyright: ignore
            raise Panic("check_request is broken")

    async with serve(Greeter(), check_request=panic) as server, connect(url(server.port)) as peer:
        with pytest.raises(HttpUnavailable, match="500"):
            async with connect(url(server.port), headers={"X-Panic": "1"}):
                pytest.fail("was let in")
        assert await GreeterClient(peer).greet(name="Ann") == "hello Ann"
    assert "check_request is broken" in caplog.text


async def test_a_plain_function_as_before_is_told_at_both_sides(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = r"before= takes a coroutine function \(async def\), but was given a function"

    def plain(_of: object) -> Any:
        """Gives nothing to await."""

    async with serve(Greeter(), before=plain) as server:
        with pytest.raises(ConnectionClosed, match=words):
            async with connect(url(server.port)):
                pytest.fail("was let in")
    assert [record.levelno for record in caplog.records if "before=" in record.message] == [
        logging.ERROR
    ]
    async with serve(Greeter()) as server:
        with pytest.raises(TypeError, match=words):
            async with connect(url(server.port), before=plain):
                pytest.fail("was let in")


async def test_a_before_that_panics_ends_its_connection_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def panic(_of: object) -> None:
        raise Panic("before is broken")

    async with serve(Greeter(), before=panic) as server:
        with pytest.raises(ConnectionClosed):
            async with connect(url(server.port)):
                pytest.fail("was let in")
    assert "before is broken" in caplog.text


# -- who looks on ---------------------------------------------------------------------------------


class Failing(Observer):
    def __init__(self, fault: BaseException) -> None:
        self.fault = fault
        self.told = 0

    def call_started(self, call: CallSeen) -> None:
        self.told += 1
        raise self.fault


class Counting(Observer):
    started = 0

    def call_started(self, call: CallSeen) -> None:
        self.started += 1


@pytest.mark.parametrize("fault", [RuntimeError("it is broken"), Panic("it is broken")])
async def test_an_observer_that_fails_is_told_nothing_more_and_hinders_nobody(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    failing, counting = Failing(fault), Counting()
    async with (
        serve(Greeter(), observers=[failing, counting]) as server,
        connect(url(server.port)) as peer,
    ):
        for _ in range(2):
            assert await GreeterClient(peer).greet(name="Ann") == "hello Ann"
    assert failing.told == 1
    assert counting.started >= 2
    assert "has failed, and is told nothing more" in caplog.text


async def test_an_observer_that_would_have_to_be_awaited_is_refused() -> None:
    class Waiting(Observer):
        async def call_started(self, call: CallSeen) -> None:  # type: ignore[override]  # pyright: ignore
            """Nobody awaits it."""

    with pytest.raises(TypeError, match=r"call_started of an observer .* nobody awaits it"):
        serve(Greeter(), observers=[Waiting()])


# -- what stands around calls ---------------------------------------------------------------------


class Forgets(Interceptor):
    """The outcome of `next`."""

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        await next()
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        await next()
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


class GivesNothing(Interceptor):
    """Is not even async."""

    def calling(self, call: Invocation, next: Next[R]) -> Awaitable[R]:  # type: ignore[override]  # pyright: ignore
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    def serving(self, call: Invocation, next: Next[R]) -> Awaitable[R]:  # type: ignore[override]  # pyright: ignore
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


class AwaitsNot(Interceptor):
    """Returns what it should have awaited."""

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        return next()  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        return next()  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


class Replaces(Interceptor):
    """What the service has given, which the caller would be told."""

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        return "something else"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("interceptor", [Forgets(), GivesNothing(), AwaitsNot(), Replaces()])
async def test_an_interceptor_that_serves_gives_what_it_was_given_or_the_caller_is_told(
    interceptor: Interceptor, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serve(Greeter(), interceptors=[interceptor]) as server,
        connect(url(server.port)) as peer,
    ):
        with pytest.raises(InternalError):
            async with asyncio.timeout(PATIENCE_S):
                await GreeterClient(peer).greet(name="Ann")
    assert f"{type(interceptor).__name__}.serving gave" in caplog.text
    assert "`return await next()`" in caplog.text


@pytest.mark.parametrize("interceptor", [Forgets(), GivesNothing(), AwaitsNot()])
async def test_an_interceptor_that_calls_and_loses_the_outcome_is_told(
    interceptor: Interceptor,
) -> None:
    async with (
        serve(Greeter()) as server,
        connect(url(server.port), interceptors=[interceptor]) as peer,
    ):
        with pytest.raises(TypeError, match=r"\.calling gave .* `return await next\(\)`"):
            await GreeterClient(peer).greet(name="Ann")


async def test_an_interceptor_that_calls_may_know_the_outcome_already() -> None:
    class Remembers(Interceptor):
        async def calling(self, call: Invocation, next: Next[R]) -> R:
            return "hello from here"  # type: ignore[return-value]  # pyright: ignore

    async with (
        serve(Greeter()) as server,
        connect(url(server.port), interceptors=[Remembers()]) as peer,
    ):
        assert await GreeterClient(peer).greet(name="Ann") == "hello from here"


# -- closing while entering -----------------------------------------------------------------------


async def test_a_listener_that_is_closed_while_it_is_entered_is_not_entered() -> None:
    asked = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async with stream_server(stay_silent) as port:
        listener = listen(f"ws://127.0.0.1:{port}", Greeter(), identity=ME, allow=ANYONE)
        entering = asyncio.ensure_future(listener.__aenter__())
        await asked.wait()
        await listener.close()
        with pytest.raises(RuntimeError, match="the listener was closed while it was entered"):
            async with asyncio.timeout(PATIENCE_S):
                await entering


async def test_a_server_that_is_closed_while_it_is_entered_does_not_listen_on() -> None:
    server = serve(Greeter())
    entering = asyncio.ensure_future(server.__aenter__())
    await asyncio.sleep(0)
    await server.close()
    with pytest.raises(RuntimeError, match="the server was closed while it was entered"):
        await entering
    with pytest.raises(ConnectionClosed, match="refused the connection"):
        async with connect(url(server.port)):
            pytest.fail("it listens on")
