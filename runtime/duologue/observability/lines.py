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
        code = outcome.code if outcome.code == "ok" else shown(outcome.code)
        if CALLS.isEnabledFor(logging.DEBUG):
            _log(
                CALLS,
                "%s %s over connection %d in %.1f ms: %s",
                ("made" if call.is_own else "served", call.method, connection.id, ms, code),
                {
                    "event_name": "call_ended",
                    "method": call.method,
                    "number": call.number,
                    "direction": direction,
                    "connection": connection.id,
                    "peer": connection.remote_address,
                    "ms": round(ms, 3),
                    "outcome": code,
                },
            )

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        """See `Observer`."""
        calls = self._calls.pop(connection, 0)
        if CONNECTIONS.isEnabledFor(logging.DEBUG):
            why = shown(reason)
            _log(
                CONNECTIONS,
                "connection %d with %s closed with %d after %d calls: %s",
                (connection.id, connection.remote_address, code, calls, why),
                {
                    "event_name": "connection_closed",
                    "connection": connection.id,
                    "peer": connection.remote_address,
                    "code": code,
                    "calls": calls,
                    "reason": why,
                },
            )


def _log(
    logger: logging.Logger, text: str, args: tuple[object, ...], fields: dict[str, object]
) -> None:
    # As `logger.debug` but for looking which line of ours has asked: that is half of the time.
    record = logging.LogRecord(logger.name, logging.DEBUG, __file__, 0, text, args, None)
    record.__dict__.update(fields)
    logger.handle(record)
