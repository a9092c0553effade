"""A bad neighbour: `python -m tests.flooding URL ping|pong|small SECONDS N`, a process of its own.

Joins N pairs of connections of its own through the relay and floods one of each; what comes out is
thrown away unread, so that nothing but the relay has work with it. Prints how many flooding
connections are open and how many were closed at the end.
"""

import asyncio
import sys
import time

from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection, connect

from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller

FRAMES = {
    "ping": b"\x89\x80\x00\x00\x00\x00",
    "pong": b"\x8a\x80\x00\x00\x00\x00",
    "small": b"\x82\x81\x00\x00\x00\x00x",
}


class Discard(asyncio.Protocol):
    """Reads and forgets."""


async def pair(url: str) -> tuple[ClientConnection, ClientConnection]:
    own = PrivateKey.generate()
    listener = await register(url, own)
    caller = await connect(url, compression=None)
    await caller.send(request_for(PrivateKey.generate(), bytes(own.public_key)))
    await wait_for_caller(listener)
    for each in (listener, caller):
        each.transport.set_protocol(Discard())
    return listener, caller


async def main(url: str, what: str, seconds: float, count: int) -> None:
    pairs = [await pair(url) for _ in range(count)]
    transports = [caller.transport for _, caller in pairs]
    blob = FRAMES[what] * 2000
    end = time.perf_counter() + seconds
    print("flooding", flush=True)
    while time.perf_counter() < end and not all(each.is_closing() for each in transports):
        for transport in transports:
            if not transport.is_closing() and transport.get_write_buffer_size() < 200_000:
                transport.write(blob)
        await asyncio.sleep(0)
    closed = sum(each.is_closing() for each in transports)
    print(f"{count - closed} open, {closed} closed", flush=True)
    for each in pairs:
        for socket in each:
            socket.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
