"""`conforms` finds what a service does that its contract does not say."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import pytest

import duologue
from duologue import CallContext
from duologue.bench.duologue_echo import AsyncEcho
from duologue.bench.generated.echo.v1 import EchoBlobParams, EchoEchoParams, EchoService, Item
from duologue.limits import MAX_SAFE_INTEGER
from generated.lab.psu.v1 import Reading, SupplyMonitorParams
from tests.examples.power_supply import PowerSupply


def raised(params: EchoEchoParams) -> Item:
    number = min(params.number + 1, MAX_SAFE_INTEGER)
    return Item(name=params.name, number=number, ratio=params.ratio, tags=params.tags)


class Echo(EchoService):
    def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        return raised(params)

    def blob(self, params: EchoBlobParams, ctx: CallContext) -> bytes:
        return params.data


class NotForTheLast(Echo):
    """Forgets that there is a last number."""

    def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        item = raised(params)
        # Generated models say no to what does not fit, but not to this.
        vars(item)["number"] = params.number + 1
        return item


class NotForEmpty(AsyncEcho):
    async def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        return raised(params)

    async def blob(self, params: EchoBlobParams, ctx: CallContext) -> bytes:
        return params.data if params.data[0] else b""


class Stuck(NotForEmpty):
    async def blob(self, params: EchoBlobParams, ctx: CallContext) -> bytes:
        await asyncio.Event().wait()
        return b""


def test_a_service_that_keeps_to_its_contract_passes() -> None:
    duologue.testing.conforms(Echo, runs=20)


def test_a_result_that_does_not_fit_is_found_and_the_call_is_told() -> None:
    with pytest.raises(AssertionError) as caught:
        duologue.testing.conforms(NotForTheLast, runs=100)
    assert str(caught.value).startswith(
        f"echo.v1.Echo/echo(name='', number={MAX_SAFE_INTEGER}, ratio=0.0, tags=[]) gave what does "
        "not fit its contract: INVALID_RESULT"
    )


def test_an_error_that_is_not_declared_is_found_with_the_simplest_call() -> None:
    with pytest.raises(AssertionError) as caught:
        duologue.testing.conforms(NotForEmpty, runs=50)
    assert str(caught.value) == (
        "echo.v1.Echo/blob(data=b'') failed with IndexError: index out of range; "
        "its contract declares no errors"
    )
    assert isinstance(caught.value.__cause__, IndexError)


def test_a_call_that_does_not_end_is_found() -> None:
    with pytest.raises(AssertionError, match=r"blob\(data=b''\) did not end within 0.01 s"):
        duologue.testing.conforms(Stuck, runs=1, timeout_s=0.01)


def test_the_same_seed_makes_the_same_calls() -> None:
    def blobs(seed: int) -> list[bytes]:
        seen: list[bytes] = []

        class Noting(Echo):
            def blob(self, params: EchoBlobParams, ctx: CallContext) -> bytes:
                seen.append(params.data)
                return params.data

        duologue.testing.conforms(Noting, runs=20, seed=seed)
        return seen

    assert blobs(1) == blobs(1) != blobs(2)


async def test_in_an_async_test_it_says_where_it_belongs() -> None:
    with pytest.raises(RuntimeError, match="use it in a test that is not async"):
        duologue.testing.conforms(Echo)


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Any:
        assert name == "hypothesis"

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(RuntimeError, match="pip install hypothesis"):
        duologue.testing.conforms(Echo)


class NoDisplay(PowerSupply):
    async def monitor(
        self, params: SupplyMonitorParams, ctx: CallContext
    ) -> AsyncIterator[Reading]:
        async for reading in super().monitor(params, ctx):
            yield reading
            raise RuntimeError("no display")


def test_what_yields_for_ever_is_read_for_a_while() -> None:
    duologue.testing.conforms(PowerSupply, runs=3)


def test_a_fault_behind_the_first_item_is_found() -> None:
    with pytest.raises(
        AssertionError, match=r"monitor\(channel=1\) failed with RuntimeError: no disp"
    ):
        duologue.testing.conforms(NoDisplay, runs=10)
