"""Every bound of the runtime: its name with the unit, its default, and the reason for it."""

from dataclasses import dataclass
from typing import Final

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer every JSON reader keeps exact; ids and plain `int` fields end here."""

MAX_CLOSE_REASON_BYTES: Final = 123
"""What a WebSocket close frame can hold beside its code (RFC 6455 5.5; base profile 8.3)."""

MAX_REPORTED_PROBLEMS: Final = 20
"""Paths named in one INVALID_PARAMS answer, so that a hostile payload cannot buy a long one."""

MAX_FRAGMENTS_PER_MESSAGE: Final = 4096
"""Frames one WebSocket message may come in; empty fragments would otherwise fill memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one connection, or of one server where the name says so.

    Every value is checked when the object is made: a bound below 1 is a `ValueError`.
    """

    max_message_bytes: int = 1024 * 1024
    """One message, whole. Validation of 1 MiB of JSON costs about 25 MiB and some 10 ms."""

    max_json_depth: int = 256
    """Nested lists and objects in one message (base profile 7.2)."""

    max_open_calls: int = 1024
    """Own calls that wait for their answer. More than a peer would queue is a mistake here."""

    max_running_calls: int = 256
    """Handlers that run for the peer at once; a handler counts until it has really ended."""

    max_waiting_calls: int = 1024
    """Calls of the peer that wait for a free handler; above it they are answered LIMIT_EXCEEDED."""

    max_waiting_bytes: int = 8 * 1024 * 1024
    """Arguments that those waiting calls may hold together."""

    max_invalid_messages: int = 100
    """Unreadable messages after which the connection is closed (base profile 8.2)."""

    max_unsent_bytes: int = 4 * 1024 * 1024
    """Bytes accepted for a peer that does not read; above it the connection is ended."""

    call_timeout_s: float = 30.0
    """Deadline of a typed call whose contract states none."""

    connect_timeout_s: float = 10.0
    """For reaching the other side and finishing the opening handshake."""

    handshake_timeout_s: float = 10.0
    """A server's patience with a client that has not finished the opening handshake."""

    close_timeout_s: float = 5.0
    """From our close frame until the transport is dropped if the peer does not answer."""

    drain_timeout_s: float = 10.0
    """When a server stops: how long running calls may still take before they are cancelled."""

    max_connections: int = 1000
    """Connections of one server; above it new ones are refused with HTTP 503."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"Limits.{name} must be above 0 but is {value!r}")
