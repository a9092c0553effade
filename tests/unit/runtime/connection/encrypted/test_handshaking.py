"""From an open connection to an encrypted one, between two of ours."""

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.handshaking import carrier_limits
from duologue.connection.encrypted.own_ephemerals import own_ephemerals
from duologue.limits import MAX_SEALED_FRAME_BYTES, Limits
from tests.support import turns
from tests.unit.runtime.connection.encrypted.parties import ANN, BEN, encrypted_pair


async def test_both_sides_know_each_other_when_they_get_their_connection() -> None:
    ann, ben = await encrypted_pair()
    assert (ann.remote_key, ben.remote_key) == (BEN.public_key, ANN.public_key)
    assert (ann.own_key, ben.own_key) == (ANN.public_key, BEN.public_key)
    assert (ann.is_connector, ben.is_connector) == (True, False)
    ann.terminate("done")
    await turns()


async def test_messages_that_come_before_anybody_listens_are_kept() -> None:
    ann, ben = await encrypted_pair()
    sent = [f"{number}" for number in range(100)]
    for text in sent:
        ann.send(text)
    await turns()
    arrived: list[Message] = []
    ben.on_message.listen(arrived.append)
    await turns()
    assert arrived == sent
    ann.terminate("done")
    await turns()


def test_a_carrier_takes_sealed_frames_however_large_the_messages() -> None:
    assert carrier_limits(Limits(max_message_bytes=1)).max_message_bytes == MAX_SEALED_FRAME_BYTES


async def test_what_was_dialled_is_forgotten_once_its_connection_is_closed() -> None:
    before = len(own_ephemerals)
    ann, ben = await encrypted_pair()
    assert len(own_ephemerals) == before + 2
    ann.terminate("done")
    await turns()
    assert ben.state.current_state is ConnectionState.CLOSED
    assert len(own_ephemerals) == before
