"""Who may speak to an encrypted endpoint."""

from collections.abc import Awaitable, Callable, Collection
from enum import Enum
from typing import Final

from duologue.protocol.keys import public_key_of


class Anyone(Enum):
    """The type of `ANYONE`."""

    ANYONE = "anyone"


ANYONE: Final = Anyone.ANYONE
"""Said in place of a set of keys: whoever proves to have some key of their own may speak."""

AllowRule = Callable[[bytes], bool | Awaitable[bool]]
"""Judges the public key of a caller, canonical, 32 bytes; plain or async."""

Allow = Collection[bytes | str] | AllowRule | Anyone
"""A set of public keys, each as 32 bytes or 64 hex digits; a function; or `ANYONE`."""


def allow_rule(allow: Allow) -> AllowRule:
    """The function that `allow` stands for. Of a set the present members count.

    Raises:
        UnsafeKey: one of the keys is no key to build on.
        TypeError: a single key; it belongs in a set.
    """
    if isinstance(allow, Anyone):
        return lambda _: True
    if isinstance(allow, str | bytes):
        raise TypeError("allow is a set of keys, also if there is only one: allow={key}")
    if callable(allow):
        return allow
    return frozenset(map(public_key_of, allow)).__contains__
