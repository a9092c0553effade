"""What relay, listener and caller say: one table, read in both directions; and what is refused."""

import json

import pytest

from duologue.connection.base import Message
from duologue.relay import messages
from duologue.relay.challenge import CHALLENGE_BOX_BYTES, NEXT_KEY_BOX_BYTES
from duologue.relay.messages import (
    NOT_A_KEY,
    NOT_A_MESSAGE,
    NOT_JSON,
    NOT_TEXT,
    AuthenticationRequest,
    AuthenticationResponse,
    AuthenticationSuccess,
    BadCommand,
    Command,
    CommunicationReady,
    CommunicationRequest,
    ConnectionHandover,
    Ping,
    Pong,
    Register,
    decode,
    encode,
)

A, B = b"\xab" * 32, b"\x0c" * 32
BOX = b"\xd0" * CHALLENGE_BOX_BYTES
NEXT = b"\xd1" * NEXT_KEY_BOX_BYTES

WIRE: dict[str, Command] = {
    f'{{"command":"register","publicKey":"{A.hex()}"}}': Register(A),
    f'{{"command":"register","publicKey":"{A.hex()}","token":"t"}}': Register(A, "t"),
    f'{{"command":"authentication_request","publicKey":"{A.hex()}","challenge":"{BOX.hex()}"}}': (
        AuthenticationRequest(A, BOX)
    ),
    f'{{"command":"authentication_response","response":"{BOX.hex()}"}}': (
        AuthenticationResponse(BOX)
    ),
    '{"command":"authentication_success","pingInterval":20000}': AuthenticationSuccess(20_000),
    '{"command":"authentication_success","pingInterval":0.5,"persistentKey":true}': (
        AuthenticationSuccess(0.5, True)
    ),
    f'{{"command":"authentication_success","pingInterval":1,"nextKey":"{NEXT.hex()}"}}': (
        AuthenticationSuccess(1, False, NEXT)
    ),
    '{"command":"ping"}': Ping(),
    '{"command":"pong"}': Pong(),
    '{"command":"connection_handover"}': ConnectionHandover(),
    (
        f'{{"command":"communication_request","sourcePublicKey":"{A.hex()}",'
        f'"targetPublicKey":"{B.hex()}"}}'
    ): CommunicationRequest(A, B),
    '{"command":"communication_ready"}': CommunicationReady(),
}


@pytest.mark.parametrize(("text", "command"), WIRE.items())
def test_each_message_is_written_and_read_alike(text: str, command: Command) -> None:
    assert encode(command) == text
    assert decode(text) == command


def test_unknown_fields_are_ignored_and_of_a_repeated_one_the_last_counts() -> None:
    assert decode('{"command":"ping","more":[1]}') == Ping()
    assert decode('{"command":"ping","command":"pong"}') == Pong()


def test_hex_is_read_in_both_cases() -> None:
    text = json.dumps({"command": "register", "publicKey": A.hex().upper()})
    assert decode(text) == Register(A)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{}", NOT_TEXT),
        ("", NOT_JSON),
        ("{", NOT_JSON),
        ("{} {}", NOT_JSON),
        ('{"command":NaN}', NOT_JSON),
        ('{"command":"\ud800"}', NOT_JSON),
        ('{"command":' + "[" * 4000, NOT_JSON),
        ("[]", NOT_A_MESSAGE),
        ("7", NOT_A_MESSAGE),
        ("{}", NOT_A_MESSAGE),
        ('{"command":null}', NOT_A_MESSAGE),
        ('{"command":["ping"]}', NOT_A_MESSAGE),
        ('{"command":"PING"}', NOT_A_MESSAGE),
        ('{"command":"register"}', NOT_A_MESSAGE),
        ('{"command":"register","publicKey":7}', NOT_A_MESSAGE),
        ('{"command":"authentication_success"}', NOT_A_MESSAGE),
        ('{"command":"authentication_success","pingInterval":0}', NOT_A_MESSAGE),
        ('{"command":"authentication_success","pingInterval":true}', NOT_A_MESSAGE),
        ('{"command":"authentication_success","pingInterval":"20"}', NOT_A_MESSAGE),
        *(
            (json.dumps({"command": "register", "publicKey": key}), NOT_A_KEY)
            for key in (
                "",
                A.hex()[:-1],
                A.hex()[:-2],
                A.hex() + "00",
                " " + A.hex()[1:],
                A.hex()[:-1] + "g",
                "\u0661" * 64,
            )
        ),
        (json.dumps({"command": "register", "publicKey": A.hex(), "token": 7}), NOT_A_MESSAGE),
        (
            json.dumps({"command": "register", "publicKey": A.hex(), "token": "x" * 513}),
            NOT_A_MESSAGE,
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_text(message: Message, reason: str) -> None:
    with pytest.raises(BadCommand) as caught:
        decode(message)
    assert str(caught.value) == reason


def test_the_longest_token_is_read() -> None:
    text = json.dumps({"command": "register", "publicKey": A.hex(), "token": "x" * 512})
    assert decode(text) == Register(A, "x" * 512)


def test_a_busy_relay_may_do_better_the_next_time_and_a_strict_one_not() -> None:
    lasting = messages.REFUSALS - messages.PASSING_REFUSALS
    assert messages.DRAINING in messages.PASSING_REFUSALS < messages.REFUSALS
    assert messages.NOT_ALLOWED_TO_REQUEST in lasting
