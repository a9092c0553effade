"""A minimal peer of the base profile, written from its text alone.

It uses nothing of duologue, so that the two can disagree. `Seal` is its cryptography; `Dialogue` is
one encrypted conversation over a `websockets` connection.
"""

import json
import os
from collections.abc import AsyncIterator
from typing import Any, Protocol

from nacl.bindings import crypto_box_afternm, crypto_box_beforenm, crypto_box_open_afternm
from nacl.public import Box, PrivateKey, PublicKey

WORDS = (
    "fragmentation_start_string",
    "fragmentation_start_binary",
    "fragmentation_end",
)
FRAGMENT = 65_536


def request_for(source: PrivateKey, target: bytes) -> str:
    """Section 5, step 1."""
    return json.dumps(
        {
            "command": "communication_request",
            "sourcePublicKey": bytes(source.public_key).hex(),
            "targetPublicKey": target.hex(),
        }
    )


def flight(own: PrivateKey, other: bytes, temporary: PrivateKey) -> bytes:
    """Section 5, steps 3 and 4: 72 bytes."""
    return bytes(Box(own, PublicKey(other)).encrypt(bytes(temporary.public_key), os.urandom(24)))


def opened_flight(own: PrivateKey, other: bytes, box: bytes) -> bytes:
    """The temporary public key of the other side."""
    return Box(own, PublicKey(other)).decrypt(box)


class Seal:
    """Section 6.1 and 6.2, with the random padding of the original."""

    def __init__(self, temporary: PrivateKey, theirs: bytes, *, is_connector: bool) -> None:
        self._key = crypto_box_beforenm(theirs, bytes(temporary))
        self.sent_with = 1 if is_connector else 0
        self.opened_with = 0 if is_connector else 1

    def seal(self, message: str | bytes) -> bytes:
        """The next frame of this side."""
        extra = os.urandom(1)[0]
        flags = 1 if isinstance(message, str) else 0
        raw = message.encode() if isinstance(message, str) else message
        head = bytes([flags << 4 | 1, extra - 1]) + os.urandom(extra - 1) if extra else b""
        frame = crypto_box_afternm(
            (head or bytes([flags << 4])) + raw, self.sent_with.to_bytes(24, "big"), self._key
        )
        self.sent_with += 2
        return frame

    def open(self, frame: bytes) -> str | bytes:
        """The message in the next frame of the other side."""
        padded = crypto_box_open_afternm(frame, self.opened_with.to_bytes(24, "big"), self._key)
        self.opened_with += 2
        width = padded[0] & 15
        filler = int.from_bytes(padded[1 : 1 + width], "big")
        message = padded[1 + width + filler :]
        return message.decode() if padded[0] >> 4 & 1 else message


class Socket(Protocol):
    """What is used of a `websockets` connection."""

    async def send(self, message: str | bytes) -> None: ...

    async def recv(self) -> str | bytes: ...


class Dialogue:
    """The layers of section 6 on a socket. `lifesigns` counts the `keepalive`s that came."""

    def __init__(self, socket: Socket, seal: Seal) -> None:
        self._socket = socket
        self._seal = seal
        self.lifesigns = 0

    @classmethod
    async def connect(
        cls, socket: Socket, own: PrivateKey, target: bytes, *, claim: PrivateKey | None = None
    ) -> "Dialogue":
        """The connector's side of section 5. `claim`: whose key to name instead of our own."""
        temporary = PrivateKey.generate()
        await socket.send(request_for(claim or own, target))
        ready = await socket.recv()
        assert json.loads(ready) == {"command": "communication_ready"}
        await socket.send(flight(own, target, temporary))
        answer = await socket.recv()
        assert isinstance(answer, bytes)
        assert len(answer) == 72
        return cls(socket, Seal(temporary, opened_flight(own, target, answer), is_connector=True))

    @classmethod
    async def accept(cls, socket: Socket, own: PrivateKey) -> "Dialogue":
        """The acceptor's side of section 5."""
        temporary = PrivateKey.generate()
        request = json.loads(await socket.recv())
        assert request["command"] == "communication_request"
        assert request["targetPublicKey"] == bytes(own.public_key).hex()
        source = bytes.fromhex(request["sourcePublicKey"])
        await socket.send('{"command":"communication_ready"}')
        box = await socket.recv()
        assert isinstance(box, bytes)
        assert len(box) == 72
        theirs = opened_flight(own, source, box)
        await socket.send(flight(own, source, temporary))
        return cls(socket, Seal(temporary, theirs, is_connector=False))

    async def send(self, message: str | bytes) -> None:
        """One message of the application."""
        for piece in self._pieces(message):
            if isinstance(piece, str) and piece.startswith("keepalive"):
                piece += "x"
            await self.send_raw(piece)

    async def send_raw(self, message: str | bytes) -> None:
        """One message of the encryption layer; `keepalive`, for instance."""
        await self._socket.send(self._seal.seal(message))

    def _pieces(self, message: str | bytes) -> list[str | bytes]:
        if isinstance(message, bytes):
            raw, start, is_long = message, WORDS[1], len(message) > FRAGMENT
        else:
            raw, start = message.encode(), WORDS[0]
            is_long = len(message.encode("utf-16-le")) // 2 >= FRAGMENT // 4
        if is_long:
            cuts = [raw[at : at + FRAGMENT] for at in range(0, len(raw), FRAGMENT)]
            return [start, *cuts, WORDS[2]]
        if isinstance(message, str) and message.startswith(WORDS):
            return [message + "x"]
        return [message]

    async def recv_raw(self) -> str | bytes:
        """The next message of the encryption layer, lifesigns too."""
        frame = await self._socket.recv()
        assert isinstance(frame, bytes)
        return self._seal.open(frame)

    async def recv(self) -> str | bytes:
        """The next message of the application."""
        parts: list[bytes] = []
        start = ""
        async for message in self._messages():
            if isinstance(message, bytes):
                if not start:
                    return message
                parts.append(message)
            elif message == WORDS[2]:
                raw = b"".join(parts)
                return raw.decode() if start == WORDS[0] else raw
            elif message in WORDS:
                start = message
            else:
                return message[:-1] if message.startswith(WORDS) else message
        raise AssertionError("the socket ended without an exception")

    async def _messages(self) -> AsyncIterator[str | bytes]:
        while True:
            message = await self.recv_raw()
            if message == "keepalive":
                self.lifesigns += 1
            elif isinstance(message, str) and message.startswith("keepalive"):
                yield message[:-1]
            else:
                yield message

    async def recv_json(self) -> Any:
        """The next message, read as an RPC message."""
        message = await self.recv()
        assert isinstance(message, str)
        return json.loads(message)

    async def serve_one(self, service: int, answer: Any) -> Any:
        """Answer calls until one to `service` has come; the others are unknown here (7.4)."""
        while True:
            request = await self.recv_json()
            if request["type"] != "request":
                continue
            if request["serviceId"] == service:
                await self.send(
                    json.dumps({"responseId": request["requestId"], "type": "data", "data": answer})
                )
                return request["args"]
            text = f"Not a function: Servcie ID {request['serviceId']} [number]"
            error = {"name": "TypeError", "message": text, "code": "UNKNOWN-SERVICE"}
            await self.send(
                json.dumps({"responseId": request["requestId"], "type": "error", "error": error})
            )

    async def call(self, request_id: int, service: int, *args: Any) -> Any:
        """Call `service`; calls of the other side meanwhile are answered as unknown."""
        await self.send(
            json.dumps(
                {
                    "requestId": request_id,
                    "type": "request",
                    "serviceId": service,
                    "args": list(args),
                }
            )
        )
        while True:
            message = await self.recv_json()
            if message.get("responseId") == request_id:
                return message
            if message["type"] == "request":
                error = {"name": "TypeError", "message": "", "code": "UNKNOWN-SERVICE"}
                await self.send(
                    json.dumps(
                        {"responseId": message["requestId"], "type": "error", "error": error}
                    )
                )
