"""A broker that is a program of its own and listens at a port it is told."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from duologue.bench.load import end_with_parent


def start_broker(command: Callable[[int, Path], list[str]]) -> tuple[subprocess.Popen, int]:
    """Start what `command` makes of a free port and an empty folder; wait until it listens.

    Broker and folder go when this process does. If the broker has ended by itself, so do we.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.TemporaryDirectory()
    broker = subprocess.Popen(
        command(port, Path(folder.name)),
        cwd=folder.name,
        env={**os.environ, "TMPDIR": folder.name},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )

    def clean_up():
        broker.terminate()
        try:
            broker.wait(3)
        except subprocess.TimeoutExpired:
            broker.kill()
        folder.cleanup()

    end_with_parent(clean_up)
    while broker.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return broker, port
    sys.exit("the broker has ended")
