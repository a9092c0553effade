"""A file as the source of a stream, without a peer."""

import asyncio
import os
from pathlib import Path

import pytest

from duologue.promisifier.streams.file_blocks import FileBlocks

CONTENT = bytes(index % 251 for index in range(200_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


def open_files(path: Path) -> int:
    """How often this process has the file open."""
    here = "/proc/self/fd"
    found = 0
    for name in os.listdir(here):
        try:
            found += os.path.realpath(os.path.join(here, name)) == str(path)
        except OSError:
            continue
    return found


async def rest_of(blocks: FileBlocks) -> bytes:
    return b"".join([block async for block in blocks])


async def test_blocks_grow_while_none_is_put_back(path: Path) -> None:
    blocks = FileBlocks(path, 131_072)
    sizes = [len(block) async for block in blocks]
    assert sizes == [65_536, 131_072, 200_000 - 65_536 - 131_072]


async def test_what_was_put_back_is_read_once_more(path: Path) -> None:
    blocks = FileBlocks(path, 131_072)
    first = await anext(blocks)
    second = await anext(blocks)
    assert blocks.put_back(len(second) - 10)
    third = await anext(blocks)
    assert len(third) == 65_536
    assert first + second[:10] + third + await rest_of(blocks) == CONTENT


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
async def test_a_file_is_open_from_its_first_block_but_for_its_rests(path: Path) -> None:
    blocks = FileBlocks(path, 65_536)
    assert open_files(path) == 0
    read = await anext(blocks)
    assert open_files(path) == 1
    blocks.rest()
    assert open_files(path) == 0
    read += await anext(blocks)
    assert open_files(path) == 1
    read += await rest_of(blocks)
    assert read == CONTENT
    await blocks.aclose()
    assert open_files(path) == 0


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def touched(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def replaced(path: Path) -> None:
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(CONTENT)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [grown, touched, replaced, os.unlink])
async def test_a_file_that_changed_while_it_was_closed_fails(path: Path, change: object) -> None:
    blocks = FileBlocks(path, 65_536)
    await anext(blocks)
    blocks.rest()
    assert callable(change)
    change(path)
    with pytest.raises(OSError, match=r"has changed while the stream of it rested|No such file"):
        await anext(blocks)
    await blocks.aclose()


async def test_a_file_that_changes_while_it_is_open_is_read_on(path: Path) -> None:
    blocks = FileBlocks(path, 65_536)
    read = await anext(blocks)
    replaced(path)
    assert read + await rest_of(blocks) == CONTENT
    await blocks.aclose()


async def test_what_is_no_regular_file_stays_open_and_takes_nothing_back(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    blocks = FileBlocks(pipe, 65_536)

    def write() -> None:
        with pipe.open("wb") as file:
            file.write(b"abc")

    writing = asyncio.create_task(asyncio.to_thread(write))
    assert await anext(blocks) == b"abc"
    blocks.rest()
    assert not blocks.put_back(1)
    await writing
    assert await rest_of(blocks) == b""
    await blocks.aclose()


async def test_nothing_is_read_once_it_is_closed(path: Path) -> None:
    blocks = FileBlocks(path, 65_536)
    await blocks.aclose()
    assert await rest_of(blocks) == b""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
async def test_a_thread_that_still_reads_closes_the_file_itself(path: Path) -> None:
    blocks = FileBlocks(path, 65_536)
    await anext(blocks)
    with blocks._lock:  # pyright: ignore[reportPrivateUsage]
        await blocks.aclose()
        assert open_files(path) == 1
    assert await rest_of(blocks) == b""
    assert open_files(path) == 0
