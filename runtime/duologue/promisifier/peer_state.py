"""How things stand between a peer and the other side, and who wants to be told of changes."""

import asyncio
from collections import deque
from enum import StrEnum
from typing import Final, Self
from weakref import WeakSet

MAX_UNREAD_CHANGES: Final = 64
"""Changes kept for one reader. Above it the oldest are dropped: the newest say how things stand."""


class PeerState(StrEnum):
    """What becomes of a call that is made now.

    A peer without `reconnect=True` goes from connecting to connected to closed, once. One that
    reconnects goes round until it is closed.
    """

    CONNECTING = "connecting"
    """A connection is being made: a try is under way, or the two sides introduce themselves, or
    `on_connected` runs. Calls wait."""
    CONNECTED = "connected"
    """Calls leave at once."""
    WAITING = "waiting"
    """There is no connection, or the other side is leaving; the next try comes after a pause. Calls
    wait."""
    CLOSED = "closed"
    """Closed by this side, lost, or given up. Calls fail; it stays so."""


class StateChanges:
    """The states a peer enters, from now on, as an async iterator; it ends after `CLOSED`.

        async for state in peer.state_changes():
            light.show(state)

    Each reader gets all of them, but for the oldest if more than 64 are unread. Nothing has to be
    done to stop.
    """

    def __init__(self, *, is_over: bool) -> None:
        self._unread: deque[PeerState] = deque(maxlen=MAX_UNREAD_CHANGES)
        self._is_over = is_over
        self._came = asyncio.Event()

    def put(self, state: PeerState) -> None:
        """The peer has entered `state`."""
        self._unread.append(state)
        self._is_over = state is PeerState.CLOSED
        self._came.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> PeerState:
        while not self._unread:
            if self._is_over:
                raise StopAsyncIteration
            self._came.clear()
            await self._came.wait()
        return self._unread.popleft()


class PeerStates:
    """The present state of one peer, and its readers, who are forgotten when they go."""

    def __init__(self, present: PeerState) -> None:
        self.present = present
        self._readers: WeakSet[StateChanges] = WeakSet()

    def changes(self) -> StateChanges:
        """What comes from now on."""
        reader = StateChanges(is_over=self.present is PeerState.CLOSED)
        self._readers.add(reader)
        return reader

    def enter(self, state: PeerState) -> None:
        """Move to `state`, unless it stands there, or has ended."""
        if state is self.present or self.present is PeerState.CLOSED:
            return
        self.present = state
        for reader in tuple(self._readers):
            reader.put(state)
