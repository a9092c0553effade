"""Messages that were read together: each is taken in its turn, or waits, or is dropped."""

from duologue.connection.base import ConnectionState, Message
from duologue.limits import Limits
from tests.support import Conversation, itself, turns


def arrive_together(conversation: Conversation, *messages: Message) -> None:
    """As a socket hands over what it has read at once."""
    connection = conversation.connection
    connection.on_message.emit_each(messages, connection.state)


async def test_each_is_answered_in_order() -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, itself)
        arrive_together(talk, *(talk.request(each, 3, each) for each in range(3)))
        await turns()
        assert [each["data"] for each in talk.said] == [0, 1, 2]


async def test_what_cannot_be_read_takes_nothing_along() -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, itself)
        broken = ['{"type":"nothing"}', "no JSON", "[]", '{"type":"request"}']
        arrive_together(talk, talk.request(0, 3, 0), *broken, talk.request(1, 3, 1))
        await turns()
        assert [each["data"] for each in talk.said] == [0, 1]
        assert talk.peer.stats.requests_received_invalid == len(broken)


async def test_after_one_that_ends_the_conversation_nothing_is_served() -> None:
    async with Conversation() as talk:
        served: list[int] = []
        talk.peer.add_service(3, served.append)
        talk.peer.add_service(4, talk.peer.close)
        asked = [talk.request(0, 3, 0), talk.request(1, 4), talk.request(2, 3, 2)]
        arrive_together(talk, *asked)
        await turns()
        assert served == [0]
        assert talk.connection.state.current_state is ConnectionState.CLOSED


async def test_after_too_many_that_cannot_be_read_nothing_is_served() -> None:
    limits = Limits(max_invalid_messages=1)
    async with Conversation(limits) as talk:
        served: list[int] = []
        talk.peer.add_service(3, served.append)
        arrive_together(talk, "1", talk.request(0, 3, 0), "2", talk.request(1, 3, 1))
        await turns()
        assert served == [0]


async def test_what_comes_behind_one_that_stops_the_reading_waits_in_its_place() -> None:
    # Answers cannot leave, so what is asked waits, up to one call; then nothing more is read.
    limits = Limits(max_waiting_calls=1)
    async with Conversation(limits) as talk:
        served: list[int] = []
        talk.peer.add_service(3, served.append)
        gate = talk.connection.gate
        gate.shut(0)
        arrive_together(talk, *(talk.request(each, 3, each) for each in range(4)))
        talk.connection.on_message.emit(talk.request(4, 3, 4))
        assert (served, len(talk.connection.on_message.backlog)) == ([], 4)
        gate.open()
        await turns()
        assert served == [0, 1, 2, 3, 4]
        assert talk.peer.stats.requests_refused_busy == 0


async def test_a_service_may_be_handed_the_next_message_while_it_runs() -> None:
    async with Conversation() as talk:
        served: list[str] = []

        def outer() -> None:
            served.append("outer")
            arrive_together(talk, talk.request(7, 4))
            served.append("outer ends")

        talk.peer.add_service(3, outer)
        talk.peer.add_service(4, lambda: served.append("inner"))
        arrive_together(talk, talk.request(0, 3), talk.request(1, 3))
        assert served == 2 * ["outer", "inner", "outer ends"]
