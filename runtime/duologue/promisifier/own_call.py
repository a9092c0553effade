"""One open call: the future its caller waits on, and what is needed to settle it."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from duologue.errors import ConnectionClosed, DuologueError
from duologue.promisifier.negotiation import ContractOfService
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

BaseOf = Callable[[ContractOfService], int]
"""Where the other side counts the methods of a service from; raises `ContractMismatch`."""


class Reading(Protocol[T_co]):
    """How the answer to a call is read. A method of a contract is one."""

    @property
    def full_name(self) -> str:
        """The method's name, for messages to people."""
        ...

    @property
    def takes_parts(self) -> bool:
        """Whether the result may come with parts beside it (PROTOCOL 12)."""
        ...

    def decode_result(self, data: Payload | None) -> T_co:
        """The value of a JSON result (None: there is none), or a `DuologueError` if it is unfit."""
        ...

    def decode_stream(self, stream: ByteStream | TextStream) -> T_co:
        """The value of a stream in place of a JSON result; raises as `decode_result`."""
        ...

    def decode_failure(self, failure: Failure) -> DuologueError:
        """The exception for what the other side said of its failure."""
        ...

    @property
    def may_be_repeated(self) -> bool:
        """Whether the call may run twice: its contract declares it `read` or `idempotent`."""
        ...

    @property
    def contract(self) -> ContractOfService | None:
        """The service whose method is called; None if no contract says."""
        ...

    def number(self, base_of: BaseOf) -> int | None:
        """The number to call it by; None: the one it was called by, whatever `base_of` says.

        Raises:
            ContractMismatch: the other side offers it by another contract.
        """
        ...


class CallOwner(Protocol):
    """Who is told of a call that was given up, or lost."""

    def on_call_cancelled(self, call: "Call[Any]") -> None:
        """`call` has been cancelled; told once."""

    def on_unanswered(self, call: "Call[Any]", error: ConnectionClosed) -> None:
        """The connection of `call` is closed and it was not answered; it is to be settled."""


class Call(asyncio.Future[T]):
    """The result of a call, awaitable. One object per call, and no task.

    Cancelling it, or the task that awaits it, gives the call up: its owner is told.
    """

    # A future subclass rather than a done-callback: the callback would cost every call a loop turn.
    __slots__ = ("due_s", "owner", "reading", "request_id", "service_id", "timeout_s")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        service_id: int,
        reading: Reading[T],
        owner: CallOwner,
    ) -> None:
        super().__init__(loop=loop)
        self.service_id = service_id
        self.reading = reading
        self.owner = owner
        self.request_id = -1
        """-1 until the request has been handed to the connection."""
        self.due_s = math.inf
        """When it fails unless it is settled, by the loop's clock."""
        self.timeout_s = math.inf
        """What the caller asked for; tells the error how long that was."""

    def cancel(self, msg: object = None) -> bool:
        """Give the call up; a late answer will be dropped."""
        if not super().cancel(msg):
            return False
        self.owner.on_call_cancelled(self)
        return True

    def fail(self, error: DuologueError) -> None:
        """Settle with an error."""
        error.foreign = True
        self.set_exception(error)

    def fail_quietly(self, error: DuologueError) -> None:
        """`fail` without a log line if nobody awaits: the caller may have gone for good reasons."""
        self.fail(error)
        self.exception()

    def stand_in(self) -> "Call[Any]":
        """The same call, settled, without its result."""
        other: Call[Any] = Call(self.get_loop(), self.service_id, self.reading, self.owner)
        other.request_id = self.request_id
        other.set_result(None)
        return other
