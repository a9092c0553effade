"""What `duologue doctor --cluster` looks at: bus and other nodes, seen from one of them."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from duologue.commands.relay_examination import Finding, Verdict
from duologue.foreign_text import shown
from duologue.identity import Identity
from duologue.protocol.wording import words_of
from duologue.relay.access import OPEN
from duologue.relay.addresses import parse_host_port
from duologue.relay.cluster import control
from duologue.relay.cluster.assembly import ClusterParts
from duologue.relay.cluster.bus_messages import (
    VERSION,
    BadBusMessage,
    Find,
    FindNodes,
    NodeHere,
    open_message,
    seal,
)
from duologue.relay.cluster.channel import BadNode, Introduction
from duologue.relay.cluster.nats_bus import EncryptingClient, subscribe
from duologue.relay.cluster.node_connection import NodeConnection
from duologue.relay.cluster.settings import digest_rules
from duologue.relay.cluster.subjects import Subjects
from duologue.relay.server.config import RelayConfiguration
from duologue.relay.server.watched_files import AccessFiles
from duologue.version import VERSION as RELEASE

OWN_NAME: Final = "doctor"
GATHER_S: Final = 0.5
"""How long answers of nodes are waited for; they take a millisecond."""
NONCE_BYTES: Final = 24


class ClusterExamination:
    """Looks at one thing after the other; `findings` tells what was found."""

    def __init__(
        self,
        configuration: RelayConfiguration,
        parts: ClusterParts,
        identity: Identity,
        access: AccessFiles | None,
        timeout_s: float,
    ) -> None:
        self.findings: list[Finding] = []
        self._parts = parts
        self._timeout_s = timeout_s
        self._limits = configuration.limits
        self._subjects = Subjects(parts.table.name, OWN_NAME)
        self._nodes: dict[str, NodeHere] = {}
        self._hello = control.Hello(
            v=(control.LOWEST_VERSION, control.HIGHEST_VERSION),
            node=OWN_NAME,
            run=os.urandom(8).hex(),
            relay_key=identity.public_key.hex(),
            rules=digest_rules(OPEN if access is None else access.access, configuration.limits),
            next_key=configuration.next_key,
        )

    async def run(self) -> None:
        """All of it."""
        for number in range(len(self._parts.table.bus)):
            await self._look_at_server(number)
        if not self._nodes:
            self._note(
                "nodes",
                Verdict.bad,
                "no node answers",
                "Are they running, with the same [cluster] name and secret?",
            )
        for node in sorted(self._nodes.values(), key=lambda each: each.node):
            self._look_at_node(node)
            await self._look_at_port(node)

    def _note(self, what: str, verdict: Verdict, text: str, advice: str = "") -> None:
        self.findings.append(Finding(what, verdict, shown(text), advice))

    # -- the bus --------------------------------------------------------------------------------

    async def _look_at_server(self, number: int) -> None:
        what = f"bus {number + 1}"
        access = self._parts.bus
        client = EncryptingClient()
        errors: list[Exception] = []

        async def on_error(error: Exception) -> None:
            errors.append(error)

        try:
            async with asyncio.timeout(self._timeout_s):
                await client.connect(
                    servers=[access.urls[number]],
                    user=access.user,
                    password=access.password,
                    tls=access.context,
                    error_cb=on_error,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                )
                seconds = await self._ask_ourselves(client)
                await self._gather_nodes(client)
            version = client.connected_server_version
            text = f"NATS {version.major}.{version.minor}.{version.patch}"
            self._note(
                what, Verdict.good, f"{text}, a question answered in {seconds * 1000:.1f} ms"
            )
        except (OSError, TimeoutError, nats.errors.Error, ValueError) as error:
            why = words_of(errors[0] if errors else error)
            self._note(
                what, Verdict.bad, why, "Is it running? Is bus_user allowed to use dl.NAME.>?"
            )
        finally:
            if client.is_connected:
                await client.close()

    async def _ask_ourselves(self, client: Client) -> float:
        """A key that was made up is subscribed to, and asked for."""
        keys = self._parts.keys[0]
        key = Identity.generate().public_key
        subject = self._subjects.has(keys, key)
        subscription = await subscribe(client, subject)
        question = Find(v=VERSION, ask=os.urandom(8).hex(), key=key.hex(), node=OWN_NAME)
        begun_s = time.perf_counter()
        await client.publish(
            subject, seal(question, keys, os.urandom(NONCE_BYTES)), self._subjects.reply(1)
        )
        message = await subscription.next_msg(self._timeout_s)
        open_message(message.data, self._parts.keys, Find)
        seconds = time.perf_counter() - begun_s
        await subscription.unsubscribe()
        return seconds

    async def _gather_nodes(self, client: Client) -> None:
        async def on_answer(message: Msg) -> None:
            try:
                node, _ = open_message(message.data, self._parts.keys, NodeHere)
            except BadBusMessage:
                # "Nobody", or a node with another secret, which would not be heard either.
                return
            self._nodes[node.node] = node

        await subscribe(client, self._subjects.all_replies, on_answer)
        question = FindNodes(v=VERSION, ask=os.urandom(8).hex(), node=OWN_NAME)
        data = seal(question, self._parts.keys[0], os.urandom(NONCE_BYTES))
        await client.publish(self._subjects.nodes, data, self._subjects.reply(2))
        await asyncio.sleep(GATHER_S)

    # -- the other nodes ------------------------------------------------------------------------

    def _look_at_node(self, node: NodeHere) -> None:
        what = f"node {node.node}"
        text = f"version {node.version}, {node.spares} spares, {node.pairs} pairs, at {node.link}"
        if node.relay_key not in (self._hello.relay_key, self._hello.next_key):
            self._note(what, Verdict.bad, text, "It has another relay key: copy the key_file.")
        elif node.rules != self._hello.rules:
            self._note(
                what,
                Verdict.doubtful,
                text,
                "Its access files or limits differ from those here.",
            )
        elif node.version != RELEASE:
            self._note(what, Verdict.doubtful, text, f"Here it is version {RELEASE}.")
        else:
            self._note(what, Verdict.good, text)

    async def _look_at_port(self, node: NodeHere) -> None:
        what = f"way to {node.node}"
        advice = "Is its `listen` let through by the firewalls, and `advertise` right?"
        loop = asyncio.get_running_loop()
        asked = _AskedNode(self._look_for_nobody)
        begun_s = time.perf_counter()
        try:
            host, port = parse_host_port(node.link)
            async with asyncio.timeout(self._timeout_s):
                await loop.create_connection(
                    lambda: NodeConnection(
                        asked,
                        Introduction(self._parts.keys, self._hello),
                        is_dialling=True,
                        socket_bytes=self._parts.table.limits.link_socket_bytes,
                    ),
                    host,
                    port,
                    ssl=self._parts.dialling,
                )
                answer = await asked.answer
        except BadNode as error:
            self._note(what, Verdict.bad, str(error), advice)
        except (OSError, TimeoutError, ValueError) as error:
            self._note(what, Verdict.bad, f"{node.link}: {words_of(error)}", advice)
        else:
            seconds = time.perf_counter() - begun_s
            text = f"hello and a visit in {seconds * 1000:.1f} ms"
            verdict = Verdict.good if answer == "no_spare" else Verdict.doubtful
            self._note(what, verdict, f"{text}; a made-up key: {answer}")

    def _look_for_nobody(self) -> control.Visit:
        """A visit for a key that nobody has."""
        return control.Visit(
            visit=os.urandom(8).hex(),
            source=Identity.generate().public_key.hex(),
            target=Identity.generate().public_key.hex(),
            address=OWN_NAME,
            wait_ms=0,
        )


class _AskedNode:
    """The owner of one connection, over which one visit is tried."""

    def __init__(self, make_visit: Callable[[], control.Visit]) -> None:
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._make_visit = make_visit

    def on_open(self, connection: NodeConnection) -> None:
        """See `NodeOwner.on_open`."""
        connection.send(self._make_visit())

    def on_message(self, connection: NodeConnection, message: control.Message) -> None:
        """See `NodeOwner.on_message`."""
        if isinstance(message, control.Waiting):
            # A node that was started a moment ago waits for its listeners to come back.
            return
        if not self.answer.done():
            told = message.cause if isinstance(message, control.Refused) else "joined"
            self.answer.set_result(told)
        connection.close()

    def on_lost(self, connection: NodeConnection, why: BadNode | None) -> None:
        """See `NodeOwner.on_lost`."""
        if not self.answer.done():
            self.answer.set_exception(why or ConnectionResetError("it hung up"))
