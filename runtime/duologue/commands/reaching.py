"""Whom a command is to speak with, and as whom."""

import ssl as tls
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from duologue.commands.method_lookup import WrongUse
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

    Raises:
        WrongUse: the key in it is none, or the relay would be reached in plain text.
    """
    url, key = urldefrag(target)
    if key:
        try:
            public_key_of(key)
        except UnsafeKey as error:
            raise WrongUse(f"{key}, behind the # of the target, is no key: {error}") from None
    if not key:
        return connect(url, ssl=context, proxy=proxy, timeout=timeout_s, **options)
    if direct:
        return connect(
            url,
            ssl=context,
            proxy=proxy,
            timeout=timeout_s,
            identity=identity,
            to=key,
            **options,
        )
    parts = urlsplit(url)
    if parts.scheme == "ws" and not insecure_plaintext and not is_loopback(parts.hostname or ""):
        raise WrongUse(
            f"{url}: a relay on another machine is reached with wss:, or everybody on the way "
            "learns who speaks with whom; --insecure-plaintext allows ws:"
        )
    return dial(
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
