"""`serve` and `connect` over real sockets on this machine."""

import asyncio

import pytest

from duologue import Limits, WebsocketPromisifier, connect, serve
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import (
    ProtocolError,
    RemoteError,
    ServiceIdTaken,
)
from tests.integration.greeters import (
    CallingBack,
    Greeter,
    GreeterClient,
    conversation,
    url,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left

# -- calls --------------------------------------------------------------------------------------


async def test_a_typed_call_over_a_real_socket() -> None:
    async with conversation(Greeter()) as (_, guest):
        assert await GreeterClient(guest).greet(name="Ann") == "hello Ann"


async def test_both_ends_call_over_one_connection() -> None:
    async with conversation(CallingBack()) as (host, guest):
        guest.add_service(7, lambda: "Ann")
        host.add_service(8, lambda: "host")
        assert await GreeterClient(guest).greet() == "hello Ann"
        assert await guest.send(8) == "host"
        assert await host.send(7) == "Ann"


async def test_the_connecting_side_may_offer_services() -> None:
    hosts: list[WebsocketPromisifier] = []
    async with (
        serve(on_peer=hosts.append) as server,
        connect(url(server.port), offer=[Greeter()]),
    ):
        assert await GreeterClient(hosts[0]).greet(name="Bob") == "hello Bob"


async def test_many_calls_at_once_each_get_their_own_answer() -> None:
    async with conversation(Greeter()) as (_, guest):
        client = GreeterClient(guest)
        answers = await asyncio.gather(*(client.greet(name=str(number)) for number in range(500)))
        assert answers == [f"hello {number}" for number in range(500)]


async def test_several_guests_are_told_apart() -> None:
    async with serve(CallingBack()) as server:
        async with connect(url(server.port)) as ann, connect(url(server.port)) as bob:
            ann.add_service(7, lambda: "Ann")
            bob.add_service(7, lambda: "Bob")
            assert await GreeterClient(ann).greet() == "hello Ann"
            assert await GreeterClient(bob).greet() == "hello Bob"
            assert len(server.peers) == 2
        await asyncio.gather(*(peer.promise.wait() for peer in server.peers))
        assert server.peers == frozenset()


async def test_services_of_on_peer_serve_the_first_request() -> None:
    def add(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, lambda: "early")

    async with serve(on_peer=add) as server, connect(url(server.port)) as guest:
        assert await guest.send(3) == "early"


async def test_the_other_side_has_an_address() -> None:
    async with conversation() as (host, guest):
        assert host.remote_address is not None
        assert host.remote_address.startswith("127.0.0.1:")
        assert guest.remote_address is not None


# -- who may come -------------------------------------------------------------------------------


async def test_pages_of_other_origins_are_refused() -> None:
    async with serve(origins=["https://good.example"]) as server:
        with pytest.raises(ProtocolError, match="403"):
            await dial_websocket(
                url(server.port), Limits(), origin="https://evil.example", timeout_s=5
            )
        page = await dial_websocket(
            url(server.port), Limits(), origin="https://good.example", timeout_s=5
        )
        page.close()
        assert server.refused == {"host": 0, "origin": 1, "no_room": 0, "gave_way": 0}


async def test_a_browser_is_refused_where_no_origin_is_named() -> None:
    async with serve() as server:
        with pytest.raises(ProtocolError, match="403"):
            await dial_websocket(
                url(server.port), Limits(), origin=f"http://127.0.0.1:{server.port}", timeout_s=5
            )


async def test_other_hosts_are_refused_unless_they_are_named() -> None:
    async def ask(port: int, host: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        writer.write(head.encode())
        status = await reader.readline()
        writer.transport.abort()
        return status.split()[1]

    async with serve(hosts=["good.example"]) as server:
        assert await ask(server.port, "evil.example") != b"101"
        assert await ask(server.port, f"evil.example:{server.port}") != b"101"
        assert await ask(server.port, "good.example") == b"101"
        assert await ask(server.port, f"localhost:{server.port}") == b"101"
        # A tunnel, a container's port: by another one, and still this machine.
        assert await ask(server.port, "localhost:9000") == b"101"
        assert server.refused == {"host": 2, "origin": 0, "no_room": 0, "gave_way": 0}


# -- offering -----------------------------------------------------------------------------------


async def test_services_that_meet_are_found_before_anybody_listens() -> None:
    with pytest.raises(ServiceIdTaken):
        serve(Greeter(), Greeter())
    with pytest.raises(ServiceIdTaken):
        async with connect("ws://127.0.0.1:9", offer=[Greeter(), Greeter()]):
            pytest.fail("was let in")


async def test_unknown_services_are_told_over_a_real_socket() -> None:
    async with conversation() as (_, guest):
        with pytest.raises(RemoteError) as unknown:
            await guest.send(99)
        assert unknown.value.cause.code == "UNKNOWN-SERVICE"
