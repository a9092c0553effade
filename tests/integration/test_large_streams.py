"""A file of a gigabyte, both ways, in bounded memory."""

import hashlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import duologue
from duologue import ByteStream

SERVICE = 5
MIB = 1024 * 1024
BLOCK = bytes(range(256)) * 4096


async def blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield BLOCK


def peak_mib() -> float:
    """The most memory that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def transfer(mebibytes: int, folder: Path) -> None:
    progress: list[int] = []
    digest = hashlib.sha256()
    for _ in range(mebibytes):
        digest.update(BLOCK)

    def offer(peer: duologue.WebsocketPromisifier) -> None:
        peer.add_service(SERVICE, lambda: ByteStream(blocks(mebibytes)))
        hosts.append(peer)

    hosts: list[duologue.WebsocketPromisifier] = []
    async with duologue.serve(on_peer=offer) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with duologue.connect(url) as guest:
            down = await (await guest.send(SERVICE)).save_to(folder / "down", progress.append)
            path = folder / "down"
            guest.add_service(SERVICE, lambda: ByteStream(path))
            up = await (await hosts[0].send(SERVICE)).save_to(folder / "up")
    assert down.size == up.size == progress[-1] == mebibytes * MIB
    assert down.sha256 == up.sha256 == digest.hexdigest()


async def test_a_file_goes_both_ways(tmp_path: Path) -> None:
    await transfer(16, tmp_path)


@pytest.mark.slow
async def test_a_gigabyte_goes_both_ways_in_bounded_memory(tmp_path: Path) -> None:
    await transfer(8, tmp_path)
    before = peak_mib()
    await transfer(1024, tmp_path)
    assert peak_mib() - before < 64
