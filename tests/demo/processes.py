"""The processes of a demonstration: started, listened to, told what to do, and shown."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

ROOT: Final = Path(__file__).resolve().parents[2]
DUOLOGUE: Final = str(Path(sys.executable).with_name("duologue"))
PATIENCE_S: Final = 120.0
"""For each thing that is waited for; a machine may be slow."""

console = Console(highlight=False, soft_wrap=True)


def say(who: str, style: str, line: str) -> None:
    """One line of the transcript."""
    console.print(Text.assemble((f"{who:>8} ", style), ("│ ", "dim"), Text.from_ansi(line)))


class Actor:
    """A process whose every line is shown and kept."""

    def __init__(self, process: Process, who: str, style: str) -> None:
        self.process = process
        self.lines: list[str] = []
        """What it has said."""
        self._who = who
        self._style = style
        self._said = asyncio.Condition()
        self._is_silent = False
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, who: str, style: str, *command: str) -> "Actor":
        """A process in the project's root; what it moans is shown with what it says."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
        )
        return cls(process, who, style)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            say(self._who, self._style, text)
            await self._note(text)
        self._is_silent = True
        async with self._said:
            self._said.notify_all()

    async def _note(self, line: str) -> None:
        self.lines.append(line)
        async with self._said:
            self._said.notify_all()

    def tell(self, line: str) -> None:
        """What it is to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def until(self, is_it: Callable[[str], bool], count: int = 1) -> str:
        """The line that is waited for, or the last of `count` of them.

        Raises:
            AssertionError: it has ended, and has not said it.
            TimeoutError: it has not said it for a long time.
        """

        def found() -> list[str]:
            return [line for line in self.lines if is_it(line)]

        async with asyncio.timeout(PATIENCE_S), self._said:
            await self._said.wait_for(lambda: len(found()) >= count or self._is_silent)
        if len(found()) < count:
            raise AssertionError(f"{self._who} has ended and not said what was waited for")
        return found()[count - 1]

    async def end(self) -> int:
        """Wait for its end, having closed its input; its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = await self.process.wait()
        await self._reading
        return code

    async def kill(self) -> None:
        """At once, as a power cut would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading
