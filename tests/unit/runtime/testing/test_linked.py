"""Conversations without a network, as applications test with them."""

import asyncio

import pytest

from duologue.errors import LimitExceeded, ServiceIdTaken
from duologue.limits import Limits
from duologue.promisifier.promise import Promise
from duologue.testing import linked, linked_peers
from duologue.typed import NO_PARAMS, Client, Codec, Service, ServiceContract, Unary
from duologue.typed.context import CallContext

COUNT = Unary(id=1, name="count", params=NO_PARAMS, returns=Codec(int))
COUNTER = ServiceContract(name="test.v1.Counter", base=100, digest="", methods=(COUNT,))
NAME = Unary(id=1, name="name", params=NO_PARAMS, returns=Codec(str))
NAMED = ServiceContract(name="test.v1.Named", base=200, digest="", methods=(NAME,))


class CounterClient(Client):
    __contract__ = COUNTER

    async def count(self) -> int:
        return await self._unary(COUNT)


class NamedClient(Client):
    __contract__ = NAMED

    async def name(self) -> str:
        return await self._unary(NAME)


class Named(Service):
    __contract__ = NAMED

    def name(self, ctx: CallContext) -> str:
        return "Ann"


class Counter(Service):
    __contract__ = COUNTER

    def __init__(self) -> None:
        self.guests: list[str] = []

    async def count(self, ctx: CallContext) -> int:
        self.guests.append(await NamedClient(ctx.peer).name())
        return len(self.guests)


async def test_a_client_is_joined_to_a_service() -> None:
    async with linked(Named(), NamedClient) as named:
        assert await named.name() == "Ann"


async def test_a_service_calls_what_the_client_offers() -> None:
    counter = Counter()
    async with linked(counter, CounterClient, offer=[Named()]) as client:
        assert await client.count() == 1
    assert counter.guests == ["Ann"]


async def test_both_peers_offer() -> None:
    async with linked_peers([Named()], [Counter()]) as (left, right):
        assert await NamedClient(right).name() == "Ann"
        assert await CounterClient(left).count() == 1


async def test_limits_hold_for_both() -> None:
    async with linked_peers(limits=Limits(max_message_bytes=1000)) as peers:
        for peer in peers:
            with pytest.raises(LimitExceeded):
                await peer.send(1, "x" * 1000)


async def test_two_services_cannot_share_a_number() -> None:
    with pytest.raises(ServiceIdTaken, match=r"test\.v1\.Named/name"):
        async with linked_peers([Named(), Named()]):
            pytest.fail("was linked")


async def test_leaving_the_block_closes_cleanly_even_after_an_error() -> None:
    promises: list[Promise] = []
    with pytest.raises(ZeroDivisionError):
        async with linked_peers() as (left, right):
            promises += left.promise, right.promise
            raise ZeroDivisionError
    assert [(await promise).code for promise in promises] == [1000, 1000]
    assert asyncio.all_tasks() == {asyncio.current_task()}
