"""What is wrong with what came over a WebSocket, in our errors."""

import math
import re
from typing import Final

from websockets.exceptions import PayloadTooBig

from duologue.errors import BadFrame, DuologueError, LimitExceeded
from duologue.protocol.wording import words_of

_TOO_BIG_TEXT: Final = re.compile(r"(?:(\d+) bytes .*)?exceeds limit of (\d+) bytes")


def limit_told_by_peer(reason: str) -> LimitExceeded:
    """What a peer means that has closed with 1009: a message was above its limit.

    Our side and `websockets` put the numbers into the reason. The limit of others stays unknown,
    which is NaN.
    """
    told = _TOO_BIG_TEXT.search(reason)
    if told is None:
        return LimitExceeded("max_message_bytes", math.nan)
    met = None if told[1] is None else int(told[1])
    return LimitExceeded("max_message_bytes", int(told[2]), met)


def failure_from(error: Exception, max_message_bytes: int) -> DuologueError:
    """What `websockets` has found, where messages may have so many bytes."""
    failure: DuologueError
    if isinstance(error, PayloadTooBig):
        met = (error.size or 0) + (error.current_size or 0)
        failure = LimitExceeded("max_message_bytes", max_message_bytes, met)
    elif isinstance(error, UnicodeDecodeError):
        failure = BadFrame(f"close reason is not UTF-8: {error.reason}")
    else:
        failure = BadFrame(words_of(error))
    failure.__cause__ = error
    return failure
