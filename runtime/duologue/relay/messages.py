"""What relay, listener and caller say to each other before the handover (base profile 4). Pure.

Each is a WebSocket text holding one JSON object with a string field `command`. Unknown fields are
ignored; hex is written in lower case and read in both.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from duologue.connection.base import Message
from duologue.errors import BadFrame
from duologue.protocol.closing import NO_LISTENER as NO_LISTENER
from duologue.protocol.closing import NOT_A_MESSAGE as NOT_A_MESSAGE
from duologue.protocol.keys import KEY_BYTES
from duologue.relay.challenge import CHALLENGE_BOX_BYTES, NEXT_KEY_BOX_BYTES

MAX_TOKEN_CHARACTERS: Final = 512

AUTHENTICATION_FAILED: Final = "Client authentication failed."
NOT_A_KEY: Final = "CYENC-ENSPUB: Data is not a public key"
"""These, `NO_LISTENER` and `NOT_A_MESSAGE` are shown by clients and looked for by tests
(base profile 4.4)."""

NOT_ALLOWED_TO_REGISTER: Final = "This key may not register here."
NOT_ALLOWED_TO_REQUEST: Final = "You may not ask for others here."
DRAINING: Final = "The relay is being stopped; another one may serve you."
TOO_MANY_REQUESTS: Final = "Too many requests."
TOO_MANY_FOR_KEY: Final = "Too many requests for this key."
NO_PAIR_FOR_KEY: Final = "This key has all the pairs it may have."
NO_PAIR: Final = "The relay has no room for more pairs."
NO_WAY: Final = "The listener's node cannot be reached."
PASSING_REFUSALS: Final = frozenset(
    {DRAINING, TOO_MANY_REQUESTS, TOO_MANY_FOR_KEY, NO_PAIR_FOR_KEY, NO_PAIR, NO_WAY}
)
"""Those of `REFUSALS` after which another try may do better."""

REFUSALS: Final = PASSING_REFUSALS | {NOT_ALLOWED_TO_REQUEST, NOT_A_KEY, NOT_A_MESSAGE}
"""What callers are told by the relay, not by the other side. There is only the text to tell."""

NOT_FIRST: Final = "Received unexpected or malformed message from client."
NOT_TEXT: Final = "Received message that is not a string message."
NOT_JSON: Final = "Received message that does not conform to JSON."

_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")


class BadCommand(BadFrame):
    """A message that is none of these, or has a field that cannot be read."""


@dataclass(frozen=True, slots=True)
class Register:
    """Listener to relay: I want to be found under this key (4.1)."""

    public_key: bytes
    token: str | None = field(default=None, repr=False)
    """A bearer token, for relays that ask for one; an addition to the base profile."""


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """Relay to listener: prove that the key is yours."""

    public_key: bytes
    """The relay's own key."""
    challenge: bytes


@dataclass(frozen=True, slots=True)
class AuthenticationResponse:
    """Listener to relay: the challenge with every bit inverted, sealed for the relay."""

    response: bytes


@dataclass(frozen=True, slots=True)
class AuthenticationSuccess:
    """Relay to listener: you are a spare connection now (4.2)."""

    ping_interval_ms: float
    persistent_key: bool = False
    """The relay keeps its key when it is started again: pin it. An addition."""
    next_key: bytes | None = None
    """A box with the key it will have one day: see `challenge.announce_next_key`. An addition."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Relay to spare connection: still there?"""


@dataclass(frozen=True, slots=True)
class Pong:
    """Spare connection to relay: yes."""


@dataclass(frozen=True, slots=True)
class ConnectionHandover:
    """Relay to spare connection: what follows comes from a caller (4.3)."""


@dataclass(frozen=True, slots=True)
class CommunicationRequest:
    """Caller to relay, and on to the listener: this key wants to speak with that one."""

    source: bytes
    """A claim; only the handshake proves it."""
    target: bytes
    token: str | None = field(default=None, repr=False)
    """As in `Register`; never passed on."""


@dataclass(frozen=True, slots=True)
class CommunicationReady:
    """Listener to caller: go on with the handshake (5)."""


Command = (
    Register
    | AuthenticationRequest
    | AuthenticationResponse
    | AuthenticationSuccess
    | Ping
    | Pong
    | ConnectionHandover
    | CommunicationRequest
    | CommunicationReady
)


def encode(command: Command) -> str:
    """The text on the wire; tokens are written where there are any."""
    fields: dict[str, object] = {"command": name_of(command)}
    match command:
        case Register(key, token):
            fields["publicKey"] = key.hex()
            if token is not None:
                fields["token"] = token
        case AuthenticationRequest(key, challenge):
            fields["publicKey"] = key.hex()
            fields["challenge"] = challenge.hex()
        case AuthenticationResponse(response):
            fields["response"] = response.hex()
        case AuthenticationSuccess(interval_ms, persistent, next_key):
            whole = float(interval_ms).is_integer()
            fields["pingInterval"] = int(interval_ms) if whole else interval_ms
            if persistent:
                fields["persistentKey"] = True
            if next_key is not None:
                fields["nextKey"] = next_key.hex()
        case CommunicationRequest(source, target, token):
            fields["sourcePublicKey"] = source.hex()
            fields["targetPublicKey"] = target.hex()
            if token is not None:
                fields["token"] = token
        case Ping() | Pong() | ConnectionHandover() | CommunicationReady():
            pass
    return json.dumps(fields, separators=(",", ":"))


def name_of(command: Command) -> str:
    """What stands in its field `command`."""
    return _NAMES[type(command)]


def decode(message: Message) -> Command:
    """Read one message.

    Raises:
        BadCommand: it is none of ours; the text is fit for a close reason (4.4).
    """
    fields = decode_object(message)
    command = fields.get("command")
    read = _READERS.get(command) if isinstance(command, str) else None
    if read is None:
        raise BadCommand(NOT_A_MESSAGE)
    return read(fields)


def decode_object(message: Message) -> Mapping[str, object]:
    """The JSON object that a message before the handover must be.

    Raises:
        BadCommand: it is something else.
    """
    if not isinstance(message, str):
        raise BadCommand(NOT_TEXT)
    try:
        return msgspec.json.decode(message.encode(), type=dict[str, object])
    except msgspec.ValidationError as error:
        raise BadCommand(NOT_A_MESSAGE) from error
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        # Without the parser's text: it could repeat what the sender chose.
        raise BadCommand(NOT_JSON) from error


def _bytes(fields: Mapping[str, object], name: str, size: int, wrong_size: str) -> bytes:
    text = fields.get(name)
    if not isinstance(text, str):
        raise BadCommand(NOT_A_MESSAGE)
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        raise BadCommand(wrong_size)
    return bytes.fromhex(text)


def _token(fields: Mapping[str, object]) -> str | None:
    token = fields.get("token")
    if token is None:
        return None
    if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARACTERS:
        raise BadCommand(NOT_A_MESSAGE)
    return token


def _register(fields: Mapping[str, object]) -> Command:
    return Register(_bytes(fields, "publicKey", KEY_BYTES, NOT_A_KEY), _token(fields))


def _authentication_request(fields: Mapping[str, object]) -> Command:
    return AuthenticationRequest(
        _bytes(fields, "publicKey", KEY_BYTES, NOT_A_KEY),
        _bytes(fields, "challenge", CHALLENGE_BOX_BYTES, AUTHENTICATION_FAILED),
    )


def _authentication_response(fields: Mapping[str, object]) -> Command:
    return AuthenticationResponse(
        _bytes(fields, "response", CHALLENGE_BOX_BYTES, AUTHENTICATION_FAILED)
    )


def _authentication_success(fields: Mapping[str, object]) -> Command:
    interval_ms = fields.get("pingInterval")
    if isinstance(interval_ms, bool) or not isinstance(interval_ms, int | float):
        raise BadCommand(NOT_A_MESSAGE)
    if not (math.isfinite(interval_ms) and interval_ms > 0):
        raise BadCommand(NOT_A_MESSAGE)
    next_key = None
    if "nextKey" in fields:
        next_key = _bytes(fields, "nextKey", NEXT_KEY_BOX_BYTES, NOT_A_MESSAGE)
    return AuthenticationSuccess(interval_ms, fields.get("persistentKey") is True, next_key)


def _communication_request(fields: Mapping[str, object]) -> Command:
    return CommunicationRequest(
        _bytes(fields, "sourcePublicKey", KEY_BYTES, NOT_A_KEY),
        _bytes(fields, "targetPublicKey", KEY_BYTES, NOT_A_KEY),
        _token(fields),
    )


_NAMES: Final[Mapping[type[Command], str]] = {
    Register: "register",
    AuthenticationRequest: "authentication_request",
    AuthenticationResponse: "authentication_response",
    AuthenticationSuccess: "authentication_success",
    Ping: "ping",
    Pong: "pong",
    ConnectionHandover: "connection_handover",
    CommunicationRequest: "communication_request",
    CommunicationReady: "communication_ready",
}

_READERS: Final[Mapping[str, Callable[[Mapping[str, object]], Command]]] = {
    _NAMES[Register]: _register,
    _NAMES[AuthenticationRequest]: _authentication_request,
    _NAMES[AuthenticationResponse]: _authentication_response,
    _NAMES[AuthenticationSuccess]: _authentication_success,
    _NAMES[Ping]: lambda _: Ping(),
    _NAMES[Pong]: lambda _: Pong(),
    _NAMES[ConnectionHandover]: lambda _: ConnectionHandover(),
    _NAMES[CommunicationRequest]: _communication_request,
    _NAMES[CommunicationReady]: lambda _: CommunicationReady(),
}
