"""Each step of the key agreement, with messages that are right and wrong (rows 39 and 41)."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from duologue.errors import HandshakeFailed, UnsafeKey
from duologue.limits import MAX_HANDSHAKE_TEXT
from duologue.protocol.boxes import seal_box
from duologue.protocol.handshake import (
    READY_TEXT,
    AcceptorHandshake,
    ConnectorHandshake,
    request_text,
)
from duologue.protocol.keys import SMALL_ORDER, KeyPair, shared_key


def pair(number: int) -> KeyPair:
    return KeyPair.from_secret(bytes((number,)) * 32)


ANN, BEN, EVE = pair(1), pair(2), pair(3)
ANN_TEMPORARY, BEN_TEMPORARY = pair(4), pair(5)
STATIC = shared_key(ANN.public, BEN.secret)
NONCE = b"n" * 24

LOW_ORDER_AND_UNUSUAL = [
    *SMALL_ORDER,
    *(2**255 - 19 + each for each in (0, 1)),
    *(2**255 + each for each in SMALL_ORDER),
    2**256 - 1,
]


def nothing_is_ours(_: bytes) -> bool:
    return False


def agree_as(own: KeyPair) -> Callable[[bytes], bytes]:
    return lambda public: shared_key(public, own.secret)


def connector(
    own: KeyPair = ANN,
    target: bytes = BEN.public,
    ephemeral: KeyPair = ANN_TEMPORARY,
    is_own: Callable[[bytes], bool] = nothing_is_ours,
    loopback: bool = False,
) -> ConnectorHandshake:
    return ConnectorHandshake(
        own_key=own.public,
        agree=agree_as(own),
        target=target,
        ephemeral=ephemeral,
        nonce=NONCE,
        is_own_ephemeral=is_own,
        loopback=loopback,
    )


def acceptor(
    own: KeyPair = BEN,
    ephemeral: KeyPair = BEN_TEMPORARY,
    is_own: Callable[[bytes], bool] = nothing_is_ours,
    loopback: bool = False,
) -> AcceptorHandshake:
    return AcceptorHandshake(
        own_key=own.public,
        agree=agree_as(own),
        ephemeral=ephemeral,
        nonce=NONCE,
        is_own_ephemeral=is_own,
        loopback=loopback,
    )


def asked_acceptor(source: KeyPair = ANN) -> AcceptorHandshake:
    handshake = acceptor()
    handshake.receive_request(request_text(source.public, BEN.public))
    return handshake


def fault_of(step: Callable[[], object]) -> str:
    with pytest.raises(HandshakeFailed) as failure:
        step()
    return failure.value.fault


def flight(plain: bytes, key: bytes = STATIC) -> bytes:
    return seal_box(plain, key, NONCE)


def as_key(number: int) -> bytes:
    return number.to_bytes(32, "little")


def test_two_sides_agree() -> None:
    asking, asked = connector(), acceptor()
    key_flight = asking.receive_ready(asked.receive_request(asking.request()))
    claim = asked.receive_key(key_flight)
    assert claim == (ANN.public, NONCE)
    assert len(key_flight) == len(asked.answer()) == 72
    assert asking.receive_key(asked.answer()) == asked.session_key()


# -- step 1 -------------------------------------------------------------------------------------


def test_keys_in_upper_case_are_read() -> None:
    request = json.dumps(
        {
            "command": "communication_request",
            "sourcePublicKey": ANN.public.hex().upper(),
            "targetPublicKey": BEN.public.hex().upper(),
            "more": [1, 2],
        }
    )
    assert acceptor().receive_request(request) == READY_TEXT


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{}",
        "",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        '{"command":7}',
        '{"command":"communication_request","sourcePublicKey":7}',
        '{"command":"communication_ready"}',
        '{"command":"register","publicKey":"00"}',
        "\ud800",
        "[" * MAX_HANDSHAKE_TEXT,
    ],
)
def test_what_is_no_request_is_refused(message: str | bytes) -> None:
    assert fault_of(lambda: acceptor().receive_request(message)) == "unexpected"


def test_a_request_at_the_length_limit_is_read_and_one_above_is_not() -> None:
    request = request_text(ANN.public, BEN.public)
    at_limit = request + " " * (MAX_HANDSHAKE_TEXT - len(request))
    assert acceptor().receive_request(at_limit) == READY_TEXT
    assert fault_of(lambda: acceptor().receive_request(at_limit + " ")) == "unexpected"


def test_another_command_is_named_in_the_words_of_the_original() -> None:
    with pytest.raises(HandshakeFailed) as failure:
        acceptor().receive_request('{"command":"register"}')
    assert str(failure.value) == (
        "Received unexpected type 'register'. Expected type 'communication_request'."
    )


def test_a_foreign_word_is_shown_escaped_and_cut() -> None:
    with pytest.raises(HandshakeFailed) as failure:
        acceptor().receive_request(json.dumps({"command": "\n\x1b" + "x" * 500}))
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 120


@pytest.mark.parametrize("field", ["sourcePublicKey", "targetPublicKey"])
@pytest.mark.parametrize(
    "text", ["", "00", "0g" * 32, *(as_key(number).hex() for number in LOW_ORDER_AND_UNUSUAL)]
)
def test_a_request_with_a_key_that_is_none_is_refused(field: str, text: str) -> None:
    request = json.loads(request_text(ANN.public, BEN.public))
    request[field] = text
    assert fault_of(lambda: acceptor().receive_request(json.dumps(request))) == "key"


@pytest.mark.parametrize("field", ["sourcePublicKey", "targetPublicKey"])
def test_a_request_without_a_key_is_refused(field: str) -> None:
    request = json.loads(request_text(ANN.public, BEN.public))
    del request[field]
    assert fault_of(lambda: acceptor().receive_request(json.dumps(request))) == "key"


def test_a_request_for_somebody_else_is_refused() -> None:
    with pytest.raises(HandshakeFailed) as failure:
        acceptor().receive_request(request_text(ANN.public, EVE.public))
    assert failure.value.fault == "target"
    assert str(failure.value) == "We do not accept connections for this target public key"


def test_a_request_of_ourselves_is_refused_unless_asked_for() -> None:
    request = request_text(BEN.public, BEN.public)
    assert fault_of(lambda: acceptor().receive_request(request)) == "loopback"
    assert acceptor(loopback=True).receive_request(request) == READY_TEXT


def test_dialling_ourselves_is_refused_unless_asked_for() -> None:
    assert fault_of(lambda: connector(target=ANN.public)) == "loopback"
    connector(target=ANN.public, loopback=True)


def test_dialling_a_key_of_small_order_is_refused() -> None:
    with pytest.raises(UnsafeKey):
        connector(target=as_key(1))


# -- step 2 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message", [b"", b'{"command":"communication_ready"}', "", "{}", '{"command":"ping"}']
)
def test_what_is_no_consent_is_refused(message: str | bytes) -> None:
    assert fault_of(lambda: connector().receive_ready(message)) == "unexpected"


# -- steps 3 and 4 ------------------------------------------------------------------------------

Receive = Callable[[str | bytes], object]


def receivers() -> list[Receive]:
    return [asked_acceptor().receive_key, connector().receive_key]


@pytest.mark.parametrize("number", range(2))
def test_a_text_in_place_of_a_key_is_refused(number: int) -> None:
    receive = receivers()[number]
    assert fault_of(lambda: receive("x" * 72)) == "unexpected"


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_box_of_another_length_is_refused(number: int, length: int) -> None:
    receive = receivers()[number]
    with pytest.raises(HandshakeFailed) as failure:
        receive(flight(b"k" * length))
    assert (failure.value.fault, str(failure.value)) == ("box", "bad public key size")


@pytest.mark.parametrize("number", range(2))
def test_a_box_with_any_bit_of_it_changed_is_refused(number: int) -> None:
    good = flight(EVE.public)
    for place in range(len(good)):
        changed = bytearray(good)
        changed[place] ^= 1 << place % 8
        receive = receivers()[number]
        assert fault_of(partial(receive, bytes(changed))) == "box"


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("key", LOW_ORDER_AND_UNUSUAL)
def test_an_ephemeral_key_that_is_none_is_refused(number: int, key: int) -> None:
    receive = receivers()[number]
    assert fault_of(lambda: receive(flight(as_key(key)))) == "key"


@pytest.mark.parametrize("number", range(2))
def test_an_ephemeral_key_with_its_top_bit_set_is_refused(number: int) -> None:
    receive = receivers()[number]
    flipped = EVE.public[:31] + bytes((EVE.public[31] | 0x80,))
    assert fault_of(lambda: receive(flight(flipped))) == "key"


def test_a_box_of_somebody_else_does_not_open() -> None:
    """Who claims to be Ann has to have her secret."""
    box = flight(EVE.public, shared_key(BEN.public, EVE.secret))
    assert fault_of(lambda: asked_acceptor().receive_key(box)) == "box"


def test_our_own_first_flight_sent_back_is_a_reflection() -> None:
    asking = connector()
    own_flight = asking.receive_ready(READY_TEXT)
    assert fault_of(lambda: asking.receive_key(own_flight)) == "reflection"


def test_what_we_dial_offered_to_ourselves_as_anothers_is_a_reflection() -> None:
    """A relay swaps the keys of Ann's request and hands Ann's own flight to Ann's listener."""
    ours = {ANN_TEMPORARY.public}
    asking = connector(is_own=ours.__contains__)
    listening = acceptor(own=ANN, is_own=ours.__contains__)
    listening.receive_request(request_text(BEN.public, ANN.public))
    own_flight = asking.receive_ready(READY_TEXT)
    assert fault_of(lambda: listening.receive_key(own_flight)) == "reflection"


def test_our_listeners_answer_given_to_our_dial_is_a_reflection() -> None:
    ours = {ANN_TEMPORARY.public, BEN_TEMPORARY.public}
    asking = connector(is_own=ours.__contains__)
    asking.receive_ready(READY_TEXT)
    assert fault_of(lambda: asking.receive_key(flight(BEN_TEMPORARY.public))) == "reflection"


def test_speaking_to_ourselves_on_purpose_is_no_reflection_but_an_echo_is() -> None:
    ours = {ANN_TEMPORARY.public, BEN_TEMPORARY.public}
    asking = connector(own=ANN, target=ANN.public, is_own=ours.__contains__, loopback=True)
    asked = acceptor(own=ANN, is_own=ours.__contains__, loopback=True)
    own_flight = asking.receive_ready(asked.receive_request(asking.request()))
    asked.receive_key(own_flight)
    assert asking.receive_key(asked.answer()) == asked.session_key()
    assert fault_of(lambda: asking.receive_key(own_flight)) == "reflection"
