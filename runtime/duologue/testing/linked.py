"""For tests: conversations without a network."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import ConversationOptions, Manner
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.observer import Observer
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.interceptors import Interceptor
from duologue.typed.service import Offer, Service

C = TypeVar("C")


@asynccontextmanager
async def linked_peers(
    left: Sequence[Service] = (),
    right: Sequence[Service] = (),
    *,
    identities: tuple[Identity, Identity] | None = None,
    limits: Limits | None = None,
    interceptors: Sequence[Interceptor] = (),
    observers: Sequence[Observer] = (),
) -> AsyncGenerator[tuple[WebsocketPromisifier, WebsocketPromisifier]]:
    """Two ends of one conversation in memory: each offers its services to the other.

    With `identities`, left's and right's, it is encrypted as over a network, and `remote_key` is
    set at both ends. Both ends have the same `interceptors` and `observers`.
    """
    options: ConversationOptions = {"interceptors": interceptors, "observers": observers}
    async with _Linked(left, right, identities, limits or Limits(), options) as peers:
        yield peers


class _Linked:
    # Why it is no generator: as `Visit`.
    def __init__(
        self,
        left: Sequence[Service],
        right: Sequence[Service],
        identities: tuple[Identity, Identity] | None,
        limits: Limits,
        options: ConversationOptions,
    ) -> None:
        self._options = options
        self._offered = left, right
        self._identities = identities
        self._limits = limits
        self._peers: list[WebsocketPromisifier] = []

    async def __aenter__(self) -> tuple[WebsocketPromisifier, WebsocketPromisifier]:
        limits, (left, right) = self._limits, self._offered
        if self._identities is None:
            one, other = connected_pair(limits)
        else:
            one, other = await _encrypted_pair(*self._identities, limits)
        # As at the endpoints: both introduce themselves, so that what needs it is here, too.
        options = self._options
        served = Manner.of("linked_peers", Offer(left), limits, options)
        calling = Manner.of("linked_peers", Offer(right), limits, options)
        first = served.begin(one, "acceptor")
        self._peers.append(first)
        try:
            second = calling.begin(other, "connector")
            self._peers.append(second)
            for peer in self._peers:
                await peer.introduced()
        except BaseException:
            # Cancellation included: `async with` calls no `__aexit__` then.
            await self.__aexit__()
            raise
        return first, second

    async def __aexit__(self, *_exception: object) -> None:
        for peer in self._peers:
            peer.close()
        for peer in self._peers:
            await peer.ended()


@asynccontextmanager
async def linked(
    service: Service,
    client: Callable[[WebsocketPromisifier], C],
    *,
    offer: Sequence[Service] = (),
    identity: Identity | None = None,
    caller: Identity | None = None,
    limits: Limits | None = None,
) -> AsyncGenerator[C]:
    """A client joined to a service through the real protocol, with no port and no mocks.

    Both sides introduce themselves, and speak encrypted, as over a network: what a service learns
    from `ctx.peer.remote_key` is the key of `caller`. `identity` is the service's; both are made up
    and thrown away unless they are given. `offer` are services of the client's side, which the
    service may call through `ctx.peer`.

        async with linked(Rooms(), RoomsClient) as rooms:
            member = await rooms.join(room="lobby", name="Ann")

    A conversation belongs to the event loop it was made in. Another thread comes in by handing that
    loop what is to be done, while the loop runs:

        asyncio.run_coroutine_threadsafe(join(rooms), loop).result()
    """
    # The real encryption, not names beside the plain pair: it costs 1 ms to begin and 15 us for
    # each message, and then holds whatever holds over a network.
    identities = identity or Identity.generate(), caller or Identity.generate()
    async with _Linked([service], offer, identities, limits or Limits(), {}) as (_, peer):
        yield client(peer)


async def _encrypted_pair(
    acceptor: Identity, connector: Identity, limits: Limits
) -> tuple[Connection, Connection]:
    # Only now: it loads libsodium, which those who test without keys do not need.
    from duologue.connection.encrypted import handshaking

    left, right = connected_pair(handshaking.carrier_limits(limits))
    loopback = acceptor == connector
    async with asyncio.TaskGroup() as group:
        accepted = group.create_task(
            handshaking.encrypt_as_acceptor(
                left,
                acceptor,
                {connector.public_key},
                limits,
                book=handshaking.AcceptanceBook(limits),
                loopback=loopback,
            )
        )
        connected = group.create_task(
            handshaking.encrypt_as_connector(
                right, connector, acceptor.public_key, limits, loopback=loopback
            )
        )
    return accepted.result(), connected.result()
