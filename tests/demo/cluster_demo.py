"""The demonstration that `make demo-cluster` runs: three relays are one, and what a loss costs.

Two NATS servers, three nodes, twenty listeners that have come to any node, callers that come to any
other. In the middle one node and one NATS server are killed. Prints what callers saw, and who was
where. Exits with 0 only if every call went well that did not hang on the killed node.
"""

import asyncio
import contextlib
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.errors import DuologueError
from tests.cluster_process import write_cluster, write_node
from tests.nats_server import WHY_NOT, NatsServer, find_nats_server
from tests.relay_process import RelayProcess, relay_process
from tests.stream_server import close_server

LISTENERS: Final = 20
CALLS_PER_S: Final = 20
BEFORE_S, AROUND_S, AFTER_S = 4.0, 6.0, 4.0
ECHO: Final = 1
NAMES: Final = ("a", "b", "c")
KILLED: Final = 1

console = Console(highlight=False, soft_wrap=True)


@dataclass(eq=False)
class Balancer:
    """What a load balancer does: each connection goes to some node that answers."""

    nodes: list[RelayProcess]
    where: dict[str, Counter[int]] = field(default_factory=dict[str, Counter[int]])
    """Of each client, how many connections it has at which node."""
    servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])

    async def way(self, client: str) -> str:
        """A URL of its own for one client, so that the picture knows who is who."""
        self.where[client] = Counter()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            order = random.sample(range(len(self.nodes)), len(self.nodes))
            for number in order:
                try:
                    up = await asyncio.open_connection("127.0.0.1", self.nodes[number].port)
                except OSError:
                    continue
                self.where[client][number] += 1
                await asyncio.gather(copy(reader, up[1]), copy(up[0], writer))
                self.where[client][number] -= 1
                return
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.servers.append(server)
        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All bytes, and then the end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def echo(value: object) -> object:
    """What listeners do."""
    return value


def serve_echo(peer: WebsocketPromisifier) -> None:
    """What a listener offers to each caller."""
    peer.add_service(ECHO, echo)


@dataclass(slots=True)
class Call:
    """What one caller saw."""

    begun_s: float
    took_s: float
    result: str


async def call(url: str, target: Identity, calls: list[Call], pins: Path) -> None:
    """Dial, ask once, and note what came of it."""
    begun_s = time.monotonic()
    try:
        async with duologue.dial(
            url,
            to=target.public_key,
            identity=Identity.generate(),
            insecure_plaintext=True,
            timeout=10,
        ) as peer:
            result = "answered" if await peer.send(ECHO, "hello") == "hello" else "another answer"
    except DuologueError as error:
        result = type(error).__name__
    calls.append(Call(begun_s, time.monotonic() - begun_s, result))


def picture(balancer: Balancer, alive: list[bool], title: str) -> None:
    """Which listeners have spares at which node."""
    console.print(f"\n[bold]{title}[/]")
    for number, name in enumerate(NAMES):
        here = [
            f"{client[1:]:>2}" if at[number] else " ."
            for client, at in balancer.where.items()
            if client.startswith("L")
        ]
        state = "[green]node " if alive[number] else "[red]dead "
        console.print(f"  {state}{name}[/] │ {' '.join(here)}")


def summary(calls: list[Call], killed_s: float) -> int:
    """Print a table of three phases; returns how many calls went wrong that should not have."""
    table = Table(box=None, pad_edge=False)
    for each in ("", "calls", "answered", "half within", "slowest", "otherwise"):
        table.add_column(each, justify="left" if each in ("", "otherwise") else "right")
    wrong = 0
    phases = (
        ("before", -1e9, 0.0),
        ("a node and a NATS server are killed", 0.0, AROUND_S),
        ("later", AROUND_S, 1e9),
    )
    for name, begin_s, end_s in phases:
        part = [each for each in calls if begin_s <= each.begun_s - killed_s < end_s]
        good = [each.took_s for each in part if each.result == "answered"]
        other = Counter(each.result for each in part if each.result != "answered")
        if name != phases[1][0]:
            wrong += sum(other.values())
        table.add_row(
            name,
            str(len(part)),
            str(len(good)),
            f"{median(good or [0]) * 1000:.0f} ms",
            f"{max(good or [0]) * 1000:.0f} ms",
            ", ".join(f"{count} {what}" for what, count in other.items()) or "nothing",
        )
    console.print()
    console.print(table)
    return wrong


async def run(folder: Path) -> int:
    """All of it; returns how much went wrong."""
    write_cluster(folder)
    buses = [NatsServer(), NatsServer()]
    # All come from one address here.
    names: tuple[str, ...] = (
        "registers_per_min_per_address",
        "requests_per_min_per_address",
        "requests_per_min_per_address_and_target",
        "request_burst_per_address_and_target",
        "new_connections_per_s_per_address",
        "new_connections_burst_per_address",
    )
    limits: dict[str, float] = {}
    limits.update(dict.fromkeys(names, 1_000_000.0))
    async with contextlib.AsyncExitStack() as stack:
        for bus in buses:
            stack.callback(bus.kill)
            await bus.start()
        nodes = [
            await stack.enter_async_context(
                relay_process(
                    "--config",
                    str(write_node(folder, name, [each.url for each in buses])),
                    limits=limits,
                )
            )
            for name in NAMES
        ]
        balancer = Balancer(nodes)
        people = [Identity.generate() for _ in range(LISTENERS)]
        for number, person in enumerate(people):
            await stack.enter_async_context(
                duologue.listen(
                    await balancer.way(f"L{number + 1}"),
                    identity=person,
                    allow=ANYONE,
                    on_peer=serve_echo,
                    insecure_plaintext=True,
                    known_relays=folder / "pins",
                )
            )
        callers = await balancer.way("callers")
        console.print(
            f"Two NATS servers, three nodes, {LISTENERS} listeners with two spares each, "
            f"{CALLS_PER_S} calls a second; every one comes to any node."
        )
        wrong = await converse(balancer, buses, people, callers, folder)
        for server in balancer.servers:
            await close_server(server)
    return wrong


async def converse(
    balancer: Balancer,
    buses: list[NatsServer],
    people: list[Identity],
    url: str,
    folder: Path,
) -> int:
    """Call, kill, call on."""
    calls: list[Call] = []
    tasks: set[asyncio.Task[None]] = set()
    begun_s = time.monotonic()
    killed_s = 0.0
    alive = [True] * len(NAMES)
    await asyncio.sleep(0.5)
    picture(balancer, alive, "Who has spares where")
    while (now_s := time.monotonic()) < begun_s + BEFORE_S + AROUND_S + AFTER_S:
        if not killed_s and now_s > begun_s + BEFORE_S:
            os.kill(balancer.nodes[KILLED].pid, 9)
            buses[0].kill()
            killed_s, alive[KILLED] = now_s, False
        task = asyncio.create_task(call(url, random.choice(people), calls, folder / "pins"))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(1 / CALLS_PER_S)
    await asyncio.gather(*tasks)
    picture(
        balancer, alive, f"{AROUND_S + AFTER_S:.0f} s after node b and one NATS server were killed"
    )
    return summary(calls, killed_s)


def main() -> None:
    """Run it in a folder of its own."""
    if find_nats_server() is None:
        sys.exit(WHY_NOT)
    # Listeners tell of the killed node in so many words; the picture does it in fewer.
    logging.getLogger("duologue").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        wrong = asyncio.run(run(Path(folder)))
    if wrong:
        console.print(f"[red]{wrong} calls went wrong that should not have[/]")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
