"""Two nodes of a cluster and their NATS server; the second node has the port behind the first's."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from duologue.bench.load import end_with_parent, pin, tell
from tests.bench.relay_broker import LIMITS
from tests.cluster_process import write_cluster, write_node
from tests.nats_server import WHY_NOT, find_nats_server, free_port

READY_WITHIN_S: Final = 10.0


def two_ports() -> int:
    """A port that is free, as is the one behind it."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    end_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end_s:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("nats-server does not listen")


def main() -> None:
    """Start all three, say where the first node is, and end them with this process."""
    program = find_nats_server()
    if program is None:
        raise SystemExit(WHY_NOT)
    pin()
    folder = Path(tempfile.mkdtemp())
    write_cluster(folder)
    bus_port = free_port()
    started: list[subprocess.Popen[bytes] | subprocess.Popen[str]] = [
        subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", str(bus_port)], stderr=subprocess.DEVNULL
        )
    ]

    def end_all() -> None:
        for each in started:
            each.kill()

    end_with_parent(end_all)
    wait_for(bus_port)
    port = two_ports()
    nodes: list[subprocess.Popen[str]] = []
    for number, name in enumerate(("a", "b")):
        config = write_node(folder, name, [f"nats://127.0.0.1:{bus_port}"])
        node = subprocess.Popen(
            [
                *(sys.executable, "-P", "-c", "from duologue.commands.cli import main; main()"),
                *("relay", "--format", "json", "--port", str(port + number)),
                *("--config", str(config)),
            ],
            env={
                **os.environ,
                **{
                    f"DUOLOGUE_RELAY_LIMITS__{limit.upper()}": str(each)
                    for limit, each in LIMITS.items()
                },
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        nodes.append(node)
        started.append(node)
    for node in nodes:
        assert node.stdout is not None
        json.loads(node.stdout.readline())
    tell({"port": port, "pids": [each.pid for each in nodes]})
    for node in nodes:
        node.wait()


if __name__ == "__main__":
    main()
