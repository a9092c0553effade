"""Leaving a bus, whatever the library that speaks with its servers does meanwhile."""

import asyncio
import types
from typing import Any

import pytest

from duologue.relay.cluster import nats_bus
from duologue.relay.cluster.nats_bus import BusAccess, NatsBus
from duologue.relay.cluster_limits import ClusterLimits
from tests.virtual_time import at_once

PLACES = ("connect", "subscribe", "publish", "close", "nowhere")


class Deaf:
    """Stands for the library's client; in one place it drops the first cancellation."""

    place = "nowhere"
    here: asyncio.Event
    left = 0

    def __init__(self) -> None:
        self.is_connected = False
        self.pending_data_size = 0
        self._ps = types.SimpleNamespace(buf=b"")

    async def _stop_at(self, place: str) -> None:
        if place == self.place and not self.here.is_set():
            self.here.set()
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                # What nats-py does where it flushes.
                pass

    async def connect(self, **_options: object) -> None:
        await self._stop_at("connect")
        self.is_connected = True

    async def subscribe(self, _subject: str, **_options: object) -> Any:
        await self._stop_at("subscribe")
        return object()

    async def publish(self, *_arguments: object, **_options: object) -> None:
        await self._stop_at("publish")

    async def close(self) -> None:
        await self._stop_at("close")
        type(self).left += 1


@pytest.mark.parametrize("place", PLACES)
@at_once
async def test_a_bus_is_left_though_a_cancellation_is_dropped(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(nats_bus, "EncryptingClient", Deaf)
    monkeypatch.setattr(Deaf, "place", place)
    monkeypatch.setattr(Deaf, "here", asyncio.Event(), raising=False)
    before = asyncio.all_tasks()
    bus = NatsBus(BusAccess(["nats://127.0.0.1:4222"], "n0"), ClusterLimits())
    bus.have("dl.test.1.nodes")
    await asyncio.sleep(1)
    if place == "publish":
        bus.send(0, "dl.test.1.nodes", b"x")
        await Deaf.here.wait()
    closing = asyncio.create_task(bus.close())
    await asyncio.sleep(0)
    async with asyncio.timeout(600):
        await closing
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert Deaf.left >= 1
