"""A bad neighbour as a process of its own: `python -m tests.flooding URL ping|small SECONDS`.

Joins two connections of its own through the relay and floods one; what comes out is thrown away
unread, so that nothing but the relay has work with it. Prints how the flooder stands at the end.
"""

import asyncio
import sys
import time

from nacl.public import PrivateKey
from websockets.asyncio.client import connect

from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller

FRAMES = {"ping": b"\x89\x80\x00\x00\x00\x00", "small": b"\x82\x81\x00\x00\x00\x00x"}


class Discard(asyncio.Protocol):
    """Reads and forgets."""


async def main(url: str, what: str, seconds: float) -> None:
    own = PrivateKey.generate()
    listener = await register(url, own)
    caller = await connect(url, compression=None)
    await caller.send(request_for(PrivateKey.generate(), bytes(own.public_key)))
    await wait_for_caller(listener)
    for each in (listener, caller):
        each.transport.set_protocol(Discard())
    blob = FRAMES[what] * 2000
    end = time.perf_counter() + seconds
    transport = caller.transport
    print("flooding", flush=True)
    while time.perf_counter() < end and not transport.is_closing():
        if transport.get_write_buffer_size() < 200_000:
            transport.write(blob)
        await asyncio.sleep(0)
    print("closed" if transport.is_closing() else "open", flush=True)
    for each in (listener, caller):
        each.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
