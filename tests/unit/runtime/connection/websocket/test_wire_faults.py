"""What went wrong, in our errors."""

import math

from websockets.exceptions import PayloadTooBig, ProtocolError

from duologue.connection.websocket.wire_faults import failure_from, limit_told_by_peer
from duologue.errors import BadFrame, LimitExceeded


def test_the_numbers_of_a_1009_reason_are_read() -> None:
    error = limit_told_by_peer("frame with 2000 bytes exceeds limit of 1000 bytes")
    assert (error.limit, error.value, error.met) == ("max_message_bytes", 1000, 2000)
    error = limit_told_by_peer(
        "frame with 9 bytes after reading 995 bytes exceeds limit of 1000 bytes"
    )
    assert error.value == 1000


def test_a_1009_reason_without_numbers_leaves_the_limit_unknown() -> None:
    error = limit_told_by_peer("Max payload size exceeded")
    assert math.isnan(error.value)
    assert error.met is None


def test_a_message_that_is_too_big_is_told_with_all_that_had_come_of_it() -> None:
    error = PayloadTooBig(900, 1000)
    error.set_current_size(500)
    failure = failure_from(error, 1000)
    assert isinstance(failure, LimitExceeded)
    assert (failure.limit, failure.value, failure.met) == ("max_message_bytes", 1000, 1400)
    assert failure.__cause__ is error


def test_any_other_fault_is_a_bad_frame_in_the_words_of_websockets() -> None:
    failure = failure_from(ProtocolError("reserved bits must be 0"), 1000)
    assert isinstance(failure, BadFrame)
    assert str(failure) == "reserved bits must be 0"
