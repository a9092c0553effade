"""Methods with items, from a request to the service's method and back."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from duologue.errors import BadFrame, Unimplemented
from duologue.promisifier.handlers import Outcome, Result, UnreadableArguments
from duologue.promisifier.served_call import ServedCall
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.promisifier.streams.item_source import ItemSource
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.hello import ITEMS
from duologue.protocol.messages import Failure
from duologue.typed.audience import Peer
from duologue.typed.codec import BYTE_ITEMS, NOTHING
from duologue.typed.context import CallContext
from duologue.typed.contract import Streaming
from duologue.typed.declared_errors import failure_of
from duologue.typed.items import Items, Sender
from duologue.typed.items_as_streams import json_lines
from duologue.typed.params import NO_PARAMS


class StreamHandler:
    """Runs a method whose caller sends items, or gets some.

    What the method is given follows from its contract: params, `items` if the caller sends some,
    `out` if there are items and a result, the context. With items and no result it is an async
    generator of them.
    """

    takes_parts = True
    ignores_cancel = False

    __slots__ = ("_function", "_is_generator", "_method", "name")

    def __init__(self, method: Streaming[..., Any, Any], function: Callable[..., Any]) -> None:
        self.name = method.full_name
        self._method = method
        self._function = function
        self._is_generator = method.yields is not None and method.returns is NOTHING

    def start(self, call: ServedCall[Peer]) -> Outcome:
        """See `Handler`."""
        method, request = self._method, call.request
        given: list[Any] = []
        if method.params is not NO_PARAMS:
            try:
                given.append(method.params.decode(self.name, request.args))
            except BadFrame as error:
                raise UnreadableArguments(str(error)) from error
        context = CallContext(call.peer, self.name, call)
        if not call.peer.counterpart.has(ITEMS):
            return self._start_without_items(given, context)
        source = sink = None
        if method.sends is not None:
            source = ItemSource(self.name, idle_timeout_s=method.idle_timeout_s)
            given.append(Items(source, method.sends, self.name, is_result=False))
        if method.yields is not None:
            sink = ItemSink(self.name)
        if request.timeout_ms:
            for half in (source, sink):
                if half is not None:
                    half.on_begun = call.note_begun
        call.desk.open(request.request_id, source, sink)
        if sink is None or method.yields is None:
            return self._run(given, context, request.takes_parts)
        out = Sender(sink, method.yields, takes_parts=request.takes_parts)
        if self._is_generator:
            return self._run_generator(self._function(*given, context), sink, out)
        given.append(out)
        return self._run_with_out(given, context, sink, request.takes_parts)

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return failure_of(error, self._method.errors, self.name)

    def _start_without_items(self, given: list[Any], context: CallContext) -> Outcome:
        """The base profile has no items, but streams of bytes and text."""
        method = self._method
        if method.sends is not None or method.yields is None or not self._is_generator:
            raise Unimplemented(f"{self.name} needs items, which the caller does not know")
        items: AsyncIterator[Any] = self._function(*given, context)
        if method.yields is BYTE_ITEMS:
            return ByteStream(items)
        return TextStream(json_lines(items, method.yields))

    async def _run(self, given: list[Any], context: CallContext, takes_parts: bool) -> Result:
        result = await self._function(*given, context)
        return self._method.returns.encode_result(result, takes_parts)

    async def _run_with_out(
        self, given: list[Any], context: CallContext, sink: ItemSink, takes_parts: bool
    ) -> Result:
        try:
            return await self._run(given, context, takes_parts)
        finally:
            # Also before a failure: what was sent has been sent.
            sink.end()

    async def _run_generator(
        self, items: AsyncIterator[Any], sink: ItemSink, out: Sender[Any]
    ) -> None:
        try:
            await out.send_all(items)
        finally:
            sink.end()
            # Closed in this task whatever happened: its `finally` blocks run at once.
            if isinstance(items, AsyncGenerator):
                await items.aclose()
