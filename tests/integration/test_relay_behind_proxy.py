"""A relay behind a proxy that ends TLS: limits hold for clients, not for the proxy."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage, InvalidStatus

from duologue.relay.access import new_token
from duologue.relay.events import NotOpened, Opened, RelayEvent, TurnedAway
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from duologue.relay.server.watched_files import AccessFiles
from tests.foreign_relay import say
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import Running, running, until
from tests.stopwatch import PATIENCE_S

LIMITS = RelayLimits()
ELSEWHERE = "127.0.0.2"
"""An address that is no trusted proxy."""


@asynccontextmanager
async def behind_a_proxy(folder: Path, limits: RelayLimits = LIMITS) -> AsyncGenerator[Running]:
    allowed = folder / "allow"
    allowed.write_text("* both\n")
    async with running(
        limits=limits,
        access=AccessFiles(allowed, None),
        trusted_proxies=[ip_network("127.0.0.1/32")],
    ) as relay:
        yield relay


def named(*addresses: str) -> Mapping[str, Any]:
    """What the proxy adds for this client."""
    return {"additional_headers": [("X-Forwarded-For", each) for each in addresses]}


async def come(relay: Running, *addresses: str) -> ClientConnection:
    return await plain_connect(relay.url, compression=None, **named(*addresses))


async def status_of(relay: Running, *addresses: str) -> int:
    """The HTTP status of a refusal; 101 if there is none."""
    try:
        await (await come(relay, *addresses)).close()
    except InvalidStatus as error:
        return error.response.status_code
    return 101


def groups(events: list[RelayEvent]) -> list[str]:
    return [event.address for event in events if isinstance(event, Opened)]


async def test_each_client_has_the_limits_of_its_own_address(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_connections_per_address=2)
    async with behind_a_proxy(tmp_path, limits) as relay, contextlib.AsyncExitStack() as stack:
        for client in ("192.0.2.1", "192.0.2.2", "2001:db8:1:2::1"):
            for _ in range(2):
                await stack.enter_async_context(await come(relay, client))
        # One more of each is one too many, in whatever way it is written.
        for client in ("192.0.2.1", "::ffff:192.0.2.2", "[2001:db8:1:2:ffff::]:80"):
            assert await status_of(relay, client) == 429
        assert await status_of(relay, "192.0.2.3") == 101
        assert groups(relay.events)[:6:2] == ["192.0.2.1", "192.0.2.2", "2001:db8:1:2::/64"]
        turned = [each for each in relay.events if isinstance(each, TurnedAway)]
        assert {each.limit for each in turned} == {"max_connections_per_address"}
        assert [each.address for each in turned] == groups(relay.events)[:6:2]
        assert not relay.noted(NotOpened)


async def test_places_are_free_again_when_a_client_has_left(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_connections_per_address=1)
    async with behind_a_proxy(tmp_path, limits) as relay:
        for _ in range(3):
            assert await status_of(relay, "192.0.2.1") == 101
            await until(lambda: len(relay.server.door) == 0)
        assert relay.server.door.strangers == 0


async def test_strangers_and_arrivals_are_counted_by_client(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_unauthenticated_per_address=1, new_connections_burst_per_address=3)
    async with behind_a_proxy(tmp_path, limits) as relay:
        first = await come(relay, "192.0.2.1")
        async with await come(relay, "192.0.2.2") as other:
            # Another of the same client, and its first has to go; nobody else's.
            assert await status_of(relay, "192.0.2.1") == 101
            with pytest.raises(PlainClosed, match="needed its place"):
                await first.recv()
            await (await other.ping())
        for _ in range(3):
            await status_of(relay, "192.0.2.1")
        noted = {each.limit for each in relay.events if isinstance(each, TurnedAway)}
        assert noted == {"max_unauthenticated_per_address", "new_connections_per_s_per_address"}


async def test_registrations_are_counted_by_client(tmp_path: Path) -> None:
    limits = replace(LIMITS, registers_per_min_per_address=2)

    async def challenged(relay: Running, client: str) -> bool:
        async with await come(relay, client) as socket:
            key = bytes(PrivateKey.generate().public_key).hex()
            await say(socket, "register", publicKey=key)
            with contextlib.suppress(PlainClosed):
                return "challenge" in str(await socket.recv())
        return False

    async with behind_a_proxy(tmp_path, limits) as relay:
        assert await challenged(relay, "192.0.2.1")
        assert not await challenged(relay, "192.0.2.1")
        assert await challenged(relay, "192.0.2.2")


async def test_what_clients_write_themselves_is_not_believed(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_connections_per_address=1)
    async with (
        behind_a_proxy(tmp_path, limits) as relay,
        await come(relay, "203.0.113.1, 192.0.2.1"),
    ):
        assert groups(relay.events) == ["192.0.2.1"]
        assert await status_of(relay, "203.0.113.2, 192.0.2.1") == 429


async def test_who_is_no_trusted_proxy_names_nobody(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_connections_per_address=1)
    async with behind_a_proxy(tmp_path, limits) as relay:
        options: dict[str, Any] = {"compression": None, "local_addr": (ELSEWHERE, 0)}
        async with plain_connect(relay.url, **options, **named("192.0.2.1")):
            assert groups(relay.events) == [ELSEWHERE]
            # Dropped unheard, as anybody.
            with pytest.raises(InvalidMessage):
                await plain_connect(relay.url, **options, **named("192.0.2.2"))


@pytest.mark.parametrize("value", ["", "unknown", "192.0.2.1, nonsense", "192.0.2.1,"])
async def test_a_proxy_that_says_nonsense_is_refused(tmp_path: Path, value: str) -> None:
    async with behind_a_proxy(tmp_path) as relay:
        assert await status_of(relay, value) == 400
        await until(lambda: bool(relay.noted(NotOpened)))
        assert not relay.noted(Opened)
        assert len(relay.server.door) == 0


async def test_a_proxy_that_says_nothing_is_counted_itself(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_connections_per_address=1)
    async with behind_a_proxy(tmp_path, limits) as relay, await come(relay):
        assert groups(relay.events) == ["127.0.0.1"]
        assert await status_of(relay) == 429


async def test_the_limits_for_all_hold_before_a_proxy_has_said_anything(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_unauthenticated=2)
    async with behind_a_proxy(tmp_path, limits) as relay:
        silent = [await asyncio.open_connection("127.0.0.1", relay.server.port) for _ in range(2)]
        await until(lambda: relay.server.door.strangers == 2)
        assert await status_of(relay, "192.0.2.1") == 101
        # The one that has been silent longest had to go.
        assert await asyncio.wait_for(silent[0][0].read(), PATIENCE_S) == b""
        assert not silent[1][0].at_eof()
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()
        await until(lambda: relay.server.door.strangers == 0)


async def test_tokens_reach_the_relay_through_the_proxy_too(tmp_path: Path) -> None:
    token, line = new_token()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{line} register\n")
    async with running(
        access=AccessFiles(None, tokens), trusted_proxies=[ip_network("127.0.0.1/32")]
    ) as relay:
        for given, answer in ((token, "authentication_request"), ("wrong", "")):
            headers = [("X-Forwarded-For", "192.0.2.1"), ("Authorization", f"Bearer {given}")]
            async with plain_connect(
                relay.url, compression=None, additional_headers=headers
            ) as socket:
                key = bytes(PrivateKey.generate().public_key).hex()
                await say(socket, "register", publicKey=key)
                said = ""
                with contextlib.suppress(PlainClosed):
                    said = str(await socket.recv())
                assert answer in said
                assert bool(said) is bool(answer)


async def test_a_relay_open_to_all_is_not_put_behind_a_proxy() -> None:
    with pytest.raises(ValueError, match="allow-list or tokens"):
        RelayServer(trusted_proxies=[ip_network("127.0.0.1/32")])
