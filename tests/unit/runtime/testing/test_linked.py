"""Conversations without a network, as applications test with them."""

import asyncio

import pytest

from duologue.errors import DeadlineExceeded, LimitExceeded, ServiceIdTaken
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier.promise import Promise
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing import linked, linked_peers
from duologue.typed import (
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    Params,
    Service,
    ServiceContract,
    Unary,
)
from duologue.typed.context import CallContext
from duologue.typed.model import Model

COUNT = Unary(id=1, name="count", params=NO_PARAMS, returns=Codec(int))
COUNTER = ServiceContract(name="test.v1.Counter", base=100, digest="", methods=(COUNT,))
NAME = Unary(id=1, name="name", params=NO_PARAMS, returns=Codec(str))
NAMED = ServiceContract(name="test.v1.Named", base=200, digest="", methods=(NAME,))


class Load(Model):
    load: bytes


KNOCK = Unary(id=1, name="knock", params=NO_PARAMS, returns=Codec(bytes))
HOLD = Unary(id=2, name="hold", params=NO_PARAMS, returns=NOTHING)
BRING = Unary(id=3, name="bring", params=Params(Load), returns=Codec(bytes))
DOOR = ServiceContract(
    name="test.v1.Door", base=300, digest="sha256:" + "1" * 64, methods=(KNOCK, HOLD, BRING)
)


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


class Door(Service):
    """Says who is at it, holds whoever asks, and takes what is brought."""

    __contract__ = DOOR

    def __init__(self) -> None:
        self.is_held = asyncio.Event()
        self.let_go = asyncio.Event()

    def knock(self, ctx: CallContext) -> bytes:
        assert ctx.peer.remote_key is not None
        return ctx.peer.remote_key

    async def hold(self, ctx: CallContext) -> None:
        self.is_held.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.let_go.set()

    def bring(self, params: Load, ctx: CallContext) -> bytes:
        return params.load


class DoorClient(Client):
    __contract__ = DOOR

    def __init__(self, peer: WebsocketPromisifier) -> None:
        super().__init__(peer)
        self.own_peer = peer

    async def knock(self) -> bytes:
        return await self._unary(KNOCK)

    async def hold(self) -> None:
        return await self._unary(HOLD)

    async def bring(self, *, load: bytes) -> bytes:
        return await self._unary(BRING, load=load)


async def test_both_sides_know_each_other_by_throw_away_keys() -> None:
    keys: set[bytes] = set()
    for _ in range(2):
        async with linked(Door(), DoorClient) as door:
            remote_key = door.own_peer.remote_key
            assert remote_key is not None
            keys |= {await door.knock(), remote_key}
    assert len(keys) == 4


async def test_both_sides_have_the_keys_that_a_test_gives_them() -> None:
    ann, ben = Identity.generate(), Identity.generate()
    async with linked(Door(), DoorClient, identity=ben, caller=ann) as door:
        assert await door.knock() == ann.public_key
        assert door.own_peer.remote_key == ben.public_key


async def test_one_identity_may_speak_with_itself() -> None:
    ann = Identity.generate()
    async with linked(Door(), DoorClient, identity=ann, caller=ann) as door:
        assert await door.knock() == ann.public_key


async def test_a_given_up_call_stops_its_handler() -> None:
    door = Door()
    async with linked(door, DoorClient) as client:
        call = asyncio.ensure_future(client.hold())
        await door.is_held.wait()
        call.cancel()
        await door.let_go.wait()
        door.let_go.clear()
        with pytest.raises(DeadlineExceeded):
            await client.with_options(timeout=0.01).hold()


async def test_large_bytes_travel_in_parts() -> None:
    load = bytes(range(256)) * 1000
    async with linked(Door(), DoorClient) as door:
        assert await door.bring(load=load) == load
        assert door.own_peer.stats.bytes_sent < len(load) * 1.1, "it went as base64"


async def test_peers_that_are_not_given_identities_are_nobody() -> None:
    async with linked_peers() as peers:
        assert [peer.remote_key for peer in peers] == [None, None]


async def test_another_thread_comes_in_by_the_loop() -> None:
    async with linked(Named(), NamedClient) as named:
        loop = asyncio.get_running_loop()

        def ask() -> str:
            return asyncio.run_coroutine_threadsafe(named.name(), loop).result()

        assert await asyncio.to_thread(ask) == "Ann"


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
