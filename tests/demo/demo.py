"""The demonstration that `make demo` runs: two processes, one connection, and mypy on guard.

Starts a service and a client on loopback, shows what both say, then lets mypy look at three
programs with a planted mistake each. Exits with 0 only if everything went as it should.
"""

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from rich.text import Text

from tests.demo.processes import ROOT, console, say

MISTAKES = ("wrong_argument.py", "missing_method.py", "unhandled_error.py")


async def relay_output(process: Process, who: str, style: str) -> None:
    """Print what a process says until it falls silent."""
    assert process.stdout is not None
    async for line in process.stdout:
        say(who, style, line.decode().rstrip("\n"))


async def start(*arguments: str) -> Process:
    """A Python process of this environment, in the project's root."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-u", *arguments, cwd=ROOT, stdout=PIPE, stderr=subprocess.STDOUT
    )


async def converse() -> int:
    """Run service and client; returns the client's exit code."""
    service = await start("-m", "tests.demo.service")
    assert service.stdout is not None
    first = (await service.stdout.readline()).decode().strip()
    url = first.removeprefix("listening on ")
    say("service", "bold magenta", f"{first}  (process {service.pid})")
    service_output = asyncio.create_task(relay_output(service, "service", "bold magenta"))
    client = await start("-m", "tests.demo.client", url)
    await relay_output(client, "client", "bold cyan")
    exit_code = await client.wait()
    service.terminate()
    await service_output
    return exit_code or await service.wait()


def show_mistakes() -> int:
    """Let mypy judge the planted mistakes; returns how many it missed."""
    folder = Path("tests") / "demo" / "mistakes"
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", "--no-pretty"]
        + ["--config-file", "pyproject.toml"]
        + [str(folder / name) for name in MISTAKES],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    missed = 0
    for name in MISTAKES:
        path = ROOT / folder / name
        title = path.read_text().split('"""')[1].strip().splitlines()[0]
        console.print(f"\n[bold]{title}[/]")
        findings = [line for line in run.stdout.splitlines() if f"/{name}:" in line]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if any(f"/{name}:{number}:" in finding for finding in findings):
                console.print(Text(f"  {line.strip()}", "cyan"))
        for finding in findings:
            kind, _, text = finding.partition(": ")[2].partition(": ")
            console.print(Text(f"  mypy {kind}: {text}", "red" if kind == "error" else "dim"))
        if not any(": error: " in finding for finding in findings):
            console.print(Text(f"  mypy found nothing wrong\n{run.stdout}{run.stderr}", "bold red"))
            missed += 1
    return missed


def main() -> int:
    """The whole show; returns the exit code."""
    console.rule("[bold]a conversation: both ends call and serve on one WebSocket")
    failed = asyncio.run(converse())
    console.print()
    console.rule("[bold]mypy holds callers and services to the contract")
    failed += show_mistakes()
    console.print()
    if failed:
        console.print("[bold red]the demonstration did not go as it should[/]")
        return 1
    console.print(
        "[bold green]done.[/] The contract is schema/chat/rooms/v1.yaml, the code it", end=" "
    )
    console.print("became is generated/chat/rooms/v1/, and the two programs are tests/demo/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
