"""What a handler may know of the call it serves."""

import msgspec

from duologue.promisifier.promisifier import WebsocketPromisifier


class CallContext(msgspec.Struct):
    """One call, seen from its handler.

    `ctx.peer` is the promisifier of the caller: make a client of it to call back.
    """

    peer: WebsocketPromisifier
    """The caller's end; `ctx.peer.remote_address` is what the transport knows of it."""
    method: str
    """`package.Service/method`."""
