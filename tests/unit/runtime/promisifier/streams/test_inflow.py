"""How much of incoming streams may wait unread before the connection is not read."""

import pytest

from duologue.limits import Limits
from duologue.promisifier.streams.inflow import Inflow

LIMITS = Limits(max_stream_buffer_bytes=10, max_stream_backlog_bytes=20)


class Reading:
    """The reading of a connection, and whether own calls wait behind the streams."""

    def __init__(self, *, others_wait: bool) -> None:
        self.others_wait = others_wait
        self.is_paused = False
        self.inflow = Inflow(
            LIMITS,
            pause=lambda: self.note(True),
            resume=lambda: self.note(False),
            others_wait=lambda: self.others_wait,
            on_stall=lambda: None,
        )

    def note(self, is_paused: bool) -> None:
        self.is_paused = is_paused


@pytest.mark.parametrize(("others_wait", "most"), [(False, 10), (True, 20)])
async def test_as_much_as_may_wait_is_read_and_one_byte_more_stops_the_reading(
    others_wait: bool, most: int
) -> None:
    reading = Reading(others_wait=others_wait)
    reading.inflow.put(most)
    assert not reading.is_paused
    reading.inflow.put(1)
    assert reading.is_paused
    reading.inflow.taken(1)
    assert not reading.is_paused
    reading.inflow.end()


async def test_a_call_that_is_made_lets_the_reading_go_on() -> None:
    reading = Reading(others_wait=False)
    reading.inflow.put(20)
    assert reading.is_paused
    reading.others_wait = True
    reading.inflow.look_again()
    assert not reading.is_paused
    reading.inflow.end()
