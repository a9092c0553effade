"""The way out leads through a proxy: HTTP's CONNECT or SOCKS, as said or by the environment."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

import duologue
from duologue import ANYONE, ConnectionClosed, Identity, RelayUnreachable, WebsocketPromisifier
from duologue.relay.server.server import RelayServer
from tests.proxy_server import ProxyServer, proxy_server
from tests.support import square

PROXY_VARIABLES = ("ws_proxy", "wss_proxy", "http_proxy", "https_proxy", "all_proxy", "no_proxy")


def offer(peer: WebsocketPromisifier) -> None:
    peer.add_service(1, square)


@pytest_asyncio.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[ProxyServer]:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    async with proxy_server(ProxyServer()) as running:
        yield running


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_conversation_goes_through_the_proxy_that_is_named(
    scheme: str, proxy: ProxyServer
) -> None:
    async with (
        duologue.serve(on_peer=offer) as server,
        duologue.connect(
            f"ws://127.0.0.1:{server.port}", proxy=f"{scheme}://127.0.0.1:{proxy.port}"
        ) as peer,
    ):
        assert await peer.send(1, 12) == 144
    assert proxy.asked == [f"127.0.0.1:{server.port}"]


async def test_the_proxy_is_told_user_and_password(proxy: ProxyServer) -> None:
    async with (
        duologue.serve(on_peer=offer) as server,
        duologue.connect(
            f"ws://127.0.0.1:{server.port}", proxy=f"http://ann:s%20cret@127.0.0.1:{proxy.port}"
        ) as peer,
    ):
        assert await peer.send(1, 12) == 144
    assert proxy.authorised_by == ["Basic YW5uOnMgY3JldA=="]


async def test_the_environment_names_a_proxy(
    proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(ConnectionClosed):
        # A name that nobody has: the proxy is asked all the same, and cannot reach it.
        async with duologue.connect("wss://host.invalid:8443"):
            pass
    assert proxy.asked == ["host.invalid:8443"]


async def test_the_environment_is_not_asked_for_this_machine(
    proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    async with (
        duologue.serve(on_peer=offer) as server,
        duologue.connect(f"ws://localhost:{server.port}") as peer,
    ):
        assert await peer.send(1, 12) == 144
    assert proxy.asked == []


async def test_the_environment_is_not_asked_where_no_proxy_is_wanted(
    proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(ConnectionClosed):
        async with duologue.connect("wss://host.invalid:8443", proxy=None):
            pass
    assert proxy.asked == []


async def test_a_relay_is_reached_through_the_proxy_from_both_sides(
    proxy: ProxyServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ann, ben = Identity.generate(), Identity.generate()
    way = f"http://127.0.0.1:{proxy.port}"
    relay = RelayServer()
    await relay.start()
    try:
        async with (
            duologue.listen(
                relay.url,
                identity=ben,
                allow=ANYONE,
                on_peer=offer,
                known_relays=tmp_path_factory.mktemp("known") / "relays",
                proxy=way,
            ),
            duologue.dial(relay.url, to=ben.public_key, identity=ann, proxy=way) as peer,
        ):
            assert await peer.send(1, 12) == 144
    finally:
        await relay.close()
    assert len(proxy.asked) >= 3


async def test_what_the_proxy_answers_is_told() -> None:
    answer = b"HTTP/1.1 407 Proxy\x1b[31m Authentication Required\r\n\r\n"
    async with proxy_server(ProxyServer(answer=answer)) as proxy:
        with pytest.raises(ConnectionClosed) as caught:
            async with duologue.connect(
                "ws://host.invalid", proxy=f"http://ann:secret@127.0.0.1:{proxy.port}"
            ):
                pass
    assert caught.value.sent == "no"
    assert caught.value.reason == (
        "cannot reach ws://host.invalid:80: the proxy "
        f"http://127.0.0.1:{proxy.port} answered 407 Proxy\\x1b[31m Authentication Required"
    )


@pytest.mark.parametrize("answer", [b"SSH-2.0-nobody\r\n\r\n", b"HTTP/1.1 20", b"x" * 20_000])
async def test_what_is_no_proxy_is_told_so(answer: bytes) -> None:
    async with proxy_server(ProxyServer(answer=answer)) as proxy:
        with pytest.raises(ConnectionClosed, match="gives no answer that HTTP knows"):
            async with duologue.connect(
                "ws://host.invalid", proxy=f"http://127.0.0.1:{proxy.port}"
            ):
                pass


async def test_a_proxy_that_is_not_there_is_told_so(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectionClosed, match="cannot be reached: "):
        async with duologue.connect(
            "ws://host.invalid", proxy=f"http://127.0.0.1:{unused_tcp_port}"
        ):
            pass


async def test_a_relay_behind_a_proxy_that_is_not_there_is_unreachable(
    unused_tcp_port: int,
) -> None:
    me, other = Identity.generate(), Identity.generate()
    with pytest.raises(RelayUnreachable, match="the proxy"):
        async with duologue.dial(
            "wss://relay.invalid",
            to=other.public_key,
            identity=me,
            proxy=f"http://127.0.0.1:{unused_tcp_port}",
        ):
            pass


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("ftp://proxy", "not the address of a proxy: scheme ftp isn't supported"),
        ("http://", "not the address of a proxy: hostname isn't provided"),
        ("https://proxy", "https://proxy:443: a proxy that itself speaks TLS cannot be used"),
    ],
)
async def test_what_is_no_address_of_a_proxy_is_refused(proxy: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        async with duologue.connect("ws://host.invalid", proxy=proxy):
            pass
