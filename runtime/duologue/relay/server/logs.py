"""What the relay writes about itself: one line for each event, without payload, key or address.

Keys are shown as a keyed hash that changes every day, so that lines of one day belong together and
those of two days do not. Addresses are cut to /24 and /48. Of each kind of event at most so many
lines a second are written; the next one says how many were left out.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from duologue.foreign_text import shown
from duologue.relay.addresses import shown_address
from duologue.relay.events import (
    Cause,
    Closed,
    Joined,
    NotOpened,
    Opened,
    Parted,
    Ponged,
    Refused,
    Registered,
    RelayEvent,
    Routed,
    TurnedAway,
)

_KINDS: Final[Mapping[type[RelayEvent], tuple[str, int]]] = {
    Opened: ("opened", logging.DEBUG),
    TurnedAway: ("turned_away", logging.WARNING),
    NotOpened: ("not_opened", logging.DEBUG),
    Registered: ("registered", logging.INFO),
    Refused: ("refused", logging.WARNING),
    Ponged: ("ponged", logging.DEBUG),
    Joined: ("joined", logging.INFO),
    Routed: ("routed", logging.INFO),
    Parted: ("parted", logging.INFO),
    Closed: ("closed", logging.DEBUG),
}
"""How events are called, and their level."""

LINES_PER_S: Final = 10
HASH_CHARACTERS: Final = 8
MAX_TEXT: Final = 120
DAY_S: Final = 86_400

LOGGER: Final = logging.getLogger("duologue.relay.events")


class JsonLines(logging.Formatter):
    """One JSON object in each line."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        fields: Mapping[str, Any] = getattr(record, "fields", {})
        line: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
        }
        if not fields:
            line["text"] = clean(record.getMessage())
        line.update(fields)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class PlainLines(logging.Formatter):
    """For people: time, event, `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.formatMessage`; one event is one line."""
        return shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """See `logging.Formatter.formatException`."""
        return shown(super().formatException(ei), keep="\n")


def clean(text: str) -> str:
    """Text of anybody's choice, fit for one line of a log."""
    return shown(text[:MAX_TEXT]) + ("..." if len(text) > MAX_TEXT else "")


class EventLog:
    """An `Observer` that writes."""

    def __init__(
        self,
        *,
        secret: bytes,
        clock: Callable[[], float],
        full_keys: bool = False,
        logger: logging.Logger = LOGGER,
    ) -> None:
        """`secret` are random bytes that nobody keeps; `clock` gives seconds since 1970."""
        self._secret = secret
        self._clock = clock
        self._full_keys = full_keys
        self._logger = logger
        self._second = 0
        self._written: dict[str, int] = {}
        self._suppressed: dict[str, int] = {}

    def __call__(self, event: RelayEvent) -> None:
        """Write it, unless there were too many of its kind in this second."""
        name, level = _KINDS[type(event)]
        if isinstance(event, Parted) and event.cause is Cause.SLOW_READER:
            level = logging.WARNING
        # Most are left out on a busy relay: hashing keys for those would be half of the work.
        if self._takes(name, level):
            self._put(name, level, self._fields(event))

    def write(self, name: str, level: int, fields: Mapping[str, Any]) -> None:
        """Write one line."""
        if self._takes(name, level):
            self._put(name, level, fields)

    def _takes(self, name: str, level: int) -> bool:
        """Whether one more line of this kind is written in this second."""
        if not self._logger.isEnabledFor(level):
            return False
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._written.clear()
        count = self._written.get(name, 0)
        if count >= LINES_PER_S:
            self._suppressed[name] = self._suppressed.get(name, 0) + 1
            return False
        self._written[name] = count + 1
        return True

    def _put(self, name: str, level: int, fields: Mapping[str, Any]) -> None:
        suppressed = self._suppressed.pop(name, 0)
        if suppressed:
            fields = {**fields, "suppressed": suppressed}
        text = " ".join(f"{each}={value}" for each, value in fields.items())
        self._logger.log(level, "%s %s", name, text, extra={"event": name, "fields": fields})

    def _fields(self, event: RelayEvent) -> dict[str, Any]:
        match event:
            case Opened(leg, address):
                return {"id": leg, "from": shown_address(address)}
            case TurnedAway(address, limit):
                return {"from": shown_address(address), "limit": limit}
            case NotOpened(address, reason):
                return {"from": shown_address(address), "reason": reason}
            case Registered(leg, key, seconds):
                return {"id": leg, "key": self._key(key), "seconds": round(seconds, 4)}
            case Refused(leg, asked, cause, limit, key):
                fields = {"id": leg, "asked": asked, "cause": cause.value}
                if limit:
                    fields["limit"] = limit
                if key:
                    fields["key"] = self._key(key)
                return fields
            case Ponged(leg, seconds):
                return {"id": leg, "seconds": round(seconds, 4)}
            case Joined(caller, listener, source, target, waited_s):
                return {
                    "caller": caller,
                    "listener": listener,
                    "source": self._key(source),
                    "target": self._key(target),
                    "waited_s": round(waited_s, 4),
                }
            case Routed(caller, target, waited_s):
                fields = {"caller": caller, "target": self._key(target)}
                return {**fields, "waited_s": round(waited_s, 4)}
            case Parted():
                return self._parted(event)
            case Closed(leg, cause, seconds, fault):
                why = fault or ("left" if cause is None else cause.value)
                return {"id": leg, "seconds": round(seconds, 3), "cause": why}

    def _parted(self, event: Parted) -> dict[str, Any]:
        return {
            "caller": event.caller,
            "listener": event.listener,
            "cause": event.cause.value,
            "seconds": round(event.seconds, 3),
            "frames_up": event.frames_up,
            "bytes_up": event.bytes_up,
            "frames_down": event.frames_down,
            "bytes_down": event.bytes_down,
            "held_s": round(event.held_s, 3),
        }

    def _key(self, key: bytes) -> str:
        if not key:
            return "none"
        if self._full_keys:
            return key.hex()
        day = int(self._clock() // DAY_S).to_bytes(8, "big")
        return hashlib.blake2b(day + key, key=self._secret).hexdigest()[:HASH_CHARACTERS]
