"""Who may call what: by a proved key, by a token in the metadata, by a rule of one's own."""

import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeAlias, TypeVar

from duologue.errors import Unauthorised
from duologue.protocol.keys import public_key_of
from duologue.typed.interceptors import Interceptor, Invocation, Next

R = TypeVar("R")

Rule: TypeAlias = Callable[[Invocation], bool | Awaitable[bool]]
"""Whether a call may be served; may be a coroutine function."""

TOKEN_KEY: Final = "authorization"
"""Where in the metadata a token stands, behind `Bearer `."""

_BEARER: Final = "Bearer "


class Authorisation(Interceptor):
    """Serves what the rules allow, and refuses the rest with `Unauthorised`.

        serve(
            duologue.intercepted(
                Rooms(),
                Authorisation({
                    "chat.rooms.v1.Rooms/kick": holders_of(owners),
                    "chat.rooms.v1.Rooms/*": bearers_of({token}),
                }),
            )
        )

    A rule is for a method or an event (`package.Service/name`), for a whole service
    (`package.Service/*`) or for everything (`*`); the most exact one decides, alone. What no rule
    is for is refused. Subscribing to an event is asked for as a call is.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """
        Raises:
            ValueError: a rule is for something of another form.
        """
        for pattern in rules:
            service, slash, name = pattern.partition("/")
            if pattern != "*" and not (service and slash and name and "*" not in service):
                raise ValueError(
                    f"a rule is for 'package.Service/method', 'package.Service/*' or '*', met "
                    f"{pattern!r}"
                )
        self._rules = dict(rules)

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        rules = self._rules
        rule = rules.get(call.method) or rules.get(f"{call.service}/*") or rules.get("*")
        allowed = False if rule is None else rule(call)
        if not (allowed if isinstance(allowed, bool) else await allowed):
            # Not which rule: that is nothing to those who are refused.
            raise Unauthorised(f"{call.method} is not for this caller")
        return await next()


class BearerToken(Interceptor):
    """Says a token with each call that is made, for a provider with `bearers_of`."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        call.meta[TOKEN_KEY] = _BEARER + self._token
        return await next()


def anyone(call: Invocation) -> bool:
    """The rule that allows everybody."""
    return True


def holders_of(keys: Collection[bytes | str]) -> Rule:
    """The rule that allows those who have proved to have one of these keys (32 bytes or hex).

    Raises:
        UnsafeKey: one of them is none to build on.
    """
    known = frozenset(map(public_key_of, keys))

    def allows(call: Invocation) -> bool:
        return call.peer.remote_key in known

    return allows


def bearers_of(tokens: Collection[str]) -> Rule:
    """The rule that allows calls whose metadata has one of these tokens.

    Metadata is as secret as the connection: without encryption or TLS all on the way read it.
    """
    if isinstance(tokens, str):
        raise TypeError("bearers_of takes several tokens; for one, write bearers_of({token})")
    known = [(_BEARER + token).encode() for token in tokens]

    def allows(call: Invocation) -> bool:
        said = call.meta.get(TOKEN_KEY, "").encode()
        # All of them, in a time that tells nothing of how much was right.
        return sum(hmac.compare_digest(said, each) for each in known) > 0

    return allows
