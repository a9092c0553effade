"""The provider of the relay demonstration: no open port, one key, found through a relay."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import duologue
from duologue import ByteStream, CallContext
from generated.onecore.basics.v1 import BasicsServicePartial
from tests.demo.service import Rooms

MIB = 1024 * 1024
FILE_MIB = 64
BLOCK = hashlib.sha256(b"demo").digest() * (MIB // 32)


class Files(BasicsServicePartial):
    """Has one large file."""

    def read_bytes(self, ctx: CallContext) -> ByteStream:
        """The file."""
        return ByteStream(blocks())


async def blocks() -> AsyncIterator[bytes]:
    """64 MiB, which need not be anywhere."""
    for _ in range(FILE_MIB):
        yield BLOCK


async def main(relay: str, key_file: str, allowed: str, known_relays: str) -> None:
    """Listen at the relay until the parent closes our input."""
    identity = duologue.Identity.load_or_create(key_file)
    async with duologue.listen(
        relay,
        Rooms(),
        Files(),
        identity=identity,
        allow={allowed},
        known_relays=Path(known_relays),
        on_peer=lambda peer: print(
            f"a guest has proved the key {peer.remote_key.hex()[:16]}..."
            if peer.remote_key
            else "?"
        ),
    ):
        print(f"registered as {identity}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print("stopped")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
