"""The chat that `make demo` shows: a relay, a host and two guests, four processes.

Nobody has an open port but the relay. The guests hear of their room alone; in the middle the relay
is killed, the host goes on talking, and whoever comes back hears what was said meanwhile. Exits
with 0 only if everything went as it should.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duologue
from tests.demo.chat_guest import FILE_MIB, MIB
from tests.demo.processes import DUOLOGUE, Actor, console

MEANWHILE = ("is anybody there?", "it is so quiet", "I talk on all the same")
PYTHON = (sys.executable, "-u", "-m")


async def start_relay(folder: Path, port: int = 0) -> tuple[Actor, str]:
    """A relay, the same one at each start: its key lies in the folder."""
    key_file = str(folder / "relay.key")
    relay = await Actor.start(
        *("relay", "bold yellow", DUOLOGUE, "relay", "--format", "json"),
        *("--port", str(port), "--key-file", key_file),
    )
    url: str = json.loads(await relay.until(lambda line: '"url"' in line))["url"]
    return relay, url


async def converse(folder: Path, actors: list[Actor]) -> list[str]:
    """The four of them; returns what went wrong."""
    keys = {name: folder / f"{name}.key" for name in ("Ann", "Bob")}
    allowed = [str(duologue.Identity.load_or_create(file)) for file in keys.values()]
    relay, url = await start_relay(folder)
    actors.append(relay)
    host = await Actor.start(
        *("host", "bold magenta", *PYTHON, "tests.demo.chat_host", url),
        *(str(folder / "host.key"), str(folder / "known_relays"), *allowed),
    )
    actors.append(host)
    host_key = (await host.until(lambda line: line.startswith("registered"))).split()[-1]
    guests: list[Actor] = []
    for (name, file), style in zip(keys.items(), ("bold cyan", "bold green"), strict=True):
        command = ("tests.demo.chat_guest", name, url, str(file), host_key)
        guests.append(await Actor.start(name, style, *PYTHON, *command))
        actors.append(guests[-1])
    ann, bob = guests
    for guest in guests:
        await guest.until(lambda line: line == "is in the lobby")

    headline("keyed events: who is in the lobby hears the lobby")
    ann.tell("post library psst, nobody is here")
    ann.tell("post lobby hello everybody")
    for guest in guests:
        await guest.until(ends_in("hello everybody"))

    headline("the relay is killed, and the host talks on")
    await relay.kill()
    for guest in guests:
        await guest.until(lambda line: line == "is waiting")
    for text in MEANWHILE:
        host.tell(text)
    await host.until(ends_in(MEANWHILE[-1]))

    headline("the relay is back: everybody comes back, and hears what was said")
    relay, _ = await start_relay(folder, int(url.rpartition(":")[2]))
    actors.append(relay)
    for guest in guests:
        for text in MEANWHILE:
            await guest.until(ends_in(text))

    headline("an upload, and the log as a stream")
    ann.tell("upload film.mp4")
    await bob.until(lambda line: "film.mp4" in line)
    await ann.until(lambda line: line.startswith("has sent"))
    for guest in guests:
        guest.tell("history")
        await guest.until(lambda line: line.startswith("reads the log"))
    codes = [await guest.end() for guest in guests]
    codes.append(await host.end())
    relay.process.terminate()
    codes.append(await relay.end())
    return judge(guests, codes)


def ends_in(text: str) -> Callable[[str], bool]:
    """What tells a line that does."""
    return lambda line: line.endswith(text)


def headline(text: str) -> None:
    """What comes next."""
    console.print(f"\n[bold]{text}[/]")


def judge(guests: list[Actor], codes: list[int]) -> list[str]:
    """What is wrong with what was said."""
    wrong = [f"a process has ended with {code}" for code in codes if code]
    # Hello, what the host has said meanwhile, and the file.
    count = 1 + len(MEANWHILE) + 1
    account = f"has heard {count} messages, each once and in order; gaps 0, missed 0"
    size = f"{FILE_MIB * MIB:,} bytes"
    for guest in guests:
        wrong += [
            f"nobody has said: {text}"
            for text in (account, f"{count} messages, the same as were heard", size)
            if not any(text in line for line in guest.lines)
        ]
        wrong += ["the library was heard in the lobby" for line in guest.lines if "psst" in line]
    return wrong


async def show() -> int:
    """Run it in a folder of its own; returns the exit code."""
    actors: list[Actor] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            wrong = await converse(Path(folder), actors)
        finally:
            for actor in actors:
                await actor.kill()
    for text in wrong:
        console.print(f"[red]{text}[/]")
    if not wrong:
        console.print("\nEach message was heard once by both, across the death of the relay.")
    return 1 if wrong else 0


def main() -> None:
    """The whole show."""
    console.rule("[bold]a chat of two guests through a relay")
    sys.exit(asyncio.run(show()))


if __name__ == "__main__":
    main()
