"""Sockets that listen, at all addresses of one host and at one port."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from duologue.connection.websocket.happy_eyeballs import address_text
from duologue.connection.websocket.host_names import check_host_name

MAX_PORT_TRIES: Final = 20
"""How many free ports are tried, where one is wanted that is free in all families at once."""

Place = tuple[socket.AddressFamily, tuple[object, ...]]
"""The family, and what `socket.bind` takes in it."""


async def listening_sockets(
    hosts: Sequence[str | None], port: int, backlog: int
) -> list[socket.socket]:
    """Sockets that listen at all addresses of `hosts`, at one port; 0: any that is free in all.

    `None` stands for every address there is. They do not block.

    Raises:
        ValueError: one of `hosts` can be no name of a host.
        OSError: one of the addresses cannot be had; its text tells which.
    """
    loop = asyncio.get_running_loop()
    found: list[Place] = []
    for host in hosts:
        if host is not None:
            check_host_name(host)
        for family, _, _, _, address in await loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            found.append((family, address))
    places = list(dict.fromkeys(found))
    for tries_left in range(MAX_PORT_TRIES, 0, -1):
        try:
            return _listen_at(places, backlog)
        except OSError as error:
            # The port that was free for the first address was not for the next.
            if port or error.errno != errno.EADDRINUSE or tries_left == 1:
                raise
    raise AssertionError("the last try returns or raises")


def listening_unix_socket(path: str, backlog: int) -> socket.socket:
    """A socket that listens at `path`; what a server that is gone has left there is replaced.

    Whoever may write to it may connect: that is up to its folder and to the umask.

    Raises:
        OSError: a server listens there, something else is there, or it cannot be made.
    """
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise OSError(errno.EAFNOSUPPORT, f"{path}: this system has no unix sockets")
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if _is_left_over(path, family):
            os.unlink(path)
        sock.bind(path)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen at {path}: {error.strerror or error}") from error
    return sock


def remove_unix_socket(sock: socket.socket) -> None:
    """Take away the file of a socket that listens, if it has one, before it is closed."""
    place: object = sock.getsockname()
    if sock.family == getattr(socket, "AF_UNIX", None) and isinstance(place, str) and place:
        with suppress(OSError):
            os.unlink(place)


def _is_left_over(path: str, family: socket.AddressFamily) -> bool:
    """Whether there is a socket at which nobody listens any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _listen_at(places: Sequence[Place], backlog: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    unavailable: OSError | None = None
    try:
        for family, place in places:
            try:
                # Named, or asyncio would not know that what it accepts is TCP: small writes would
                # wait for 40 ms until the one before them is acknowledged (`TCP_NODELAY`).
                sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            except OSError as error:
                # The machine does not speak this family at all.
                unavailable = error
                continue
            host, port, *rest = place
            if sockets and port == 0:
                port = sockets[0].getsockname()[1]
            try:
                _listen(sock, (host, port, *rest), backlog)
            except OSError as error:
                sock.close()
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                # It speaks it, but has no such address: as with IPv6 that was turned off.
                unavailable = error
            else:
                sockets.append(sock)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise unavailable or OSError(errno.EADDRNOTAVAIL, "there is no address to listen at")
    return sockets


def _listen(sock: socket.socket, place: tuple[object, ...], backlog: int) -> None:
    sock.setblocking(False)
    if os.name == "posix":
        # Elsewhere it would let a second program listen at the same address.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind(place)
        sock.listen(backlog)
    except OSError as error:
        text = f"cannot listen at {address_text(place)}: {error.strerror}"
        raise OSError(error.errno, text) from error
