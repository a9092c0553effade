"""The contracts that a peer shows, for the compiler to compare with."""

import asyncio
import os
from collections.abc import Mapping

from duologue.commands.described_contracts import Reached, ask_contracts
from duologue.commands.reaching import reach
from duologue.commands.wrong_door import WrongDoor
from duologue.errors import DuologueError
from duologue.foreign_text import shown
from duologue.identity import Identity
from duologue.protocol.wording import words_of

PATIENCE_S = 30.0
"""How long reaching it and asking may take together."""


def contracts_of(target: str) -> Mapping[str, bytes]:
    """Canonical JSON of each package that the peer offers a service of, and of what those import.

    `target` is as for `duologue call`: `ws(s)://HOST`, or `wss://RELAY#KEY` for one behind a relay,
    which gets the token that `DUOLOGUE_TOKEN` holds.

    Raises:
        ValueError: there are none to be had; says why, in one line.
    """
    try:
        conversation = reach(
            target,
            identity=Identity.generate(),
            direct=False,
            token=os.environ.get("DUOLOGUE_TOKEN"),
            context=None,
            timeout_s=PATIENCE_S,
            insecure_plaintext=False,
            options={},
        )
        found = asyncio.run(_asked(conversation))
    except TimeoutError:
        raise ValueError(f"{target} has not answered within {PATIENCE_S:g} s") from None
    except (DuologueError, WrongDoor, OSError) as error:
        raise ValueError(shown(f"{target}: {words_of(error)}")) from None
    if not found:
        raise ValueError(f"{target} offers no services")
    return found


async def _asked(conversation: Reached) -> Mapping[str, bytes]:
    async with asyncio.timeout(PATIENCE_S):
        return await ask_contracts(conversation)
