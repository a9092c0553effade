"""Taking single messages from a connection, for those who speak by turns."""

import asyncio

from duologue.connection.base import Connection, ConnectionState, Message


async def next_message(connection: Connection) -> Message | None:
    """One message, or None if the connection is closed before one comes.

    What stands behind it waits in the connection for the next listener.
    """
    waiting = connection.on_message.take_waiting()
    if waiting is not None:
        return waiting
    if connection.state.current_state is ConnectionState.CLOSED:
        return None
    arrived: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()

    def settle(message: Message | None) -> None:
        if not arrived.done():
            arrived.set_result(message)

    def note(state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            settle(None)

    unlisten_state = connection.state.on_enter_state.listen(note)
    unlisten_message = connection.on_message.listen_once(settle)
    try:
        return await arrived
    finally:
        unlisten_message()
        unlisten_state()
