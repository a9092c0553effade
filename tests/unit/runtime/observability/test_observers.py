"""What observers see of conversations, and that nothing of it disturbs them."""

import asyncio
import io
import json
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry

import duologue
from duologue import CallError, Identity, InternalError, Observer, serve
from duologue.connection.base import Connection
from duologue.observability import FrameLog, Lines
from duologue.observability.measures import MAX_CODES, Codes
from duologue.observability.opentelemetry import OpenTelemetry
from duologue.observability.prometheus import Prometheus
from duologue.observability.usual import usual_observers
from duologue.observer import OTHER, CallSeen, ConnectionSeen, Direction, Outcome
from duologue.promisifier.observing import ObservedConnection
from duologue.testing import linked_peers
from duologue.testing.conversation.service import (
    CheckedClient,
    CheckedService,
    Refusal,
    Step,
)
from tests.support import turns

CHECKED = "duologue.testing.v1.Checked"
SECRET = "canary-5f1c"


class Recording(Observer):
    """Keeps all it is told, as tuples."""

    def __init__(self, *, wants_frames: bool = False) -> None:
        self.wants_frames = wants_frames
        self.told: list[tuple[Any, ...]] = []

    def connection_opened(self, connection: ConnectionSeen) -> None:
        self.told.append(("opened",))

    def connection_closed(self, connection: ConnectionSeen, code: int, reason: str) -> None:
        self.told.append(("closed", code))

    def call_started(self, call: CallSeen) -> None:
        self.told.append(("started", self._side(call), call.method))

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        assert outcome.seconds >= 0
        self.told.append(("ended", self._side(call), call.method, outcome.code))

    def items(self, call: CallSeen, direction: Direction, number: int, size: int) -> None:
        assert size >= 0
        self.told.append(("items", self._side(call), call.method, direction, number))

    def event(self, name: str, direction: Direction, missed: int) -> None:
        self.told.append(("event", name, direction, missed))

    def frame(self, connection: ConnectionSeen, direction: Direction, message: str | bytes) -> None:
        self.told.append(("frame", direction, message))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [each[1:] for each in self.told if each[0] == kind]

    def _side(self, call: CallSeen) -> str:
        return "made" if call.is_own else "served"


async def _cancelled(client: CheckedClient) -> None:
    call = asyncio.ensure_future(client.hold())
    await turns()
    call.cancel()
    await asyncio.wait([call])


async def _late(client: CheckedClient) -> None:
    with pytest.raises(duologue.DeadlineExceeded):
        await client.with_options(timeout=0.01).hold()


async def _refused(client: CheckedClient) -> None:
    with pytest.raises(Refusal):
        await client.refuse(text="x")


async def _failed(client: CheckedClient) -> None:
    with pytest.raises(InternalError):
        await client.fail()


async def _streamed(client: CheckedClient) -> None:
    assert await (await client.pour()).read()


async def _answered(client: CheckedClient) -> None:
    assert await client.echo(text="x") == "x"


async def _parts(client: CheckedClient) -> None:
    assert len(await client.blob(data=bytes(100_000))) == 100_000


OUTCOMES: list[tuple[Callable[[CheckedClient], Any], str, str, str]] = [
    (_answered, "echo", "ok", "ok"),
    (_parts, "blob", "ok", "ok"),
    (_streamed, "pour", "ok", "ok"),
    (_refused, "refuse", "refusal", "refusal"),
    (_failed, "fail", "INTERNAL", "INTERNAL"),
    (_cancelled, "hold", "given up", "CANCELLED"),
    (_late, "hold", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
]


@pytest.mark.parametrize(
    ("act", "method", "made", "served"), OUTCOMES, ids=[each[0].__name__ for each in OUTCOMES]
)
async def test_a_call_has_a_beginning_and_one_end_on_each_side(
    act: Callable[[CheckedClient], Any], method: str, made: str, served: str
) -> None:
    seen = Recording()
    async with linked_peers([CheckedService()], observers=[seen]) as (_, peer):
        await act(CheckedClient(peer))
        await turns(20)
    name = f"{CHECKED}/{method}"
    assert sorted(seen.of("started")) == [("made", name), ("served", name)]
    ends = {side: code for side, _, code in seen.of("ended")}
    assert ends["made"] == made
    assert ends["served"] in (served, "CANCELLED"), "a race of two deadlines has two ends"
    assert len(seen.of("ended")) == 2
    assert seen.of("opened") == [(), ()]
    assert seen.of("closed") == [(1000,), (1000,)]


async def test_calls_that_are_open_at_the_end_are_lost() -> None:
    seen = Recording()
    service = CheckedService()
    async with linked_peers([service], observers=[seen]) as (_, peer):
        call = asyncio.ensure_future(CheckedClient(peer).hold())
        await service.begun.wait()
    await asyncio.wait([call])
    assert sorted(each[2] for each in seen.of("ended")) == ["lost", "lost"]


async def test_numbers_without_a_contract_are_one_name() -> None:
    seen = Recording()
    async with linked_peers(observers=[seen]) as (provider, peer):
        provider.add_service(5, abs)
        assert await peer.send(5, -1) == 1
        for number in range(100, 120):
            with pytest.raises(CallError):
                await peer.send(number)
    assert {each[1] for each in seen.of("started")} == {OTHER}
    codes = {each[2] for each in seen.of("ended")}
    assert codes == {"ok", "UNKNOWN-SERVICE"}


async def test_items_are_counted_on_both_sides_and_ways_bytes_too() -> None:
    seen = Recording()
    async with linked_peers([CheckedService()], observers=[seen]) as (_, peer):
        client = CheckedClient(peer)
        async with client.mirror() as exchange:
            exchange.send_all([Step(number=each) for each in range(10)])
            assert len([each async for each in exchange]) == 10
        async with client.store() as up:
            await up.send_all([b"one", b"two"])
            await up.result()
        assert len([each async for each in client.fetch()]) == 50
    total: dict[tuple[str, str, str], int] = {}
    for side, name, direction, number in seen.of("items"):
        key = (name.rpartition("/")[2], side, direction)
        total[key] = total.get(key, 0) + number
    assert total == {
        ("mirror", "made", "out"): 10,
        ("mirror", "made", "in"): 10,
        ("mirror", "served", "in"): 10,
        ("mirror", "served", "out"): 10,
        ("store", "made", "out"): 2,
        ("store", "served", "in"): 2,
        ("fetch", "served", "out"): 50,
        ("fetch", "made", "in"): 50,
    }


async def test_events_have_their_names_on_both_sides() -> None:
    seen = Recording()
    service = CheckedService()
    async with (
        linked_peers([service], observers=[seen]) as (_, peer),
        CheckedClient(peer).on_told() as told,
    ):
        service.emit_told(text="a")
        await anext(told)
    assert seen.of("event") == [(f"{CHECKED}/told", "out", 0), (f"{CHECKED}/told", "in", 0)]


async def test_one_that_raises_is_told_nothing_more_and_the_others_and_calls_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Observer):
        told = 0

        def call_started(self, call: CallSeen) -> None:
            self.told += 1
            raise ValueError("broken")

    broken, seen = Broken(), Recording()
    async with linked_peers([CheckedService()], observers=[broken, seen]) as (_, peer):
        for _ in range(3):
            await CheckedClient(peer).echo(text="a")
    assert len(seen.of("started")) == 6
    # Each end of the pair is an endpoint of its own.
    assert broken.told == 2
    assert len([each for each in caplog.messages if "is told nothing more" in each]) == 2


async def test_without_observers_nothing_stands_between_a_peer_and_its_connection() -> None:
    def carrier_of(peer: Any) -> Connection:
        connection: Connection = peer._conversation.connection
        return connection

    async with linked_peers() as (left, _):
        assert not isinstance(carrier_of(left), ObservedConnection)
    async with linked_peers(observers=[Recording()]) as (left, _):
        assert isinstance(carrier_of(left), ObservedConnection)


# -- frames ----------------------------------------------------------------------------------------


async def _frames(show: Any) -> tuple[str, list[dict[str, Any]]]:
    stream = io.StringIO()
    stream.name = "the stream"
    log = FrameLog(stream, show, clock=lambda: 5.0)
    async with linked_peers([CheckedService()], observers=[log]) as (_, peer):
        client = CheckedClient(peer, meta={"token": SECRET})
        await client.echo(text=SECRET)
        await client.blob(data=SECRET.encode() * 1000)
    text = stream.getvalue()
    return text, [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("show", ["sizes", "shape"])
async def test_frames_without_their_contents_hold_nothing_of_what_was_said(show: str) -> None:
    text, lines = await _frames(show)
    assert SECRET not in text
    assert SECRET.encode().hex() not in text
    assert {line["kind"] for line in lines} == {"request", "data", "bytes"}
    assert all(line["time"] == 5.0 and line["size"] > 0 for line in lines)
    assert {line["direction"] for line in lines} == {"in", "out"}


async def test_the_shape_of_a_frame_has_keys_types_and_lengths() -> None:
    _, lines = await _frames("shape")
    echo = next(
        line["message"] for line in lines if line.get("message", {}).get("serviceId") == 9001
    )
    assert echo["args"] == [{"text": f"text of {len(SECRET)}"}]
    assert echo["meta"] == {"token": f"text of {len(SECRET)}"}
    assert (echo["type"], echo["timeoutMs"]) == ("request", 30000)


async def test_full_frames_are_announced_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = await _frames("full")
    assert SECRET in text
    assert "the stream gets all that is said" in capsys.readouterr().err


def test_a_file_of_frames_is_its_owners_alone_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    seen = ConnectionSeen(1, "there\x1b[31m", is_encrypted=False)
    for _ in range(2):
        FrameLog(path).frame(seen, "in", '{"type":"data\\u001b[31m"}')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().count("\n") == 2
    assert "\x1b" not in path.read_text()


@pytest.mark.parametrize("text", ["", "[", "5", "null", "[1]", '{"type":5}'])
def test_what_is_no_message_is_a_line_all_the_same(text: str) -> None:
    stream = io.StringIO()
    FrameLog(stream).frame(ConnectionSeen(1, None, is_encrypted=False), "in", text)
    assert json.loads(stream.getvalue())["size"] == len(text)


def test_frames_are_shown_in_one_of_three_ways() -> None:
    with pytest.raises(ValueError, match="'sizes', 'shape' or 'full'"):
        FrameLog(io.StringIO(), "all")  # type: ignore[arg-type]


async def test_a_variable_of_the_environment_switches_frames_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "frames"
    monkeypatch.setenv("DUOLOGUE_FRAMES", str(path))
    async with linked_peers([CheckedService()]) as (_, peer):
        await CheckedClient(peer).echo(text=SECRET)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) >= 6
    assert SECRET not in path.read_text()


# -- lines of the log ------------------------------------------------------------------------------


async def test_at_debug_there_is_one_line_for_a_call_and_one_for_a_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "duologue.calls")
    caplog.set_level(logging.DEBUG, "duologue.connections")
    async with linked_peers([CheckedService()]) as (_, peer):
        await CheckedClient(peer).echo(text=SECRET)
    records: list[Any] = list(caplog.records)
    calls = [each for each in records if each.name == "duologue.calls"]
    assert [(each.direction, each.method, each.outcome) for each in calls] == [
        ("in", f"{CHECKED}/echo", "ok"),
        ("out", f"{CHECKED}/echo", "ok"),
    ]
    assert all(each.event_name == "call_ended" and each.ms >= 0 for each in calls)
    closed = [each for each in records if each.name == "duologue.connections"]
    assert [(each.event_name, each.code, each.calls) for each in closed] == [
        ("connection_closed", 1000, 1)
    ] * 2
    assert not any(SECRET in f"{vars(each)}" for each in records)


def test_nobody_looks_on_unless_somebody_wants_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUOLOGUE_FRAMES", raising=False)
    logging.getLogger("duologue.calls").setLevel(logging.INFO)
    logging.getLogger("duologue.connections").setLevel(logging.INFO)
    try:
        assert usual_observers() == []
        logging.getLogger("duologue.calls").setLevel(logging.DEBUG)
        assert [type(each) for each in usual_observers()] == [Lines]
    finally:
        logging.getLogger("duologue.calls").setLevel(logging.NOTSET)
        logging.getLogger("duologue.connections").setLevel(logging.NOTSET)


# -- metrics ---------------------------------------------------------------------------------------


async def _measured(observer: Observer) -> None:
    service = CheckedService()
    async with linked_peers([service], observers=[observer]) as (_, peer):
        client = CheckedClient(peer)
        await _answered(client)
        await _refused(client)
        async with client.count(number=3) as log:
            assert len([each async for each in log]) == 3
        async with client.on_told() as told:
            service.emit_told(text="a")
            await anext(told)


async def test_prometheus_has_durations_by_method_and_code_and_no_more() -> None:
    registry = CollectorRegistry()
    await _measured(Prometheus(registry))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    for side in ("server", "client"):
        name = f"rpc_{side}_call_duration_seconds_count"
        assert value(name, rpc_method=f"{CHECKED}/echo", error_type="") == 1
        assert value(name, rpc_method=f"{CHECKED}/refuse", error_type="refusal") == 1
        assert value("duologue_calls_active", side=side) == 0
    assert value("duologue_connections") == 0
    for direction in ("in", "out"):
        name = f"{CHECKED}/count"
        assert value("duologue_items_total", rpc_method=name, direction=direction) == 3
        name = f"{CHECKED}/told"
        assert value("duologue_events_total", event=name, direction=direction) == 1


async def test_opentelemetry_has_the_same_by_the_names_of_its_conventions() -> None:
    reader = InMemoryMetricReader()
    await _measured(OpenTelemetry(MeterProvider([reader])))
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    for side in ("server", "client"):
        points: Any = metrics[f"rpc.{side}.call.duration"].data.data_points
        counts = {
            (each.attributes["rpc.method"], each.attributes.get("error.type")): each.count
            for each in points
        }
        assert counts[f"{CHECKED}/echo", None] == counts[f"{CHECKED}/refuse", "refusal"] == 1
    active: Any = metrics["duologue.calls.active"].data.data_points
    assert [each.value for each in active] == [0, 0]


def test_codes_that_somebody_makes_up_are_bounded() -> None:
    codes = Codes()
    call = CallSeen(ConnectionSeen(1, None, is_encrypted=False), True, "a/b", 1, 0.0)
    labels = {codes.label(call, f"code {number}") for number in range(1000)}
    assert len(labels) == MAX_CODES + 1
    assert codes.label(call, "ok") == ""
    assert codes.label(call, "x" * 1000) == OTHER
    assert codes.label(call, "code 0") == "code 0"


# -- how things are shown --------------------------------------------------------------------------


async def test_peers_clients_and_servers_say_who_and_how_they_are() -> None:
    ann, ben = Identity.generate(), Identity.generate()
    server = serve(CheckedService(), identity=ben, allow={ann.public_key})
    key = ben.public_key.hex()[:8]
    assert f"{server!r}" == f"<Server at 127.0.0.1:0 key={key} not entered peers=0>"
    async with server:
        url = f"ws://127.0.0.1:{server.port}"
        async with duologue.connect(url, identity=ann, to=ben.public_key) as peer:
            client = CheckedClient(peer)
            await client.echo(text="a")
            assert f"key={key} connected made=1 served=0 open=0>" in f"{peer!r}"
            assert f"{client!r}" == f"<CheckedClient of {CHECKED} over {peer!r}>"
            assert f"{server!r}" == f"<Server at 127.0.0.1:{server.port} key={key} running peers=1>"
    assert "closed peers=0" in f"{server!r}"
    assert "closed" in f"{peer!r}"
