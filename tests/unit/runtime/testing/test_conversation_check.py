"""The checker of conversations says which promise a way of joining does not keep."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from duologue import Limits, WebsocketPromisifier, create_websocket_promisifier
from duologue.connection.memory import connected_pair
from duologue.testing import check_coming_back, check_conversation, linked_peers
from duologue.testing.conversation.losses import Lose
from duologue.typed import Service
from duologue.typed.service import Offer
from tests.virtual_time import at_once

Pair = tuple[WebsocketPromisifier, WebsocketPromisifier]


async def test_a_pair_that_keeps_them_passes() -> None:
    await check_conversation(linked_peers)


async def test_services_that_are_not_offered_are_missed() -> None:
    @asynccontextmanager
    async def without_left(
        left: Sequence[Service], right: Sequence[Service]
    ) -> AsyncGenerator[Pair]:
        async with linked_peers((), right) as peers:
            yield peers

    with pytest.raises(
        AssertionError, match=r"^A typed call gives .* Not so from the right: Unimp"
    ):
        await check_conversation(without_left)


@at_once
async def test_peers_that_do_not_introduce_themselves_cannot_stop_a_handler() -> None:
    @asynccontextmanager
    async def base_profile(
        left: Sequence[Service], right: Sequence[Service]
    ) -> AsyncGenerator[Pair]:
        peers = tuple(map(create_websocket_promisifier, connected_pair(Limits())))
        for peer, services in zip(peers, (left, right), strict=True):
            Offer(services).make_to(peer)
        yield peers[0], peers[1]
        peers[0].close()
        await asyncio.gather(*(peer.promise.wait() for peer in peers))

    with pytest.raises(AssertionError, match=r"^A cancelled call .* Not so from the left: Timeout"):
        await check_conversation(base_profile, patience_s=0.2)


@pytest.mark.parametrize("what", ["task", "timer"])
async def test_what_is_left_behind_is_noticed(what: str) -> None:
    left_over: list[asyncio.Task[None] | asyncio.TimerHandle] = []

    @asynccontextmanager
    async def careless(left: Sequence[Service], right: Sequence[Service]) -> AsyncGenerator[Pair]:
        async with linked_peers(left, right) as peers:
            yield peers
        loop = asyncio.get_running_loop()
        left_over.append(
            loop.create_task(asyncio.sleep(60)) if what == "task" else loop.call_later(60, print)
        )

    with pytest.raises(AssertionError, match=r"^A call by number .*: left behind: \{<T"):
        await check_conversation(careless)
    left_over[0].cancel()


@at_once
async def test_a_conversation_that_one_side_keeps_up_is_noticed() -> None:
    class Deaf(WebsocketPromisifier):
        def close(self, reason: str | None = None) -> None:
            """Not now."""
            self.check_thread()

    @asynccontextmanager
    async def stubborn(left: Sequence[Service], right: Sequence[Service]) -> AsyncGenerator[Pair]:
        async with linked_peers(left, right) as peers:
            peers[1].__class__ = Deaf
            yield peers

    await check_conversation(stubborn, closers=("left",))
    with pytest.raises(
        AssertionError, match=r"^Closing ends both sides .* from the right: Timeout"
    ):
        await check_conversation(stubborn, patience_s=0.5)


async def test_a_peer_that_does_not_come_back_is_noticed() -> None:
    @asynccontextmanager
    async def once(
        left: Sequence[Service], right: Sequence[Service]
    ) -> AsyncGenerator[tuple[WebsocketPromisifier, Lose]]:
        async with linked_peers(left, right) as (host, guest):

            async def lose() -> None:
                host.close()

            yield guest, lose

    with pytest.raises(
        AssertionError, match=r"^After a loss, and another one, .* Not so: ConnectionClosed"
    ):
        await check_coming_back(once)
