"""Mistakes around calls. Both type checkers must report each marked line, and no other."""

import duologue
from duologue import CallContext
from generated.chat.rooms.v1 import RoomsClient


async def mistakes(rooms: RoomsClient, ctx: CallContext) -> None:
    rooms.with_options(meta={"attempt": 1})  # refused
    rooms.with_options(meta="token")  # refused
    rooms.with_options(timeout="2s")  # refused
    rooms.with_options(tiemout=2)  # refused
    rooms.with_options(answer_meta=dict[str, int]())  # refused
    ctx.meta["token"] = "abc"  # refused
    ctx.answer_meta["attempt"] = 1  # refused
    ctx.deadline = 2  # refused
    with duologue.deadline(2):  # refused
        pass
    duologue.deadline("2s")  # refused
