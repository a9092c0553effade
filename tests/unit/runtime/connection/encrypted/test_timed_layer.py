"""The one timer of a layer: when it comes, and that it does not outlive the connection."""

import pytest

from duologue.connection.base import Connection, ConnectionState
from duologue.connection.encrypted.timed_layer import TimedLayer
from duologue.connection.memory import connected_pair
from tests.pretend_loop import PretendLoop
from tests.support import turns


class Layer(TimedLayer):
    def __init__(self, carrier: Connection, loop: PretendLoop) -> None:
        super().__init__(carrier, loop)
        self.times = 0

    def wait(self, delay_s: float) -> None:
        self._call_in(delay_s)

    @property
    def is_waiting(self) -> bool:
        return self._timer is not None

    def _on_time(self) -> None:
        assert not self.is_waiting
        self.times += 1


class Pair:
    def __init__(self) -> None:
        self.loop = PretendLoop()
        self.carrier, self.far = connected_pair()
        self.layer = Layer(self.carrier, self.loop)
        self.layer.start()


async def test_it_comes_once_after_its_time() -> None:
    pair = Pair()
    pair.layer.wait(10)
    pair.loop.pass_time(9.9)
    assert (pair.layer.times, pair.layer.is_waiting) == (0, True)
    pair.loop.pass_time(20)
    assert (pair.layer.times, pair.layer.is_waiting) == (1, False)


async def test_a_time_that_has_passed_is_now() -> None:
    pair = Pair()
    pair.layer.wait(-1)
    pair.loop.pass_time(0)
    assert pair.layer.times == 1


@pytest.mark.parametrize("how", ["close", "terminate"])
@pytest.mark.parametrize("whose", ["carrier", "far", "layer"])
async def test_it_does_not_come_once_the_connection_is_closing(whose: str, how: str) -> None:
    pair = Pair()
    pair.layer.wait(10)
    end: Connection = getattr(pair, whose)
    if how == "close":
        end.close()
    else:
        end.terminate("over")
    await turns()
    assert pair.layer.state.current_state is not ConnectionState.OPEN
    assert not pair.layer.is_waiting
    pair.loop.pass_time(20)
    assert pair.layer.times == 0
