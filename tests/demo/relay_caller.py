"""The caller of the relay demonstration: dials a key, calls, is called, fetches a large file."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

import duologue
from generated.chat.rooms.v1 import RoomFull, RoomsClient
from generated.onecore.basics.v1 import BasicsClient
from tests.demo.client import Presence
from tests.demo.relay_provider import FILE_MIB, MIB


async def main(relay: str, key_file: str, provider: str) -> None:
    """The whole conversation."""
    identity = duologue.Identity.load_or_create(key_file)
    async with duologue.dial(
        relay, to=provider, identity=identity, offer=[Presence()], timeout=10
    ) as peer:
        proved = peer.remote_key.hex() if peer.remote_key else ""
        print(f"reached {proved[:16]}..., end to end encrypted")
        rooms = RoomsClient(peer)
        for name in ("Ann", "Bob"):
            member = await rooms.join(room="lobby", name=name)
            print(f"join -> {member.user.name} is {member.role.value}")
        try:
            await rooms.join(room="lobby", name="Cid")
        except RoomFull as error:
            print(f"RoomFull: {error}")
        await fetch(peer)


async def fetch(peer: duologue.WebsocketPromisifier) -> None:
    """Fetch the file, with a progress bar."""
    columns = (BarColumn(30), DownloadColumn(binary_units=True), TransferSpeedColumn())
    console = Console(force_terminal=sys.stdout.isatty() or None, width=78)
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        task = progress.add_task("file", total=FILE_MIB * MIB)
        async with await BasicsClient(peer).read_bytes() as stream:
            saved = await stream.save_to(
                Path(folder) / "file", lambda size: progress.update(task, completed=size)
            )
    print(f"file of {saved.size / MIB:.0f} MiB, SHA-256 {saved.sha256[:16]}...")
    if saved.size != FILE_MIB * MIB:
        raise SystemExit("the file is not whole")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
