"""A guest of the chat demonstration: dials the host's key through a relay, and does as it is told.

It comes back by itself when the relay has been away, and its subscription with it.
"""

import asyncio
import sys
from collections.abc import Iterator

import duologue
from duologue import CallContext
from duologue.typed import Subscription
from generated.chat.rooms.v1 import (
    ChatSessionGuest,
    File,
    PresenceNudgeParams,
    PresenceService,
    RoomsMessagePosted,
    Text,
)

MIB = 1024 * 1024
PIECE_BYTES = 64 * 1024
FILE_MIB = 8


class Presence(PresenceService):
    """What the host may ask of this guest."""

    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        """Show the text."""
        print(f"is nudged: {params.text}")
        return True


class Guest:
    """One guest in the lobby."""

    def __init__(self, session: ChatSessionGuest) -> None:
        self.session = session
        self.heard: list[int] = []
        """The numbers of the messages it was told of."""

    def hear(self, posted: RoomsMessagePosted) -> None:
        """Somebody has said something in the lobby."""
        message = posted.message
        self.heard.append(message.seq)
        match message.body:
            case Text(text=text):
                print(f"hears {message.seq} in {posted.room}: {text}")
            case File(name=name, size=size):
                print(f"hears {message.seq} in {posted.room}: a file, {name}, {size:,} bytes")

    async def do(self, command: str, rest: str) -> None:
        """One line of our input."""
        rooms = self.session.rooms
        match command:
            case "post":
                room, _, text = rest.partition(" ")
                await rooms.post(room=room, body=Text(text=text))
            case "upload":
                async with rooms.upload(room="lobby", name=rest) as up:
                    await up.send_all(pieces())
                    print(f"has sent {(await up.result()).body}")
            case "history":
                async with rooms.history(room="lobby") as log:
                    told = [message.seq async for message in log]
                    total = (await log.result()).total
                same = "the same as were heard" if told == self.heard else f"but heard {self.heard}"
                print(f"reads the log as a stream: {total} messages, {same}")
            case _:
                raise ValueError(command)


def pieces() -> Iterator[bytes]:
    """A file, which need not be anywhere."""
    for _ in range(FILE_MIB * MIB // PIECE_BYTES):
        yield bytes(PIECE_BYTES)


async def tell_state(peer: duologue.WebsocketPromisifier) -> None:
    """Show how the connection comes and goes."""
    async for state in peer.state_changes():
        print(f"is {state.value}")


def account_for(posts: Subscription[RoomsMessagePosted], heard: list[int]) -> None:
    """What has come of the subscription."""
    once = "each once and in order" if heard == sorted(set(heard)) else "NOT each once"
    print(f"has heard {len(heard)} messages, {once}; gaps {posts.gaps}, missed {posts.missed}")


async def main(name: str, relay: str, key_file: str, host: str) -> None:
    """Be in the lobby until our input is closed."""
    identity = duologue.Identity.load_or_create(key_file)
    async with ChatSessionGuest.dial(
        relay, to=host, identity=identity, presence=Presence(), reconnect=True
    ) as session:
        guest = Guest(session)
        telling = asyncio.create_task(tell_state(session.peer))
        await session.rooms.join(room="lobby", name=name)
        async with session.rooms.on_message_posted(guest.hear, key="lobby", replay=100) as posts:
            print("is in the lobby", flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                await guest.do(*line.strip().split(" ", 1), *[""] * (" " not in line.strip()))
            account_for(posts, guest.heard)
        telling.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
