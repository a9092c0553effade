"""Where writers wait, by waiting or by being called back."""

import pytest

from duologue.connection.base import Connection
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, DrainGate
from duologue.connection.encrypted.fragment_layer import FragmentLayer
from duologue.connection.late_connection import LateConnection
from duologue.connection.memory import connected_pair
from duologue.errors import LimitExceeded
from duologue.limits import Limits
from tests.pretend_loop import PretendCarrier
from tests.support import turns


async def test_who_asks_an_open_gate_is_called_in_the_next_turn() -> None:
    calls: list[str] = []
    DrainGate().notify(lambda: calls.append("called"))
    assert calls == []
    await turns(1)
    assert calls == ["called"]


async def test_who_asks_a_shut_gate_is_called_once_after_it_was_opened() -> None:
    gate = DrainGate()
    gate.shut()
    calls: list[str] = []
    gate.notify(lambda: calls.append("called"))
    await turns(2)
    assert calls == []
    gate.open()
    assert calls == []
    await turns(1)
    gate.shut()
    gate.open()
    await turns(2)
    assert calls == ["called"]


async def test_the_end_of_a_connection_opens_its_gate_when_it_is_final() -> None:
    left, _right = connected_pair()
    left.send(b"x" * (PAUSE_ABOVE_BYTES + 1))
    assert left.gate.is_shut
    seen: list[object] = []
    left.gate.notify(lambda: seen.append(left.close_code))
    left.terminate("enough")
    assert not left.gate.is_shut
    await turns(1)
    assert seen == [1006]


async def test_a_layer_has_the_gate_of_its_carrier() -> None:
    carrier = PretendCarrier()
    assert FragmentLayer(carrier, Limits()).gate is carrier.gate
    late = LateConnection()
    late.attach(carrier)
    assert late.gate is carrier.gate


def _refusal(connection: Connection, size: int) -> LimitExceeded:
    with pytest.raises(LimitExceeded) as caught:
        connection.send("x" * size)
    return caught.value


async def test_what_the_other_side_takes_bounds_sending() -> None:
    left, right = connected_pair(Limits(max_message_bytes=100))
    assert left.max_send_bytes == 100
    left.bound_sending(50)
    left.send("x" * 50)
    refusal = _refusal(left, 51)
    assert (refusal.limit, refusal.value, refusal.met) == (
        "the other side's max_message_bytes",
        50,
        51,
    )
    right.bound_sending(200)
    assert _refusal(right, 101).limit == "max_message_bytes"


async def test_the_bound_holds_for_messages_not_for_the_frames_of_encryption() -> None:
    carrier = PretendCarrier()
    layer = FragmentLayer(carrier, Limits(max_message_bytes=1_000_000))
    layer.start()
    layer.bound_sending(200_000)
    layer.send(b"x" * 200_000)
    assert len(carrier.sent) > 1
    assert _refusal(layer, 200_001).value == 200_000
    assert carrier.max_send_bytes > 1_000_000
    layer.terminate("enough")


async def test_a_late_connection_keeps_its_bound_when_it_leads_somewhere() -> None:
    left, _right = connected_pair(Limits(max_message_bytes=100))
    late = LateConnection()
    late.bound_sending(50)
    late.attach(left)
    assert (late.max_send_bytes, left.max_send_bytes) == (50, 50)
    assert _refusal(late, 51).limit == "the other side's max_message_bytes"
