"""What a try to connect that failed says of the next one. Pure."""

import ssl as tls
from enum import Enum, auto
from typing import Final

from duologue.errors import (
    ConnectionClosed,
    ContractMismatch,
    DeadlineExceeded,
    DuologueError,
    HandshakeFailed,
    HttpRefused,
    IdentityMismatch,
    ProtocolError,
    RelayError,
    RelayKeyChanged,
    RelayRefused,
    UnsafeKey,
)

MAX_REFUSALS: Final = 2
"""A right that was denied so many times in a row is denied. A load balancer says it once, too."""


class Verdict(Enum):
    """Whether another try may do better."""

    NOT_NOW = auto()
    """Nobody there, too slow, too busy, broken off."""
    WRONG_PLACE = auto()
    """What answers is nothing of ours: a wrong address, unless a conversation has worked there.
    Then it is what stands in the way for a while: a load balancer, a page, a new certificate."""
    DENIED = auto()
    """We may not, says something on the way; it lasts if it is said `MAX_REFUSALS` times."""
    LASTING = auto()
    """The other side has refused us, or is somebody else, or the address is none."""


_OF_PASSING_FAULTS: Final = frozenset({"closed", "timeout", "too-many", "unconfirmed", "replay"})
"""Of a handshake: what has nothing to do with who one is."""


def judge(error: DuologueError) -> Verdict:
    """What kind of failure it was."""
    error = _innermost(error)
    match error:
        case HttpRefused(status=401 | 403):
            return Verdict.DENIED
        case HandshakeFailed(fault="not-allowed"):
            return Verdict.LASTING
        case HandshakeFailed(fault=fault):
            return Verdict.NOT_NOW if fault in _OF_PASSING_FAULTS else Verdict.WRONG_PLACE
        case RelayRefused(may_pass=may_pass):
            return Verdict.NOT_NOW if may_pass else Verdict.LASTING
        case IdentityMismatch() | UnsafeKey() | ContractMismatch() | RelayKeyChanged():
            return Verdict.LASTING
        case ProtocolError():
            return Verdict.WRONG_PLACE
        case ConnectionClosed(__cause__=tls.SSLCertVerificationError()):
            return Verdict.WRONG_PLACE
        case _:
            return Verdict.NOT_NOW


def _innermost(error: DuologueError) -> DuologueError:
    """The reason why a relay could not be reached: it is what one would have met without one."""
    cause = error.__cause__
    if isinstance(error, RelayError) and isinstance(
        cause, ConnectionClosed | ProtocolError | DeadlineExceeded
    ):
        return cause
    return error
