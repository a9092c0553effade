"""Where a call stands, and what moves it: one table for each side of it (base profile 7).

A move that is missing from a table is not legal there: what came is dropped and counted, never
guessed at. Moves are of two kinds, and the tables do not tell them apart: what the other side says,
and what this side does.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class OwnState(Enum):
    """Where a call stands that this side has made."""

    OPEN = auto()
    """The request is out, and nothing of the answer has come."""
    STREAMING = auto()
    """A chunk has come in place of an answer, and the end has not."""
    STOPPING = auto()
    """The other side has been asked to send no more chunks; its closing message has not come."""
    OVER = auto()
    """Settled, or given up; or there never was one."""


class OwnMove(Enum):
    """What can happen to a call that this side has made."""

    ANSWER = auto()
    """`data` or `error` came."""
    CHUNK = auto()
    """A piece of a stream came, and could be read."""
    CLOSE = auto()
    """`stream-end` or `stream-error` came."""
    GIVE_UP = auto()
    """Nobody waits for the answer any more."""
    STOP = auto()
    """Nobody reads the stream any more, or a piece of it could not be read."""


NEXT_OWN: Final[Mapping[tuple[OwnState, OwnMove], OwnState]] = {
    (OwnState.OPEN, OwnMove.ANSWER): OwnState.OVER,
    (OwnState.OPEN, OwnMove.CHUNK): OwnState.STREAMING,
    (OwnState.OPEN, OwnMove.CLOSE): OwnState.OVER,  # an empty stream
    (OwnState.OPEN, OwnMove.GIVE_UP): OwnState.OVER,
    (OwnState.OPEN, OwnMove.STOP): OwnState.STOPPING,  # the first piece could not be read
    (OwnState.STREAMING, OwnMove.ANSWER): OwnState.OVER,  # no way to end a stream: it has failed
    (OwnState.STREAMING, OwnMove.CHUNK): OwnState.STREAMING,
    (OwnState.STREAMING, OwnMove.CLOSE): OwnState.OVER,
    (OwnState.STREAMING, OwnMove.STOP): OwnState.STOPPING,
    (OwnState.STOPPING, OwnMove.ANSWER): OwnState.OVER,
    (OwnState.STOPPING, OwnMove.CHUNK): OwnState.STOPPING,  # it crossed our wish on the wire
    (OwnState.STOPPING, OwnMove.CLOSE): OwnState.OVER,
    (OwnState.OVER, OwnMove.CHUNK): OwnState.STOPPING,  # given up before: the sender is told now
}


class ServedState(Enum):
    """Where a call stands that the other side has made."""

    ACCEPTED = auto()
    """It waits for a handler, or one runs."""
    SENDING = auto()
    """It is being answered by a stream."""
    OVER = auto()
    """Answered; or there never was one."""


class ServedMove(Enum):
    """What can happen to a call that the other side has made."""

    REQUEST = auto()
    """A request with this id came."""
    CANCEL = auto()
    """`cancel` came: the caller has given up."""
    STOP = auto()
    """`write-stream-error` came: the caller wants no more chunks."""
    STREAM = auto()
    """From now on the answer is a stream."""
    ANSWER = auto()
    """The answer leaves, or the closing message of the stream; or it turned out to be no call."""


NEXT_SERVED: Final[Mapping[tuple[ServedState, ServedMove], ServedState]] = {
    (ServedState.OVER, ServedMove.REQUEST): ServedState.ACCEPTED,
    (ServedState.ACCEPTED, ServedMove.CANCEL): ServedState.ACCEPTED,  # until it has really ended
    (ServedState.ACCEPTED, ServedMove.STREAM): ServedState.SENDING,
    (ServedState.ACCEPTED, ServedMove.ANSWER): ServedState.OVER,
    (ServedState.SENDING, ServedMove.CANCEL): ServedState.SENDING,
    (ServedState.SENDING, ServedMove.STOP): ServedState.SENDING,  # until the source has ended
    (ServedState.SENDING, ServedMove.ANSWER): ServedState.OVER,
}
