"""What answers service 0, by which two duologue peers speak of themselves (duologue profile 1)."""

from typing import Final

import msgspec

from duologue.errors import BadFrame, InvalidParams, Unimplemented
from duologue.promisifier.failures import describe_failure
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.hello import decode_hello
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split

_decode_args: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ControlService:
    """The handler of service 0: takes the other side's hello and answers with ours."""

    name = "the control service"
    takes_parts = False

    def __init__(self, greeting: Greeting) -> None:
        self._greeting = greeting

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
                raise Unimplemented("this side knows no such control call")
            hello = decode_hello(bytes(calls[0]) if calls else b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidParams(f"this is no hello: {error}") from None
        except BadFrame as error:
            raise InvalidParams(str(error)) from None
        self._greeting.receive(hello)
        return self._greeting.hello

    def failure(self, error: Exception) -> Failure:
        """What a control call that failed is answered with."""
        return describe_failure(error, self.name)
