"""One connection to another node: the sealed channel on a socket, until it becomes a tunnel."""

import asyncio
import os
import socket
from typing import Final, Protocol, cast

from duologue.relay.cluster import control
from duologue.relay.cluster.channel import BadNode, Channel, Introduction

_ENDED: Final = BadNode("ended", "the connection was closed")


class NodeOwner(Protocol):
    """Who has a connection, and is told of it."""

    def on_open(self, connection: "NodeConnection") -> None:
        """The other side has proved to be a node of this cluster."""

    def on_message(self, connection: "NodeConnection", message: control.Message) -> None:
        """It has said something."""

    def on_lost(self, connection: "NodeConnection", why: BadNode | None) -> None:
        """It is gone; `why` if it was ended for what the other side is or said."""


class Heir(Protocol):
    """Who will own the socket, and is told already what the socket tells."""

    def pause_writing(self) -> None:
        """The socket holds more than it should."""

    def resume_writing(self) -> None:
        """It has little left."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""


class NodeConnection(asyncio.Protocol):
    """Messages of `control` over one socket. Sends and tells; decides nothing."""

    def __init__(
        self,
        owner: NodeOwner,
        introduction: Introduction,
        *,
        is_dialling: bool,
        socket_bytes: int,
    ) -> None:
        self.heir: Heir | None = None
        self._owner = owner
        self._channel = Channel(introduction, is_dialling=is_dialling, secret=os.urandom(32))
        self._socket_bytes = socket_bytes
        self._transport: asyncio.Transport | None = None
        self._is_reading = False
        self._was_given = False
        self._is_unwanted = False
        self._why: BadNode | None = None

    @property
    def other(self) -> control.Hello | None:
        """The other node, once it has proved to be one."""
        return self._channel.other

    @property
    def is_usable(self) -> bool:
        """Whether something can be said over it."""
        transport = self._transport
        return self._channel.is_open and transport is not None and not transport.is_closing()

    @property
    def transport(self) -> asyncio.Transport:
        """Its socket; only while it is usable."""
        if self._transport is None:
            raise _ENDED
        return self._transport

    def send(self, message: control.Control) -> None:
        """Say something; nothing happens if it is gone, which is told by `on_lost`."""
        if self.is_usable and self._transport is not None:
            self._transport.write(self._channel.seal(message))

    def close(self) -> None:
        """End it, after what was sent has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it at once, also before its socket is there."""
        self._is_unwanted = True
        if self._transport is not None:
            self._transport.abort()

    def give_away(self) -> tuple[asyncio.Transport, bytes]:
        """Part from the socket; also what has come and was not read.

        Nothing more is told to the owner. Whoever gets it becomes its protocol.
        """
        self._was_given = True
        return self.transport, self._channel.take_rest()

    # -- for the transport ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.Transport, transport)
        if self._is_unwanted:
            self._transport.abort()
            return
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            prepare_socket(sock, self._socket_bytes)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """So much has come."""
        self._channel.receive(data)
        if self._is_reading:
            return
        self._is_reading = True
        try:
            self._read()
        except BadNode as error:
            self._why = error
            self.abort()
        finally:
            self._is_reading = False

    def eof_received(self) -> bool:
        """The other side sends no more; the transport closes when this returns."""
        return False

    def pause_writing(self) -> None:
        """The socket holds more than it should."""
        if self.heir is not None:
            self.heir.pause_writing()

    def resume_writing(self) -> None:
        """It has little left."""
        if self.heir is not None:
            self.heir.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._transport = None
        if self.heir is not None:
            self.heir.connection_lost(exc)
        self._owner.on_lost(self, self._why)

    # -- inside ---------------------------------------------------------------------------------

    def _read(self) -> None:
        channel = self._channel
        while not self._was_given:
            was_open = channel.is_open
            message = channel.next_message()
            self._flush()
            if not was_open and channel.is_open:
                self._owner.on_open(self)
            if message is None:
                return
            if self._transport is None or self._transport.is_closing():
                return
            self._owner.on_message(self, message)

    def _flush(self) -> None:
        data = self._channel.take_outgoing()
        if data and self._transport is not None:
            self._transport.write(data)


def prepare_socket(sock: socket.socket, buffer_bytes: int) -> None:
    """Small buffers, and nothing held back; where the system lets us."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
