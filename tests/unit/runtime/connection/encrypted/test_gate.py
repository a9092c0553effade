"""The gate of an endpoint: who is handed on, who is closed and counted, and what is left."""

import asyncio
import logging

import pytest

from duologue.connection.base import Connection, ConnectionState
from duologue.connection.encrypted.gate import EncryptionGate
from duologue.connection.encrypted.handshaking import (
    EncryptedConnection,
    carrier_limits,
    encrypt_as_connector,
)
from duologue.connection.memory import connected_pair
from duologue.errors import HandshakeFailed, KeyNotAllowed, UnsafeKey
from duologue.identity import Identity
from duologue.limits import Limits
from tests.support import turns

ANN, BEN, EVE = (Identity.from_secret(bytes((number,)) * 32) for number in (1, 2, 3))
LIMITS = Limits()


class Gate:
    def __init__(self) -> None:
        self.encrypted: list[EncryptedConnection] = []
        self.gate = EncryptionGate(BEN, {ANN.public_key}, LIMITS, self.encrypted.append)

    def wire(self) -> Connection:
        near, far = connected_pair(carrier_limits(LIMITS))
        self.gate.admit(near)
        return far


async def test_who_proves_an_allowed_key_is_handed_on() -> None:
    gate = Gate()
    ann = await encrypt_as_connector(gate.wire(), ANN, BEN.public_key, LIMITS)
    assert [each.remote_key for each in gate.encrypted] == [ANN.public_key]
    assert dict(gate.gate.rejected) == {}
    ann.terminate("done")
    await turns()


async def test_others_are_closed_and_counted_by_fault(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    with caplog.at_level(logging.INFO, "duologue"):
        with pytest.raises(KeyNotAllowed, match=f"its key {EVE.public_key.hex()} is not in"):
            await encrypt_as_connector(gate.wire(), EVE, BEN.public_key, LIMITS)
        wire = gate.wire()
        wire.send("hello?")
        await turns()
    assert gate.encrypted == []
    assert dict(gate.gate.rejected) == {"not-allowed": 1, "unexpected": 1}
    refused = [each.getMessage() for each in caplog.records]
    key = EVE.public_key.hex()
    assert refused[0].startswith(f"connection of the key {key} from ")
    assert refused[0].endswith(" refused: This key is not allowed here")
    assert "of the key" not in refused[1]
    await turns()


async def test_one_that_is_slow_does_not_keep_another_waiting() -> None:
    gate = Gate()
    silent = gate.wire()
    ann = await encrypt_as_connector(gate.wire(), ANN, BEN.public_key, LIMITS)
    assert len(gate.encrypted) == 1
    assert silent.state.current_state is ConnectionState.OPEN
    await gate.gate.close()
    ann.terminate("done")
    await turns()


async def test_closing_gives_up_those_that_have_not_proved_themselves_only() -> None:
    gate = Gate()
    ann = await encrypt_as_connector(gate.wire(), ANN, BEN.public_key, LIMITS)
    silent = gate.wire()
    await turns(2)
    await gate.gate.close()
    await gate.gate.close()
    await turns()
    assert silent.state.current_state is ConnectionState.CLOSED
    assert ann.state.current_state is ConnectionState.OPEN
    ann.terminate("done")
    await turns()


async def test_a_fault_of_the_application_is_logged_and_closes_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: EncryptedConnection) -> None:
        raise RuntimeError("on_peer is broken")

    gate = EncryptionGate(BEN, {ANN.public_key}, LIMITS, fail)
    near, far = connected_pair(carrier_limits(LIMITS))
    gate.admit(near)
    connecting = asyncio.create_task(encrypt_as_connector(far, ANN, BEN.public_key, LIMITS))
    await asyncio.wait([connecting])
    await turns()
    assert near.state.current_state is ConnectionState.CLOSED
    assert "on_peer is broken" in caplog.text
    assert connecting.exception() is None or isinstance(connecting.exception(), HandshakeFailed)


def test_a_set_with_something_that_is_no_key_is_refused_at_once() -> None:
    with pytest.raises(UnsafeKey):
        EncryptionGate(BEN, [bytes(32)], LIMITS, lambda _: None)
