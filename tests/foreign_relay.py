"""Relay and listener of the base profile, written from its text alone (section 4).

Nothing of duologue is used, so that the two can disagree.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from nacl.public import Box, PrivateKey, PublicKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def say(socket: ClientConnection | ServerConnection, command: str, **fields: Any) -> None:
    """Send one message of section 4."""
    await socket.send(json.dumps({"command": command, **fields}))


async def hear(socket: ClientConnection | ServerConnection, command: str) -> dict[str, Any]:
    """Receive one message of section 4, which must be this one."""
    message = await socket.recv()
    assert isinstance(message, str)
    fields: dict[str, Any] = json.loads(message)
    assert fields["command"] == command, fields
    return fields


async def register(url: str, own: PrivateKey, *, address: str = "127.0.0.1") -> ClientConnection:
    """A spare connection: sections 4.1 and 4.2. `address` is where it comes from."""
    socket = await connect(url, compression=None, local_addr=(address, 0))
    await say(socket, "register", publicKey=bytes(own.public_key).hex())
    asked = await hear(socket, "authentication_request")
    box = Box(own, PublicKey(bytes.fromhex(asked["publicKey"])))
    challenge = box.decrypt(bytes.fromhex(asked["challenge"]))
    assert len(challenge) == 64
    response = box.encrypt(bytes(each ^ 255 for each in challenge), os.urandom(24))
    await say(socket, "authentication_response", response=bytes(response).hex())
    success = await hear(socket, "authentication_success")
    assert success["pingInterval"] > 0
    return socket


async def wait_for_caller(socket: ClientConnection) -> None:
    """Answer pings until the handover; the caller's request is the next message."""
    while True:
        fields = json.loads(await socket.recv())
        if fields["command"] == "connection_handover":
            return
        assert fields["command"] == "ping"
        await say(socket, "pong")


class MinimalRelay:
    """As small as section 4 allows. Its key is new each time, and it never pings."""

    def __init__(self) -> None:
        self.key = PrivateKey.generate()
        self.shown_key = bytes(self.key.public_key)
        """What it calls its key."""
        self.extra: dict[str, Any] = {}
        """Further fields of `authentication_success`."""
        self.ping_interval_ms = 25_000
        self.registrations = 0
        self.proved = 0
        self.continues = True
        """Whether the `communication_request` follows the handover."""
        self.url = ""
        self._spares: dict[str, list[ServerConnection]] = {}

    async def serve(self, socket: ServerConnection) -> None:
        """One connection."""
        first = json.loads(await socket.recv())
        if first["command"] == "register":
            await self._register(socket, first["publicKey"])
        else:
            await self._join(socket, first)

    async def challenge(self, public_key: str, plain: bytes) -> bytes:
        """The box for a listener."""
        box = Box(self.key, PublicKey(bytes.fromhex(public_key)))
        return bytes(box.encrypt(plain, os.urandom(24)))

    def success(self, response: bytes) -> dict[str, Any]:
        """Further fields of `authentication_success`, for this answer to the challenge."""
        return {}

    async def _register(self, socket: ServerConnection, public_key: str) -> None:
        self.registrations += 1
        plain = os.urandom(64)
        challenge = await self.challenge(public_key, plain)
        await say(
            socket,
            "authentication_request",
            publicKey=self.shown_key.hex(),
            challenge=challenge.hex(),
        )
        answer = await hear(socket, "authentication_response")
        box = Box(self.key, PublicKey(bytes.fromhex(public_key)))
        response = box.decrypt(bytes.fromhex(answer["response"]))
        assert response == bytes(each ^ 255 for each in plain)
        self.proved += 1
        extra = {**self.extra, **self.success(bytes.fromhex(answer["response"]))}
        await say(socket, "authentication_success", pingInterval=self.ping_interval_ms, **extra)
        self._spares.setdefault(public_key, []).append(socket)
        await socket.wait_closed()

    async def _join(self, caller: ServerConnection, request: dict[str, Any]) -> None:
        spares = self._spares.get(request["targetPublicKey"], [])
        if not spares:
            text = "Close called: No listening connection for the specified publicKey."
            await caller.close(1000, text)
            return
        listener = spares.pop()
        await say(listener, "connection_handover")
        if self.continues:
            await listener.send(json.dumps(request))
            await asyncio.gather(_forward(caller, listener), _forward(listener, caller))
        else:
            await caller.wait_closed()


async def _forward(source: ServerConnection, sink: ServerConnection) -> None:
    try:
        async for message in source:
            await sink.send(message)
    except ConnectionClosed:
        pass
    await sink.close(1000, source.close_reason or "")


@asynccontextmanager
async def minimal_relay(relay: MinimalRelay | None = None) -> AsyncGenerator[MinimalRelay]:
    """A running one."""
    relay = relay or MinimalRelay()
    async with serve(relay.serve, "127.0.0.1", 0, compression=None) as server:
        relay.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield relay
