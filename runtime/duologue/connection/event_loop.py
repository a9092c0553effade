"""What WebSocket connections need of their event loop, and what they share on it.

Sharing makes an idle connection cheap: neither a buffer nor random bytes lie waiting in it.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from duologue.connection.random_stocks import RandomStock, mask_keys_of

READ_BYTES: Final = 262_144
"""What is read from a socket at once at most, where one buffer serves all connections: what a
large message costs is a matter of how often the system is asked for more of it."""

OWN_READ_BYTES: Final = 65_536
"""The same, where each connection needs a buffer of its own, or is read on and on."""

KEPT_BYTES: Final = 16 * 1024 * 1024
"""What lies free at the end of the heap at most: enough for the frame, the text and the values of
a few messages of the usual limit, at both ends of their way."""

LATE_S: Final = 1.0
"""A timer that comes so late tells of a stall here: what has arrived meanwhile is read first."""


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""


class Loop(Protocol):
    """What a connection needs of its event loop."""

    def time(self) -> float:
        """Seconds of a clock that only goes forward."""
        ...

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call in the next turn."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call after `delay` seconds."""
        ...


def _keep_freed_memory() -> None:
    """Let the C library keep memory that large messages have used, for the next ones.

    glibc hands memory back to the system as soon as 128 KiB of it lie free at the end of its heap.
    A message of 64 KiB then costs more in page faults than in all else, and one of a megabyte three
    times as much as it must. glibc stops doing so, up to twice the size, once a larger block has
    been freed; nothing of this block is ever touched.
    """
    bytearray(KEPT_BYTES // 2)


class _SharedByThread(threading.local):
    """A thread runs one loop at a time, so what belongs to the thread belongs to the loop."""

    def __init__(self) -> None:
        _keep_freed_memory()
        self.reading_space = memoryview(bytearray(READ_BYTES))
        self.mask_keys = mask_keys_of(os.urandom)
        self.filler = RandomStock()


_shared = _SharedByThread()


def mask_keys() -> Iterator[bytes]:
    """Where the connections of this thread take their mask keys from."""
    return _shared.mask_keys


def filler_stock() -> RandomStock:
    """Where the connections of this thread take the filler of encrypted frames from."""
    return _shared.filler


def reading_space_for(loop: object) -> memoryview:
    """Where a connection lets its transport read to: shared, if the loop allows it.

    It does if it asks for the space only to fill it there and then. A proactor loop does not: its
    reads are under way while those of other connections finish.
    """
    if not _reads_at_once(loop):
        return memoryview(bytearray(OWN_READ_BYTES))
    space = _shared.reading_space
    return space[:OWN_READ_BYTES] if reads_on_and_on(loop) else space


def reads_on_and_on(loop: object) -> bool:
    """Whether a loop reads a socket again before it looks at others, if it could fill a buffer.

    libuv does, up to 32 times.
    """
    return _is_uvloop(loop)


def _reads_at_once(loop: object) -> bool:
    return isinstance(loop, asyncio.SelectorEventLoop) or _is_uvloop(loop)


def _is_uvloop(loop: object) -> bool:
    return sys.platform != "win32" and type(loop).__module__.partition(".")[0] == "uvloop"
