"""The texts of close frames (base profile 8.3)."""

from typing import Final

from duologue.errors import LimitExceeded
from duologue.limits import MAX_CLOSE_REASON_BYTES
from duologue.protocol.wording import words_of

CLOSE_CALLED: Final = "Close called"
TERMINATE_CALLED: Final = "Terminate called"
NOT_A_MESSAGE: Final = "Received data does not match the data of a client message."
"""What relays and acceptors say of a message that is none of theirs (base profile 5 and 6)."""

NO_LISTENER: Final = "No listening connection for the specified publicKey."
"""What a relay says who cannot be had (base profile 4.4)."""

NO_LIFESIGN: Final = "Keepalive: No lifesign of the other side"
"""Why a connection is terminated over which nothing comes any more."""


def takes_nothing_text(timeout_s: float) -> str:
    """Why a connection is ended of which the other side takes nothing; not sent, it could not."""
    return f"The other side has taken nothing for {timeout_s:g} s (write_timeout_s)"


LOST: Final = "The connection was lost without a close frame"
"""Why it ended, if nothing more is known; not sent."""


def lost_text(error: BaseException | None) -> str:
    """Why a connection ended that nobody closed, if this is what the system said of it."""
    return LOST if error is None else f"The connection was lost: {words_of(error)}"


def no_answer_text(close_timeout_s: float) -> str:
    """Why a connection that we were closing was ended; not sent, nobody would read it."""
    return f"The other side has not answered the close frame for {close_timeout_s:g} s"


def close_text(reason: str | None) -> str:
    """What `close(reason)` writes into its close frame; None: no reason was given."""
    return f"{CLOSE_CALLED}." if reason is None else shorten(f"{CLOSE_CALLED}: {reason}")


def terminate_text(reason: str) -> str:
    """What `terminate(reason)` writes into its close frame."""
    return shorten(f"{TERMINATE_CALLED}: {reason}")


def refusal_text(failure: LimitExceeded) -> str:
    """What to tell the other side of a limit that it has passed."""
    met = "" if failure.met is None else f", met {failure.met}"
    return f"Message refused: {failure.limit} is {failure.value}{met}"


def shorten(text: str, max_bytes: int = MAX_CLOSE_REASON_BYTES) -> str:
    """`text`, cut at a whole character to at most `max_bytes` of UTF-8.

    A lone surrogate has no UTF-8 and becomes a question mark: closing must never fail.
    """
    encoded = text.encode(errors="replace")
    # Only a character that was cut in two can be undecodable here.
    return encoded[:max_bytes].decode(errors="ignore")
