"""How things stand, and who is told of changes."""

import asyncio
import gc
import weakref

from duologue import create_websocket_promisifier
from duologue.promisifier.peer_state import MAX_UNREAD_CHANGES, PeerState, PeerStates, StateChanges
from tests.reconnect_support import Line
from tests.support import Conversation, turns


async def met(changes: StateChanges) -> list[str]:
    return [state.value async for state in changes]


async def test_a_peer_without_reconnect_is_connected_and_then_closed() -> None:
    async with Conversation() as there:
        changes = there.peer.state_changes()
        assert there.peer.state == "connected"
        there.peer.close()
        assert there.peer.state == "closed"
        await there.peer.promise.wait()
        assert await met(changes) == ["closed"]
        assert await met(there.peer.state_changes()) == []


async def test_one_that_is_still_to_be_connected_is_connecting() -> None:
    peer = create_websocket_promisifier()
    changes = peer.state_changes()
    assert peer.state == "connecting"
    peer.close()
    assert await met(changes) == ["closed"]


async def test_one_that_reconnects_goes_round() -> None:
    async with Line() as line:
        changes = line.peer.state_changes()
        await line.lose()
        assert line.peer.state == "waiting"
        line.peer.note_trying(True)
        assert line.peer.state == "connecting"
        await line.come_back()
        assert line.peer.state == "connected"
        line.peer.close()
        assert line.peer.state == "closed"
        assert await met(changes) == ["waiting", "connecting", "connected", "closed"]


async def test_each_reader_gets_every_change_when_it_wants() -> None:
    states = PeerStates(PeerState.CONNECTING)
    early = asyncio.ensure_future(met(states.changes()))
    late = states.changes()
    await turns(1)
    for state in (PeerState.CONNECTED, PeerState.CONNECTED, PeerState.WAITING, PeerState.CLOSED):
        states.enter(state)
        await turns(1)
    states.enter(PeerState.CONNECTED)
    assert await early == await met(late) == ["connected", "waiting", "closed"]
    assert states.present is PeerState.CLOSED


async def test_of_a_reader_that_has_fallen_behind_the_newest_are_kept() -> None:
    states = PeerStates(PeerState.CONNECTED)
    changes = states.changes()
    for _ in range(MAX_UNREAD_CHANGES):
        states.enter(PeerState.WAITING)
        states.enter(PeerState.CONNECTED)
    states.enter(PeerState.CLOSED)
    seen = await met(changes)
    assert len(seen) == MAX_UNREAD_CHANGES
    assert seen[-1] == "closed"


async def test_a_reader_that_has_gone_is_forgotten() -> None:
    states = PeerStates(PeerState.CONNECTED)
    reader = weakref.ref(states.changes())
    gc.collect()
    assert reader() is None
    states.enter(PeerState.CLOSED)
