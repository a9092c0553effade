"""What the arguments of `serve`, `connect`, `listen` and `dial` can be; looked at before anything.

The types say the same. They are looked at here for programs that nobody checks: a wrong argument
would be found out by the first caller, in the background, or never.
"""

import socket
import ssl as tls
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from duologue.arguments import (
    check_flag,
    check_function,
    check_kind,
    check_number,
    check_objects,
    check_plain_function,
    check_seconds,
    check_text_mapping,
    check_texts,
    refuse,
    several,
)
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.observer import Observer
from duologue.protocol.backoff import Backoff
from duologue.typed.interceptors import Interceptor
from duologue.typed.service import Service

Check: TypeAlias = Callable[[str, object], object]
"""Raises TypeError or ValueError: an argument, as people write it, cannot have this value."""

MAX_PORT: Final = 65_535


def check_arguments(function: str, **given: object) -> None:
    """Refuse what the arguments of a public `function` cannot be.

    None passes, but where somebody has to be named.

    Raises:
        TypeError: one is of another kind; the text says what was met, and what to write.
        ValueError: one is of the right kind, and out of bounds.
    """
    for name, value in given.items():
        if value is None and not (name in _NEEDED or (function, name) in _NEEDED_BY_SOME):
            continue
        _CHECKS[name](f"{function}({name}=...)", value)


def _host(where: str, value: object) -> None:
    check_kind(where, value, str, "a name or an address of this machine, as str")
    assert isinstance(value, str)
    if "/" in value:
        raise ValueError(
            f"{where} takes a name or an address of this machine, such as 127.0.0.1, and no URL"
        )


def _unix_path(where: str, value: object) -> None:
    hint = "write str(...) around it" if isinstance(value, Path) else ""
    check_kind(where, value, str, "a path, as str", hint)


def _ssl(where: str, value: object) -> None:
    is_served = where.startswith("serve")
    hint = ""
    if value is True and not is_served:
        hint = "an address with wss: is all that TLS needs"
    check_kind(where, value, tls.SSLContext, "an ssl.SSLContext", hint)
    assert isinstance(value, tls.SSLContext)
    wrong = tls.PROTOCOL_TLS_CLIENT if is_served else tls.PROTOCOL_TLS_SERVER
    if value.protocol == wrong:
        met, wanted = ("client", "CLIENT_AUTH") if is_served else ("server", "SERVER_AUTH")
        raise ValueError(
            f"{where} was given the context of a {met}; make another one with "
            f"ssl.create_default_context(ssl.Purpose.{wanted})"
        )


def _identity(where: str, value: object) -> None:
    hint = ""
    if isinstance(value, str | Path):
        hint = "for that of a key file, write Identity.load_or_create(FILE)"
    elif isinstance(value, bytes):
        hint = "it has the secret key; a public key alone proves nobody"
    check_kind(where, value, Identity, "an Identity", hint)


def _to(where: str, value: object) -> None:
    hint = "its public_key is what is meant" if isinstance(value, Identity) else ""
    check_kind(where, value, (bytes, str), "a public key, 32 bytes or 64 hex digits", hint)


def _allow(where: str, value: object) -> None:
    expected = "a set of public keys, a function, or duologue.ANYONE"
    if isinstance(value, str | bytes | Identity):
        key = "identity.public_key" if isinstance(value, Identity) else "key"
        refuse(where, value, expected, f"also if there is only one: allow={{{key}}}")
    if callable(value) and not isinstance(value, type):
        return
    from duologue.connection.encrypted.allow import Anyone

    if isinstance(value, Anyone):
        return
    for each in several(where, value, str, expected):
        _to(f"{where}, in it,", each)


def _limits(where: str, value: object) -> None:
    hint = "write Limits(name=value, ...)" if type(value).__name__ == "dict" else ""
    check_kind(where, value, Limits, "a Limits object", hint)


def _before(where: str, value: object) -> None:
    check_function(where, value, "a coroutine function (async def)")


def _observers(where: str, value: object) -> None:
    for each in check_objects(where, value, Observer):
        for name in ("connection_opened", "connection_closed", "call_started", "call_ended",
                     "items", "event", "frame"):  # fmt: skip
            check_plain_function(f"{where}, {name} of an observer in it,", getattr(each, name))


def _one_of(*choices: str) -> Check:
    def check(where: str, value: object) -> None:
        if value not in choices:
            words = " or ".join(f'"{choice}"' for choice in choices)
            raise ValueError(f"{where} is {words} but is {value!r}")

    return check


def _url(where: str, value: object) -> None:
    check_kind(where, value, str, "a ws: or wss: address, as str")


def _relays(where: str, value: object) -> None:
    expected = "the address of a relay, as str, or several"
    if isinstance(value, bytes):
        refuse(where, value, expected)
    relays = [value] if isinstance(value, str) else several(where, value, str, expected)
    if not value:
        raise ValueError(f"{where} needs at least one relay")
    for each in relays:
        _url(f"{where}, in it,", each)


def _token(where: str, value: object) -> None:
    check_kind(where, value, str, "a token, as str")
    assert isinstance(value, str)
    if not value.isascii() or any(character <= " " for character in value):
        # Of a file that was read whole, most often. It is secret, and not repeated.
        raise ValueError(
            f"{where} has blanks, line ends or other than ASCII characters in it; of a file, "
            "perhaps, that was read without .strip()"
        )


def _proxy(where: str, value: object) -> None:
    hint = "to use none, write None" if value is False else ""
    if value is not True:
        check_kind(where, value, str, "the address of a proxy, as str, True or None", hint)


def _offer(where: str, value: object) -> None:
    if isinstance(value, Service):
        # The words that a type checker's user meets most.
        raise TypeError(
            f"offer= takes several services; for one, write offer=[{type(value).__name__}(...)]"
        )
    check_objects(where, value, Service)


_CHECKS: Final[Mapping[str, Check]] = {
    "allow": _allow,
    "backoff": partial(check_kind, kind=Backoff, expected="a Backoff object"),
    "before": _before,
    "check_request": check_plain_function,
    "contracts": _one_of("any", "same"),
    "describe": check_flag,
    "headers": check_text_mapping,
    "host": _host,
    "hosts": check_texts,
    "identity": _identity,
    "insecure_plaintext": check_flag,
    "interceptors": partial(check_objects, kind=Interceptor),
    # A text has always been taken, too.
    "known_relays": partial(check_kind, kind=(Path, str), expected="a Path"),
    "limits": _limits,
    "loopback": check_flag,
    "observers": _observers,
    "offer": _offer,
    "on_connected": check_function,
    "on_peer": check_plain_function,
    "open_timeout": check_seconds,
    "origins": check_texts,
    "port": partial(check_number, lowest=0, highest=MAX_PORT),
    "profile": _one_of("auto", "base"),
    "proxy": _proxy,
    "reconnect": check_flag,
    "relays": _relays,
    "same_contracts": check_flag,
    "sock": partial(check_kind, kind=socket.socket, expected="a socket.socket"),
    "spares": partial(check_number, lowest=1),
    "ssl": _ssl,
    "timeout": check_seconds,
    "to": _to,
    "token": _token,
    "unix_path": _unix_path,
    "url": _url,
    "user_agent": partial(check_kind, kind=str, expected="a str"),
}

_NEEDED: Final = frozenset(
    ("interceptors", "observers", "offer", "origins", "port", "relays", "spares", "url")
)
"""Where None is no answer."""

_NEEDED_BY_SOME: Final = frozenset((("listen", "identity"), ("dial", "identity"), ("dial", "to")))
