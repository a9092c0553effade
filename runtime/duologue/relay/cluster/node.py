"""One node of a cluster: a relay, a bus, and the ways to the other nodes."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from duologue.relay.cluster import control
from duologue.relay.cluster.bus import Bus
from duologue.relay.cluster.bus_messages import (
    VERSION,
    BadBusMessage,
    Find,
    FindNodes,
    Have,
    NodeHere,
    open_message,
    seal,
)
from duologue.relay.cluster.channel import Introduction
from duologue.relay.cluster.cluster_keys import ClusterKeys
from duologue.relay.cluster.directory import Announce, Change, Directory
from duologue.relay.cluster.lookup_records import LookupCounts
from duologue.relay.cluster.lookups import Lookups
from duologue.relay.cluster.other_nodes import OtherNodes
from duologue.relay.cluster.question_rates import QuestionRates
from duologue.relay.cluster.settings import ClusterSettings, RulesDigest
from duologue.relay.cluster.stock import Stock
from duologue.relay.cluster.subjects import Subjects
from duologue.relay.cluster.visits_in import VisitsIn
from duologue.relay.server.server import RelayServer
from duologue.version import VERSION as RELEASE

SWEEP_EVERY_S: Final = 1.0
NONCE_BYTES: Final = 24
NO_BUS: Final = "bus"
SECRET_UNREADABLE: Final = "new cluster secret cannot be read"


class ClusterNode:
    """Makes a relay one of several. Owns everything beside the relay itself.

    Invariant: what is on the bus changes nothing but whom is asked, over an authenticated
    connection.
    """

    def __init__(
        self,
        server: RelayServer,
        bus: Bus,
        settings: ClusterSettings,
        *,
        observe: Callable[[str, float], None] = lambda _name, _value: None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`server` must not be started yet. `observe`: see `LookupCounts`."""
        self.server = server
        self.bus = bus
        self.messages: Counter[str] = Counter()
        """On the bus, by what they are."""
        self.rejected: Counter[str] = Counter()
        """On the bus, by why."""
        self.links: Counter[str] = Counter()
        """Connections between nodes, by what became of them."""
        self.visits_in_counts: Counter[str] = Counter()
        self.run = random_bytes(8).hex()
        self.on_sweep: list[Callable[[], None]] = []
        """Called every second: for files that may have changed."""
        self.secret_fault = ""
        """Why the newest secret file is not in use; empty if it is."""
        self._settings = settings
        self._keys = tuple(settings.keys)
        self._random_bytes = random_bytes
        self._loop = asyncio.get_running_loop()
        self._others = OtherNodes(settings.node, self._loop.time)
        limits = settings.limits
        exchange = server.exchange
        self.directory = Directory(
            limits, lambda key: exchange.switchboard.look_at(key, self._loop.time())
        )
        self.stock = Stock(
            limits,
            self._introduction,
            self._loop,
            context=settings.dialling,
            counts=self.links,
            on_message=lambda connection, message: self.lookups.on_message(connection, message),
            on_lost=lambda connection: self.lookups.on_lost(connection),
            on_met=self._meet,
            complain=self._others.complain_of,
        )
        self.lookups = Lookups(
            limits,
            exchange,
            self.stock,
            self,
            self._loop,
            node=settings.node,
            spare_wait_s=server.limits.spare_wait_s,
            stall_s=server.limits.write_timeout_s,
            ask=self._ask,
            random_bytes=random_bytes,
            counts=LookupCounts(observe),
        )
        self.visits_in = VisitsIn(
            limits,
            server.door.link_limits,
            exchange,
            self._introduction,
            self._loop,
            read_bytes=server.limits.read_bytes,
            context=settings.accepting,
            counts=self.visits_in_counts,
            on_met=self._meet,
            complain=lambda text: self._others.complain(text, "at the node port: %s", text),
        )
        self._subjects = Subjects(settings.name, settings.node)
        self._questions = QuestionRates(limits)
        self._number = 0
        self.link = settings.advertise
        """Where other nodes are told to come."""
        self._rules = RulesDigest(server.limits)
        self._own_question = ""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def rules(self) -> str:
        """A digest of the access rules and limits."""
        return self._rules.of(self.server.exchange.access)

    def words(self) -> list[str]:
        """What is not as it should be, for `/readyz`."""
        found: list[str] = []
        if len(self.bus.servers()) < self.bus.count:
            found.append(NO_BUS)
        found += self._others.words(self.rules, self._loop.time())
        if self.secret_fault:
            found.append(SECRET_UNREADABLE)
        return found

    # -- from the start to the end --------------------------------------------------------------

    async def start(self) -> None:
        """Listen for other nodes, and be found from now on. Start the relay afterwards.

        Raises:
            OSError: the address cannot be had.
        """
        settings = self._settings
        await self.visits_in.start(settings.host, settings.port)
        if not self.link:
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            self.link = f"{host}:{self.visits_in.port}"
        exchange = self.server.exchange
        exchange.seeker = self.lookups
        exchange.switchboard.has_other_nodes = True
        exchange.switchboard.watcher = self
        self.server.door.links_may_be_given = True
        self.server.degradations.append(self.words)
        self.bus.listener = self
        self.bus.have(self._subjects.all_replies)
        self.bus.have(self._subjects.nodes)
        self._timer = self._loop.call_later(SWEEP_EVERY_S, self._sweep)
        self.on_bus_changed()

    async def drain(self, timeout_s: float | None = None) -> None:
        """End gracefully, as `RelayServer.drain` does, and leave the cluster.

        The node answers for its keys until their listeners have had time to come elsewhere: who
        asks for them meanwhile waits, and is not told that nobody is there.
        """
        self.directory.is_draining = True
        end_s = self._loop.time() + (
            self.server.limits.drain_timeout_s if timeout_s is None else timeout_s
        )
        await self.server.drain(timeout_s)
        while len(self.directory) and (now_s := self._loop.time()) < end_s:
            await asyncio.sleep(max(0.0, min(end_s, self.directory.due_s) - now_s))
            self._carry_out(self.directory.due(self._loop.time()))
        await self.close()

    async def close(self) -> None:
        """End at once."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.lookups.close()
        await self.visits_in.close()
        await self.stock.close()
        await self.server.close()
        await self.bus.close()

    def use_keys(self, keys: Sequence[ClusterKeys]) -> None:
        """Use the keys of other secrets: the first are used, all are accepted.

        Connections between nodes that are open stay.
        """
        old, self._keys = self._keys, tuple(keys)
        for key in self.directory:
            for each in self._keys:
                if each not in old:
                    self.bus.have(self._subjects.has(each, key))
            for each in old:
                if each not in self._keys:
                    self.bus.lose(self._subjects.has(each, key))

    # -- what requests must know ----------------------------------------------------------------

    def servers(self) -> Sequence[int]:
        """See `Surroundings.servers`."""
        return self.bus.servers()

    def is_in_doubt(self) -> bool:
        """See `Surroundings.is_in_doubt`."""
        return self.bus.is_in_doubt()

    def is_bad(self, node: str) -> bool:
        """See `Surroundings.is_bad`."""
        return self.stock.is_bad(node)

    # -- keys of this node ----------------------------------------------------------------------

    def note_gained(self, key: bytes) -> None:
        """See `KeyWatcher.note_gained`."""
        self._carry_out(self.directory.gain(key))

    def note_lost(self, key: bytes, *, comes_back: bool) -> None:
        """See `KeyWatcher.note_lost`."""
        self._carry_out(self.directory.lose(key, self._loop.time(), comes_back=comes_back))

    def _carry_out(self, changes: list[Change]) -> None:
        for change in changes:
            for keys in self._keys:
                subject = self._subjects.has(keys, change.key)
                if isinstance(change, Announce):
                    self.bus.have(subject)
                else:
                    self.bus.lose(subject)

    # -- the bus --------------------------------------------------------------------------------

    def on_bus_message(self, server: int, subject: str, reply: str, data: bytes) -> None:
        """See `BusListener.on_bus_message`."""
        try:
            if self._subjects.number_of(subject) is not None:
                self._take_answer(data)
            elif subject == self._subjects.nodes:
                self._answer_nodes(server, reply, data)
            else:
                self._answer_find(server, subject, reply, data)
        except BadBusMessage as error:
            self.rejected[str(error)] += 1

    def on_nobody(self, server: int, subject: str) -> None:
        """See `BusListener.on_nobody`."""
        number = self._subjects.number_of(subject)
        if number is not None:
            self.messages["nobody"] += 1
            self.lookups.take_nobody(number)

    def on_dropped(self) -> None:
        """See `BusListener.on_dropped`."""
        self.rejected["too_many"] += 1

    def on_bus_changed(self) -> None:
        """See `BusListener.on_bus_changed`: ask who is there, to see whether the name is taken."""
        servers = self.bus.servers()
        if not servers:
            return
        self._own_question = self._random_bytes(8).hex()
        question = FindNodes(v=VERSION, ask=self._own_question, node=self._settings.node)
        data = seal(question, self._keys[0], self._random_bytes(NONCE_BYTES))
        for each in servers:
            self.bus.send(each, self._subjects.nodes, data, self._next_reply()[1])

    def _next_reply(self) -> tuple[int, str]:
        self._number += 1
        return self._number, self._subjects.reply(self._number)

    def _ask(self, server: int, key: bytes, question: Find) -> int:
        keys = self._keys[0]
        number, reply = self._next_reply()
        data = seal(question, keys, self._random_bytes(NONCE_BYTES))
        self.messages["find_sent"] += 1
        self.bus.send(server, self._subjects.has(keys, key), data, reply)
        return number

    def _answer_find(self, server: int, subject: str, reply: str, data: bytes) -> None:
        self._look_at_rate(reply)
        question, keys = open_message(data, self._keys, Find)
        key = bytes.fromhex(question.key)
        if subject != self._subjects.has(keys, key):
            raise BadBusMessage("other_subject")
        self.messages["find"] += 1
        answer = self.directory.answer(key)
        if answer is None or question.node == self._settings.node:
            return
        state, free = answer
        have = Have(
            v=VERSION,
            ask=question.ask,
            node=self._settings.node,
            link=self.link,
            state=state,
            free=free,
        )
        self.messages["have_sent"] += 1
        self.bus.send(server, reply, seal(have, keys, self._random_bytes(NONCE_BYTES)))

    def _answer_nodes(self, server: int, reply: str, data: bytes) -> None:
        self._look_at_rate(reply)
        question, keys = open_message(data, self._keys, FindNodes)
        self.messages["find_nodes"] += 1
        if question.node == self._settings.node and question.ask != self._own_question:
            self._others.note_name_taken()
        board = self.server.exchange.switchboard
        here = NodeHere(
            v=VERSION,
            ask=question.ask,
            node=self._settings.node,
            link=self.link,
            relay_key=self._settings.relay_key.hex(),
            rules=self.rules,
            version=RELEASE,
            spares=board.spares,
            pairs=board.pairs,
            run=self.run,
        )
        self.bus.send(server, reply, seal(here, keys, self._random_bytes(NONCE_BYTES)))

    def _look_at_rate(self, reply: str) -> None:
        """Before anything is opened, which costs."""
        asker = self._subjects.asker_of(reply)
        if asker is None:
            raise BadBusMessage("other_reply")
        limit = self._questions.exceeded(asker, self._loop.time())
        if limit is not None:
            raise BadBusMessage(limit)

    def _take_answer(self, data: bytes) -> None:
        try:
            have, _ = open_message(data, self._keys, Have)
        except BadBusMessage as error:
            if str(error) != "malformed":
                raise
            self._take_node(open_message(data, self._keys, NodeHere)[0])
            return
        self.messages["have"] += 1
        if not self.lookups.take_have(have):
            self.messages["have_unasked"] += 1

    def _take_node(self, here: NodeHere) -> None:
        self.messages["node"] += 1
        if here.ask != self._own_question or here.run == self.run:
            return
        if here.node == self._settings.node:
            self._others.note_name_taken()
            return
        self._others.note_rules(here.node, here.rules, self.rules)
        if here.relay_key != self._settings.relay_key.hex() and self._settings.next_key is None:
            self._others.complain_of(here.node, "it has another relay key (key_file)")

    # -- other nodes ----------------------------------------------------------------------------

    def _introduction(self) -> Introduction:
        settings = self._settings
        next_key = settings.next_key
        return Introduction(
            self._keys,
            control.Hello(
                v=(control.LOWEST_VERSION, control.HIGHEST_VERSION),
                node=settings.node,
                run=self.run,
                relay_key=settings.relay_key.hex(),
                rules=self.rules,
                next_key=None if next_key is None else next_key.hex(),
            ),
        )

    def _meet(self, hello: control.Hello) -> None:
        if hello.node == self._settings.node and hello.run != self.run:
            self._others.note_name_taken()
        else:
            self._others.note_rules(hello.node, hello.rules, self.rules)

    def _sweep(self) -> None:
        now_s = self._loop.time()
        self._carry_out(self.directory.due(now_s))
        self.stock.sweep(now_s)
        self.lookups.sweep(now_s)
        for each in self.on_sweep:
            each()
        self._others.sweep(now_s)
        self._timer = self._loop.call_later(SWEEP_EVERY_S, self._sweep)
