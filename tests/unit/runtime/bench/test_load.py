"""The load of `duologue bench`: its payloads, and how it keeps calls in flight."""

import asyncio

import pytest

from duologue.bench.load import BLOB, LARGE, SMALL, Caller, Client, Json, payload_of


class Counting(Caller):
    """Answers after a turn of the loop; knows how many calls were in flight together."""

    def __init__(self) -> None:
        self.echoes: list[Json] = []
        self.blobs: list[bytes] = []
        self.open_calls = 0
        self.most_in_flight = 0

    async def open(self, port: int) -> None:
        pass

    async def close(self) -> None:
        pass

    async def echo(self, payload: Json) -> None:
        self.echoes.append(payload)
        await self._wait()

    async def blob(self, data: bytes) -> None:
        self.blobs.append(data)
        await self._wait()

    async def _wait(self) -> None:
        self.open_calls += 1
        self.most_in_flight = max(self.most_in_flight, self.open_calls)
        await asyncio.sleep(0)
        self.open_calls -= 1


def test_payloads_are_named_or_have_a_size() -> None:
    assert payload_of({"payload": "small"}) is SMALL
    assert payload_of({"payload": "large"}) is LARGE
    assert payload_of({"payload": "blob"}) is BLOB
    assert payload_of({"payload": 5}) == {**SMALL, "name": "nnnnn"}
    blob = payload_of({"payload": 70_000, "is_blob": True})
    assert isinstance(blob, bytes)
    assert len(blob) == 70_000


@pytest.mark.parametrize("payload", ["small", "blob"])
async def test_so_many_calls_are_in_flight_as_were_ordered(payload: str) -> None:
    caller = Counting()
    client = Client(lambda: caller, 0)
    figures = await client.carry_out(
        {"what": "calls", "payload": payload, "in_flight": 3, "seconds": 0.01}
    )
    assert caller.most_in_flight == 3
    assert figures["per_s"] > 0
    assert figures["server_us"] == []
    assert bool(caller.echoes) is (payload == "small")
    assert bool(caller.blobs) is (payload == "blob")


async def test_one_call_after_the_other_has_a_latency() -> None:
    caller = Counting()
    figures = await Client(lambda: caller, 0).carry_out(
        {"what": "calls", "payload": "small", "in_flight": 1, "seconds": 0.01}
    )
    assert caller.most_in_flight == 1
    assert 0 < figures["p50_us"] <= figures["p99_us"]
