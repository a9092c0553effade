"""What WebSocket connections need of their event loop, and what they share on it.

Sharing makes an idle connection cheap: neither a buffer nor random bytes lie waiting in it.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol

from duologue.connection.frames import MaskKeys

READ_BYTES: Final = 65_536
"""What is read from a socket at once."""


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


class _SharedByThread(threading.local):
    """A thread runs one loop at a time, so what belongs to the thread belongs to the loop."""

    def __init__(self) -> None:
        self.reading_space = memoryview(bytearray(READ_BYTES))
        self.mask_keys = MaskKeys(os.urandom)


_shared = _SharedByThread()


def mask_keys() -> MaskKeys:
    """Where the connections of this thread take their mask keys from."""
    return _shared.mask_keys


def reading_space_for(loop: object) -> memoryview:
    """Where a connection lets its transport read to: shared, if the loop allows it.

    It does if it asks for the space only to fill it there and then. A proactor loop does not: its
    reads are under way while those of other connections finish.
    """
    return _shared.reading_space if _reads_at_once(loop) else memoryview(bytearray(READ_BYTES))


def _reads_at_once(loop: object) -> bool:
    if isinstance(loop, asyncio.SelectorEventLoop):
        return True
    return sys.platform != "win32" and type(loop).__module__.partition(".")[0] == "uvloop"
