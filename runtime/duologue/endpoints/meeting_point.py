"""Finding a partner by a name that both know, at a communication server; for development."""

import asyncio
import json

from duologue.connection.base import CLOSE_CODE_LOST, Connection, Message
from duologue.connection.next_message import next_message
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import ConnectionClosed, DeadlineExceeded, ProtocolError
from duologue.limits import Limits


async def meet(url: str, name: str, limits: Limits, timeout_s: float) -> Connection:
    """A plain connection to whoever else comes to the meeting point `name` (base profile 9.2).

    Raises:
        DeadlineExceeded: nobody came in time.
        ConnectionClosed: nobody is at `url`, or we were refused there; `.sent` is "no".
        ProtocolError: what is at `url` is no meeting point.
    """
    loop = asyncio.get_running_loop()
    due_s = loop.time() + timeout_s
    connection = await dial_websocket(url, limits, timeout_s=timeout_s)
    patience = asyncio.timeout_at(due_s)
    try:
        connection.send(json.dumps({"self": "self", "other": name}))
        async with patience:
            message = await next_message(connection)
        if message is None:
            code = connection.close_code or CLOSE_CODE_LOST
            raise ConnectionClosed(code, connection.close_reason, sent="no")
        if not _says_joined(message):
            raise ProtocolError(f"{url} does not answer as a meeting point")
    except TimeoutError as error:
        connection.terminate("Connection timeout")
        if not patience.expired():
            raise
        raise DeadlineExceeded(f"nobody came to the meeting point in {timeout_s:g} s") from error
    except BaseException:
        # Cancellation included: nobody else has the connection.
        connection.close()
        raise
    return connection


def _says_joined(message: Message) -> bool:
    try:
        answer: object = json.loads(message)
    except ValueError:
        return False
    return answer == {"connected": True, "groupSize": 2}
