"""Typed conversations between two programs, neither of which has to be a server."""

import importlib
from typing import TYPE_CHECKING

from duologue.version import VERSION

__version__ = VERSION

if TYPE_CHECKING:
    from duologue import asgi as asgi
    from duologue import errors as errors
    from duologue import testing as testing
    from duologue.connection.base import Connection as Connection
    from duologue.connection.encrypted.allow import ANYONE as ANYONE
    from duologue.connection.opening_request import HttpAnswer as HttpAnswer
    from duologue.connection.opening_request import OpeningRequest as OpeningRequest
    from duologue.endpoints.dialling_promisifier import (
        create_websocket_promisifier as create_websocket_promisifier,
    )
    from duologue.endpoints.dialogue import Dialogue as Dialogue
    from duologue.endpoints.direct import Server as Server
    from duologue.endpoints.direct import connect as connect
    from duologue.endpoints.direct import serve as serve
    from duologue.endpoints.first_words import Before as Before
    from duologue.endpoints.first_words import OpenConnection as OpenConnection
    from duologue.endpoints.listener import Listener as Listener
    from duologue.endpoints.options import ConnectOptions as ConnectOptions
    from duologue.endpoints.options import DialOptions as DialOptions
    from duologue.endpoints.options import ListenOptions as ListenOptions
    from duologue.endpoints.options import ServeOptions as ServeOptions
    from duologue.endpoints.through_relay import dial as dial
    from duologue.endpoints.through_relay import listen as listen
    from duologue.errors import BadFrame as BadFrame
    from duologue.errors import CallError as CallError
    from duologue.errors import Cancelled as Cancelled
    from duologue.errors import ConnectionClosed as ConnectionClosed
    from duologue.errors import ContractError as ContractError
    from duologue.errors import ContractMismatch as ContractMismatch
    from duologue.errors import DeadlineExceeded as DeadlineExceeded
    from duologue.errors import DecryptionFailed as DecryptionFailed
    from duologue.errors import DuologueError as DuologueError
    from duologue.errors import GoingAway as GoingAway
    from duologue.errors import HandshakeFailed as HandshakeFailed
    from duologue.errors import HttpRefused as HttpRefused
    from duologue.errors import HttpUnavailable as HttpUnavailable
    from duologue.errors import IdentityMismatch as IdentityMismatch
    from duologue.errors import InternalError as InternalError
    from duologue.errors import InvalidParams as InvalidParams
    from duologue.errors import InvalidResult as InvalidResult
    from duologue.errors import KeyNotAllowed as KeyNotAllowed
    from duologue.errors import LimitExceeded as LimitExceeded
    from duologue.errors import NonceExhausted as NonceExhausted
    from duologue.errors import PeerNotFound as PeerNotFound
    from duologue.errors import Problem as Problem
    from duologue.errors import ProtocolError as ProtocolError
    from duologue.errors import RefusedService as RefusedService
    from duologue.errors import RefusedValue as RefusedValue
    from duologue.errors import RelayError as RelayError
    from duologue.errors import RelayKeyChanged as RelayKeyChanged
    from duologue.errors import RelayRefused as RelayRefused
    from duologue.errors import RelayUnreachable as RelayUnreachable
    from duologue.errors import RemoteCause as RemoteCause
    from duologue.errors import RemoteError as RemoteError
    from duologue.errors import SecurityError as SecurityError
    from duologue.errors import ServiceIdTaken as ServiceIdTaken
    from duologue.errors import StreamFailed as StreamFailed
    from duologue.errors import Unauthorised as Unauthorised
    from duologue.errors import Unimplemented as Unimplemented
    from duologue.errors import UnknownError as UnknownError
    from duologue.errors import UnsafeKey as UnsafeKey
    from duologue.errors import UnsafeKeyFile as UnsafeKeyFile
    from duologue.identity import Identity as Identity
    from duologue.limits import Limits as Limits
    from duologue.observer import Observer as Observer
    from duologue.promisifier.deadline_scope import deadline as deadline
    from duologue.promisifier.peer_state import PeerState as PeerState
    from duologue.promisifier.promise import CloseStatus as CloseStatus
    from duologue.promisifier.promisifier import WebsocketPromisifier as WebsocketPromisifier
    from duologue.promisifier.streams.stream import ByteStream as ByteStream
    from duologue.promisifier.streams.stream import SavedFile as SavedFile
    from duologue.promisifier.streams.stream import TextStream as TextStream
    from duologue.protocol.backoff import Backoff as Backoff
    from duologue.protocol.values import UNDEFINED as UNDEFINED
    from duologue.running import run as run
    from duologue.typed.context import CallContext as CallContext
    from duologue.typed.interceptors import Interceptor as Interceptor
    from duologue.typed.interceptors import Invocation as Invocation
    from duologue.typed.interceptors import Next as Next
    from duologue.typed.model import Model as Model
    from duologue.typed.service import intercepted as intercepted
    from duologue.typed.service import unheard_events as unheard_events
else:
    # At run time each is imported when it is first asked for: a command that connects to nobody, or
    # a program that needs the errors alone, does not pay for the rest. Type checkers must not see
    # this: it would give every misspelt name a type.
    _SUBMODULES = ("asgi", "errors", "testing")
    _NAMES = {
        "connection.base": "Connection",
        "connection.encrypted.allow": "ANYONE",
        "connection.opening_request": "HttpAnswer OpeningRequest",
        "endpoints.dialling_promisifier": "create_websocket_promisifier",
        "endpoints.dialogue": "Dialogue",
        "endpoints.direct": "Server connect serve",
        "endpoints.first_words": "Before OpenConnection",
        "endpoints.listener": "Listener",
        "endpoints.options": "ConnectOptions DialOptions ListenOptions ServeOptions",
        "endpoints.through_relay": "dial listen",
        "errors": """
            BadFrame CallError Cancelled ConnectionClosed ContractError ContractMismatch
            DeadlineExceeded DecryptionFailed DuologueError GoingAway HandshakeFailed
            HttpRefused HttpUnavailable IdentityMismatch InternalError InvalidParams
            InvalidResult KeyNotAllowed LimitExceeded NonceExhausted PeerNotFound Problem
            ProtocolError RefusedService RefusedValue RelayError RelayKeyChanged RelayRefused
            RelayUnreachable RemoteCause RemoteError SecurityError ServiceIdTaken StreamFailed
            Unauthorised Unimplemented UnknownError UnsafeKey UnsafeKeyFile
        """,
        "identity": "Identity",
        "limits": "Limits",
        "observer": "Observer",
        "promisifier.deadline_scope": "deadline",
        "promisifier.peer_state": "PeerState",
        "promisifier.promise": "CloseStatus",
        "promisifier.promisifier": "WebsocketPromisifier",
        "promisifier.streams.stream": "ByteStream SavedFile TextStream",
        "protocol.backoff": "Backoff",
        "protocol.values": "UNDEFINED",
        "running": "run",
        "typed.context": "CallContext",
        "typed.interceptors": "Interceptor Invocation Next",
        "typed.model": "Model",
        "typed.service": "intercepted unheard_events",
    }
    _MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

    __all__ = ("__version__", *_SUBMODULES, *sorted(_MODULE_OF))

    def __getattr__(name: str) -> object:
        """What is imported when it is first asked for."""
        if name in _SUBMODULES:
            return importlib.import_module(f"duologue.{name}")
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'duologue' has no attribute {name!r}", name=name)
        value = getattr(importlib.import_module(f"duologue.{_MODULE_OF[name]}"), name)
        # Found without this from now on.
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return [*globals(), *__all__]
