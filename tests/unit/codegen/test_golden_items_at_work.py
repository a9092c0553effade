"""The golden package of items at work: every shape, and every kind of item, there and back."""

from collections.abc import AsyncIterator as Items
from operator import methodcaller

import pytest

from duologue import CallContext, InvalidParams, Unimplemented
from duologue.testing import linked
from duologue.typed import Sender as Out
from duologue.typed import Unknown
from tests.golden.packages.items.expected.golden.items.v1 import (
    AsyncIterator,
    Blob,
    FlowBlendParams,
    FlowClient,
    FlowHumParams,
    FlowServicePartial,
    FlowWatchParams,
    Incoming,
    Level,
    Sender,
    Shape,
    Stopped,
)


class Flow(FlowServicePartial):
    def __init__(self) -> None:
        self.shapes: list[Shape] = []

    async def watch(self, params: FlowWatchParams, ctx: CallContext) -> Items[AsyncIterator]:
        for number in range(params.items):
            yield AsyncIterator(of=f"{params.out}{number}")
        if params.ctx:
            raise Stopped(after=params.items)

    async def drain(self, out: Out[Incoming], ctx: CallContext) -> Sender:
        await out.send_all([Incoming(kind="incoming", items=1)] * 3)
        return Sender(kind="sender", name="done")

    async def fill(self, params: Sender, items: Items[Shape], ctx: CallContext) -> None:
        async for shape in items:
            self.shapes.append(shape)

    async def pour(self, items: Items[bytes], ctx: CallContext) -> list[Level | str]:
        return [Level.HIGH if piece else Level.LOW async for piece in items] + ["deafening"]

    async def mix(self, items: Items[int], ctx: CallContext) -> Items[Level | str]:
        async for number in items:
            yield Level.HIGH if number > 0 else str(number)

    async def blend(
        self, params: FlowBlendParams, items: Items[Blob], out: Out[bytes], ctx: CallContext
    ) -> int | None:
        count = 0
        async for blob in items:
            count += 1
            await out.send(blob[::-1])
        return count or None

    async def hum(self, params: FlowHumParams, ctx: CallContext) -> Items[Incoming | None]:
        yield None
        yield Incoming(kind="incoming", items=2)


async def test_items_come_and_an_error_behind_them() -> None:
    async with linked(Flow(), FlowClient) as flow:
        async with flow.watch(items=2, out="a", method=0, c=0) as names:
            assert [name.of async for name in names] == ["a0", "a1"]
        async with flow.watch(items=1, out="b", ctx=True, method=0, c=0) as names:
            assert (await anext(names)).of == "b0"
            with pytest.raises(Stopped) as stopped:
                await anext(names)
        assert stopped.value.data.after == 1


async def test_items_come_and_a_result_behind_them() -> None:
    async with linked(Flow(), FlowClient) as flow, flow.drain() as incoming:
        assert [each.items async for each in incoming] == [1, 1, 1]
        assert (await incoming.result()).name == "done"


async def test_forms_of_an_open_union_are_sent() -> None:
    service = Flow()
    async with linked(service, FlowClient) as flow, flow.fill(name="a") as out:
        await out.send_all([Incoming(kind="incoming", items=1), Sender(kind="sender", name="b")])
        await out.send(Unknown("later", {"kind": "later", "x": 1}))
        await out.result()
    assert [type(shape).__name__ for shape in service.shapes] == ["Incoming", "Sender", "Unknown"]


async def test_bytes_are_sent_as_they_are_and_empty_ones_too() -> None:
    async with linked(Flow(), FlowClient) as flow, flow.pour() as out:
        await out.send_all([b"\x00\xff", b""])
        assert await out.result() == [Level.HIGH, Level.LOW, "deafening"]


async def test_items_go_both_ways() -> None:
    async with linked(Flow(), FlowClient) as flow, flow.mix() as levels:
        levels.send_all([2**60, -(2**60)])
        assert [level async for level in levels] == [Level.HIGH, str(-(2**60))]


async def test_items_go_both_ways_with_a_result() -> None:
    async with linked(Flow(), FlowClient) as flow:
        async with flow.blend(room="a") as blobs:
            blobs.send_all([b"ab", bytes(range(256)) * 3])
            assert [blob async for blob in blobs] == [b"ba", bytes(reversed(range(256))) * 3]
            assert await blobs.result() == 2
        async with flow.blend(room="a") as blobs:
            assert await blobs.result() is None


async def test_an_item_beyond_its_bounds_is_not_sent() -> None:
    async with linked(Flow(), FlowClient) as flow, flow.blend(room="a") as blobs:
        with pytest.raises(InvalidParams, match="at most 1000"):
            await blobs.send(bytes(1001))
        assert await blobs.result() is None


async def test_an_item_may_be_null() -> None:
    async with linked(Flow(), FlowClient) as flow, flow.hum(level=Level.LOW) as hum:
        assert [item and item.items async for item in hum] == [None, 2]


async def test_what_a_partial_service_leaves_out_is_unimplemented() -> None:
    class Nothing(FlowServicePartial):
        pass

    async with linked(Nothing(), FlowClient) as flow:
        with pytest.raises(Unimplemented, match="Flow/drain is not offered here"):
            await flow.drain().result()
        with pytest.raises(Unimplemented, match="Flow/pour is not offered here"):
            await flow.pour()
        async with flow.mix() as levels:
            with pytest.raises(Unimplemented, match="Flow/mix is not offered here"):
                await anext(levels)
        with pytest.warns(DeprecationWarning, match="Use drain"):
            leak = methodcaller("leak")(flow)
        async with leak as texts:
            with pytest.raises(Unimplemented, match="Flow/leak is not offered here"):
                await anext(texts)
