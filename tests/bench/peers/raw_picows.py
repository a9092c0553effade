"""picows alone: JSON text sent back as it came, no calls, no types."""

import asyncio
import json
import time
from collections import deque

from picows import WSListener, WSMsgType, ws_connect, ws_create_server

from duologue.bench.load import Caller, Json, Payload, main


DATA = (WSMsgType.TEXT, WSMsgType.BINARY)


class Answer(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type in DATA:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


async def listen() -> int:
    server = await ws_create_server(lambda _request: Answer(), "127.0.0.1", 0)
    listen.server = server
    return server.sockets[0].getsockname()[1]


class Window(WSListener):
    """Sends the next text for each that comes back, until the time is up."""

    def __init__(self):
        self.waiting = deque()
        self.take = self.settle

    def on_ws_frame(self, transport, frame):
        if frame.msg_type in DATA:
            self.take(transport, frame.get_payload_as_bytes())

    def settle(self, _transport, _payload):
        self.waiting.popleft().set_result(None)


class PicowsCaller(Caller):
    async def open(self, port: int) -> None:
        self._last = {}, b"{}"
        self._loop = asyncio.get_running_loop()
        self._transport, self._window = await ws_connect(Window, f"ws://127.0.0.1:{port}/")

    async def close(self) -> None:
        self._transport.disconnect()
        await self._transport.wait_disconnected()

    def _frame(self, payload: Payload) -> tuple[WSMsgType, bytes]:
        if isinstance(payload, bytes):
            return WSMsgType.BINARY, payload
        if self._last[0] is not payload:
            self._last = payload, json.dumps(payload).encode()
        return WSMsgType.TEXT, self._last[1]

    async def echo(self, payload: Json) -> None:
        await self._answer_to(*self._frame(payload))

    async def blob(self, data: bytes) -> None:
        await self._answer_to(WSMsgType.BINARY, data)

    async def _answer_to(self, kind: WSMsgType, data: bytes) -> None:
        answered = self._loop.create_future()
        self._window.waiting.append(answered)
        self._transport.send(kind, data)
        await answered

    async def drive(self, payload: Payload, in_flight: int, seconds: float) -> int:
        (kind, data), done = self._frame(payload), self._loop.create_future()
        end, clock, number, missing = time.perf_counter() + seconds, time.perf_counter, 0, in_flight

        def take(transport, _payload):
            nonlocal number, missing
            number += 1
            if clock() < end:
                transport.send(kind, data)
            else:
                missing -= 1
                if not missing:
                    done.set_result(None)

        self._window.take = take
        for _ in range(in_flight):
            self._transport.send(kind, data)
        await done
        self._window.take = self._window.settle
        return number


if __name__ == "__main__":
    main(serve=listen, make=PicowsCaller)
