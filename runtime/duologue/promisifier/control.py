"""What answers service 0: the hello, and what two duologue peers want to be told of."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from duologue.errors import BadFrame, InvalidParams, Unimplemented
from duologue.promisifier.broadcasts import Broadcasts, EventSource
from duologue.promisifier.failures import describe_failure
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.control import (
    Describe,
    Subscribe,
    Unsubscribe,
    read_control,
    subscribed_text,
)
from duologue.protocol.hello import decode_hello
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split

PeerT = TypeVar("PeerT")

_decode_args: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


Guard: TypeAlias = Callable[[PeerT, Subscribe], Awaitable[None]]
"""Asked before somebody is told of an event; what it raises is the answer."""


class ControlService(Generic[PeerT]):
    """The handler of service 0: answers the other side's hello with ours, and its control calls."""

    name = "the control service"
    takes_parts = False
    ignores_cancel = False

    def __init__(
        self,
        greeting: Greeting,
        broadcasts: Callable[[], Broadcasts],
        sources: Mapping[int, EventSource],
        guards: Mapping[int, Guard[PeerT]],
    ) -> None:
        """`broadcasts` gives what tells the other side of events; `sources` are those that are
        offered, by number, `guards` stand before some of them."""
        self._greeting = greeting
        self._broadcasts = broadcasts
        self._sources = sources
        self._guards = guards

    def start(self, call: ServedCall[PeerT]) -> bytes | Coroutine[Any, Any, bytes]:
        """See `Handler`.

        Raises:
            InvalidParams: the argument is no hello.
            Unimplemented: it is a control call that this side does not know.
            LimitExceeded: what it asks for is larger than may be told.
        """
        if self._guards:
            wish = _subscribe_in(call.request.args)
            guard = None if wish is None else self._guards.get(wish.number)
            if wish is not None and guard is not None:
                return self._ask_first(guard, wish, call)
        return self.answer(call.request.args)

    async def _ask_first(
        self, guard: Guard[PeerT], wish: Subscribe, call: ServedCall[PeerT]
    ) -> bytes:
        await guard(call.peer, wish)
        return self.answer(call.request.args)

    def is_prompt(self, args: Payload | None) -> bool:
        """See `ControlHandler`."""
        try:
            text = _first(args)
            return b'"profile"' in text or not isinstance(read_control(text), Describe)
        except (BadFrame, msgspec.DecodeError, UnicodeDecodeError):
            return True

    def answer(self, args: Payload | None) -> bytes:
        """What a control call with these arguments is answered with; raises as `start`."""
        try:
            text = _first(args)
            if text and b'"profile"' not in text:
                return self._answer_call(text)
            hello = decode_hello(text)
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
            return subscribed_text(self._broadcasts().subscribe(call, source))
        if isinstance(call, Unsubscribe):
            self._broadcasts().unsubscribe(call.subscription)
            return b"{}"
        if isinstance(call, Describe) and self._greeting.describing is not None:
            return self._greeting.describing.answer(call)
        raise Unimplemented("this side knows no such control call")

    def failure(self, error: Exception) -> Failure:
        """What a control call that failed is answered with."""
        return describe_failure(error, self.name)


def _subscribe_in(args: Payload | None) -> Subscribe | None:
    try:
        call = read_control(_first(args))
    except (BadFrame, msgspec.DecodeError, UnicodeDecodeError):
        # Whoever answers it says what is wrong.
        return None
    return call if isinstance(call, Subscribe) else None


def _first(args: Payload | None) -> bytes:
    calls = _decode_args(split(args)[0] if args else b"[]")
    return bytes(calls[0]) if calls else b""
