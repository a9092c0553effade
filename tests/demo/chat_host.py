"""The host of the chat demonstration: two rooms, no open port, found through a relay by its key."""

import asyncio
import sys
from pathlib import Path

import duologue
from generated.chat.rooms.v1 import ChatSessionHost
from tests.demo.service import Rooms


async def main(relay: str, key_file: str, known_relays: str, *guests: str) -> None:
    """Listen at the relay until our input is closed; each line of it is said in the lobby."""
    identity = duologue.Identity.load_or_create(key_file)
    rooms = Rooms()
    async with ChatSessionHost.listen(
        relay,
        rooms=rooms,
        identity=identity,
        allow=set(guests),
        known_relays=Path(known_relays),
    ):
        print(f"registered as {identity}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(f"says to the lobby: {line.strip()}")
            rooms.say("lobby", line.strip())
    print("stopped")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
