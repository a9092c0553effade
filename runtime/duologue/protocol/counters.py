"""What a session counts (base profile 8.1)."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Plain integers that only grow. The first three are those of the base profile."""

    requests_sent_total: int = 0
    """Requests encoded and handed to the connection."""
    requests_received_total: int = 0
    """Requests that arrived with usable ids, served or not; and every `write-stream-error`."""
    requests_received_invalid: int = 0
    """Texts that are no JSON object, or whose `type` with its ids is none we know; and answers with
    parts that were to have none."""
    control_requests_sent: int = 0
    """Own calls of service 0, which the first three do not count (duologue profile 1)."""
    control_requests_received: int = 0
    """The other side's calls of service 0, likewise."""
    bytes_sent: int = 0
    """Bytes of messages handed to the connection; texts as UTF-8."""
    bytes_received: int = 0
    """Bytes of messages that arrived."""
    answers_dropped_unknown: int = 0
    """Answers and chunks for a request that was never made."""
    answers_dropped_late: int = 0
    """Answers to a call that had ended: given up, timed out, or answered before."""
    messages_dropped: int = 0
    """Stream messages and byte messages of a stream that is over, or for none that is open."""
    meta_dropped: int = 0
    """Answers whose metadata was too much, or no object of texts; the answers themselves count."""
    requests_refused_busy: int = 0
    """Calls answered LIMIT_EXCEEDED because too many were running and waiting."""
    events_dropped: int = 0
    """Events not sent to a listener that had fallen behind, or was away."""
    results_dropped: int = 0
    """Results of our services that had nowhere to go, because the connection was closed."""
    reconnects_total: int = 0
    """Connections after the first one (`reconnect=True`)."""
    requests_repeated: int = 0
    """Requests that were sent again over a new connection: of `read` and `idempotent` methods, and
    whatever was answered `GOING_AWAY`. Each is counted in `requests_sent_total` too."""
