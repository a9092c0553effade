"""The relay's admin port: whom it answers, and how many at a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.relay.server.admin import (
    LIVE_WITHIN_S,
    MAX_CONNECTIONS,
    REQUEST_TIMEOUT_S,
    AdminServer,
)
from duologue.relay.server.server import RelayServer


@asynccontextmanager
async def admin_server(
    exposition: bytes = b"metrics\n", request_timeout_s: float = REQUEST_TIMEOUT_S
) -> AsyncGenerator[AdminServer]:
    relay = RelayServer()
    await relay.start()
    admin = AdminServer(
        relay, lambda: exposition, "text/plain", request_timeout_s=request_timeout_s
    )
    await admin.start("127.0.0.1", 0)
    try:
        yield admin
    finally:
        await admin.close()
        await relay.close()


async def ask(admin: AdminServer, *hosts: str, path: str = "/version") -> int:
    """The status of the answer; 0 if there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", admin.port)
    headers = "".join(f"Host: {each}\r\n" for each in hosts)
    writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
    try:
        answer = await reader.read()
    except ConnectionError:
        return 0
    finally:
        writer.close()
    return int(answer.split()[1]) if answer else 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:9", "localhost.:1234"]
)
async def test_a_request_to_one_of_its_own_names_is_answered(host: str) -> None:
    async with admin_server() as admin:
        assert await ask(admin, host.format(port=admin.port)) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "x@localhost:{port}", "localhost.evil.example", ""],
)
async def test_a_request_to_the_name_of_somebody_else_is_refused(host: str) -> None:
    async with admin_server() as admin:
        for path in ("/version", "/metrics", "/livez", "/readyz", "/none"):
            assert await ask(admin, host.format(port=admin.port), path=path) == 403


async def test_no_name_and_two_names_are_refused() -> None:
    async with admin_server() as admin:
        assert await ask(admin) == 400
        assert await ask(admin, "localhost", "localhost") == 400


async def test_one_connection_more_than_there_are_places_takes_that_of_the_oldest() -> None:
    async with admin_server() as admin:
        held = [
            await asyncio.open_connection("127.0.0.1", admin.port)
            for _ in range(MAX_CONNECTIONS - 1)
        ]
        assert await ask(admin, "localhost") == 200
        held.append(await asyncio.open_connection("127.0.0.1", admin.port))
        assert await ask(admin, "localhost") == 200
        for number, (reader, writer) in enumerate(held):
            is_first = number == 0
            if not is_first:
                writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                said = await reader.read()
            except ConnectionResetError:
                said = b""
            assert said.startswith(b"HTTP/1.1 200") is not is_first
            writer.close()


async def test_who_does_not_read_the_answer_loses_the_place() -> None:
    async with admin_server(b"x" * (64 << 20), request_timeout_s=0.1) as admin:
        reader, writer = await asyncio.open_connection("127.0.0.1", admin.port, limit=1)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            # Both ends share the loop: its timer is due first. Then the rest never comes.
            await asyncio.sleep(0.5)
            await reader.readexactly(64 << 20)
        writer.close()


@pytest.mark.parametrize(("late_s", "status"), [(0.0, 200), (0.25, 503)])
async def test_a_loop_that_has_not_come_round_for_too_long_is_told(
    late_s: float, status: int
) -> None:
    relay = RelayServer()
    relay.turned_s = 100.0
    admin = AdminServer(
        relay, lambda: b"", "text/plain", clock=lambda: 100.0 + LIVE_WITHIN_S + late_s
    )
    assert admin.page("GET", "/livez", ["localhost"]).status == status
