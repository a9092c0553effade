"""Request ids that are used again, live and just finished, against a model (catalogue row 26).

The second use of a live id is refused, and the first goes on. What comes late for one that is over
is dropped and counted, and nothing of it is fatal.
"""

import json
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duologue.limits import MAX_LATE_MESSAGES, Limits
from duologue.protocol.messages import (
    CancelReceived,
    Failure,
    Refused,
    RequestReceived,
    StreamRefused,
)
from duologue.protocol.session import Session

IDS: Final = st.integers(0, 7)
LATE: Final[list[dict[str, Any]]] = [
    {"type": "cancel"},
    {"type": "items", "data": [1]},
    {"type": "items-end"},
    {"type": "credit", "items": 99, "bytes": 99_999},
    {"type": "blocked", "items": 99, "bytes": 99_999},
]
"""What a caller may still say of a call whose answer is on its way to it."""


class RequestIds(RuleBasedStateMachine):
    """A server's session; the other side is played by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.session: Session[str] = Session(Limits())
        self.session.allow_control()
        self.live: set[int] = set()
        self.ever: set[int] = set()
        self.requests = 0
        self.late = 0

    def hear(self, request_id: int, **fields: Any) -> object:
        return self.session.receive(json.dumps({"requestId": request_id, **fields}))

    @rule(request_id=IDS, service_id=st.integers(1, 3))
    def ask(self, request_id: int, service_id: int) -> None:
        """A request, with an id that is free, or live, or was used before."""
        event = self.hear(request_id, type="request", serviceId=service_id, args=[])
        self.requests += 1
        if request_id in self.live:
            assert isinstance(event, Refused)
            refusal = json.loads(event.reply)
            assert refusal["responseId"] == request_id
            assert refusal["error"]["code"] == "DUPLICATE-REQUEST"
        else:
            assert event == RequestReceived(request_id, service_id, b"[]")
            self.live.add(request_id)
            self.ever.add(request_id)

    @rule(request_id=IDS, succeeds=st.booleans())
    def answer(self, request_id: int, succeeds: bool) -> None:
        """Its first use is answered, whatever was refused meanwhile."""
        if request_id not in self.live:
            return
        served = self.session.served
        if succeeds:
            said = json.loads(served.answer(request_id, b"1"))
        else:
            said = json.loads(served.fail(request_id, Failure("Error", "no", None)))
        kind = "data" if succeeds else "error"
        assert (said["responseId"], said["type"]) == (request_id, kind)
        self.live.discard(request_id)

    @rule(request_id=IDS, message=st.sampled_from(LATE))
    def come_late(self, request_id: int, message: dict[str, Any]) -> None:
        """Something about a call that is over."""
        if request_id in self.live or request_id not in self.ever or self.late >= MAX_LATE_MESSAGES:
            return
        dropped = self.session.counters.messages_dropped
        assert self.hear(request_id, **message) is None
        self.late += 1
        assert self.session.counters.messages_dropped == dropped + 1

    @rule(request_id=IDS)
    def cancel(self, request_id: int) -> None:
        """What lives is cancelled, and its id stays in use until it is answered."""
        if request_id in self.live:
            event = self.hear(request_id, type="cancel")
            assert event is None or isinstance(event, CancelReceived | StreamRefused)

    @invariant()
    def nothing_was_fatal_and_everything_is_counted(self) -> None:
        counters = self.session.counters
        assert counters.requests_received_total == self.requests
        assert counters.requests_received_invalid == 0


TestRequestIds = RequestIds.TestCase
