"""What answers service 0: the hello, and what two duologue peers want to be told of."""

from collections.abc import Mapping
from typing import Final

import msgspec

from duologue.errors import BadFrame, InvalidParams, Unimplemented
from duologue.promisifier.broadcasts import Broadcasts, EventSource
from duologue.promisifier.failures import describe_failure
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.control import Subscribe, Unsubscribe, read_control, subscribed_text
from duologue.protocol.hello import decode_hello
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split

_decode_args: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ControlService:
    """The handler of service 0: answers the other side's hello with ours, and its control calls."""

    name = "the control service"
    takes_parts = False

    def __init__(
        self,
        greeting: Greeting,
        broadcasts: Broadcasts,
        sources: Mapping[int, EventSource],
    ) -> None:
        """`sources` are the events that are offered, by number."""
        self._greeting = greeting
        self._broadcasts = broadcasts
        self._sources = sources

    def start(self, call: ServedCall[object]) -> bytes:
        """See `Handler`.

        Raises:
            InvalidParams: the argument is no hello.
            Unimplemented: it is a control call that this side does not know.
        """
        return self.answer(call.request.args)

    def answer(self, args: Payload | None) -> bytes:
        """What a control call with these arguments is answered with; raises as `start`."""
        try:
            calls = _decode_args(split(args)[0] if args else b"[]")
            if calls and b'"profile"' not in bytes(calls[0]):
                return self._answer_call(bytes(calls[0]))
            hello = decode_hello(bytes(calls[0]) if calls else b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidParams(f"this is no hello: {error}") from None
        except BadFrame as error:
            raise InvalidParams(str(error)) from None
        self._greeting.receive(hello)
        return self._greeting.hello

    def _answer_call(self, text: bytes) -> bytes:
        call = read_control(text)
        if isinstance(call, Subscribe):
            source = self._sources.get(call.number)
            return subscribed_text(self._broadcasts.subscribe(call, source))
        if isinstance(call, Unsubscribe):
            self._broadcasts.unsubscribe(call.subscription)
            return b"{}"
        raise Unimplemented("this side knows no such control call")

    def failure(self, error: Exception) -> Failure:
        """What a control call that failed is answered with."""
        return describe_failure(error, self.name)
