"""What the relay writes about itself, and what it must not write."""

import json
import logging

import pytest

from duologue.relay.events import (
    Cause,
    Closed,
    Joined,
    Opened,
    Parted,
    Ponged,
    Refused,
    Registered,
    RelayEvent,
    TurnedAway,
)
from duologue.relay.server.logs import LINES_PER_S, EventLog, JsonLines, PlainLines, clean
from tests.relay_support import CALLER, PROVIDER

KEY, OTHER = PROVIDER.public_key, CALLER.public_key
EVENTS: tuple[RelayEvent, ...] = (
    Opened(1, "192.0.2.77"),
    TurnedAway("2001:db8:1:2::/64", "max_connections"),
    Registered(1, KEY, 0.1),
    Refused(2, "request", Cause.LIMIT, "max_pairs", KEY),
    Refused(2, "first", Cause.BAD_MESSAGE),
    Ponged(1, 0.02),
    Joined(2, 1, OTHER, KEY, 0.01),
    Joined(2, 1, b"", b"", 0.01),
    Parted(2, 1, Cause.SLOW_READER, 3.0, 10, 1000, 20, 2000, 0.5),
    Closed(1, None, 2.0),
    Closed(1, Cause.TOO_SLOW, 2.0),
)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def log_to(lines: Lines, clock: Clock, *, full_keys: bool = False) -> EventLog:
    logger = logging.Logger("test", logging.DEBUG)
    logger.addHandler(lines)
    return EventLog(secret=b"s" * 32, clock=clock, full_keys=full_keys, logger=logger)


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_is_one_json_line_without_keys_and_addresses(event: RelayEvent) -> None:
    lines = Lines()
    log_to(lines, Clock())(event)
    [line] = lines.lines
    assert json.loads(line)["event"]
    for secret in (str(PROVIDER), str(CALLER), "192.0.2.77", "db8:1:2"):
        assert secret not in line


def test_a_key_is_the_same_for_a_day_and_another_the_next() -> None:
    lines, clock = Lines(), Clock()
    log = log_to(lines, clock)
    for days in (0, 0, 1):
        clock.now_s += days * 86_400
        log(Registered(1, KEY, 0.1))
    shown = [json.loads(line)["key"] for line in lines.lines]
    assert shown[0] == shown[1] != shown[2]
    assert len(shown[0]) == 8


def test_full_keys_can_be_asked_for() -> None:
    lines = Lines()
    log_to(lines, Clock(), full_keys=True)(Registered(1, KEY, 0.1))
    assert json.loads(lines.lines[0])["key"] == str(PROVIDER)


def test_a_flood_of_one_event_is_cut_and_counted_and_others_are_not() -> None:
    lines, clock = Lines(), Clock()
    log = log_to(lines, clock)
    for _ in range(LINES_PER_S + 90):
        log(Opened(1, "192.0.2.77"))
    log(Ponged(1, 0.1))
    assert len(lines.lines) == LINES_PER_S + 1
    clock.now_s += 1
    log(Opened(1, "192.0.2.77"))
    assert json.loads(lines.lines[-1])["suppressed"] == 90


def test_text_of_others_is_made_harmless() -> None:
    assert clean("a\nb\x1b[31m") == r"a\nb\x1b[31m"
    assert clean("x" * 121) == "x" * 120 + "..."
    assert clean("x" * 120) == "x" * 120


def test_an_exception_is_logged_with_its_traceback() -> None:
    record = logging.LogRecord("duologue.relay", logging.ERROR, "", 0, "it broke", (), None)
    try:
        raise ValueError("deep")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = json.loads(JsonLines().format(record))
    assert line["text"] == "it broke"
    assert "ValueError: deep" in line["traceback"]


def test_a_plain_line_stays_one_line_and_commands_no_terminal() -> None:
    words = "gone\n12:00:00 registered key=forged\x1b[2J"
    record = logging.LogRecord("duologue.relay", logging.WARNING, "", 0, "%s", (words,), None)
    try:
        raise ValueError(words)
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    first, *traceback = PlainLines().format(record).split("\n")
    assert first.endswith(r"gone\n12:00:00 registered key=forged\x1b[2J")
    assert traceback[-1] == r"12:00:00 registered key=forged\x1b[2J"
