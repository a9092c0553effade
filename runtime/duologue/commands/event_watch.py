"""Watching events from the command line."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import typer
from pydantic import ValidationError

from duologue.commands.method_lookup import FoundEvent, WrongUse
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.codec import Codec

_ARGUMENTS = ("key", "replay")


async def watch_events(
    conversation: AbstractAsyncContextManager[WebsocketPromisifier],
    found: FoundEvent,
    arguments: Sequence[str],
    limit: int | None,
) -> None:
    """Print events as they come, one JSON line each, until the line is lost or after `limit`.

    Raises:
        WrongUse: `arguments` are not those of this event: `key=VALUE`, `replay=NUMBER`.
    """
    wishes = read_wishes(found, arguments)
    event, number = found.event, 0
    async with conversation as peer:
        subscribe = getattr(found.client(peer), f"on_{event.name}")
        async with subscribe(**wishes) as subscription:
            async for payload in subscription:
                text = encoded(payload)
                # JSON in ASCII: words of the other side command no terminal.
                print(json.dumps(json.loads(text), separators=(",", ":")), flush=True)
                number += 1
                if number == limit:
                    break
        missed = subscription.missed
        if missed:
            typer.echo(f"{missed} events were missed", err=True)


def encoded(payload: object) -> bytes:
    """The payload of an event as it is on the wire."""
    codec: Codec[object] = Codec(type(payload))
    return codec.encode(payload)


def read_wishes(found: FoundEvent, arguments: Sequence[str]) -> Mapping[str, Any]:
    """Which events are wanted, as keywords for the client's `on_...`.

    Raises:
        WrongUse: they do not fit the event.
    """
    event, wishes = found.event, dict[str, Any]()
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals or name not in _ARGUMENTS or name in wishes:
            raise WrongUse(f"{argument}: an event takes key=VALUE and replay=NUMBER")
        wishes[name] = text
    if "key" in wishes:
        if event.key is None:
            raise WrongUse(f"{event.full_name} has no key to choose by")
        wishes["key"] = _key(event.key[1], wishes["key"])
    if "replay" in wishes:
        if not wishes["replay"].isdecimal():
            raise WrongUse(f"replay={wishes['replay']}: a number of events was expected")
        wishes["replay"] = int(wishes["replay"])
    return wishes


def _key(codec: Codec[Any], text: str) -> Any:
    try:
        return codec.decode(text.encode())
    except ValidationError:
        pass
    try:
        return codec.decode(json.dumps(text).encode())
    except ValidationError as error:
        raise WrongUse(f"key={text}: {error.errors()[0]['msg']}") from None
