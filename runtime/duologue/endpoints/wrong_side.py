"""Somebody else is there than was meant: a relay, a service that encrypts, one that does not.

All there is to tell it by is how they refuse what they do not understand, in the words of the base
profile.
"""

from duologue.errors import ConnectionClosed, DuologueError, HandshakeFailed, ProtocolError
from duologue.protocol.closing import CLOSE_CALLED, NO_LISTENER, NOT_A_MESSAGE
from duologue.protocol.wording import words_of


def in_plain_words(url: str, error: DuologueError) -> DuologueError:
    """Why a plain conversation at `url` came to nothing; `error` itself, if it says all there is.

    An acceptor says `Error: ` before its reason, a relay does not.
    """
    reason = error.reason if isinstance(error, ConnectionClosed) else ""
    text = ""
    said = reason.removeprefix(f"{CLOSE_CALLED}: ")
    if said.startswith(NOT_A_MESSAGE):
        text = (
            f"{shown_address(url)} is a relay: to reach who listens there, write "
            "dial(url, to=KEY, identity=...)"
        )
    elif said.startswith(f"Error: {NOT_A_MESSAGE}"):
        text = (
            f"{shown_address(url)} is a service that encrypts: write "
            "connect(url, to=KEY, identity=...), with its key"
        )
    return _told(text, error)


def of_encrypted_caller(url: str, error: DuologueError) -> DuologueError:
    """The same of an encrypted conversation with `url` itself."""
    said = words_of(error)
    text = ""
    if isinstance(error, HandshakeFailed) and said == NOT_A_MESSAGE:
        text = (
            f"{shown_address(url)} is a service without encryption: write connect(url), without "
            "to= and identity="
        )
    elif isinstance(error, HandshakeFailed) and NO_LISTENER in said:
        text = (
            f"{shown_address(url)} is a relay, and nobody listens there under this key: who "
            "listens at a relay is reached by dial(url, to=KEY, identity=...)"
        )
    return _told(text, error)


def at_no_relay(url: str, error: DuologueError) -> DuologueError:
    """The same of a caller who goes through a relay at `url`."""
    text = ""
    if isinstance(error, HandshakeFailed) and words_of(error) == NOT_A_MESSAGE:
        what = "a service without encryption, and no relay"
        text = f"{shown_address(url)} is {what}: write connect(url)"
    return _told(text, error)


def shown_address(url: str) -> str:
    """The address without what may be secret: no user, no password, no query."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def _told(text: str, error: DuologueError) -> DuologueError:
    """`error` in these words, of a kind that callers, and `judge`, take alike."""
    if not text:
        return error
    told: DuologueError
    if isinstance(error, HandshakeFailed):
        told = HandshakeFailed(text, error.fault, error.key)
    else:
        told = ProtocolError(text)
    told.__cause__ = error
    return told
