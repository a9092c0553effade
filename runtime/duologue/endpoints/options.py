"""The keyword arguments of `serve`, `connect`, `listen` and `dial` but for the services, as types.

For functions that pass them on, such as those of generated dialogues. Defaults and meanings are
those of the four functions; a test holds the names and types together.
"""

import socket
import ssl as tls
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Required

from duologue.connection.addresses import ProxyChoice
from duologue.connection.encrypted.allow import Allow
from duologue.connection.opening_request import CheckRequest
from duologue.endpoints.manner import ConversationOptions
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier.on_connected import OnConnected
from duologue.protocol.backoff import Backoff


class ServeOptions(ConversationOptions, total=False):
    """What `serve` takes."""

    host: str | None
    port: int
    sock: socket.socket | None
    unix_path: str | None
    ssl: tls.SSLContext | None
    origins: Collection[str]
    hosts: Collection[str] | None
    identity: Identity | None
    allow: Allow | None
    loopback: bool
    check_request: CheckRequest | None
    limits: Limits | None


class ListenOptions(ConversationOptions, total=False):
    """What `listen` takes."""

    identity: Required[Identity]
    allow: Allow | None
    spares: int
    token: str | None
    ssl: tls.SSLContext | None
    proxy: ProxyChoice
    known_relays: Path | None
    insecure_plaintext: bool
    loopback: bool
    limits: Limits | None


class ConnectOptions(ConversationOptions, total=False):
    """What `connect` takes."""

    timeout: float | None
    ssl: tls.SSLContext | None
    proxy: ProxyChoice
    unix_path: str | None
    headers: Mapping[str, str] | None
    user_agent: str | None
    identity: Identity | None
    to: bytes | str | None
    loopback: bool
    limits: Limits | None
    on_connected: OnConnected | None
    reconnect: bool
    backoff: Backoff | None
    open_timeout: float | None


class DialOptions(ConversationOptions, total=False):
    """What `dial` takes."""

    to: Required[bytes | str]
    identity: Required[Identity]
    timeout: float | None
    token: str | None
    ssl: tls.SSLContext | None
    proxy: ProxyChoice
    insecure_plaintext: bool
    loopback: bool
    limits: Limits | None
    on_connected: OnConnected | None
    reconnect: bool
    backoff: Backoff | None
    open_timeout: float | None
