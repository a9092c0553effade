"""The base of the generated sides of a dialogue: what one side offers, and calls of the other."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from duologue.endpoints.direct import Server, connect, serve
from duologue.endpoints.options import ConnectOptions, DialOptions, ListenOptions, ServeOptions
from duologue.endpoints.through_relay import dial, listen
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.context import CallContext
from duologue.typed.service import Service

if TYPE_CHECKING:
    from duologue.endpoints.listener import Listener


class Dialogue:
    """One side of a conversation: its attributes are clients of what the other side offers."""

    __offers__: ClassVar[Mapping[str, type[Service]]] = {}
    """What this side offers, by the keywords under which it is given."""

    def __init__(self, peer: WebsocketPromisifier, /) -> None:
        """`peer` leads to the other side."""
        self.peer = peer

    @classmethod
    def of(cls, ctx: CallContext) -> Self:
        """The conversation in which a handler is called: for calls back."""
        return cls(ctx.peer)

    @classmethod
    def _serve(cls, services: Mapping[str, Service], options: ServeOptions) -> Server:
        return serve(*cls._checked(services), **options)

    @classmethod
    def _listen(
        cls,
        relays: str | Sequence[str],
        services: Mapping[str, Service],
        options: ListenOptions,
    ) -> "Listener":
        return listen(relays, *cls._checked(services), **options)

    @classmethod
    @asynccontextmanager
    async def _connect(
        cls, url: str, services: Mapping[str, Service], options: ConnectOptions
    ) -> AsyncGenerator[Self]:
        async with connect(url, offer=cls._checked(services), **options) as peer:
            yield cls(peer)

    @classmethod
    @asynccontextmanager
    async def _dial(
        cls,
        relays: str | Sequence[str],
        services: Mapping[str, Service],
        options: DialOptions,
    ) -> AsyncGenerator[Self]:
        async with dial(relays, offer=cls._checked(services), **options) as peer:
            yield cls(peer)

    @classmethod
    def _checked(cls, services: Mapping[str, Service]) -> list[Service]:
        """The services, each of which must be what the dialogue says.

        Raises:
            TypeError: one of them is not.
        """
        for keyword, service in services.items():
            wanted = cls.__offers__[keyword]
            if not isinstance(service, wanted):
                raise TypeError(
                    f"{cls.__name__} offers a {wanted.__name__} as {keyword}=, "
                    f"and {service!r} is none{_hint(service)}"
                )
        return list(services.values())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {self.peer!r}>"


def _hint(service: object) -> str:
    return " (a class: make an object of it)" if isinstance(service, type) else ""
