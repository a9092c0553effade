"""The demonstration that `make demo-relay` runs: relay, provider and caller, three processes.

Neither provider nor caller has an open port. Exits with 0 only if everything went as it should and
the relay has seen nothing but sizes.
"""

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import duologue
from tests.demo.processes import DUOLOGUE, ROOT, console, say
from tests.demo.relay_provider import FILE_MIB, MIB

SPOKEN = ("Ann", "Bob", "lobby", "welcome", "RoomFull")
"""Words that provider and caller exchange, and that the relay must not know."""


async def pass_on(stream: asyncio.StreamReader | None, who: str, style: str) -> list[str]:
    """Print what a process says until it falls silent; returns it."""
    lines: list[str] = []
    while stream is not None and (line := await stream.readline()):
        text = line.decode(errors="replace").rstrip("\n")
        lines.append(text)
        say(who, style, text)
    return lines


async def start(*command: str) -> Process:
    """A process in the project's root."""
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def first_line(process: Process, who: str, style: str) -> str:
    """What a process says first: where it can be reached."""
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode().strip()
    say(who, style, f"{line}  (process {process.pid})")
    return line


async def converse(folder: Path) -> int:
    """The three of them; returns how much went wrong."""
    caller_key = folder / "caller.key"
    caller_public = str(duologue.Identity.load_or_create(caller_key))
    relay = await start(
        DUOLOGUE,
        "relay",
        "--port",
        "0",
        "--format",
        "json",
        "--key-file",
        str(folder / "relay.key"),
    )
    url = json.loads(await first_line(relay, "relay", "bold yellow"))["url"]
    relay_log = asyncio.create_task(pass_on(relay.stderr, "relay", "bold yellow"))
    python = (sys.executable, "-u", "-m")
    provider = await start(
        *(*python, "tests.demo.relay_provider", url, str(folder / "provider.key")),
        *(caller_public, str(folder / "known_relays")),
    )
    registered = await first_line(provider, "provider", "bold magenta")
    provider_says = asyncio.create_task(pass_on(provider.stdout, "provider", "bold magenta"))
    provider_moans = asyncio.create_task(pass_on(provider.stderr, "provider", "red"))
    caller = await start(
        *(*python, "tests.demo.relay_caller", url, str(caller_key), registered.split()[-1])
    )
    caller_says = asyncio.create_task(pass_on(caller.stdout, "caller", "bold cyan"))
    await pass_on(caller.stderr, "caller", "red")
    heard = await caller_says
    failures = await caller.wait()
    assert provider.stdin is not None
    provider.stdin.close()
    failures += await provider.wait()
    await asyncio.gather(provider_says, provider_moans)
    relay.terminate()
    failures += await relay.wait()
    log = await relay_log
    return failures + judge(log, heard)


def judge(log: list[str], heard: list[str]) -> int:
    """Whether the relay has carried everything and knows nothing; returns what is wrong."""
    wrong = 0
    known = [word for word in SPOKEN if any(word in line for line in log)]
    if known:
        console.print(f"[red]the relay knows {known}[/]")
        wrong += 1
    ended = [json.loads(line) for line in log if '"parted"' in line]
    carried = sum(each["bytes_down"] for each in ended)
    if carried < FILE_MIB * MIB or not any("RoomFull" in line for line in heard):
        console.print("[red]not everything has gone through the relay[/]")
        wrong += 1
    if not wrong:
        console.print(
            f"\nThe relay has carried {carried:,} bytes of ciphertext and logged none of the words "
            f"{', '.join(SPOKEN)}."
        )
    return wrong


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(1 if asyncio.run(converse(Path(folder))) else 0)


if __name__ == "__main__":
    main()
