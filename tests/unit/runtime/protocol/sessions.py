"""A session by itself, and what it says."""

import json

from duologue.limits import Limits
from duologue.protocol.session import Session


def session(limits: Limits | None = None) -> Session[str]:
    return Session(limits or Limits())


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def error_of(text: bytes) -> dict[str, object]:
    fields = json.loads(text)
    assert fields["type"] == "error"
    error: dict[str, object] = fields["error"]
    return error
