"""Contracts from the world as it is, each made a package, imported and called."""

import ast
import inspect
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from duologue.errors import InvalidParams, InvalidResult
from duologue.testing import linked
from duologue_codegen.checks import check
from duologue_codegen.diagnostics import render_text
from duologue_codegen.reading.project import load_project
from tests.unit.codegen.contracts import write
from tests.unit.codegen.packages import made_package

BUS = """
duologue: 1
package: bus.v1
types:
  Bus:
    enum: {i2c: Two wires., k8s: "", p2p: "", utf8mb4: "", ipv4only: "", one_wire: "", mro: ""}
    open: true
  Config: {fields: {bus: {type: Bus, default: i2c}, text: {type: Bus, default: utf8mb4}}}
services:
  Sensor:
    methods:
      set_up: {id: 1, params: {bus: {type: Bus, default: p2p}}, returns: Config}
      i2c: {id: 2, returns: Bus}
"""


async def test_names_with_digits_are_the_same_everywhere(tmp_path: Path) -> None:
    with made_package(BUS, "bus.v1", tmp_path) as bus:
        assert [member.name for member in bus.Bus] == [
            *("I2C", "K8S", "P2P", "UTF8MB4", "IPV4ONLY", "ONE_WIRE", "MRO"),
        ]

        class Sensor(bus.SensorService):  # type: ignore[misc, name-defined]
            def set_up(self, params: Any, ctx: object) -> Any:
                return bus.Config(bus=params.bus)

            def i2c(self, ctx: object) -> Any:
                return bus.Bus.I2C

        async with linked(Sensor(), bus.SensorClient) as sensor:
            assert await sensor.set_up() == bus.Config(bus=bus.Bus.P2P, text=bus.Bus.UTF8MB4)
            assert await sensor.i2c() is bus.Bus.I2C
            assert bus.Config().bus is bus.Bus.I2C


def test_a_contract_may_have_nothing_but_an_enum_of_numbers(tmp_path: Path) -> None:
    text = """
duologue: 1
package: words.v1
types:
  State: {enum: {idle: {value: 0}, busy: {value: 1}}, open: false}
"""
    with made_package(text, "words.v1", tmp_path) as words:
        assert words.State.BUSY == 1


DEVICE = """
duologue: 1
package: device.v1
types:
  Cell: {fields: {register: int, mro: {type: string, default: x}}}
services:
  Modbus:
    methods:
      register: {id: 1, returns: string}
      mro: {id: 3, returns: Cell}
      read: {id: 2, params: {register: {type: int32, max: 65535}, mro: bool}, returns: int32}
"""


async def test_fields_may_be_called_as_attributes_of_every_class_are(tmp_path: Path) -> None:
    with made_package(DEVICE, "device.v1", tmp_path) as device:

        class Modbus(device.ModbusService):  # type: ignore[misc, name-defined]
            def register(self, ctx: object) -> str:
                return "there"

            def mro(self, ctx: object) -> Any:
                return device.Cell(register=7)

            def read(self, params: Any, ctx: object) -> int:
                return int(params.register) + int(params.mro)

        async with linked(Modbus(), device.ModbusClient) as modbus:
            assert await modbus.register() == "there"
            assert await modbus.mro() == device.Cell(register=7, mro="x")
            assert await modbus.read(register=40_000, mro=True) == 40_001
        with pytest.raises(ValidationError, match=r"register\n +Field required"):
            device.Cell()


FAULTS = """
duologue: 1
package: faults.v1
errors:
  NotAllowed: {doc: Only a super user may., fields: {super: bool}}
  Gone:
    doc: It is no longer there.
    fields: {id: {type: string, deprecated: Use key.}, key: {type: optional string}}
    message: "{id} is gone, '{key}'"
services:
  Admin:
    methods:
      reboot: {id: 1, errors: [NotAllowed]}
      get: {id: 2, params: {key: {type: string, deprecated: "Nothing."}}, errors: [Gone]}
"""


async def test_errors_are_raised_and_read_whatever_their_fields_are(tmp_path: Path) -> None:
    with made_package(FAULTS, "faults.v1", tmp_path) as faults:

        class Admin(faults.AdminService):  # type: ignore[misc, name-defined]
            def reboot(self, ctx: object) -> None:
                raise faults.NotAllowed(super=True)

            def get(self, params: Any, ctx: object) -> None:
                raise faults.Gone(id="x")

        async with linked(Admin(), faults.AdminClient) as admin:
            with pytest.raises(faults.NotAllowed) as refused:
                await admin.reboot()
            assert refused.value.data.super is True
            with pytest.raises(faults.Gone, match=r"^x is gone, 'None'$"):
                await admin.get(key="x")


@pytest.mark.parametrize(
    "doc", ['A literal is written """text"""', '"""', 'Or \\"""', "Ends in \\", '\\"', "'''\""]
)
def test_a_doc_ends_as_it_likes(doc: str, tmp_path: Path) -> None:
    quoted = doc.replace("'", "''")
    text = f"duologue: 1\npackage: docs.v1\ntypes: {{A: {{doc: '{quoted}', fields: {{}}}}}}\n"
    with made_package(text, "docs.v1", tmp_path) as docs:
        assert inspect.getdoc(docs.A) == doc
        assert ast.get_docstring(ast.parse(inspect.getsource(docs.A)).body[0]) == doc  # type: ignore[arg-type]


FRAME = """
duologue: 1
package: frame.v1
types:
  Frame:
    schema:
      type: object
      required: [version, body]
      properties: {version: {const: "2.0"}, body: {type: string}, hint: {const: x}}
"""


def test_a_constant_that_is_required_must_be_there(tmp_path: Path) -> None:
    with made_package(FRAME, "frame.v1", tmp_path) as frame:
        text = '{"version":"2.0","body":"b"}'
        read = frame.Frame.model_validate_json(text)
        assert read == frame.Frame(version="2.0", body="b")
        assert read.model_dump_json() == text
        for wrong in ('{"body":"b"}', '{"version":"1.0","body":"b"}'):
            with pytest.raises(ValidationError, match="version"):
                frame.Frame.model_validate_json(wrong)


TREES = """
duologue: 1
package: trees.v1
types:
  Node: {fields: {name: string, children: {type: list of Node, default: []}}}
  Expr: {union: {lit: Lit, neg: Neg}, tag: op, open: false}
  Lit: {fields: {value: int}}
  Neg: {fields: {of: Expr}}
services:
  Trees:
    methods:
      node: {id: 1, params: {n: Node}, returns: Node}
      expr: {id: 2, params: {e: Expr}, returns: Expr}
      deep: {id: 3, params: {levels: int}, returns: Node}
"""


async def test_deep_values_arrive_or_are_refused_at_once(tmp_path: Path) -> None:
    with made_package(TREES, "trees.v1", tmp_path) as trees:

        def node(levels: int) -> Any:
            made = trees.Node(name="leaf")
            for _ in range(levels):
                made = trees.Node(name="n", children=[made])
            return made

        class Trees(trees.TreesService):  # type: ignore[misc, name-defined]
            def node(self, params: Any, ctx: object) -> Any:
                return params.n

            def expr(self, params: Any, ctx: object) -> Any:
                return params.e

            def deep(self, params: Any, ctx: object) -> Any:
                return node(params.levels)

        async with linked(Trees(), trees.TreesClient) as client:
            assert await client.node(n=node(90)) == node(90)
            for levels in (110, 140, 260):
                with pytest.raises(InvalidParams):
                    await client.node(n=node(levels))
                with pytest.raises(InvalidResult):
                    await client.deep(levels=levels)
            expr = trees.Lit(value=1)
            for _ in range(130):
                expr = trees.Neg(of=expr)
            assert await client.expr(e=expr) == expr


TIMES = """
duologue: 1
package: times.v1
services:
  Clock:
    methods:
      at: {id: 1, params: {x: datetime}, returns: datetime}
      day: {id: 2, params: {x: time}, returns: time}
      text: {id: 3, params: {x: datetime}, returns: string}
"""


async def test_an_instant_stays_the_same_whatever_its_offset(tmp_path: Path) -> None:
    with made_package(TIMES, "times.v1", tmp_path) as times:

        class Clock(times.ClockService):  # type: ignore[misc, name-defined]
            def at(self, params: Any, ctx: object) -> datetime:
                return datetime.fromisoformat("1971-06-01T00:00:00-00:44:30")

            def day(self, params: Any, ctx: object) -> time:
                return time(12, tzinfo=timezone(timedelta(seconds=1)))

            def text(self, params: Any, ctx: object) -> str:
                return str(params.x.astimezone(UTC).isoformat())

        async with linked(Clock(), times.ClockClient) as clock:
            sent = datetime(1971, 6, 1, tzinfo=ZoneInfo("Africa/Monrovia"))
            assert await clock.text(x=sent) == "1971-06-01T00:44:30+00:00"
            assert await clock.at(x=sent) == sent
            with pytest.raises(InvalidParams, match="offset of a time has whole minutes"):
                await clock.day(x=time(12, tzinfo=timezone(timedelta(seconds=1))))
            with pytest.raises(InvalidResult):
                await clock.day(x=time(12))


@pytest.mark.parametrize(
    ("package", "import_root", "message"),
    [
        ("async.v1", "generated", "`async` is a keyword of Python"),
        ("jobs.class.v1", "generated", "`class` is a keyword of Python"),
        ("duologue.v1", "", "would hide the module of that name: `import_root` is empty"),
        ("pydantic.v1", "", "would hide the module of that name: `import_root` is empty"),
        ("json.v1", "", "would hide the module of that name: `import_root` is empty"),
        ("duologue.v1", "generated", ""),
        ("match.type.v1", "", ""),
        ("jobs.duologue.v1", "", ""),
    ],
)
def test_a_folder_must_be_a_name(
    package: str, import_root: str, message: str, tmp_path: Path
) -> None:
    text = f"duologue: 1\npackage: {package}\ntypes: {{Job: {{fields: {{id: string}}}}}}\n"
    write(tmp_path, f"{package.replace('.', '/')}.yaml", text)
    project = load_project(tmp_path, import_root=import_root)
    shown = render_text(check(project), project.sources)
    assert message in shown
    assert bool(shown) is bool(message)
