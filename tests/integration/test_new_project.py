"""A project that `duologue init` has made: its service and its client talk over a real socket."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.scaffold import write_project

SERVE_AND_CALL = """
import asyncio
from hello import client, service

async def both() -> None:
    serving = asyncio.create_task(service.main())
    while True:
        try:
            await client.main("Ann")
            break
        except ConnectionError:
            await asyncio.sleep(0.01)
    await client.main(" ")
    serving.cancel()

asyncio.run(asyncio.wait_for(both(), 120))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def test_the_client_calls_the_service(tmp_path: Path) -> None:
    port = free_port()
    for path in write_project(tmp_path, name="hello"):
        path.write_text(path.read_text().replace("8765", str(port)))
    assert not build(
        tmp_path / "schema",
        tmp_path / "hello" / "generated",
        targets=TARGETS,
        import_root="hello.generated",
    ).diagnostics
    done = subprocess.run(
        [sys.executable, "-c", SERVE_AND_CALL],
        cwd=tmp_path,
        # Installed or not, the packages under test are those of this process.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "Hello, Ann!",
        "The service says: there is nobody to greet.",
    ]
