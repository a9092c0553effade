"""Mistakes with interceptors. Both type checkers must report each marked line, and no other."""

from typing import TypeVar

import duologue
from duologue import Interceptor, Invocation, Next, Observer
from duologue.interceptors import CallLog
from duologue.typed import Service
from generated.chat.rooms.v1 import RoomsClient

R = TypeVar("R")


class Forgetful(Interceptor):
    async def calling(self, call: Invocation, next: Next[R]) -> R:
        await next()
        return None  # refused


class Inventive(Interceptor):
    async def serving(self, call: Invocation, next: Next[R]) -> R:
        call.meta["attempt"] = 1  # refused
        return next()  # refused


def mistakes(rooms: Service, client: RoomsClient) -> None:
    duologue.serve(rooms, interceptors=CallLog())  # refused
    duologue.serve(rooms, interceptors=[Observer()])  # refused
    duologue.serve(rooms, observers=[CallLog()])  # refused
    duologue.intercepted(CallLog(), CallLog())  # refused
    client.with_options(interceptors=CallLog())  # refused
