"""The relay without sockets: who may say what when, refusals, rights, time limits."""

import json
from dataclasses import replace

import pytest

from duologue.connection.base import ConnectionState
from duologue.identity import Identity
from duologue.relay.access import CLOSED, Access, Right
from duologue.relay.events import Cause, Joined, Parted, Refused
from duologue.relay.limits import RelayLimits
from tests.relay_support import (
    CALLER,
    PROVIDER,
    RELAY,
    Relay,
    answer_text,
    identity,
    register_text,
    request_text,
)

SMALL_ORDER = "00" * 32
NOT_CANONICAL = "ff" * 32
OTHER_KEY = str(identity("other"))


def test_registration_pings_and_handover_are_as_in_the_base_profile() -> None:
    relay = Relay()
    link = relay.link()
    link.arrive(register_text(PROVIDER))
    asked = json.loads(link.sent[0])
    assert (asked["command"], asked["publicKey"]) == ("authentication_request", str(RELAY))
    assert len(asked["challenge"]) == 208
    link.arrive(answer_text(PROVIDER, link.sent.popleft()))
    assert link.take() == {
        "command": "authentication_success",
        "pingInterval": 20_000,
        "persistentKey": True,
    }
    relay.pass_time(20)
    assert link.take() == {"command": "ping"}
    link.arrive('{"command":"pong"}')
    caller = relay.link()
    caller.arrive(request_text(CALLER, PROVIDER))
    assert link.take() == {"command": "connection_handover"}
    assert link.sent.popleft() == (
        f'{{"command":"communication_request","sourcePublicKey":"{CALLER}",'
        f'"targetPublicKey":"{PROVIDER}"}}'
    )
    link.arrive('{"command":"communication_ready"}', b"\x00")
    assert list(caller.sent) == ['{"command":"communication_ready"}', b"\x00"]


def test_a_key_made_anew_is_not_announced() -> None:
    relay = Relay(announces_key=False)
    link = relay.link()
    link.arrive(register_text(PROVIDER))
    link.arrive(answer_text(PROVIDER, link.sent.popleft()))
    assert "persistentKey" not in link.take()


def test_hex_is_read_in_both_cases_and_passed_on_in_lower_case() -> None:
    relay = Relay()
    listener = relay.spare()
    caller = relay.link()
    text = json.loads(request_text(CALLER, PROVIDER))
    text["targetPublicKey"] = text["targetPublicKey"].upper()
    caller.arrive(json.dumps(text))
    assert listener.take() == {"command": "connection_handover"}
    assert listener.take()["targetPublicKey"] == str(PROVIDER)


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (b"\x00", "Received message that is not a string message."),
        ("{", "Received message that does not conform to JSON."),
        ("[]", "Received data does not match the data of a client message."),
        ("{}", "Received data does not match the data of a client message."),
        ('{"command":7}', "Received data does not match the data of a client message."),
        ('{"command":"comm_ping"}', "Received data does not match the data of a client message."),
        ('{"command":"register"}', "Received data does not match the data of a client message."),
        ('{"command":"pong"}', "Received unexpected or malformed message from client."),
        (
            '{"command":"communication_ready"}',
            "Received unexpected or malformed message from client.",
        ),
        (
            '{"command":"register","publicKey":"00"}',
            "CYENC-ENSPUB: Data is not a public key",
        ),
        *(
            (
                json.dumps({"command": "register", "publicKey": key}),
                "CYENC-ENSPUB: Data is not a public key",
            )
            for key in (SMALL_ORDER, NOT_CANONICAL, "zz" * 32, OTHER_KEY + " ", OTHER_KEY[:-1])
        ),
    ],
)
def test_unfit_first_messages_are_refused_with_code_1000(first: str | bytes, text: str) -> None:
    relay = Relay()
    link = relay.link()
    link.arrive(first)
    assert (link.close_code, link.close_reason) == (1000, f"Close called: {text}")
    assert len(relay.of_kind(Refused)) == 1


@pytest.mark.parametrize("field", ["sourcePublicKey", "targetPublicKey"])
@pytest.mark.parametrize("key", [SMALL_ORDER, NOT_CANONICAL, "00" * 16, "not hex"])
def test_a_request_with_a_bad_key_costs_no_spare(field: str, key: str) -> None:
    relay = Relay()
    listener = relay.spare()
    caller = relay.link()
    text = json.loads(request_text(CALLER, PROVIDER))
    text[field] = key
    caller.arrive(json.dumps(text))
    assert caller.close_reason == "Close called: CYENC-ENSPUB: Data is not a public key"
    assert not listener.sent
    assert relay.exchange.switchboard.spares == 1


def test_nobody_there_is_refused_with_the_text_of_the_original() -> None:
    relay = Relay()
    caller = relay.link()
    caller.arrive(request_text(CALLER, PROVIDER))
    assert caller.close_reason == (
        "Close called: No listening connection for the specified publicKey."
    )
    assert relay.of_kind(Refused)[0].cause is Cause.NO_SPARE


@pytest.mark.parametrize("what", ["as it came", "of another key", "short", "noise"])
def test_wrong_answers_to_the_challenge_are_refused(what: str) -> None:
    relay = Relay()
    link = relay.link()
    link.arrive(register_text(PROVIDER))
    asked = link.sent.popleft()
    challenge = json.loads(asked)["challenge"]
    response = {
        "as it came": challenge,
        "of another key": json.loads(answer_text(PROVIDER, asked))["response"][::-1],
        "short": challenge[:-2],
        "noise": "00" * 104,
    }[what]
    link.arrive(json.dumps({"command": "authentication_response", "response": response}))
    assert link.close_reason == "Close called: Client authentication failed."
    assert relay.exchange.switchboard.spares == 0


def test_a_challenge_must_be_answered_with_an_answer() -> None:
    relay = Relay()
    link = relay.link()
    link.arrive(register_text(PROVIDER), '{"command":"pong"}')
    assert link.close_reason == (
        "Close called: Received unexpected type 'pong'. Expected type 'authentication_response'."
    )


def test_the_first_foreign_message_on_a_spare_ends_it() -> None:
    relay = Relay()
    spare = relay.spare()
    spare.arrive("hello")
    assert not spare.is_open
    assert relay.exchange.switchboard.spares == 0


def test_a_first_message_has_ten_seconds_and_an_answer_five() -> None:
    relay = Relay()
    silent = relay.link()
    relay.pass_time(9.9)
    assert silent.is_open
    relay.pass_time(0.2)
    assert not silent.is_open
    link = relay.link()
    link.arrive(register_text(PROVIDER))
    relay.pass_time(4.9)
    assert link.is_open
    relay.pass_time(0.2)
    assert not link.is_open
    assert [event.cause for event in relay.of_kind(Refused)] == [Cause.TOO_SLOW] * 2


def test_a_spare_without_a_pong_is_dropped_and_one_with_stays() -> None:
    relay = Relay()
    quiet, lively = relay.spare(), relay.spare()
    relay.pass_time(20)
    lively.arrive('{"command":"pong"}')
    relay.pass_time(10)
    assert quiet.close_reason == "Terminate called: Ping: Connection timed out"
    assert lively.is_open


def test_a_closed_relay_lets_nobody_register_or_request() -> None:
    relay = Relay()
    spare = relay.spare()
    relay.exchange.access = CLOSED
    relay.exchange.apply_access()
    assert spare.close_reason == "Close called: This key may not register here."
    for text in (register_text(PROVIDER), request_text(CALLER, PROVIDER)):
        link = relay.link()
        link.arrive(text)
        assert not link.is_open
        assert not link.sent


def test_rights_to_register_and_to_request_are_apart() -> None:
    relay = Relay()
    relay.exchange.access = Access(
        keys={PROVIDER.public_key: Right.REGISTER, CALLER.public_key: Right.REQUEST}
    )
    relay.spare(PROVIDER)
    refused = relay.link()
    refused.arrive(register_text(CALLER))
    assert refused.close_reason == "Close called: This key may not register here."
    refused = relay.link()
    refused.arrive(request_text(PROVIDER, PROVIDER))
    assert refused.close_reason == "Close called: You may not ask for others here."
    relay.link().arrive(request_text(CALLER, PROVIDER))
    assert relay.of_kind(Joined)


def test_a_token_is_never_passed_on() -> None:
    relay = Relay()
    listener = relay.spare()
    text = json.loads(request_text(CALLER, PROVIDER))
    relay.link().arrive(json.dumps({**text, "token": "secret"}))
    assert not any("secret" in str(message) for message in listener.sent)


def test_dismissing_closes_both_sides_with_going_away() -> None:
    relay = Relay()
    spare = relay.spare(identity("second"))
    caller, listener = relay.pair()
    spares, pairs = relay.exchange.start_draining()
    for leg in (*spares, *pairs):
        relay.exchange.dismiss(leg)
    assert [each.close_code for each in (spare, caller, listener)] == [1001] * 3
    assert relay.of_kind(Parted)[0].cause is Cause.DRAINING


def test_nothing_is_kept_of_links_that_are_gone() -> None:
    relay = Relay()
    caller, listener = relay.pair()
    spare = relay.spare()
    refused = relay.link()
    refused.arrive("?")
    caller.leave()
    spare.leave()
    for link in (listener, refused):
        link.finish_closing()
    assert len(relay.exchange) == 0
    assert relay.exchange.switchboard.spares == relay.exchange.switchboard.pairs == 0
    relay.pass_time(100)
    assert relay.exchange.next_due_s() is None


def test_what_comes_from_a_closing_link_is_not_kept() -> None:
    relay = Relay()
    link = relay.link()
    link.arrive("?")
    link.on_message.emit("more")
    assert link.state.current_state is ConnectionState.CLOSING
    assert link.on_message.backlog_bytes == 0


def test_many_keys_may_wait_at_one_relay() -> None:
    limits = replace(
        RelayLimits(), registers_per_min_per_address=6e6, max_connections_per_address=1000
    )
    relay = Relay(limits)
    names: list[Identity] = [identity(str(number)) for number in range(50)]
    links = {str(name): relay.spare(name) for name in names}
    for name in names[:10]:
        relay.link().arrive(request_text(CALLER, name))
        assert links[str(name)].take() == {"command": "connection_handover"}
    assert relay.exchange.switchboard.keys == 40
