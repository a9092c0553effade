"""Loops that know neither readers nor signals, as that of Windows, serve and stop all the same."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable
from contextvars import Context
from typing import Any, NoReturn, TypeVarTuple

import pytest

import duologue
from duologue.connection.websocket.arrivals import PAUSE_WITHOUT_RESOURCES_S
from duologue.running import STOP_SIGNALS, stop_signals

Arguments = TypeVarTuple("Arguments")


class BareLoop(asyncio.SelectorEventLoop):
    """A loop as that of Windows is, which may fail at what it is asked to accept."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[int] = []
        """What the next tries to accept end with."""
        self.delays: list[float] = []

    def add_reader(
        self, fd: Any, callback: Callable[[*Arguments], object], *args: *Arguments
    ) -> NoReturn:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> NoReturn:
        raise NotImplementedError

    def add_signal_handler(
        self, sig: int, callback: Callable[[*Arguments], object], *args: *Arguments
    ) -> NoReturn:
        raise NotImplementedError

    def remove_signal_handler(self, sig: int) -> NoReturn:
        raise NotImplementedError

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self.delays.append(delay)
        return super().call_later(delay, callback, *args, context=context)

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        if self.failures:
            raise OSError(self.failures.pop(0), "the pretended reason")
        return await super().sock_accept(sock)


def offer(peer: duologue.WebsocketPromisifier) -> None:
    peer.add_service(1, str.upper)


async def answer_of_a_server(failures: list[int]) -> tuple[object, list[float]]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, BareLoop)
    loop.failures += failures
    async with duologue.serve(on_peer=offer) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with duologue.connect(url) as one, duologue.connect(url) as other:
            answer = await one.send(1, "a") + await other.send(1, "b")
    return answer, [each for each in loop.delays if each == PAUSE_WITHOUT_RESOURCES_S]


def run(failures: list[int]) -> tuple[object, list[float]]:
    with asyncio.Runner(loop_factory=BareLoop) as runner:
        return runner.run(answer_of_a_server(failures))


def test_a_server_accepts_where_the_loop_cannot_watch_its_socket() -> None:
    assert run([]) == ("AB", [])


def test_who_was_gone_before_being_accepted_makes_nobody_wait() -> None:
    assert run([errno.ECONNABORTED] * 20) == ("AB", [])


def test_without_descriptors_it_rests_before_each_further_try() -> None:
    failures = [errno.EMFILE, errno.ENOBUFS]
    assert run(failures) == ("AB", [PAUSE_WITHOUT_RESOURCES_S] * 2)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_signals_are_handed_to_the_loop_and_belong_to_the_program_again_afterwards(
    number: signal.Signals,
) -> None:
    async def told() -> list[int]:
        loop = asyncio.get_running_loop()
        met: asyncio.Queue[int] = asyncio.Queue()
        with stop_signals(loop, met.put_nowait):
            os.kill(os.getpid(), number)
            return [await met.get()]

    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    with asyncio.Runner(loop_factory=BareLoop) as runner:
        assert runner.run(told()) == [number]
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == before


def test_no_handler_is_left_behind_where_it_is_not_the_main_thread() -> None:
    loop = BareLoop()

    def enter() -> None:
        with pytest.raises(RuntimeError, match="main thread"), stop_signals(loop, print):
            pass

    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    loop.run_until_complete(asyncio.to_thread(enter))
    loop.close()
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == before
