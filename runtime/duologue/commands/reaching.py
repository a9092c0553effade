"""Whom a command is to speak with, and as whom."""

import ssl as tls
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from duologue.commands.method_lookup import WrongUse
from duologue.commands.wrong_door import look, told_in_words
from duologue.connection.addresses import ProxyChoice
from duologue.endpoints.direct import connect
from duologue.endpoints.manner import ConversationOptions
from duologue.endpoints.through_relay import dial
from duologue.errors import UnsafeKey
from duologue.identity import Identity
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.keys import public_key_of
from duologue.relay.addresses import is_loopback


def load_identity(file: Path) -> Identity:
    """The identity in a key file.

    Raises:
        WrongUse: there is no such file.
        UnsafeKeyFile, OSError: it cannot be used.
    """
    try:
        return Identity.load(file)
    except FileNotFoundError:
        raise WrongUse(f"there is no key file {file}; duologue keygen {file} makes one") from None


def reach(
    target: str,
    *,
    identity: Identity,
    direct: bool,
    token: str | None,
    context: tls.SSLContext | None,
    proxy: ProxyChoice = True,
    timeout_s: float,
    insecure_plaintext: bool,
    options: ConversationOptions,
) -> AbstractAsyncContextManager[WebsocketPromisifier]:
    """The conversation that `target` means; not begun yet.

    Entering it, and the block, raise `WrongDoor` where something else is at the address than
    `target` says.

    Raises:
        WrongUse: the key in it is none, or the relay would be reached in plain text.
    """
    url, key = urldefrag(target)
    if key:
        try:
            public_key_of(key)
        except UnsafeKey as error:
            raise WrongUse(f"{key}, behind the # of the target, is no key: {error}") from None
    at_door = partial(
        told_in_words,
        ask=partial(look, url, context=context, proxy=proxy, timeout_s=timeout_s),
        url=url,
        has_key=bool(key),
        is_direct=direct,
    )
    if not key:
        return at_door(connect(url, ssl=context, proxy=proxy, timeout=timeout_s, **options))
    if direct:
        return at_door(
            connect(
                url,
                ssl=context,
                proxy=proxy,
                timeout=timeout_s,
                identity=identity,
                to=key,
                **options,
            )
        )
    parts = urlsplit(url)
    if parts.scheme == "ws" and not insecure_plaintext and not is_loopback(parts.hostname or ""):
        raise WrongUse(
            f"{url}: a relay on another machine is reached with wss:, or everybody on the way "
            "learns who speaks with whom; --insecure-plaintext allows ws:"
        )
    return at_door(
        dial(
            url,
            to=key,
            identity=identity,
            token=token,
            ssl=context,
            proxy=proxy,
            timeout=timeout_s,
            insecure_plaintext=insecure_plaintext,
            **options,
        )
    )
