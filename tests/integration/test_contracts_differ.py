"""Two sides made from two versions of a contract: what goes through, and what is said else."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue import (
    ConnectionClosed,
    ContractMismatch,
    DeadlineExceeded,
    InvalidParams,
    InvalidResult,
    Unimplemented,
    WebsocketPromisifier,
)
from duologue.errors import Digests
from duologue.testing import linked_peers
from duologue.typed import Service
from tests.unit.codegen.packages import made_package

BEFORE = """
duologue: 1
package: hub.v1
doc: The first.
types:
  Level: {enum: [low, high]}
services:
  Hub:
    base: 500
    methods:
      ping: {id: 1, returns: string}
      level: {id: 2, returns: Level}
      name: {id: 3, params: {text: string}, returns: string}
      keep: {id: 4, params: {data: bytes}, returns: bytes}
      levels: {id: 6, yields: Level}
    events:
      rose: {id: 20, fields: {level: Level}}
"""

AFTER = """
duologue: 1
package: hub.v1
doc: The second, whose words count for nothing.
types:
  Level: {enum: [low, high, top]}
services:
  Hub:
    base: 500
    methods:
      ping: {id: 1, returns: string}
      level: {id: 2, returns: Level}
      name: {id: 3, params: {text: string, loud: bool}, returns: string}
      keep: {id: 4, params: {data: bytes}, returns: bytes}
      heartbeat: {id: 5, returns: string}
      levels: {id: 6, yields: Level}
    events:
      rose: {id: 20, fields: {level: Level}}
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Generator[Any]:
    with made_package(BEFORE, "hub.v1", tmp_path_factory.mktemp("before")) as package:
        yield package


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Generator[Any]:
    with made_package(AFTER, "hub.v1", tmp_path_factory.mktemp("after")) as package:
        yield package


def heartbeat(_self: object, _ctx: object) -> str:
    return "beat"


def hub(package: Any) -> Any:
    """A service of one of the two."""

    class Hub(package.HubServicePartial):  # type: ignore[misc]
        def ping(self, ctx: Any) -> str:
            return "pong"

        def level(self, ctx: Any) -> Any:
            return list(package.Level)[-1]

        def name(self, params: Any, ctx: Any) -> Any:
            return params.text

        def keep(self, params: Any, ctx: Any) -> Any:
            return params.data

        async def levels(self, ctx: Any) -> Any:
            for each in package.Level:
                yield each

    if hasattr(package.HubService, "heartbeat"):
        Hub.heartbeat = heartbeat
    return Hub()


def digests(ours: Any, theirs: Any) -> Digests:
    return Digests(ours.HubClient.__contract__.digest, theirs.HubClient.__contract__.digest)


@asynccontextmanager
async def joined(
    *services: Service, **options: Any
) -> AsyncGenerator[tuple[WebsocketPromisifier, duologue.WebsocketPromisifier]]:
    """Over sockets: the side that serves, and the one that has connected with these options."""
    accepted: asyncio.Queue[WebsocketPromisifier] = asyncio.Queue()
    describe = options.pop("describe", True)
    async with (
        duologue.serve(*services, on_peer=accepted.put_nowait, describe=describe) as server,
        duologue.connect(f"ws://127.0.0.1:{server.port}", **options) as peer,
    ):
        yield await accepted.get(), peer


async def test_what_both_know_goes_through_and_one_line_tells_of_the_difference(
    before: Any, after: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "duologue")
    async with joined(hub(before)) as (_, peer):
        client = after.HubClient(peer)
        assert await client.ping() == "pong"
        assert await client.keep(data=bytes(10_000)) == bytes(10_000)
        assert await after.HubClient(peer).ping() == "pong"
    told = [each.getMessage() for each in caplog.records if "hub.v1.Hub" in each.getMessage()]
    ours, theirs = digests(after, before)
    assert told == [
        f"hub.v1.Hub: this side was generated from the contract {ours}, the other side from "
        f"{theirs}; what does not fit fails by itself"
    ]


async def test_large_bytes_stay_in_the_text(before: Any, after: Any) -> None:
    for client, parts in ((after, 0), (before, 1)):
        async with joined(hub(before)) as (serving, peer):
            heard: list[object] = []
            conversation = serving._conversation  # pyright: ignore[reportPrivateUsage]
            conversation.connection.on_message.listen(heard.append)
            assert await client.HubClient(peer).keep(data=bytes(10_000)) == bytes(10_000)
            assert sum(isinstance(each, bytes) for each in heard) == parts


async def test_a_method_that_is_not_there_is_told_with_those_that_are(
    before: Any, after: Any
) -> None:
    async with joined(hub(before)) as (_, peer):
        asked: set[int] = set()
        for _ in range(2):
            with pytest.raises(Unimplemented) as missing:
                await after.HubClient(peer).heartbeat()
            asked.add(peer.stats.control_requests_sent)
            assert missing.value.message == (
                "hub.v1.Hub/heartbeat is not offered by the other side; it offers hub.v1.Hub, "
                "which has: keep, level, levels, name, ping"
            )
            assert missing.value.digests == digests(after, before)
            assert missing.value.code == "UNKNOWN-SERVICE"
        assert len(asked) == 1, "the other side is asked once"


async def test_where_nothing_is_described_it_is_told_without(before: Any, after: Any) -> None:
    async with joined(hub(before), describe=False) as (_, peer):
        with pytest.raises(Unimplemented, match=r"it offers hub\.v1\.Hub without it \(.*sha256"):
            await after.HubClient(peer).heartbeat()


async def test_a_service_that_is_not_there_is_told_with_those_that_are(after: Any) -> None:
    async with joined() as (_, peer):
        with pytest.raises(Unimplemented, match=r"Hub/ping is not offered .*; it offers: nothing"):
            await after.HubClient(peer).ping()


async def test_a_base_peer_does_not_say_what_it_offers(after: Any) -> None:
    async with joined(profile="base") as (_, peer):
        with pytest.raises(Unimplemented, match="speaks the base profile and does not say"):
            await after.HubClient(peer).ping()


async def test_params_that_do_not_fit_name_the_field_and_both_digests(
    before: Any, after: Any
) -> None:
    async with joined(hub(after)) as (_, peer):
        with pytest.raises(InvalidParams) as refused:
            await before.HubClient(peer).name(text="Ann")
        ours, theirs = digests(before, after)
        assert [each.path for each in refused.value.problems] == ["loud"]
        assert str(refused.value).splitlines()[1:] == [
            "  loud: Field required",
            f"  this side was generated from the contract {ours}, the other side from {theirs}",
        ]
        assert await before.HubClient(peer).ping() == "pong"


async def test_a_result_and_an_item_that_do_not_fit_name_both_digests(
    before: Any, after: Any
) -> None:
    async with joined(hub(after)) as (_, peer):
        with pytest.raises(InvalidResult) as unfit:
            await before.HubClient(peer).level()
        assert unfit.value.digests == digests(before, after)
        with pytest.raises(InvalidResult) as item:
            async with before.HubClient(peer).levels() as levels:
                assert [each async for each in levels]
        assert item.value.digests == digests(before, after)


async def test_an_event_that_does_not_fit_is_logged_with_both_digests(
    before: Any, after: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service = hub(after)
    async with joined(service) as (_, peer), before.HubClient(peer).on_rose() as rises:
        service.emit_rose(level=after.Level.TOP)
        service.emit_rose(level=after.Level.LOW)
        assert (await anext(rises)).level is before.Level.LOW
        assert rises.missed == 1
    assert digests(before, after).theirs in caplog.text


async def test_only_the_same_is_called_if_that_is_wanted_and_what_differs_is_said(
    before: Any, after: Any
) -> None:
    service = hub(before)
    async with joined(service, contracts="same") as (_, peer):
        for _ in range(2):
            with pytest.raises(ContractMismatch) as mismatch:
                await after.HubClient(peer).ping()
            assert mismatch.value.digests == digests(after, before)
            assert mismatch.value.differences == (
                "services.Hub.methods.heartbeat: only this side has it",
                "services.Hub.methods.name.params.loud: only this side has it",
                "types.Level.enum.top: only this side has it",
            )
            assert "heartbeat" in str(mismatch.value)
        assert await before.HubClient(peer).ping() == "pong"


async def test_without_a_description_only_the_digests_are_said(before: Any, after: Any) -> None:
    async with joined(hub(before), contracts="same", describe=False) as (_, peer):
        with pytest.raises(ContractMismatch) as mismatch:
            await after.HubClient(peer).ping()
    assert mismatch.value.differences == ()


async def test_a_call_that_waits_for_words_keeps_its_deadline_and_ends_with_its_connection(
    before: Any, after: Any
) -> None:
    async with linked_peers([hub(before)]) as (left, right):
        client = after.HubClient(right)
        lost = asyncio.ensure_future(client.heartbeat())
        given_up = asyncio.ensure_future(client.heartbeat())
        hurried = asyncio.ensure_future(client.with_options(timeout=0.001).heartbeat())
        await asyncio.sleep(0)
        given_up.cancel()
        left.close()
        with pytest.raises((Unimplemented, ConnectionClosed)):
            await lost
        with pytest.raises((Unimplemented, ConnectionClosed, DeadlineExceeded)):
            await hurried
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_the_old_name_warns_where_it_is_written() -> None:
    identity = duologue.Identity.generate()
    here = Path(__file__).name
    with pytest.warns(DeprecationWarning, match="same_contracts") as caught:
        server = duologue.serve(same_contracts=True)
        duologue.listen(
            "ws://127.0.0.1:1", identity=identity, allow=duologue.ANYONE, same_contracts=False
        )
        async with (
            server,
            duologue.connect(f"ws://127.0.0.1:{server.port}", same_contracts=True),
        ):
            pass
        with pytest.raises(duologue.RelayError):
            async with duologue.dial(
                "ws://127.0.0.1:1", identity=identity, to=bytes(31) + b"\x09", same_contracts=True
            ):
                pass
    met = [(Path(each.filename).name, str(each.message)) for each in caught]
    assert [name for name, _ in met] == [here] * 4
    assert 'contracts="same"' in met[0][1]
    assert 'contracts="any"' in met[1][1]


async def test_two_names_and_wrong_words_are_refused() -> None:
    wrong: Any = "none"
    with pytest.raises(ValueError, match='is "any" or "same" but is'):
        duologue.serve(contracts=wrong)
    with pytest.raises(TypeError, match="the old name"):
        duologue.serve(contracts="same", same_contracts=False)
