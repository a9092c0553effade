"""What is promised by a peer that outlives its connections (`reconnect=True`)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from duologue.errors import ConnectionClosed
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.goaway import GoAway
from duologue.testing.conversation.news_service import NewsClient, NewsService
from duologue.testing.conversation.promise import failure, same
from duologue.testing.conversation.service import CheckedClient, CheckedService, Step, Words

DRAIN_S: Final = 60.0
"""Longer than any promise is waited for: that one runs out is what would be told."""

Lose: TypeAlias = Callable[[], Awaitable[None]]
"""Cuts the present connection, without a close frame. Another one can be had at once."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """A peer that comes back, how it loses its connection, and what the other side offers."""

    peer: WebsocketPromisifier
    lose: Lose
    service: CheckedService
    news_service: NewsService

    @property
    def client(self) -> CheckedClient:
        """Calls the other side's service."""
        return CheckedClient(self.peer)

    @property
    def news(self) -> NewsClient:
        """Hears what the other side tells."""
        return NewsClient(self.peer)


Comeback: TypeAlias = Callable[[Lasting], Awaitable[None]]
"""Tried with a peer that is connected; its docstring is the promise."""


async def _check_calls_go_on(lasting: Lasting) -> None:
    """After a loss, and another one, calls go both ways as before."""
    for number in range(3):
        text = f"{number}"
        same(await lasting.client.echo(text=text), text, "the answer")
        same(await lasting.client.back(text=text), text, "the answer by way of our own service")
        await lasting.lose()
    same(lasting.peer.promise.done(), False, "whether it is over")


async def _check_reads_are_repeated(lasting: Lasting) -> None:
    """A `read` that was open when the connection was lost is asked again, and answered."""
    call = asyncio.ensure_future(lasting.client.ask())
    await lasting.service.begun.wait()
    await lasting.lose()
    same(await call, 2, "the number of times that it was asked")


async def _check_writes_are_not(lasting: Lasting) -> None:
    """Any other open call fails, says that it may have run, and is stopped and not repeated."""
    call = asyncio.ensure_future(lasting.client.hold())
    await lasting.service.begun.wait()
    lasting.service.begun.clear()
    await lasting.lose()
    error = await failure(call, ConnectionClosed)
    assert error.sent in ("yes", "unknown"), f"`sent` of a call that left is {error.sent!r}"
    await lasting.service.ended.wait()
    same(await lasting.client.echo(text="on"), "on", "the next answer")
    assert not lasting.service.begun.is_set(), "it was called a second time"


async def _check_calls_meanwhile(lasting: Lasting) -> None:
    """Calls made around a loss leave in order and run once, or fail and may have run once."""
    await lasting.lose()
    texts = [f"{number:02}" for number in range(20)]
    notes = [asyncio.ensure_future(lasting.client.note(text=text)) for text in texts]
    same(await lasting.client.echo(text="on"), "on", "the answer to a read")
    await asyncio.wait(notes)
    noted = lasting.service.noted
    same(noted, sorted(set(noted)), "the list of those that ran")
    for text, call in zip(texts, notes, strict=True):
        error = call.exception()
        if error is None:
            assert text in noted, "a call was answered that did not run"
        else:
            assert isinstance(error, ConnectionClosed), f"{error!r} came"
            assert error.sent != "no", "a call failed that could have waited"


async def _check_subscriptions_go_on(lasting: Lasting) -> None:
    """Subscribers hear what is told after a loss, once and in order."""
    expected = [Words(text="before"), Words(text="after")]
    handled: list[Words] = []
    with_handler = lasting.client.on_told(handled.append)
    async with lasting.client.on_told() as told:
        for each in expected:
            lasting.service.emit_told(text=each.text)
            same(await anext(told), each, "the event")
            await lasting.lose()
            await lasting.client.echo(text="it is back")
        lasting.service.emit_told(text="last")
        same(await anext(told), Words(text="last"), "the event")
    with_handler.close()
    same(handled, [*expected, Words(text="last")], "the list of handled events")


async def _check_streams_end(lasting: Lasting) -> None:
    """A stream does not outlive its connection: reading it fails, and its sender is stopped."""
    stream = await lasting.client.pour_on()
    same(await stream.read(10), bytes(10), "what was read")
    await lasting.lose()
    await failure(stream.read(), ConnectionClosed)
    await lasting.service.ended.wait()
    same(await lasting.client.echo(text="on"), "on", "the next answer")


async def _check_going_away(lasting: Lasting) -> None:
    """A side that goes away finishes what runs; what it turns away runs once, at the next one."""
    await lasting.client.echo(text="here")
    host = lasting.service.caller
    assert host is not None, "a call was answered that did not run"
    async with lasting.client.mirror() as exchange:
        await exchange.send(Step(number=1))
        same(await anext(exchange), Step(number=1), "the first item")
        host.say_goaway(GoAway("a new version", reconnect_after_ms=0))
        draining = asyncio.ensure_future(host.drain(DRAIN_S))
        note = asyncio.ensure_future(lasting.client.note(text="turned away"))
        await exchange.send(Step(number=2))
        same(await anext(exchange), Step(number=2), "an item of a call that runs")
    await draining
    host.close("a new version")
    await note
    same(lasting.service.noted, ["turned away"], "the list of those that ran")
    same(await lasting.client.echo(text="on"), "on", "the next answer")


async def _check_closing_at_a_loss(lasting: Lasting) -> None:
    """Closing ends it at any moment, and with it every call that waits."""
    held = asyncio.ensure_future(lasting.client.ask())
    await lasting.service.begun.wait()
    await lasting.lose()
    waiting = asyncio.ensure_future(lasting.client.echo(text="too late"))
    await asyncio.sleep(0)
    lasting.peer.close()
    await lasting.peer.promise.wait()
    await failure(held, ConnectionClosed)
    await failure(waiting, ConnectionClosed)
    late = await failure(lasting.client.echo(text="late"), ConnectionClosed)
    same(late.sent, "no", "`sent` of a call that came too late")


COMEBACKS: Final[tuple[Comeback, ...]] = (
    _check_calls_go_on,
    _check_reads_are_repeated,
    _check_writes_are_not,
    _check_calls_meanwhile,
    _check_subscriptions_go_on,
    _check_streams_end,
    _check_going_away,
    _check_closing_at_a_loss,
)
