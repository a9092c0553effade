"""The sides of dialogues: what they pass on to the four ways to a conversation."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

import duologue
from duologue import CallContext
from duologue.endpoints.manner import ConversationOptions
from duologue.testing import linked_peers
from duologue_codegen.names import DIALOGUE_WORDS
from generated.chat.rooms.v1 import (
    ChatSessionGuest,
    ChatSessionHost,
    PresenceClient,
    PresenceNudgeParams,
    PresenceService,
    RoomsClient,
    RoomsLeaveParams,
    RoomsServicePartial,
)

WAYS: list[tuple[Callable[..., Any], type, set[str]]] = [
    (duologue.serve, duologue.ServeOptions, {"services"}),
    (duologue.listen, duologue.ListenOptions, {"relays", "services"}),
    (duologue.connect, duologue.ConnectOptions, {"url", "offer"}),
    (duologue.dial, duologue.DialOptions, {"relays", "offer"}),
]


class Presence(PresenceService):
    """Has seen it."""

    def nudge(self, params: PresenceNudgeParams, ctx: CallContext) -> bool:
        return params.text == "are you there?"


class Rooms(RoomsServicePartial):
    """Asks back."""

    def __init__(self) -> None:
        self.answers = list[bool]()

    async def leave(self, params: RoomsLeaveParams, ctx: CallContext) -> None:
        guest = ChatSessionHost.of(ctx)
        self.answers.append(await guest.presence.nudge(text="are you there?"))


@pytest.mark.parametrize(("way", "options", "others"), WAYS)
def test_a_dialogue_passes_on_every_option_with_its_type(
    way: Callable[..., Any], options: type, others: set[str]
) -> None:
    function = inspect.unwrap(way)
    taken = inspect.signature(function).parameters
    hints = get_type_hints(function, localns={"Listener": duologue.Listener})
    listed = get_type_hints(options)
    own = {name: each for name, each in listed.items() if name in taken}
    assert own == {
        name: hints[name]
        for name, each in taken.items()
        if name not in others and each.kind is not each.VAR_KEYWORD
    }
    assert listed.keys() - own.keys() == ConversationOptions.__annotations__.keys()
    required = {name for name in own if taken[name].default is inspect.Parameter.empty}
    assert options.__required_keys__ == required  # type: ignore[attr-defined]


def test_no_service_of_a_dialogue_is_called_like_an_argument_or_an_attribute() -> None:
    arguments = {name for _, options, _ in WAYS for name in options.__annotations__}
    attributes = {name for name in dir(ChatSessionHost) if not name.startswith("_")}
    asked = {"url", "relays", "cls", "self", "peer", "options"}
    assert arguments | attributes | asked == DIALOGUE_WORDS, "names.DIALOGUE_WORDS is to be like it"


async def test_each_side_calls_what_the_other_one_offers() -> None:
    rooms = Rooms()
    async with linked_peers([rooms], [Presence()]) as (host, guest):
        there, here = ChatSessionHost(host), ChatSessionGuest(guest)
        assert isinstance(there.presence, PresenceClient)
        assert isinstance(here.rooms, RoomsClient)
        await here.rooms.leave(room="lobby")
        assert rooms.answers == [True]
        assert not await there.presence.nudge(text="hm")
        assert here.peer is guest
        assert repr(here).startswith("<ChatSessionGuest with ")


@pytest.mark.parametrize("wrong", [Presence(), Rooms, None])
def test_another_service_than_the_dialogue_says_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"ChatSessionHost offers a RoomsService as rooms=") as met:
        ChatSessionHost.serve(rooms=wrong)
    assert ("make an object" in str(met.value)) == (wrong is Rooms)


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="prot"):
        ChatSessionHost.serve(rooms=Rooms(), prot=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
