"""Ten minutes of two peers and a line that fails, all decided by one seed, on a pretended clock.

Catalogue row 49. What must hold in every history: each call has one outcome, within its deadline; a
write runs at most once, and not at all if its caller is told that it has not left; items come in
order, and an end means that all have come; each event comes once and in order.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from duologue import ConnectionClosed, DeadlineExceeded, DuologueError, Limits
from duologue.connection.base import Connection
from duologue.endpoints.manner import Manner
from duologue.limits import MAX_TIMES_SENT
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.service import Offer
from tests.simulation.house import ADD, PUT, READ, House, HouseClient, Numbered, Spoiled
from tests.simulation.line import Line
from tests.virtual_time import VirtualTimeLoop

LIFE_S: Final = 600.0
PAUSE_S: Final = 8.0
"""Between two things that happen, on average."""
LATENESS_S: Final = 0.01
"""By which a call may settle behind its deadline: the timer's grain."""
EFFECTS: Final = {"read": READ, "put": PUT, "add": ADD}


@dataclass
class Outcome:
    """What a call came to."""

    kind: str
    due_s: float
    runs_at_most: int
    fates: list[str] = field(default_factory=list[str])
    """One, in the end."""


class World:
    """Makes its history, and judges it."""

    def __init__(self, seed: int) -> None:
        self.history: list[str] = []
        """Everything that was seen, with its time."""
        self._chance = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._runs: Counter[int] = Counter()
        self._outcomes: dict[int, Outcome] = {}
        self._gathered: dict[int, list[int]] = {}
        self._heard: list[int] = []
        self._ticks = 0
        self._wrong: list[str] = []
        self._acts: set[asyncio.Task[None]] = set()
        self._is_calm = False
        self._house = House(self)
        self._guest_manner = Manner(offer=Offer(()), limits=Limits())
        self._line: Line
        self._host: WebsocketPromisifier
        self.peer = self._guest_manner.begin_lasting(self._connect())
        self._client = HouseClient(self.peer)

    # -- what is served -------------------------------------------------------------------------

    async def run(self, number: int) -> None:
        """See `Runner`."""
        self._runs[number] += 1
        self._note(f"runs {number}")
        await asyncio.sleep(0 if self._is_calm else self._chance.choice((0, 0, 0, 0.5, 5, 40)))
        if self._chance.random() < 0.1:
            raise Spoiled

    async def pause(self) -> None:
        """See `Runner`."""
        if not self._is_calm and self._chance.random() < 0.1:
            await asyncio.sleep(self._chance.expovariate(0.5))

    def note_gathered(self, number: int, items: list[int]) -> None:
        """See `Runner`."""
        self._gathered[number] = items
        if items != list(range(len(items))):
            self._wrong.append(f"items of {number} came as {items}")

    # -- what is done ---------------------------------------------------------------------------

    async def live(self) -> None:
        """All of it, from the first word to the last."""
        keeper = asyncio.create_task(self._keep())
        ticks = self._client.on_ticked(self._hear)
        end_s = self._loop.time() + LIFE_S
        while self._loop.time() < end_s:
            await asyncio.sleep(self._chance.expovariate(1 / PAUSE_S))
            self._happen()
        await self._calm_down()
        self._judge(ticks.gaps, ticks.missed)
        self.peer.close()
        await self.peer.promise.wait()
        keeper.cancel()
        await asyncio.wait([keeper])

    def _happen(self) -> None:
        chance = self._chance
        what = chance.choices(
            ("call", "count", "gather", "tick", "cut", "half", "leave", "hold", "slow"),
            (30, 8, 8, 20, 3, 1, 2, 3, 3),
        )[0]
        self._note(what)
        match what:
            case "call":
                for _ in range(chance.choice((1, 1, 2, 5))):
                    self._act(self._call(chance.choice(("read", "put", "add"))))
            case "count":
                self._act(self._count(chance.randrange(200), chance.random() < 0.3))
            case "gather":
                self._act(self._gather(chance.randrange(200)))
            case "tick":
                self._tick()
            case "cut":
                self._line.cut()
            case "half":
                self._line.cut_near()
                self._loop.call_later(chance.uniform(0, 30), self._line.cut)
            case "leave":
                self._act(self._leave(self._host))
            case "hold":
                line = self._line
                line.hold()
                self._loop.call_later(chance.uniform(0, 20), line.release)
            case _:
                self._line.delay_s = chance.choice((0.0, 0.001, 0.05, 2.0))

    def _act(self, act: Any) -> None:
        task = asyncio.ensure_future(act)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)

    def _open(self, kind: str, timeout_s: float, runs_at_most: int) -> int:
        number = len(self._outcomes)
        due_s = self._loop.time() + timeout_s
        self._outcomes[number] = Outcome(kind, due_s, runs_at_most)
        return number

    def _settle(self, number: int, fate: str) -> None:
        outcome = self._outcomes[number]
        outcome.fates.append(fate)
        self._note(f"{outcome.kind} {number} {fate}")
        if self._loop.time() > outcome.due_s + LATENESS_S:
            self._wrong.append(f"{outcome.kind} {number} settled {fate} behind its deadline")

    async def _call(self, effect: str) -> None:
        timeout_s = self._chance.choice((2.0, 10.0, 60.0))
        number = self._open(effect, timeout_s, 1 if effect == "add" else MAX_TIMES_SENT)
        client = self._client.with_options(timeout=timeout_s)
        call = asyncio.ensure_future(client.call(EFFECTS[effect], number))
        if self._chance.random() < 0.1:
            self._loop.call_later(self._chance.uniform(0, 10), call.cancel)
        try:
            fate = "answered" if await call == number else "answered for another"
        except asyncio.CancelledError:
            fate = "cancelled"
        except DuologueError as error:
            fate = fate_of(error)
        self._settle(number, fate)

    async def _count(self, upto: int, stops_early: bool) -> None:
        number = self._open("count", LIFE_S * 2, 1)
        came = list[int]()
        try:
            async with self._client.count(number=number, upto=upto) as items:
                async for item in items:
                    came.append(item)
                    if stops_early and len(came) > upto // 2:
                        break
                else:
                    if len(came) != upto or await items.result() != upto:
                        self._wrong.append(f"count {number} has ended after {len(came)} of {upto}")
            fate = "answered"
        except DuologueError as error:
            fate = fate_of(error)
        if came != list(range(len(came))):
            self._wrong.append(f"items of {number} came as {came}")
        self._settle(number, fate)

    async def _gather(self, count: int) -> None:
        number = self._open("gather", LIFE_S * 2, 1)
        fate = "answered"
        try:
            async with self._client.gather(number=number) as up:
                for item in range(count):
                    await self.pause()
                    await up.send(item)
                if await up.result() != count or self._gathered.get(number, []) != [*range(count)]:
                    self._wrong.append(f"gather {number} was answered without all of its items")
        except DuologueError as error:
            fate = fate_of(error)
        self._settle(number, fate)

    def _tick(self) -> None:
        self._house.emit_ticked(number=self._ticks)
        self._ticks += 1

    def _hear(self, ticked: Numbered) -> None:
        self._heard.append(ticked.number)
        self._note(f"hears {ticked.number}")

    async def _leave(self, host: WebsocketPromisifier) -> None:
        await host.drain(self._chance.uniform(0, 5))
        host.close("the server is shutting down")

    # -- connections come and go ----------------------------------------------------------------

    def _connect(self) -> Connection:
        self._line = Line(self._chance.choice((0.0, 0.001, 0.05)))
        manner = Manner(offer=Offer((self._house,)), limits=Limits())
        self._host = manner.begin(self._line.host, "acceptor")
        self._note("connected")
        return self._line.guest

    async def _keep(self) -> None:
        def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
            self._guest_manner.greet(peer, connection, "connector")

        await self.peer.stand()
        while True:
            await self.peer.went_away()
            self._note("away")
            if not self._is_calm:
                await asyncio.sleep(self._chance.expovariate(0.3))
            await self.peer.go_on(self._connect(), greet)

    async def _calm_down(self) -> None:
        """Everything that is under way comes to its end, and then there is one event more."""
        self._is_calm = True
        self._line.delay_s = 0.0
        self._line.release()
        async with asyncio.timeout(LIFE_S):
            while self._acts:
                await asyncio.wait(self._acts)
        await asyncio.sleep(60)
        self._tick()
        await asyncio.sleep(1)

    # -- what must hold -------------------------------------------------------------------------

    def _judge(self, gaps: int, missed: int) -> None:
        for number, outcome in self._outcomes.items():
            runs = self._runs[number]
            what = f"{outcome.kind} {number}: {outcome.fates}, ran {runs} times"
            if len(outcome.fates) != 1:
                self._wrong.append(f"{what}; it has one outcome")
                continue
            least = 1 if outcome.fates[0] in ("answered", "spoiled") else 0
            most = 0 if outcome.fates[0] == "lost no" else outcome.runs_at_most
            if not least <= runs <= most or outcome.fates[0] == "answered for another":
                self._wrong.append(f"{what}; {least} to {most} were right")
        if self._heard != list(range(self._ticks)) or gaps or missed:
            self._wrong.append(
                f"of {self._ticks} events it heard {self._heard}; {gaps} gaps, {missed} missed"
            )
        if self._wrong:
            raise AssertionError("\n".join(self._wrong))

    def _note(self, what: str) -> None:
        self.history.append(f"{self._loop.time():.6f} {what}")


def fate_of(error: DuologueError) -> str:
    """What an error says became of a call."""
    match error:
        case ConnectionClosed():
            return f"lost {error.sent}"
        case Spoiled():
            return "spoiled"
        case DeadlineExceeded():
            return "late"
        case _:
            return f"failed with {error!r}"


def simulate(seed: int) -> list[str]:
    """The history of one world.

    Raises:
        AssertionError: it is one that may not be; the text says which seed makes it again.
    """
    complaints = list[dict[str, Any]]()

    async def live() -> list[str]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        world = World(seed)
        await world.live()
        await asyncio.sleep(60)
        left = [repr(each) for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        assert left == []
        return world.history

    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            history = runner.run(live())
        assert complaints == []
    except (AssertionError, TimeoutError) as error:
        raise AssertionError(f"seed {seed}: {error!r}\n{error}") from error
    return history
