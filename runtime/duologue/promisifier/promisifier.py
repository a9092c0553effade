"""Calls and services over one connection: the object an application holds."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from duologue.arguments import check_function
from duologue.connection.base import Connection, ConnectionState
from duologue.connection.opening_request import OpeningRequest
from duologue.errors import ConnectionClosed, DuologueError, ServiceIdTaken
from duologue.limits import CONGESTED_ABOVE_BYTES, Limits
from duologue.observer import OTHER, Direction, Observer
from duologue.promisifier.broadcasts import EventSource
from duologue.promisifier.budget import Budget
from duologue.promisifier.control import Guard
from duologue.promisifier.conversation import Conversation, Ending
from duologue.promisifier.deadline_scope import in_force, obey_deadline
from duologue.promisifier.greeting import Greeting
from duologue.promisifier.handlers import FunctionHandler, Handler
from duologue.promisifier.observing import ObservedConnection
from duologue.promisifier.own_call import (
    NO_DEADLINE,
    Call,
    CallOptions,
    Reading,
    Target,
    wrong_loop,
)
from duologue.promisifier.peer_state import PeerState, PeerStates, StateChanges
from duologue.promisifier.promise import CloseStatus, Promise, end_of
from duologue.promisifier.stats import Stats
from duologue.promisifier.subscriptions import Subscriptions
from duologue.promisifier.untyped import Untyped
from duologue.protocol.control import Notified
from duologue.protocol.counters import Counters
from duologue.protocol.goaway import GoAway
from duologue.protocol.hello import ContractOfService, Counterpart
from duologue.protocol.parcels import Payload
from duologue.protocol.session import check_service_id
from duologue.protocol.values import encode_arguments

T = TypeVar("T")

_STATES: Final = {
    ConnectionState.CONNECTING: PeerState.CONNECTING,
    ConnectionState.OPEN: PeerState.CONNECTED,
    ConnectionState.CLOSING: PeerState.CLOSED,
    ConnectionState.CLOSED: PeerState.CLOSED,
}


class WebsocketPromisifier:
    """One end of a conversation: calls the other side's services and serves its calls.

    Made by `create_websocket_promisifier`, `connect` and `serve`. Both directions work at once and
    neither side is special. All of it runs in the event loop's thread, in callbacks of the
    connection; the only tasks are those of async services.
    """

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        budget: Budget | None = None,
        observers: Observer | None = None,
    ) -> None:
        """`budget` is what it shares with others; `observers` see all that crosses a connection."""
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._budget = budget or Budget(limits)
        self._observers = observers
        self._handlers: dict[int, Handler[WebsocketPromisifier]] = {}
        self._subscriptions: Subscriptions[WebsocketPromisifier] = Subscriptions(self._handlers)
        self._event_sources: dict[int, EventSource] = {}
        self._event_guards: dict[int, Guard[WebsocketPromisifier]] = {}
        self.interceptors: tuple[Any, ...] = ()
        """What stands around typed calls of this peer, made and served: see `typed/interceptors`,
        which is above all that is here. Set by whoever makes the peer."""
        self._counters = Counters()
        self._stats = Stats(self._counters)
        self._promise = Promise(self._loop)
        self._closed_listeners: list[Callable[[WebsocketPromisifier], None]] = []
        self._states: PeerStates | None = None
        """Made for the first who wants to be told."""
        self._conversation = self._converse(connection)

    # -- the documented API ---------------------------------------------------------------------

    @property
    def promise(self) -> Promise:
        """Awaitable; settles once, when the connection is closed.

        Gives a `CloseStatus` if it was closed with code 1000, else raises `ConnectionClosed`.
        """
        return self._promise

    @property
    def conn_id(self) -> int:
        """The id of the underlying connection."""
        return self._conversation.connection.id

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now.

        Once False it stays so, unless the peer was made with `reconnect=True`.
        """
        return self._conversation.connection.state.current_state is ConnectionState.OPEN

    @property
    def state(self) -> PeerState:
        """How things stand: connecting, connected, waiting or closed."""
        return _STATES[self._conversation.connection.state.current_state]

    def state_changes(self) -> StateChanges:
        """The states that are entered from now on, as an async iterator; it ends with `closed`.

        print(peer.state)
        async for state in peer.state_changes():
            print(state)
        """
        if self._states is None:
            self._states = PeerStates(self.state)
            self._watch_state()
        return self._states.changes()

    def __repr__(self) -> str:
        key = self.remote_key
        who = "" if key is None else f" key={key.hex()[:8]}"
        stats = self._stats
        return (
            f"<{type(self).__name__} {self.conn_id} with {self.remote_address}{who} {self.state} "
            f"made={stats.requests_sent_total} served={stats.requests_received_total} "
            f"open={self._conversation.calling.in_flight}>"
        )

    @property
    def stats(self) -> Stats:
        """What this side has counted; a live, read-only view."""
        return self._stats

    @property
    def calls_running(self) -> int:
        """How many calls of the other side are being served now."""
        return self._conversation.calls_running

    @property
    def limits(self) -> Limits:
        """The bounds of this side."""
        return self._limits

    @property
    def remote_address(self) -> str | None:
        """What the transport knows of the other side's address."""
        return self._conversation.connection.remote_address

    @property
    def request(self) -> OpeningRequest | None:
        """The HTTP request that opened the connection: path, query, headers, client certificate.

        None at the side that connects, in memory and behind a relay.
        """
        return self._conversation.connection.request

    @property
    def remote_key(self) -> bytes | None:
        """The other side's public key once it has proved to have it; None if it has not.

        Always None on a connection that is not encrypted. Set before any handler runs on one that
        is.
        """
        return self._conversation.connection.remote_key

    def add_service(self, service_id: int, function: Callable[..., object]) -> None:
        """Serve `function`, plain or async, under a number; args come as positional arguments.

        Tell callers about a failure by raising a `CallError`; of any other exception they learn
        only an incident id. Returning nothing gives the caller `UNDEFINED`.

        Raises:
            RefusedService: the id is no integer above 0.
            TypeError: `function` is none.
            ServiceIdTaken: something is served under it.
        """
        check_service_id(service_id)
        check_function("add_service(...)", function)
        handler = FunctionHandler(service_id, function, self._limits.max_json_depth - 1)
        self.add_handlers({service_id: handler})

    def add_handlers(self, handlers: "Mapping[int, Handler[WebsocketPromisifier]]") -> None:
        """Serve ready-made handlers, all of them or none.

        Raises:
            ServiceIdTaken: something is served under one of the numbers.
        """
        for service_id, handler in handlers.items():
            holder = self._handlers.get(service_id)
            if holder is not None:
                raise ServiceIdTaken(service_id, holder.name, handler.name)
        self._handlers.update(handlers)

    def handler(self, service_id: int) -> "Handler[WebsocketPromisifier] | None":
        """What is served under a number."""
        return self._handlers.get(service_id)

    def remove_service(self, service_id: int) -> None:
        """Serve nothing under this number any more; what runs goes on."""
        self._handlers.pop(service_id, None)

    def clear_services(self) -> None:
        """Serve nothing any more; what runs goes on."""
        self._handlers.clear()

    def send(self, service_id: int, *args: object) -> Call[Any]:
        """Call the other side's service; awaiting the result gives its value.

        The request leaves when `send` is called, not when its result is awaited. There is no
        deadline; cancelling gives the call up and drops a late answer.

        Raises (when awaited):
            RefusedService: the id is no integer above 0.
            RefusedValue: an argument has no form on the wire; nothing was sent.
            RemoteError: the service failed; `.cause` says how.
            ConnectionClosed: no answer can come; `.sent` tells whether the request had left.
            LimitExceeded: too many open calls, or the request is too large; nothing was sent.
        """
        untyped = Untyped(service_id)
        try:
            check_service_id(service_id)
            encoded = encode_arguments(args, self._limits.max_json_depth - 1)
        except DuologueError as error:
            failed: Call[Any] = Call(self._loop, untyped, untyped, self)
            failed.fail(error)
            return failed
        return self.start_call(untyped, encoded, untyped, NO_DEADLINE)

    def close(self, reason: str | None = None) -> None:
        """Start closing with code 1000; the result is in `promise`. A second call does nothing.

        A reason is cut, at a whole character, to what a close frame can hold (base profile 8.3).

        Raises:
            RuntimeError: called from another thread than the event loop's.
        """
        self.check_thread()
        self._conversation.connection.close(reason)

    # -- for the typed layer and the endpoints --------------------------------------------------

    def start_call(
        self, target: Target, args: Payload, reading: Reading[T], options: CallOptions
    ) -> Call[T]:
        """Send a request and return its future, which settles exactly once.

        `args` is a JSON list. A request that could not be sent is a future that has failed already.
        """
        timeout_s = options.timeout_s
        if timeout_s is None:
            timeout_s = self._limits.call_timeout_s
        call = Call(self._loop, target, reading, self, timeout_s, options)
        if options.items is not None:
            call.add_done_callback(options.items.note_settled)
        if in_force and not obey_deadline(call):
            return call
        self._conversation.calling.send(call, args)
        return call

    def start_control_call(self, target: Target, args: Payload, reading: Reading[T]) -> Call[T]:
        """As `start_call`, over the present connection only, for what two sides arrange."""
        call = Call(self._loop, target, reading, self, self._limits.call_timeout_s)
        self._conversation.calling.send(call, args)
        return call

    def on_call_cancelled(self, call: Call[Any]) -> None:
        """See `CallOwner`."""
        self._conversation.calling.abandon(call)

    def greet(self, greeting: Greeting) -> None:
        """Introduce this side, and learn what the other side is (duologue profile 1)."""
        self._conversation.greet(greeting)

    def start(self) -> None:
        """Serve from now on, and say hello. Comes by itself in the next turn of the loop."""
        self._conversation.start()

    def check_thread(self) -> None:
        """Raise `RuntimeError`, with the remedy, where the event loop does not run."""
        # The function with an underscore is the documented one that does not raise.
        if asyncio._get_running_loop() is not self._loop:
            raise wrong_loop(self._loop)

    async def ended(self) -> None:
        """Wait until the connection is closed, and handlers that were cancelled have ended.

        Not for those that take their time over it, or ignore it.
        """
        await self._promise.wait()
        if self.calls_running:
            # They are told in one turn of the loop, and end in the next, which is this one's.
            await asyncio.sleep(0)

    async def introduced(self) -> None:
        """Wait until the other side has introduced itself, or is known for a base peer."""
        if self._conversation.greeting is not None:
            await self._conversation.greeting.settled()

    @property
    def speaks_duologue(self) -> bool:
        """Whether the other side has introduced itself; False means the base profile only."""
        return self._conversation.counterpart.is_introduced

    @property
    def subscriptions(self) -> "Subscriptions[WebsocketPromisifier]":
        """What this side wants to be told of by the other one."""
        return self._subscriptions

    @property
    def is_settled(self) -> bool:
        """Whether it is known what the other side is, and it may be asked for events."""
        greeting = self._conversation.greeting
        return greeting is None or greeting.is_settled

    def add_event_sources(self, sources: "Mapping[int, EventSource]") -> None:
        """Let the other side subscribe to these events, by number."""
        self._event_sources.update(sources)

    def add_event_guards(self, guards: "Mapping[int, Guard[WebsocketPromisifier]]") -> None:
        """Have somebody asked before the other side subscribes to these events, by number."""
        self._event_guards.update(guards)

    @property
    def counterpart(self) -> Counterpart:
        """What is known of the other side."""
        return self._conversation.counterpart

    def takes_parts_of(self, contract: ContractOfService) -> bool:
        """Whether calls of a service of the other side may have parts (PROTOCOL 12)."""
        return self._conversation.counterpart.takes_parts_of(contract)

    @property
    def is_congested(self) -> bool:
        """Whether so much is on its way out that what can wait should."""
        return self._conversation.connection.buffered_amount > CONGESTED_ABOVE_BYTES

    def count_dropped_event(self) -> None:
        """Note that this peer has missed an event."""
        self._counters.events_dropped += 1

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls, let the running ones finish within `timeout_s`, cancel the rest."""
        await self._conversation.drain(timeout_s)

    def say_goaway(self, said: GoAway) -> None:
        """Tell the other side that no new calls are taken, if it knows how that is said."""
        self._conversation.say_goaway(said)

    def on_closed(self, listener: "Callable[[WebsocketPromisifier], None]") -> None:
        """Tell `listener`, once, when the connection is closed: at once if it is already."""
        if self._promise.done():
            listener(self)
        else:
            self._closed_listeners.append(listener)

    def _watch_state(self) -> None:
        def note(state: ConnectionState) -> None:
            self._note_state()
            if state is ConnectionState.CLOSED:
                unlisten()

        unlisten = self._conversation.connection.state.on_enter_state.listen(note)

    def _note_state(self) -> None:
        """Tell of the present state, if it is a new one."""
        if self._states is not None:
            self._states.enter(self.state)

    # -- conversations come and go --------------------------------------------------------------

    def _converse(self, connection: Connection) -> "Conversation[WebsocketPromisifier]":
        if self._observers is not None:
            connection = ObservedConnection(connection, self._observers, self)
        return Conversation(
            self,
            self,
            connection,
            self._limits,
            self._handlers,
            self._counters,
            self._event_sources,
            self._event_guards,
            self._budget,
        )

    def own_method(self, request_id: int) -> str:
        """See `Names`."""
        call = self._conversation.open_call(request_id)
        return OTHER if call is None or call.target.contract is None else call.reading.full_name

    def served_method(self, service_id: int) -> str:
        """See `Names`."""
        handler = self._handlers.get(service_id)
        return OTHER if handler is None or isinstance(handler, FunctionHandler) else handler.name

    def event_name(self, subscription: int, direction: Direction) -> str:
        """See `Names`."""
        if direction == "in":
            return self._subscriptions.name_of(subscription) or OTHER
        return self._conversation.event_name(subscription) or OTHER

    def on_introduced(self) -> None:
        """It is known what the other side is; its next message is not read yet."""
        self._subscriptions.start_over()
        self._subscriptions.renew()

    def on_unanswered(self, call: Call[Any], error: ConnectionClosed) -> None:
        """The conversation has ended and `call` is open, or never left; it is to be settled."""
        call.fail_quietly(error)

    def on_turned_away(self, call: Call[Any]) -> bool:
        """The other side takes no new calls. Whoever called is told: there is nobody else."""
        return False

    def on_conversation_end(self, ending: Ending) -> None:
        """The conversation has ended, and nothing of it is left."""
        stats = self._stats.snapshot()
        self._settle(end_of(ending.connection, stats, ending.pending, ending.sent))

    def on_notified(self, event: Notified) -> bool:
        """An event has come for a subscription, or its end; returns whether there is such."""
        if self._subscriptions.receive(event):
            return True
        self._counters.messages_dropped += 1
        return False

    def on_going_away(self, said: GoAway) -> None:
        """The other side takes no new calls: it will say so to each."""

    def _settle(self, outcome: CloseStatus | ConnectionClosed) -> None:
        self._promise.settle(outcome)
        self._subscriptions.close()
        for listener in self._closed_listeners:
            listener(self)
        self._closed_listeners.clear()


def create_websocket_promisifier(
    connection: Connection,
    *,
    limits: Limits | None = None,
    budget: Budget | None = None,
    observers: Observer | None = None,
) -> WebsocketPromisifier:
    """A promisifier over `connection`, for calls and services by number (base profile 7).

    Must be called in a running event loop. Messages that came before are not lost. A `budget` is
    what it shares with others; `observers` see all that crosses the connection.
    """
    return WebsocketPromisifier(connection, limits or Limits(), budget, observers)
