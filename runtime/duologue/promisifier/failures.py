"""Exceptions of services to the failures that cross the wire, and what stays in the log."""

import logging
import os
from typing import Final

from duologue.errors import (
    CallError,
    DeadlineExceeded,
    DuologueError,
    GoingAway,
    InvalidResult,
    LimitExceeded,
    RefusedValue,
)
from duologue.protocol.excess import failure_of
from duologue.protocol.messages import Failure

THEIRS: Final = "the other side's "
"""How the name of a limit begins that is not this side's own."""

_log = logging.getLogger("duologue")


def describe_failure(error: Exception, what: str) -> Failure:
    """What the caller may know of a service's exception (base profile 7.4).

    Only errors meant for callers are told: a `CallError` that was raised here, and results that
    could not be sent. Anything else becomes `INTERNAL` with an incident id, which stands beside
    the traceback in the log. So does `GOING_AWAY`, which tells callers that nothing has run: only
    the runtime can say that.
    """
    if isinstance(error, DuologueError) and error.foreign:
        return describe_incident(error, what, hint="it let an error of a call of its own pass")
    if isinstance(error, CallError) and error.code != GoingAway.code:
        if isinstance(error, InvalidResult):
            _log.error("what %s gives does not fit its contract: %s", what, error)
        name = getattr(error, "name", type(error).__name__)
        return Failure(name, error.message, error.code or None, error.details)
    if isinstance(error, RefusedValue):
        _log.error("the result of %s cannot be sent: %s", what, error)
        return Failure("Error", str(error), error.code)
    if isinstance(error, LimitExceeded):
        return describe_limit(error)
    return describe_incident(error, what)


def describe_incident(error: BaseException, what: str, *, hint: str = "") -> Failure:
    """`INTERNAL`: an id for both logs, and nothing of the exception. `hint` is for our log."""
    incident = os.urandom(6).hex()
    why = f": {hint}" if hint else ""
    _log.error(
        "incident %s: %s failed%s",
        *(incident, what, why),
        exc_info=error,
        extra={"event_name": "call_failed", "method": what, "incident": incident},
    )
    return Failure(
        "InternalError",
        f"the handler failed; incident {incident} in its log",
        "INTERNAL",
        {"incident": incident},
    )


def describe_late(what: str, *, has_run: bool) -> Failure:
    """`DEADLINE_EXCEEDED`, with the place where the time passed."""
    how = "while its handler ran" if has_run else "while it waited for a handler"
    return Failure(
        "DeadlineExceeded",
        f"the time of {what} passed at the provider, {how}",
        DeadlineExceeded.code,
        {"where": "running" if has_run else "waiting"},
    )


def describe_limit(error: LimitExceeded) -> Failure:
    """`LIMIT_EXCEEDED`, with the limit that was met."""
    if error.limit.startswith(THEIRS):
        # Seen from there it is one of its own.
        name = error.limit.removeprefix(THEIRS)
        return Failure(
            "LimitExceeded",
            f"the caller's {name} is {error.value}, and the result has {error.met}",
            error.code,
            {"limit": name, "value": error.value, "of": "caller"},
        )
    return failure_of(error)
