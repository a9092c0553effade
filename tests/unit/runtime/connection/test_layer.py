"""A layer passes on its carrier's state, and holds messages back below itself."""

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.layer import Layer
from duologue.errors import BadFrame, LimitExceeded
from tests.pretend_loop import PretendCarrier


def stack_of(number: int) -> tuple[PretendCarrier, list[Layer]]:
    carrier = PretendCarrier()
    layers: list[Layer] = []
    below: Connection = carrier
    for _ in range(number):
        below = Layer(below)
        layers.append(below)
    for layer in reversed(layers):
        layer.start()
    return carrier, layers


def waiting(carrier: PretendCarrier, layers: list[Layer]) -> list[int]:
    """How many messages wait where, from the carrier upwards."""
    return [len(each.on_message.backlog) for each in (carrier, *layers)]


def test_it_is_the_connection_that_it_wraps_to_whoever_asks() -> None:
    carrier = PretendCarrier()
    carrier.remote_address = "10.0.0.7:4711"
    carrier.remote_key = b"k" * 32
    layer = Layer(carrier)
    assert (layer.id, layer.remote_address, layer.remote_key) == (
        carrier.id,
        "10.0.0.7:4711",
        b"k" * 32,
    )


def test_of_messages_that_nobody_takes_each_layer_holds_one_and_the_carrier_the_rest() -> None:
    carrier, layers = stack_of(3)
    carrier.arrive(*(f"{number}" for number in range(10)))
    assert waiting(carrier, layers) == [7, 1, 1, 1]
    assert [layer.is_listening for layer in layers] == [False, False, False]


def test_a_listener_gets_all_that_waited_in_order_and_the_layers_listen_again() -> None:
    carrier, layers = stack_of(3)
    arrived: list[Message] = []
    carrier.arrive(*(f"{number}" for number in range(10)))
    layers[-1].on_message.listen(arrived.append)
    carrier.arrive("10", b"11")
    assert arrived == [*(f"{number}" for number in range(11)), b"11"]
    assert waiting(carrier, layers) == [0, 0, 0, 0]
    assert all(layer.is_listening for layer in layers)


def test_a_listener_that_takes_one_message_leaves_the_others() -> None:
    carrier, layers = stack_of(2)
    arrived: list[Message] = []
    carrier.arrive("1", "2", "3", "4")
    for expected in ("1", "2", "3"):
        layers[-1].on_message.listen_once(arrived.append)
        assert arrived[-1] == expected
    assert sum(waiting(carrier, layers)) == 1


def test_a_listener_that_leaves_half_way_stops_the_delivery_below() -> None:
    carrier, layers = stack_of(2)
    arrived: list[Message] = []

    def take(message: Message) -> None:
        arrived.append(message)
        if len(arrived) == 2:
            unlisten()

    unlisten = layers[-1].on_message.add_listener(take)
    layers[-1].on_message.hand_over()
    carrier.arrive("1", "2", "3", "4", "5")
    assert arrived == ["1", "2"]
    assert waiting(carrier, layers) == [1, 1, 1]


def test_states_are_those_of_the_carrier() -> None:
    carrier, (layer,) = stack_of(1)
    entered: list[ConnectionState] = []
    layer.state.on_enter_state.listen(entered.append)
    layer.close("bye")
    carrier.end(1000, "Close called: bye")
    assert entered == [ConnectionState.CLOSING, ConnectionState.CLOSED]
    assert (layer.close_code, layer.close_reason) == (1000, "Close called: bye")


def test_a_layer_on_a_closed_connection_is_closed_once_started() -> None:
    carrier = PretendCarrier()
    carrier.end(1001, "gone")
    layer = Layer(carrier)
    layer.start()
    assert layer.state.current_state is ConnectionState.CLOSED
    assert (layer.close_code, layer.close_reason) == (1001, "gone")


def test_the_failure_is_the_layers_own_or_else_the_carriers() -> None:
    carrier, (layer,) = stack_of(1)
    carrier.failure = LimitExceeded("max_unsent_bytes", 1)
    carrier.end(1006, "")
    assert layer.failure is carrier.failure
    carrier, (layer,) = stack_of(1)
    layer.failure = own = BadFrame("own")
    carrier.failure = LimitExceeded("max_unsent_bytes", 1)
    carrier.end(1006, "")
    assert layer.failure is own


def test_what_waits_is_dropped_at_the_end() -> None:
    carrier, layers = stack_of(2)
    carrier.arrive("1", "2", "3")
    carrier.end(1000, "")
    arrived: list[Message] = []
    layers[-1].on_message.listen(arrived.append)
    assert arrived == []
    assert waiting(carrier, layers) == [0, 0, 0]
