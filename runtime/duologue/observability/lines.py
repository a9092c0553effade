"""A line in the log for each call and each connection, with named fields."""

import logging
from typing import Final

from duologue.foreign_text import shown
from duologue.observer import CallSeen, ConnectionSeen, Observer, Outcome

CALLS: Final = logging.getLogger("duologue.calls")
CONNECTIONS: Final = logging.getLogger("duologue.connections")


class Lines(Observer):
    """Logs calls under `duologue.calls` and connections under `duologue.connections`, at DEBUG.

    Endpoints that are made while one of these loggers is enabled for DEBUG have one by themselves.
    Each record has an `event_name` and its fields: `call_ended` with `method`, `number`,
    `direction`, `connection`, `peer`, `ms` and `outcome`; `connection_closed` with `connection`,
    `peer`, `code`, `calls` and `reason`. Neither params nor results are ever in a line.
    """

    def __init__(self) -> None:
        self._calls: dict[ConnectionSeen, int] = {}
        """How many calls each open connection has had."""

    @staticmethod
    def is_wanted() -> bool:
        """Whether anybody would see them."""
        return CALLS.isEnabledFor(logging.DEBUG) or CONNECTIONS.isEnabledFor(logging.DEBUG)

    def connection_opened(self, connection: ConnectionSeen) -> None:
        """See `Observer`."""
        self._calls[connection] = 0

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        """See `Observer`."""
        connection = call.connection
        self._calls[connection] = self._calls.get(connection, 0) + 1
        direction = "out" if call.is_own else "in"
        ms = outcome.seconds * 1000
        CALLS.debug(
            "%s %s over connection %d in %.1f ms: %s",
            *("made" if call.is_own else "served", call.method, connection.id, ms),
            shown(outcome.code),
            extra={
                "event_name": "call_ended",
                "method": call.method,
                "number": call.number,
                "direction": direction,
                "connection": connection.id,
                "peer": connection.remote_address,
                "ms": round(ms, 3),
                "outcome": shown(outcome.code),
            },
        )

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        calls = self._calls.pop(connection, 0)
        CONNECTIONS.debug(
            "connection %d with %s closed with %d after %d calls: %s",
            *(connection.id, connection.remote_address, code, calls, shown(reason)),
            extra={
                "event_name": "connection_closed",
                "connection": connection.id,
                "peer": connection.remote_address,
                "code": code,
                "calls": calls,
                "reason": shown(reason),
            },
        )
