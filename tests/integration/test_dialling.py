"""`create_websocket_promisifier()` without a connection, and `connect` in both its forms."""

import asyncio

import pytest

import duologue
from duologue import Identity, Limits, create_websocket_promisifier
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.relay_process import SHORT_GRACE_S
from tests.support import square

ANN, BEN = Identity.generate(), Identity.generate()


@pytest.fixture
async def relay() -> RelayServer:
    server = RelayServer(meeting_points=True, limits=RelayLimits(startup_grace_s=SHORT_GRACE_S))
    await server.start()
    return server


async def test_two_parties_meet_at_a_name(relay: RelayServer) -> None:
    one, other = create_websocket_promisifier(), create_websocket_promisifier()
    one.add_service(3, square)
    await asyncio.gather(one.connect(relay.url, "tea"), other.connect(relay.url, "tea", 5))
    assert await other.send(3, 12) == 144
    assert one.conn_id != other.conn_id
    other.close("enough")
    assert (await other.promise).code == 1000
    # What the original does with whoever stays at a meeting point.
    with pytest.raises(duologue.ConnectionClosed) as caught:
        await one.promise
    assert caught.value.code == 4002
    await relay.close()


async def test_nobody_comes(relay: RelayServer) -> None:
    alone = create_websocket_promisifier()
    with pytest.raises(TimeoutError):
        await alone.connect(relay.url, "nobody", 0.05)
    alone.close()
    assert (await alone.promise).code == 1000
    await relay.close()


async def test_the_third_is_refused_and_may_try_elsewhere(relay: RelayServer) -> None:
    parties = [create_websocket_promisifier() for _ in range(4)]
    await asyncio.gather(*(each.connect(relay.url, "tea", 5) for each in parties[:2]))
    with pytest.raises(duologue.ConnectionClosed, match="Group full"):
        await parties[2].connect(relay.url, "tea", 5)
    await asyncio.gather(*(each.connect(relay.url, "coffee", 5) for each in parties[2:]))
    parties[3].add_service(3, square)
    assert await parties[2].send(3, 2) == 4
    await relay.close()
    for party in parties:
        await party.promise.wait()


async def test_a_key_is_dialled_through_the_relay(
    relay: RelayServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pins = tmp_path_factory.mktemp("pins") / "known"
    async with duologue.listen(
        relay.url,
        identity=BEN,
        allow={ANN.public_key},
        on_peer=lambda peer: peer.add_service(3, square),
        known_relays=pins,
    ):
        api = create_websocket_promisifier(identity=ANN, limits=Limits(max_open_calls=7))
        await api.connect(relay.url, str(BEN).upper())
        assert await api.send(3, 12) == 144
        assert api.remote_key == BEN.public_key
        assert api.limits.max_open_calls == 7
        with pytest.raises(RuntimeError):
            await api.connect(relay.url, str(BEN))
        api.close()
        await api.promise
    await relay.close()


async def test_a_key_needs_an_identity(relay: RelayServer) -> None:
    api = create_websocket_promisifier()
    with pytest.raises(ValueError, match="identity"):
        await api.connect(relay.url, str(BEN))
    stranger = create_websocket_promisifier(identity=ANN)
    with pytest.raises(duologue.PeerNotFound):
        await stranger.connect(relay.url, str(BEN))
    for each in (api, stranger):
        each.close()
        await each.promise
    await relay.close()


async def test_before_it_is_connected_calls_fail_and_nothing_is_sent() -> None:
    api = create_websocket_promisifier()
    with pytest.raises(duologue.ConnectionClosed) as caught:
        await api.send(3, 1)
    assert caught.value.sent == "no"
    assert api.stats.requests_sent_total == 0
    api.close("changed my mind")
    status = await api.promise
    assert (status.code, status.reason) == (1000, "Close called: changed my mind")
    with pytest.raises(RuntimeError):
        await api.connect("ws://127.0.0.1:1", "tea")


async def test_closing_while_it_connects(relay: RelayServer) -> None:
    api = create_websocket_promisifier()
    other = create_websocket_promisifier()
    connecting = asyncio.ensure_future(api.connect(relay.url, "tea", 5))
    await asyncio.sleep(0.05)
    api.close()
    await other.connect(relay.url, "tea", 5)
    with pytest.raises(duologue.ConnectionClosed):
        await connecting
    with pytest.raises(duologue.ConnectionClosed):
        await other.promise
    await relay.close()
