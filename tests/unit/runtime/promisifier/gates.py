"""A service whose calls wait, and a conversation to call it in."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.support import Conversation


class Gate:
    """A service whose calls wait until they are let go, each by its argument."""

    def __init__(self) -> None:
        self.running: list[Any] = []
        self.ended: list[Any] = []
        self._open = asyncio.Event()

    async def serve(self, name: Any = None) -> Any:
        self.running.append(name)
        try:
            await self._open.wait()
        finally:
            self.ended.append(name)
        return name

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def talk() -> AsyncGenerator[Conversation]:
    async with Conversation() as conversation:
        yield conversation


def code_of(answer: Any) -> str:
    code: str = answer["error"]["code"]
    return code
