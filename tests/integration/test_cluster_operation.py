"""What the operator of a cluster does, and is told."""

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

from duologue.relay.limits import RelayLimits
from tests.cluster_support import SECRET, cluster, keys_of, nats_servers, one_node
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.cluster_talk import (
    NO_LISTENER,
    joined,
    part,
    refusal,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN_SECRET, BEN, BEN_SECRET, PATIENCE_S, until
from tests.nats_server import NEEDS_NATS

pytestmark = NEEDS_NATS


async def closed_with(socket: ClientConnection) -> tuple[int, str]:
    with pytest.raises(PlainClosed) as caught:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("which", ["arrival", "holder"])
async def test_a_drain_ends_conversations_across_nodes_with_1001_on_both_sides(which: str) -> None:
    async with cluster(2) as (nodes, _):
        pair = await joined(nodes[0].url, nodes[1].url)
        spare = await register(nodes[1].url, BEN_SECRET)
        leaving = nodes[0] if which == "arrival" else nodes[1]
        draining = asyncio.create_task(leaving.node.drain(0.5))
        going_away = (1001, "The relay is being stopped.")
        assert await asyncio.gather(*map(closed_with, pair)) == [going_away, going_away]
        await asyncio.wait_for(draining, PATIENCE_S)
        if which == "holder":
            assert await closed_with(spare) == going_away
            assert await refusal(nodes[0].url) == NO_LISTENER
        else:
            await spare.close()
        await until(nodes[0].is_quiet)


async def test_a_key_whose_node_drains_is_found_where_its_listener_goes() -> None:
    async with cluster(3) as (nodes, _):
        spare = await register(nodes[1].url, BEN_SECRET)
        await until(lambda: len(nodes[1].bus.wanted) == 3)
        draining = asyncio.create_task(nodes[1].node.drain(3.0))
        await until(lambda: nodes[1].node.directory.is_draining)
        caller = await plain_connect(nodes[0].url, compression=None)
        await caller.send(request_for(ANN_SECRET, BEN.public_key))
        await asyncio.sleep(0.3)
        moved = await register(nodes[2].url, BEN_SECRET)
        await wait_for_caller(moved)
        await spare.close()
        await asyncio.wait_for(draining, PATIENCE_S)
        await part(caller, moved)


async def test_the_secret_is_changed_without_a_moment_in_which_nobody_is_found() -> None:
    new = b"n" * 32
    phases = ((SECRET, new), (new, SECRET), (new,))
    async with cluster(2) as (nodes, _):

        async def check() -> None:
            for one, other in ((0, 1), (1, 0)):
                await part(*await joined(nodes[one].url, nodes[other].url))

        await check()
        for secrets in phases:
            for node in nodes:
                node.node.use_keys(keys_of(*secrets))
                await check()
        always = 2
        for node in nodes:
            lingering = len(node.node.directory)
            assert len(node.bus.wanted) == always + lingering


async def test_a_second_node_of_the_same_name_is_told_to_the_operator_of_both() -> None:
    async with (
        nats_servers(1) as (server,),
        one_node("twin", [server.url]) as first,
        one_node("twin", [server.url]) as second,
    ):
        for node in (first, second):
            await until(lambda node=node: node.node.words() == ["node name taken"])  # type: ignore[misc]


async def test_nodes_with_other_limits_are_told_to_the_operator_and_serve() -> None:
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url]) as one,
        one_node(
            "n1", [server.url], limits=RelayLimits(max_pairs=7, startup_grace_s=0.01)
        ) as other,
    ):
        await until(lambda: other.node.words() == ["rules differ"])
        await part(*await joined(one.url, other.url))
        assert one.node.words() == ["rules differ"]
