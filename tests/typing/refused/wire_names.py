"""Names on the wire are none in Python; the values of enums of numbers are not their members."""

from tests.golden.packages.numbers.expected.golden.numbers.v1 import DeviceSetParams, State
from tests.golden.packages.wire_names.expected.golden.wire.v1 import Swapped, Tool, ToolsClient


async def wrong(tools: ToolsClient) -> None:
    Tool(name="a", inputSchema=1, class_name="b")  # refused
    await tools.call(toolName="a", thing=None)  # refused
    await tools.swap(a="1", b=2)  # refused
    print((await tools.swap(a=1, b=2)).c)  # refused


def wrong_numbers() -> None:
    Swapped(a=1)  # refused
    DeviceSetParams(state=1)  # refused
    DeviceSetParams(state=State.IDLE, level="low")  # refused
