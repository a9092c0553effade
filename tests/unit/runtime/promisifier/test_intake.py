"""A connection that is not read for a while."""

from duologue.connection.memory import connected_pair
from duologue.promisifier.intake import Hold
from duologue.promisifier.promisifier import create_websocket_promisifier
from tests.support import turns


async def test_what_has_waited_waits_on_when_the_first_of_it_stops_the_reading_again() -> None:
    here, there = connected_pair()
    side = create_websocket_promisifier(here)
    intake = side._conversation._intake  # pyright: ignore[reportPrivateUsage]
    served: list[int] = []

    def serve(number: int) -> None:
        served.append(number)
        intake.hold(Hold.CALLS)

    side.add_service(1, serve)
    await turns(2)
    intake.hold(Hold.CALLS)
    for number in range(3):
        there.send(f'{{"requestId":{number},"type":"request","serviceId":1,"args":[{number}]}}')
    await turns()
    assert served == []
    for number in range(3):
        intake.release(Hold.CALLS)
        assert served == list(range(number + 1))
    side.close()
    there.close()
    await turns()
