"""What a request or an answer says beside its arguments: time left, metadata (PROTOCOL 16), and
for whom a call is made (PROTOCOL 11.7)."""

import json
import math
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from duologue.errors import LimitExceeded
from duologue.limits import (
    MAX_META_BYTES,
    MAX_META_ENTRIES,
    MAX_META_KEY_CHARACTERS,
    MAX_TIMEOUT_MS,
)

OUR_META_PREFIX: Final = "duologue."
"""How keys begin that applications leave to this library."""

NESTED_FIELD: Final = b',"nested":true'
"""The field of a request that a handler makes of the side whose call it serves."""

_KEY: Final = re.compile(rf"[a-z0-9._-]{{1,{MAX_META_KEY_CHARACTERS}}}")

UNREADABLE_META: Final[Mapping[str, str]] = {"": ""}
"""Stands for a `meta` that is no object of strings: its key is none."""


def timeout_field(timeout_s: float) -> bytes:
    """The field of a request that has so long to go; empty if it is more than can be said.

    Whole milliseconds, rounded up; what is over already is said to have one left.
    """
    timeout_ms = timeout_s * 1000
    if timeout_ms > MAX_TIMEOUT_MS:
        return b""
    # The difference of two readings of a clock may be above what was asked for by a rounding error.
    return b',"timeoutMs":%d' % max(1, math.ceil(round(timeout_ms, 3)))


def meta_field(meta: Mapping[str, str]) -> bytes:
    """The field of a request or an answer; empty without entries.

    Raises:
        ValueError: a key or a value may not be sent; the text says why.
        LimitExceeded: there are too many entries, or they are too long.
    """
    fault = meta_fault(meta)
    if isinstance(fault, LimitExceeded):
        raise fault
    if fault is not None:
        raise ValueError(fault)
    return b',"meta":%b' % msgspec.json.encode(dict(meta)) if meta else b""


def own_meta_fault(meta: Mapping[str, str]) -> str | None:
    """Why an application may not send `meta`, other than for its size; None if it may."""
    for key in meta:
        if key.startswith(OUR_META_PREFIX):
            return f"meta key {key!r}: what begins with {OUR_META_PREFIX!r} is the library's own"
    return None


def meta_fault(meta: Mapping[str, str]) -> str | LimitExceeded | None:
    """What is wrong with `meta`; None if it is as it should be."""
    if len(meta) > MAX_META_ENTRIES:
        return LimitExceeded("MAX_META_ENTRIES", MAX_META_ENTRIES, len(meta))
    size = 0
    for key, value in meta.items():
        if not _KEY.fullmatch(key):
            what = f"1 to {MAX_META_KEY_CHARACTERS} of a-z, 0-9, '.', '_' and '-'"
            return f"meta key {json.dumps(key[:MAX_META_KEY_CHARACTERS])}: expected {what}"
        try:
            size += len(key) + len(value.encode())
        except (UnicodeEncodeError, AttributeError):
            return f"the value of meta key {key!r} is no text that can be sent"
    if size > MAX_META_BYTES:
        return LimitExceeded("MAX_META_BYTES", MAX_META_BYTES, size)
    return None
