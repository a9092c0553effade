"""What `duologue init --agent` writes, as processes: a job survives that relay and hub are gone."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import duologue
from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.scaffold import Template, write_project
from tests.relay_process import relay_process

WORKS = """
import pathlib, sys, time
print("working", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
print("done", flush=True)
pathlib.Path("made.txt").write_text("made")
"""
"""The job: it ends once a file is there."""


def new_farm(folder: Path) -> str:
    """A generated project with its keys; returns the hub's public one."""
    write_project(folder, Template.AGENT, name="farm")
    farm = folder / "farm" / "farm.py"
    text = farm.read_text()
    assert "PATIENCE_S = 20.0" in text
    # A machine that is busy may take longer to bring the agent back.
    farm.write_text(text.replace("PATIENCE_S = 20.0", "PATIENCE_S = 400.0"))
    assert not build(
        folder / "schema",
        folder / "farm" / "generated",
        targets=TARGETS,
        import_root="farm.generated",
    ).diagnostics
    agent, desk, hub = (
        str(duologue.Identity.load_or_create(folder / f"{name}.key"))
        for name in ("agent", "desk", "hub")
    )
    (folder / "allowed.keys").write_text(f"{agent}\n{desk}\n")
    return hub


@asynccontextmanager
async def program(folder: Path, name: str, *arguments: str) -> AsyncGenerator[Process]:
    """A module of the project, running; killed at the end, if it has not ended by then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"farm.{name}", *arguments),
        cwd=folder,
        # Installed or not, the packages under test are those of this process.
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DUOLOGUE_KNOWN_RELAYS": str(folder / "known_relays"),
        },
        stdout=PIPE if name != "agent" else None,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def kill(process: Process) -> None:
    process.kill()
    await process.wait()


async def test_a_job_survives_that_relay_and_hub_are_killed(tmp_path: Path) -> None:
    hub_key = new_farm(tmp_path)
    relay_key, go = str(tmp_path / "relay.key"), tmp_path / "go"
    async with AsyncExitStack() as running:
        relay = await running.enter_async_context(relay_process("--key-file", relay_key))
        to_relay = ("--relay", relay.url)
        to_hub = (*to_relay, "--hub", hub_key)
        hub = await running.enter_async_context(program(tmp_path, "hub", *to_relay))
        await running.enter_async_context(program(tmp_path, "agent", *to_hub))
        assert hub.stdout is not None
        assert hub_key.encode() in await hub.stdout.readline()
        command = (sys.executable, "-c", WORKS, str(go))
        asking = ("run", "laptop", "--artifact", "made.txt", "--", *command)
        desk = await running.enter_async_context(program(tmp_path, "desk", *to_hub, *asking))
        assert desk.stdout is not None
        assert await desk.stdout.readline() == b"working\n"

        await kill(relay.process)
        await kill(hub)
        go.touch()
        await running.enter_async_context(relay_process("--key-file", relay_key, port=relay.port))
        await running.enter_async_context(program(tmp_path, "hub", *to_relay))

        rest = (await desk.stdout.read()).decode()
        assert await desk.wait() == 0, rest
    # Whether "done" is among the lines depends on whether the hub was back to hear it.
    assert rest.splitlines()[-1].startswith("made.txt: 4 bytes, SHA-256 ")
    assert (tmp_path / "made.txt").read_text() == "made"
