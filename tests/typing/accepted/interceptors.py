"""Interceptors and observers. Both type checkers must accept it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_type

import duologue
from duologue import Interceptor, Invocation, Next, Observer, Unauthorised
from duologue.interceptors import Authorisation, CallLog, Retrying, anyone
from duologue.observer import CallSeen, Outcome
from duologue.typed import Service
from generated.chat.rooms.v1 import RoomsClient, RoomsJoinParams

R = TypeVar("R")


class Doorkeeper(Interceptor):
    async def serving(self, call: Invocation, next: Next[R]) -> R:
        if isinstance(call.params, RoomsJoinParams) and call.params.room == "private":
            raise Unauthorised("not this room")
        call.answer_meta["seen"] = call.method
        return await next()


class Counting(Observer):
    def __init__(self) -> None:
        self.slow = 0

    def call_ended(self, call: CallSeen, outcome: Outcome) -> None:
        self.slow += outcome.seconds > 1


def installed(rooms: Service, client: RoomsClient) -> RoomsClient:
    assert_type(duologue.intercepted(rooms, Doorkeeper()), Service)
    duologue.serve(rooms, interceptors=[CallLog()], observers=[Counting()])
    Authorisation({"*": anyone, "chat.rooms.v1.Rooms/join": lambda call: call.kind == "unary"})
    return client.with_options(interceptors=[Retrying(), Doorkeeper()])


def made(next: Next[int]) -> Callable[[], Awaitable[int]]:
    return next
