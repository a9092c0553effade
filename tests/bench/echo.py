"""CPU per echoed message: our WebSocket connection against the `websockets` library's own.

Run it by hand, from the root of the repository: `python -m tests.bench.echo`. Client and server are
processes of their own, each on a core of its own where there are two. Kinds take turns; the figures
are medians of the rounds. Trust CPU first: wall time moves with whatever else the machine does.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable
from typing import Final

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from duologue.connection.base import Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.dial import dial_websocket
from duologue.connection.websocket.listener import accept_websockets
from duologue.limits import Limits

ASK_FOR_CPU: Final = "cpu?"
"""The server answers this with the CPU seconds it has used."""

KINDS: Final = ("websockets", "duologue", "websockets-uvloop", "duologue-uvloop")


def answer_to(message: Message) -> Message:
    return f"{time.process_time()}" if message == ASK_FOR_CPU else message


async def serve_duologue() -> None:
    def answer(connection: WebSocketConnection) -> None:
        connection.on_message.listen(lambda message: connection.send(answer_to(message)))

    listener = await accept_websockets(answer, Limits(), host="127.0.0.1")
    print(listener.port, flush=True)
    await listener.wait_closed()


async def serve_websockets() -> None:
    async def answer(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(answer_to(message))

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def drive_duologue(port: int, message: str, number: int, window: int) -> dict[str, float]:
    connection = await dial_websocket(f"ws://127.0.0.1:{port}", Limits(), timeout_s=5)
    echoed: asyncio.Queue[Message] = asyncio.Queue()
    unlisten = connection.on_message.listen(echoed.put_nowait)

    async def ask() -> float:
        connection.send(ASK_FOR_CPU)
        return float(await echoed.get())

    server_before, before, start = await ask(), time.process_time(), time.perf_counter()
    unlisten()
    done = asyncio.get_running_loop().create_future()
    left_to_send, left_to_come = number - window, number

    def take(_message: Message) -> None:
        nonlocal left_to_send, left_to_come
        left_to_come -= 1
        if left_to_send:
            left_to_send -= 1
            connection.send(message)
        elif not left_to_come:
            done.set_result(None)

    unlisten = connection.on_message.listen(take)
    for _ in range(window):
        connection.send(message)
    await done
    unlisten()
    elapsed, used = time.perf_counter() - start, time.process_time() - before
    connection.on_message.listen(echoed.put_nowait)
    server_used = await ask() - server_before
    connection.close()
    return figures(number, elapsed, used, server_used)


async def drive_websockets(port: int, message: str, number: int, window: int) -> dict[str, float]:
    async with connect(f"ws://127.0.0.1:{port}", compression=None) as connection:

        async def ask() -> float:
            await connection.send(ASK_FOR_CPU)
            return float(await connection.recv())

        server_before, before, start = await ask(), time.process_time(), time.perf_counter()
        for _ in range(window):
            await connection.send(message)
        for _ in range(number - window):
            await connection.recv()
            await connection.send(message)
        for _ in range(window):
            await connection.recv()
        elapsed, used = time.perf_counter() - start, time.process_time() - before
        return figures(number, elapsed, used, await ask() - server_before)


def figures(number: int, elapsed: float, used: float, server_used: float) -> dict[str, float]:
    return {
        "per_s": number / elapsed,
        "server_us": server_used / number * 1e6,
        "client_us": used / number * 1e6,
    }


def run_on_core(core: int, kind: str, *args: str) -> "subprocess.Popen[str]":
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    wanted = str(cores[core % len(cores)]) if len(cores) > 1 else ""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.echo", *args, "--kind", kind, "--core", wanted],
        stdout=subprocess.PIPE,
        text=True,
    )


def measure(kind: str, size: int, number: int, window: int) -> dict[str, float]:
    server = run_on_core(0, kind, "--role", "server")
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        client = run_on_core(
            1,
            kind,
            *("--role", "client", "--port", port, "--size", str(size)),
            *("--number", str(number), "--window", str(window)),
        )
        result: dict[str, float] = json.loads(client.communicate()[0])
        return result
    finally:
        server.terminate()
        server.communicate()


def compare(kinds: list[str], size: int, number: int, window: int, rounds: int) -> None:
    rows: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            rows[kind].append(measure(kind, size, number, window))
    print(f"{size} bytes, {window} in flight, {rounds} rounds of {number}")
    print(f"{'':20}{'echoes/s':>10}{'server µs':>11}{'client µs':>11}{'CPU ratio':>11}")
    base = 0.0
    for kind in kinds:
        row = {
            key: statistics.median(each[key] for each in rows[kind])
            for key in ("per_s", "server_us", "client_us")
        }
        cpu = row["server_us"] + row["client_us"]
        base = base or cpu
        print(
            f"{kind:20}{row['per_s']:10.0f}{row['server_us']:11.1f}{row['client_us']:11.1f}"
            f"{cpu / base:11.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--role", choices=("compare", "server", "client"), default="compare")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--core", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--number", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kinds: list[str] = options.kind or ["websockets", "duologue"]
    if options.role == "compare":
        compare(kinds, options.size, options.number, options.window, options.rounds)
        return
    if options.core:
        os.sched_setaffinity(0, {int(options.core)})
    kind = kinds[0]
    is_ours = kind.startswith("duologue")
    if options.role == "server":
        role = serve_duologue() if is_ours else serve_websockets()
    else:
        drive = drive_duologue if is_ours else drive_websockets
        role = print_figures(
            drive(options.port, "x" * options.size, options.number, options.window)
        )
    if kind.endswith("uvloop"):
        import uvloop

        uvloop.run(role)
    else:
        asyncio.run(role)


async def print_figures(run: Awaitable[dict[str, float]]) -> None:
    print(json.dumps(await run))


if __name__ == "__main__":
    main()
