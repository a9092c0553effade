"""What stands around a call: deadlines, metadata. Both type checkers must accept it."""

from collections.abc import Mapping
from typing import assert_type

import duologue
from duologue import CallContext, DeadlineExceeded
from duologue.errors import Where
from generated.chat.rooms.v1 import Member, RoomsClient


async def bounded(rooms: RoomsClient) -> Member | Where | None:
    answered: dict[str, str] = {}
    saying = rooms.with_options(meta={"token": "abc"}, answer_meta=answered)
    assert_type(saying, RoomsClient)
    try:
        async with duologue.deadline(2) as deadline:
            assert_type(deadline.remaining(), float)
            return await saying.with_options(timeout=None).join(room="lobby", name="Ann")
    except DeadlineExceeded as error:
        return error.where


def seen(ctx: CallContext) -> str:
    assert_type(ctx.meta, Mapping[str, str])
    assert_type(ctx.deadline, float | None)
    ctx.answer_meta["cost"] = f"{ctx.remaining():.0f}"
    return ctx.meta.get("token", "")
