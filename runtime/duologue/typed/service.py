"""The base of every generated service, and how its methods become handlers."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import CoroutineType
from typing import Any, ClassVar, ParamSpec, Self, TypeAlias, TypeVar

from duologue.arguments import check_objects
from duologue.errors import BadFrame, ServiceIdTaken
from duologue.promisifier.handlers import (
    Handler,
    Outcome,
    Result,
    Unfinished,
    UnreadableArguments,
    is_awaitable,
)
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.hello import OfferedService
from duologue.protocol.messages import Failure
from duologue.typed.audience import Audience, Peer
from duologue.typed.context import CallContext
from duologue.typed.contract import Event, Method, ServiceContract, Streaming, note_package
from duologue.typed.declared_errors import failure_of
from duologue.typed.describing import Descriptions
from duologue.typed.intercepted_handler import InterceptedHandler, subscription_guard
from duologue.typed.interceptors import Interceptor
from duologue.typed.params import NO_PARAMS
from duologue.typed.stream_handler import StreamHandler

A = ParamSpec("A")
T = TypeVar("T")

Reply: TypeAlias = T | Awaitable[T]
"""What a method gives: `def` and `async def` both implement it. A plain one must not block."""


class Service:
    """Offered to the other side by `serve`, `connect(offer=...)` or `linked`.

    One object serves every connection it is offered on; `ctx.peer` tells them apart.
    """

    __contract__: ClassVar[ServiceContract]
    __audience__: Audience
    __interceptors__: tuple[Interceptor, ...] = ()
    """Around the calls that this one serves: see `intercepted`."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        note_package(cls)

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """As usual. Here rather than in `__init__`, which nobody then has to call."""
        service = super().__new__(cls)
        service.__audience__ = Audience()
        return service

    def _emit(
        self, event: Event[A, Any], peer: Peer | None, /, *_args: A.args, **_kwargs: A.kwargs
    ) -> None:
        payload = event.payload.encode(event.full_name, _args, _kwargs)
        self.__audience__.emit(event, self.__contract__.base + event.id, payload, peer)


def unheard_events(service: Service) -> dict[str, int]:
    """How many events of each kind a service has emitted that nobody heard, by their full names.

    A kind that was neither offered nor emitted yet is not listed.
    """
    return service.__audience__.unheard


ServiceT = TypeVar("ServiceT", bound=Service)


def intercepted(service: ServiceT, *interceptors: Interceptor) -> ServiceT:
    """`service`, with these around each call that it serves, inside of those it has already.

    serve(duologue.intercepted(Rooms(), Authorisation({...})), port=8080)

    Raises:
        TypeError: that is no service, or one of these no interceptor.
    """
    _known_service(service)
    check_objects("intercepted(...)", interceptors, Interceptor)
    service.__interceptors__ = (*service.__interceptors__, *interceptors)
    return service


class Offer:
    """Services that are offered together, on one connection or on many.

    Raises:
        TypeError: one of them is no service object.
        ServiceIdTaken: two of them want the same number.
    """

    def __init__(
        self, services: Iterable[Service], interceptors: Sequence[Interceptor] = ()
    ) -> None:
        """`interceptors` stand around all calls, outside of those of each service."""
        services = tuple(services)
        self._services = services
        self._handlers = handlers_of(services, interceptors)
        self.offered = [
            OfferedService(contract.name, contract.base, contract.digest)
            for contract in (service.__contract__ for service in services)
        ]
        """As the hello lists them."""
        self.descriptions = Descriptions(service.__contract__ for service in services)
        self._audiences = [service.__audience__ for service in services]
        self._sources = {
            service.__contract__.base + event.id: service.__audience__.source(event)
            for service in services
            for event in service.__contract__.events
        }
        self._guards = {
            service.__contract__.base + event.id: subscription_guard(event, around)
            for service in services
            if (around := (*interceptors, *service.__interceptors__))
            for event in service.__contract__.events
        }

    def through(self, interceptors: Sequence[Interceptor]) -> "Offer":
        """The same services, with these around all calls."""
        return Offer(self._services, interceptors) if interceptors else self

    def make_to(self, peer: Peer) -> None:
        """Serve `peer` from now on, and send it events.

        Raises:
            ServiceIdTaken: the peer is served under one of the numbers already.
        """
        peer.add_handlers(self._handlers)
        peer.add_event_sources(self._sources)
        peer.add_event_guards(self._guards)
        for audience in self._audiences:
            audience.add(peer)


class MethodHandler:
    """JSON in, model, method, model, JSON out."""

    takes_parts = True

    __slots__ = (
        "_decode_params",
        "_encode",
        "_encode_result",
        "_form",
        "_function",
        "_method",
        "ignores_cancel",
        "name",
    )

    def __init__(self, method: Method[..., Any, Any], function: Callable[..., Any]) -> None:
        self.name = method.full_name
        self.ignores_cancel = method.ignores_cancel
        self._method = method
        self._function = function
        params = method.params
        self._decode_params = None if params is NO_PARAMS else params.decode
        self._form = method.returns.form
        self._encode = method.returns.encode_without_parts
        self._encode_result = method.returns.encode_result

    def start(self, call: ServedCall[Peer]) -> Outcome:
        """See `Handler`."""
        request = call.request
        if self._decode_params is None:
            result = self._function(CallContext(call.peer, self.name, call))
        else:
            try:
                params = self._decode_params(self.name, request.args)
            except BadFrame as error:
                raise UnreadableArguments(str(error)) from error
            result = self._function(params, CallContext(call.peer, self.name, call))
        finish = self._encode_with_parts if request.takes_parts else self._encode
        # The types that are met most first: asking an abstract class takes its time.
        if result.__class__ is CoroutineType or (
            type(result) is not self._form and is_awaitable(result)
        ):
            return Unfinished(result, finish)
        return finish(result)

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return failure_of(error, self._method.errors, self.name)

    def _encode_with_parts(self, result: Any) -> Result:
        return self._encode_result(result, True)


def _known_service(thing: object) -> Service:
    """`thing` itself; raises TypeError if it is none."""
    if isinstance(thing, Service):
        return thing
    hint = ""
    if isinstance(thing, type):
        hint = " (a class: make an object of it)"
    elif isinstance(thing, list | tuple | set):
        hint = " (several: write a * before them)"
    raise TypeError(f"{thing!r} is no service{hint}")


def handlers_of(
    services: Iterable[object], interceptors: Sequence[Interceptor] = ()
) -> dict[int, Handler[Peer]]:
    """The handlers of services that are offered together, by number, behind the interceptors.

    Raises:
        TypeError: one of them is no service object.
        ServiceIdTaken: two of them want the same number.
    """
    handlers: dict[int, Handler[Peer]] = {}
    for each in services:
        service = _known_service(each)
        contract = service.__contract__
        for method in contract.methods:
            number = contract.base + method.id
            function = getattr(service, method.name)
            handler: Handler[Peer]
            if isinstance(method, Streaming):
                handler = StreamHandler(method, function)
            else:
                handler = MethodHandler(method, function)
            around = (*interceptors, *service.__interceptors__)
            if around:
                handler = InterceptedHandler(handler, method, around)
            if number in handlers:
                raise ServiceIdTaken(number, handlers[number].name, handler.name)
            handlers[number] = handler
    return handlers
