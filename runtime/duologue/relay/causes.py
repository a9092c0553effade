"""Why the relay refused or ended something. Each member is a counter's label."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a connection was refused or ended by the relay."""

    BAD_MESSAGE = "bad_message"
    """Not one of the messages that may come here."""
    BAD_KEY = "bad_key"
    """Not a canonical public key."""
    NOT_PROVED = "not_proved"
    """The challenge was not answered rightly."""
    NOT_ALLOWED = "not_allowed"
    """The access rules do not let this key or token do it."""
    NO_SPARE = "no_spare"
    """Nobody is registered under the wanted key, or all its spares are taken."""
    LIMIT = "limit"
    """A bound of `RelayLimits` was met; which one is counted apart."""
    TOO_SLOW = "too_slow"
    """A first message or an answer did not come in time."""
    NO_PONG = "no_pong"
    """A spare connection did not answer the ping."""
    SPARE_AGE = "spare_age"
    """A spare was old; its listener registers anew."""
    SLOW_READER = "slow_reader"
    """One side of a pair took nothing for `write_timeout_s`."""
    IDLE_PAIR = "idle_pair"
    """Neither side of a pair sent anything for `idle_pair_s`."""
    PEER_LEFT = "peer_left"
    """The other side of the pair is gone."""
    DRAINING = "draining"
    """The relay is being stopped."""
