"""Asks the other side what it offers, and by which contract: a control call."""

from duologue.errors import BadFrame, DuologueError, Unimplemented, UnknownError
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.control import describe_args
from duologue.protocol.hello import CONTROL_SERVICE
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split


class ContractQuestion:
    """The `Target` and the `Reading` of the call; its result is JSON (PROTOCOL 15)."""

    id = CONTROL_SERVICE
    contract = None
    may_be_repeated = False
    """Each connection is asked anew."""
    may_wait = False
    takes_parts = False

    def __init__(self, service: str | None) -> None:
        """None asks for the names of all services."""
        self.args = describe_args(service)
        self.full_name = f"the question for the contract of {service or 'everything'}"

    def decode_result(self, data: Payload | None) -> bytes:
        """What is offered, as JSON."""
        return split(data)[0] if data else b""

    def decode_stream(self, stream: ByteStream | TextStream) -> bytes:
        """A stream is no answer to a control call."""
        stream.cancel()
        raise BadFrame("a control call was answered by a stream")

    def decode_failure(self, failure: Failure) -> DuologueError:
        """Why it is not told."""
        message = failure.message or ""
        if failure.code == Unimplemented.code:
            return Unimplemented(message)
        return UnknownError(message, code=failure.code or failure.name)
