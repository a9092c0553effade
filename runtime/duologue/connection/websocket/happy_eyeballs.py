"""A TCP socket to a host that may have several addresses (RFC 8305, "happy eyeballs").

asyncio can do this too, but loses a socket that is connected in the very moment in which the
caller gives up; and uvloop cannot.
"""

import asyncio
import socket
from collections.abc import Collection, Sequence
from itertools import chain, zip_longest
from typing import Any, Final, cast

from duologue.connection.addresses import ip_literal
from duologue.protocol.wording import words_of

ATTEMPT_DELAY_S: Final = 0.25
"""How long one address may stay silent before the next is tried too (RFC 8305 5)."""

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
"""The family, and what `socket.connect` takes in it."""


async def connected_socket(
    host: str, port: int, *, attempt_delay_s: float = ATTEMPT_DELAY_S
) -> socket.socket:
    """The first connection that succeeds; all other attempts are ended and closed.

    Raises:
        OSError: no address could be found or reached; names each attempt.
    """
    addresses = await _addresses_of(host, port)
    if len(addresses) == 1:
        return await _connect(addresses[0])
    return await _first_of(addresses, attempt_delay_s)


async def _addresses_of(host: str, port: int) -> list[Address]:
    literal = ip_literal(host)
    if literal is None:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return interleaved([(family, place) for family, _, _, _, place in found])
    family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
    return [(family, (host, port))]


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The families by turns, beginning with the first (RFC 8305 4); else the order stays."""
    first_family = addresses[0][0] if addresses else socket.AF_INET
    first = [address for address in addresses if address[0] == first_family]
    others = [address for address in addresses if address[0] != first_family]
    pairs = chain.from_iterable(zip_longest(first, others))
    return [address for address in pairs if address is not None]


async def _connect(address: Address) -> socket.socket:
    family, place = address
    return await _connected(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP), place)


async def _connected(sock: socket.socket, place: tuple[Any, ...] | str) -> socket.socket:
    """`sock`, once it is connected; else it is closed."""
    is_connected = False
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place)
        is_connected = True
    finally:
        if not is_connected:
            sock.close()
    return sock


async def connected_unix_socket(path: str) -> socket.socket:
    """A connection to the socket at `path`.

    Raises:
        OSError: there is none, nobody listens at it, or this system has no such sockets.
    """
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise OSError(f"{path}: this system has no unix sockets")
    try:
        return await _connected(socket.socket(family, socket.SOCK_STREAM), path)
    except OSError as error:
        raise OSError(f"the socket {path}: {words_of(error)}") from error


async def _first_of(addresses: Sequence[Address], attempt_delay_s: float) -> socket.socket:
    connected: list[socket.socket] = []
    errors: list[OSError] = []

    async def attempt(address: Address, may_start: asyncio.Event, next_may: asyncio.Event) -> None:
        await may_start.wait()
        later = loop.call_later(attempt_delay_s, next_may.set)
        try:
            connected.append(await _connect(address))
        except OSError as error:
            errors.append(error)
            next_may.set()
        finally:
            later.cancel()

    loop = asyncio.get_running_loop()
    starts = [asyncio.Event() for _ in range(len(addresses) + 1)]
    starts[0].set()
    waiting = {
        loop.create_task(attempt(address, starts[number], starts[number + 1]))
        for number, address in enumerate(addresses)
    }
    chosen: socket.socket | None = None
    try:
        while waiting and not connected:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await _end(waiting)
        if connected:
            chosen = connected[0]
    finally:
        # Two can be connected in one turn, and the caller can give up in that same turn.
        for sock in connected:
            if sock is not chosen:
                sock.close()
        await _end(waiting)
    if chosen is None:
        kind = OSError
        if errors and all(isinstance(each, ConnectionRefusedError) for each in errors):
            kind = ConnectionRefusedError
        raise kind("; ".join(dict.fromkeys(map(words_of, errors))) or "no address to try")
    return chosen


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    if unfinished:
        await asyncio.wait(unfinished)


def address_text(address: object) -> str | None:
    """Host and port as people write them; None where the transport knows none."""
    if isinstance(address, tuple):
        host, port = cast("tuple[object, ...]", address)[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return str(address) if address else None
