"""The ways to a conversation through a communication server: be found there, or find one.

What only conversations through relays need is imported when the first of them begins: it is a
third of this library, and programs that are reached directly never use it.
"""

import ssl as tls
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack
from urllib.parse import urlsplit

from duologue.connection.addresses import ProxyChoice
from duologue.connection.base import Connection
from duologue.connection.encrypted.allow import Allow, Anyone
from duologue.endpoints.arguments import check_arguments
from duologue.endpoints.guest import Lasting, Visit
from duologue.endpoints.manner import ConversationOptions, Manner
from duologue.endpoints.one_of_several import OneOfSeveral
from duologue.endpoints.wrong_side import at_no_relay
from duologue.errors import (
    DeadlineExceeded,
    HandshakeFailed,
    PeerNotFound,
    RelayError,
    RelayRefused,
    RelayUnreachable,
)
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier.on_connected import OnConnected
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.backoff import Backoff
from duologue.protocol.keys import public_key_of
from duologue.typed.service import Offer, Service

if TYPE_CHECKING:
    from duologue.connection.encrypted.stack import EncryptedConnection
    from duologue.endpoints.listener import Listener

DEFAULT_SPARES: Final = 2
"""Two callers can come within one round trip; the third waits for the refill."""

_CLOSE_CALLED: Final = "Close called: "


def listen(
    relays: str | Sequence[str],
    *services: Service,
    identity: Identity,
    allow: Allow | None = None,
    spares: int = DEFAULT_SPARES,
    token: str | None = None,
    ssl: tls.SSLContext | None = None,
    proxy: ProxyChoice = True,
    known_relays: Path | None = None,
    insecure_plaintext: bool = False,
    loopback: bool = False,
    limits: Limits | None = None,
    **options: Unpack[ConversationOptions],
) -> "Listener":
    """Offer services to whoever dials `identity` at one of these relays; no port is opened.

    Use the result in `async with`. Every conversation is encrypted end to end, and only holders of
    the keys in `allow` may have one: a set of keys (32 bytes or 64 hex digits each), a function
    that is asked with each key, or `duologue.ANYONE`.

    At each relay `spares` connections wait for callers; they are opened anew when one is handed
    over, or lost, with growing pauses while the relay is away. `token` is for relays that ask for
    one. The key of a relay that announces a lasting one is pinned in the file `known_relays`
    (default: in the user's configuration folder). `proxy` is as in `connect`.

    Raises:
        TypeError: an argument is of another kind than its type says.
        ValueError: no `allow`; no relay, or no spare; a relay that is no address, or one in plain
            text that is not on this machine, unless `insecure_plaintext` is True.
        UnsafeKey: a key in `allow` is none to build on.
        ServiceIdTaken: two services want the same number.
        RelayUnreachable, RelayRefused, RelayKeyChanged (on entering): no relay has taken us.
    """
    check_arguments(
        "listen",
        relays=relays,
        identity=identity,
        allow=allow,
        spares=spares,
        token=token,
        ssl=ssl,
        proxy=proxy,
        known_relays=known_relays,
        insecure_plaintext=insecure_plaintext,
        loopback=loopback,
    )
    if allow is None:
        raise ValueError(
            "listen(...) needs allow=, the keys that may speak with us; to let anybody in who has "
            "a key of their own, say allow=duologue.ANYONE"
        )
    urls = _distinct(relays)
    for url in urls:
        _check_plaintext(url, insecure_plaintext)
    from duologue.connection.encrypted.handshaking import carrier_limits
    from duologue.endpoints.listener import Listener
    from duologue.relay.client.dial import RelayAccount
    from duologue.relay.client.known_relays import KnownRelays, default_file

    manner = Manner.of("listen", Offer(services), limits, options)
    limits = manner.limits
    pins = KnownRelays(known_relays or default_file())
    accounts = [
        RelayAccount(
            url=url,
            identity=identity,
            limits=carrier_limits(limits),
            known_relays=pins,
            ssl=ssl,
            proxy=proxy,
            token=token,
            foreign_keys=_keys_in(allow),
        )
        for url in urls
    ]
    return Listener(accounts, spares, identity, allow, manner, loopback=loopback)


@asynccontextmanager
async def dial(
    relays: str | Sequence[str],
    *,
    to: bytes | str,
    identity: Identity,
    offer: Sequence[Service] = (),
    timeout: float | None = None,
    token: str | None = None,
    ssl: tls.SSLContext | None = None,
    proxy: ProxyChoice = True,
    insecure_plaintext: bool = False,
    loopback: bool = False,
    limits: Limits | None = None,
    on_connected: OnConnected | None = None,
    reconnect: bool = False,
    backoff: Backoff | None = None,
    open_timeout: float | None = None,
    **options: Unpack[ConversationOptions],
) -> AsyncGenerator[WebsocketPromisifier]:
    """A conversation with the holder of the key `to`, who listens at one of these relays.

    It is encrypted end to end, and closed when the block is left. Relays are asked in order, until
    one joins us; who comes back begins with the one that did so last. `offer` are services that the
    other side may call; `timeout` is for all of reaching it once, in seconds (default:
    `Limits.connect_timeout_s`), and several relays share it. The other arguments are as in `listen`
    and `connect`. With `reconnect` a relay that is away or too busy, and a listener that is not
    there at present, are waited for.

    Raises (on entering, with several relays what is most likely to pass):
        TypeError: an argument is of another kind than its type says.
        ValueError: no relay; one is not on this machine and in plain text, without
            `insecure_plaintext`; `backoff` without `reconnect`.
        UnsafeKey: `to` is no key to build on.
        PeerNotFound: nobody listens at the relay under this key.
        RelayRefused: the relay does not let us.
        RelayUnreachable: nobody is there, or TLS failed.
        KeyNotAllowed: the other side does not let this identity in.
        HandshakeFailed: the other side broke the rules of the handshake, or refused us.
        DeadlineExceeded: it took longer than `timeout` or `open_timeout`.
        ServiceIdTaken: two of the offered services want the same number.
    """
    check_arguments(
        "dial",
        relays=relays,
        to=to,
        identity=identity,
        offer=offer,
        timeout=timeout,
        token=token,
        ssl=ssl,
        proxy=proxy,
        insecure_plaintext=insecure_plaintext,
        loopback=loopback,
        on_connected=on_connected,
        reconnect=reconnect,
        backoff=backoff,
        open_timeout=open_timeout,
    )
    target = public_key_of(to)
    manner = Manner.of("dial", Offer(offer), limits, options)
    limits = manner.limits
    urls = _distinct(relays)
    for url in urls:
        _check_plaintext(url, insecure_plaintext)
    dial_one = partial(
        dial_through_relay,
        identity=identity,
        target=target,
        limits=limits,
        token=token,
        ssl=ssl,
        proxy=proxy,
        insecure_plaintext=insecure_plaintext,
        loopback=loopback,
    )
    seconds = limits.connect_timeout_s if timeout is None else timeout
    lasting = Lasting(
        reconnect=reconnect,
        backoff=backoff,
        open_timeout_s=open_timeout,
        on_connected=on_connected,
    )
    several = OneOfSeveral(urls, dial_one, timeout_s=seconds)
    async with Visit(several.dial, manner, lasting) as peer:
        yield peer


async def dial_through_relay(
    relay: str,
    *,
    identity: Identity,
    target: bytes,
    limits: Limits,
    timeout_s: float,
    token: str | None = None,
    ssl: tls.SSLContext | None = None,
    proxy: ProxyChoice = True,
    insecure_plaintext: bool = False,
    loopback: bool = False,
) -> "EncryptedConnection":
    """An encrypted connection to the holder of `target` through `relay`; raises as `dial` does."""
    from duologue.connection.encrypted.dial import dial_encrypted
    from duologue.relay.client.dial import RelayAccount, dial_relay
    from duologue.relay.client.known_relays import KnownRelays

    _check_plaintext(relay, insecure_plaintext)

    async def dial_carrier(limits: Limits, timeout_s: float) -> Connection:
        account = RelayAccount(
            url=relay,
            identity=identity,
            limits=limits,
            # The dialling side never sees a relay's key.
            known_relays=KnownRelays(None),
            ssl=ssl,
            proxy=proxy,
            token=token,
        )
        try:
            return await dial_relay(account, timeout_s)
        except RelayUnreachable as error:
            if isinstance(error.__cause__, DeadlineExceeded):
                raise error.__cause__ from None
            raise

    try:
        return await dial_encrypted(
            dial_carrier,
            identity,
            target,
            limits,
            loopback=loopback,
            timeout_s=timeout_s,
            refusal_for=partial(_refusal_for, relay),
        )
    except HandshakeFailed as error:
        explained = at_no_relay(relay, error)
        if explained is error:
            raise
        raise explained from error


def _refusal_for(relay: str, close_reason: str) -> RelayError | None:
    """The error that a relay's refusal stands for, by its text: there is nothing else to tell."""
    from duologue.relay.messages import NO_LISTENER, PASSING_REFUSALS, REFUSALS

    text = close_reason.removeprefix(_CLOSE_CALLED)
    if text == close_reason:
        return None
    if text.startswith(NO_LISTENER):
        return PeerNotFound(f"nobody listens at {relay} under this key")
    if text in REFUSALS:
        return RelayRefused(f"{relay} refuses: {text}", may_pass=text in PASSING_REFUSALS)
    return None


def _check_plaintext(url: str, insecure_plaintext: bool) -> None:
    """Raises ValueError: `url` is no address of a relay, or one that shows too much."""
    if _shows_much(url) and not insecure_plaintext:
        raise ValueError(
            "a relay on another machine is reached with wss:, or everybody on the way learns who "
            "speaks with whom; insecure_plaintext=True allows ws:"
        )


# Whoever calls again and again does so at the same few relays.
@lru_cache(maxsize=64)
def _shows_much(url: str) -> bool:
    """Whether others on the way would learn who speaks with whom; raises as `_check_plaintext`."""
    from duologue.connection.websocket.host_names import check_address, check_host_name
    from duologue.relay.addresses import is_loopback

    check_address(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    check_host_name(host)
    return parts.scheme == "ws" and not is_loopback(host)


def _distinct(relays: str | Sequence[str]) -> list[str]:
    return [relays] if isinstance(relays, str) else list(dict.fromkeys(relays))


def _keys_in(allow: Allow) -> frozenset[bytes]:
    if isinstance(allow, Anyone) or callable(allow):
        return frozenset()
    return frozenset(map(public_key_of, allow))
