"""Whatever the other side does, a server's memory, descriptors and handlers stay within bounds.

A real server in a process of its own; attackers are bare sockets.
"""

import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest

from duologue import Limits
from tests.abuse import victim

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("measuring"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
    pytest.mark.timeout(300),
]

MIB: Final = 1024 * 1024
ROUNDS: Final = 400
"""How often the victim is looked at, every 50 ms, until it rests."""

OPENING: Final = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(text: bytes) -> bytes:
    """A text as a client sends it, under the mask that changes nothing."""
    size = len(text)
    head = bytes([0x81])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += bytes([0x80 | 126]) + size.to_bytes(2)
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8)
    return head + bytes(4) + text


def request(request_id: int, service_id: int, args: str = "") -> bytes:
    """The frame of a call."""
    return frame(
        f'{{"requestId":{request_id},"type":"request","serviceId":{service_id},"args":[{args}]}}'.encode()
    )


class Process:
    """The victim."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(victim.FILE_BYTES))
        self._process = subprocess.Popen(
            [sys.executable, "-m", victim.__name__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port: int = self._read()["port"]
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each in self._sockets:
            each.close()
        self._process.kill()
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def used(self) -> dict[str, int]:
        """What it uses now."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        used: dict[str, int] = self._read()
        return used

    def at_rest(self) -> dict[str, int]:
        """What it uses once that has not changed for a second and a half."""
        last, same = self.used(), 0
        for _ in range(ROUNDS):
            time.sleep(0.05)
            now = self.used()
            same = same + 1 if now == last else 0
            last = now
            if same == 30:
                return now
        pytest.fail(f"it does not come to rest: {last}")

    def attacker(self, address: str = "127.0.0.1") -> socket.socket:
        """A connection that reads nothing from now on."""
        attacker = socket.socket()
        attacker.bind((address, 0))
        attacker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        attacker.settimeout(30)
        attacker.connect(("127.0.0.1", self.port))
        attacker.sendall(OPENING.format(port=self.port).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += attacker.recv(4096)
        assert b" 101 " in answer
        self._sockets.append(attacker)
        return attacker

    def check_that_it_answers(self) -> None:
        """A newcomer from elsewhere is served."""
        newcomer = self.attacker("127.0.2.1")
        newcomer.sendall(request(7, victim.ECHO, '"still"'))
        heard = b""
        while b"still" not in heard:
            more = newcomer.recv(4096)
            assert more
            heard += more


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with Process(tmp_path / "file") as process:
            yield process
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("streams", [1, 40])
def test_peers_that_ask_for_files_and_read_nothing_cost_little(
    process: Process, streams: int
) -> None:
    """Whoever does not even answer pings is dropped soon, so what is looked at is the most."""
    before = process.used()
    connections = 990  # of the thousand that a server takes
    asking = b"".join(request(number, victim.FILE) for number in range(streams))
    seen: list[dict[str, int]] = []
    for number in range(connections):
        process.attacker().sendall(asking)
        if number % 100 == 0:
            seen.append(process.used())
    for _ in range(60):
        time.sleep(0.05)
        seen.append(process.used())
    most = max(used["resident_bytes"] for used in seen) - before["resident_bytes"]
    assert most <= 100 * MIB
    assert seen[-1]["descriptors"] - before["descriptors"] <= connections, "files are open"
    process.check_that_it_answers()


def test_large_answers_that_nobody_takes_are_bounded_together(process: Process) -> None:
    before = process.used()
    most = 0
    for number in range(900):
        process.attacker().sendall(request(1, victim.LARGE))
        if number % 20 == 0:
            most = max(most, process.used()["resident_bytes"])
    most = max(most, process.at_rest()["resident_bytes"]) - before["resident_bytes"]
    # What is freed between others goes back to the allocator, not to the system.
    assert most <= 2 * Limits().max_unsent_bytes_total + 50 * MIB
    process.check_that_it_answers()


def test_large_arguments_of_slow_handlers_are_bounded(process: Process) -> None:
    before = process.used()
    text = '"%s"' % ("x" * 1_000_000)
    attackers = [process.attacker() for _ in range(10)]
    for attacker in attackers:
        for number in range(40):
            attacker.sendall(request(number, victim.SLOW, text))
    used = process.at_rest()
    waiting = 10 * Limits().max_waiting_bytes
    assert used["resident_bytes"] - before["resident_bytes"] <= 256 * MIB + waiting
    assert used["running"] <= 256 * MIB // 2_000_000, "each character may take two bytes"


def test_objects_by_the_hundred_thousand_are_refused(process: Process) -> None:
    before = process.used()
    attacker = process.attacker()
    many = "[%s]" % ",".join(['{"a":1}'] * 130_000)
    for number in range(25):
        attacker.sendall(request(number, victim.SLOW, many))
    used = process.at_rest()
    assert used["running"] == 0
    assert used["resident_bytes"] - before["resident_bytes"] <= 20 * MIB


def test_handlers_that_ignore_their_cancellation_are_bounded(process: Process) -> None:
    for _ in range(8):
        attacker = process.attacker()
        attacker.sendall(b"".join(request(number, victim.STUBBORN) for number in range(256)))
        process.at_rest()
        attacker.close()
    assert process.at_rest()["running"] == Limits().max_running_calls_per_address
    process.check_that_it_answers()
