"""What a side says that takes no new calls any more (PROTOCOL 17). Pure: chance is an argument."""

from collections.abc import Callable
from typing import Annotated, Final, NamedTuple

import msgspec

from duologue.errors import BadFrame
from duologue.limits import MAX_SAFE_INTEGER
from duologue.protocol.backoff import MAX_WISHED_PAUSE_S

GOAWAY: Final = "goaway"
"""The feature, and the `type` of the message."""

SPREAD_BEYOND_DRAIN_S: Final = 5.0
"""Peers are spread over the drain and so much more: by then whoever comes next has begun."""


class GoAway(NamedTuple):
    """The other side takes no new calls, and closes once those that run have ended."""

    reason: str
    """Its words, of any length."""
    reconnect_after_ms: int
    """So long, from now on, it wants to see no other connection of ours."""


class _GoAway(msgspec.Struct, rename="camel"):
    reason: str = ""
    reconnect_after_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_SAFE_INTEGER)] = 0


_decode: Final = msgspec.json.Decoder(_GoAway).decode


def read_goaway(text: str) -> GoAway:
    """What a `goaway` message says.

    Raises:
        BadFrame: it is misshapen.
    """
    try:
        said = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise BadFrame("a `goaway` that cannot be read") from None
    return GoAway(said.reason, said.reconnect_after_ms)


def goaway_text(said: GoAway) -> bytes:
    """The message."""
    return b'{"type":"goaway","reason":%b,"reconnectAfterMs":%d}' % (
        msgspec.json.encode(said.reason),
        said.reconnect_after_ms,
    )


def spread_ms(drain_timeout_s: float, chance: Callable[[], float]) -> int:
    """When one of many peers is to come back; `chance` gives 0 up to 1.

    Never above what peers obey: those who were asked for more would all come in that moment.
    """
    longest_s = min(drain_timeout_s + SPREAD_BEYOND_DRAIN_S, MAX_WISHED_PAUSE_S)
    return round(chance() * longest_s * 1000)
