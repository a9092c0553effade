"""One event of a service object as subscribers see it: what happened, and who is told."""

import logging
import os
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from duologue.errors import InvalidParams
from duologue.promisifier.broadcasts import Feed
from duologue.protocol.control import Subscribe
from duologue.protocol.lineages import Lineages
from duologue.protocol.replay import Cursor, EventLog, KeptEvent, WhenFull
from duologue.typed.contract import Event

_log: Final = logging.getLogger("duologue")


class _Kept(NamedTuple):
    log: EventLog
    lineages: Lineages


class _Aside:
    """What one peer alone would have been told."""

    __slots__ = ("lost", "unsent_seq")

    def __init__(self) -> None:
        self.lost: dict[int, bytes | None] = {}
        """Its lineages whose connection is lost, each with its key."""
        self.unsent_seq = 0
        """The newest event for it that none of its subscriptions wanted, or not yet."""


class Source:
    """One event of one service object: what happened, and who is told (see `EventSource`)."""

    def __init__(self, event: Event[..., Any]) -> None:
        self.name = event.full_name
        self.max_waiting = event.max_waiting
        self.when_full: WhenFull = event.when_full
        self._event = event
        self._kept: _Kept | None = None
        self._feeds: dict[bytes | None, dict[Feed, int]] = {}
        """By key, under None those of all keys; each with its lineage."""
        self._aside: WeakKeyDictionary[object, _Aside] = WeakKeyDictionary()
        """Of peers that were told something alone, or are gone and may have been."""
        self._is_heard = True
        self.unheard = 0
        """How many nobody wanted."""

    def open(self, wish: Subscribe, feed: Feed) -> tuple[list[KeptEvent], Cursor, bool]:
        """See `EventSource`."""
        if wish.key is not None and self._event.key is None:
            raise InvalidParams(f"{self._event.full_name} has no keys", [])
        log, lineages = self._memory
        gap = False
        lineage: int | None = None
        aside = self._aside.get(feed.peer)
        if aside is not None:
            # What it had over connections before this one does not come back to this peer.
            aside.lost.clear()
        if wish.after is None:
            events = log.last(wish.key, min(wish.replay, self._event.replay))
        else:
            epoch, lineage = lineages.find(wish.after.epoch)
            events, gap = log.after(wish.key, Cursor(epoch, wish.after.seq))
            gap = gap or lineages.has_lost(lineage, wish.after.seq)
            gap = gap or (aside is not None and aside.unsent_seq > wish.after.seq)
        if lineage is None:
            lineage = lineages.begin()
        seq = log.seq if not events else events[0].seq - 1
        self._feeds.setdefault(wish.key, {})[feed] = lineage
        return events, Cursor(lineages.epoch_of(lineage), seq), gap

    def close(self, wish: Subscribe, feed: Feed, *, is_lost: bool) -> None:
        """See `EventSource`."""
        feeds = self._feeds.get(wish.key, {})
        lineage = feeds.pop(feed, None)
        if not feeds:
            self._feeds.pop(wish.key, None)
        if lineage is None:
            return
        if is_lost:
            self._aside_of(feed.peer).lost[lineage] = wish.key
        else:
            self._memory.lineages.end(lineage)

    def feeds_of(self, key: bytes | None) -> frozenset[Feed]:
        """Who subscribes to a key; None: to all of them."""
        return frozenset(self._feeds.get(key, ()))

    @property
    def _memory(self) -> _Kept:
        """Made when it is first needed; the epoch is that of this object."""
        if self._kept is None:
            epoch = os.urandom(8).hex()
            self._kept = _Kept(EventLog(epoch, self._event.replay), Lineages(epoch))
        return self._kept

    def publish(self, data: bytes, to: object) -> bool:
        """It has happened: tell those who want it, or one peer; returns whether anybody does.

        `to` is that peer; None is everybody.

        Raises:
            LimitExceeded: its key is larger than one may be.
        """
        key = self._event.key_of(data)
        feeds = (*self._feeds.get(None, ()), *(self._feeds.get(key, ()) if key else ()))
        if to is not None:
            return self._publish_to(key, data, to, feeds)
        event = self._memory.log.add(key, data)
        for feed in feeds:
            feed.deliver(event)
        return bool(feeds)

    def _publish_to(
        self, key: bytes | None, data: bytes, to: object, feeds: tuple[Feed, ...]
    ) -> bool:
        log, lineages = self._memory
        event = log.number(key, data)
        own = [feed for feed in feeds if feed.peer is to]
        for feed in own:
            lineages.note(self._feeds[feed.wish.key][feed], event.seq)
        for feed in own:
            feed.deliver(event)
        if not own:
            aside = self._aside_of(to)
            aside.unsent_seq = event.seq
            for lineage, wanted in aside.lost.items():
                if wanted in (None, key):
                    lineages.note(lineage, event.seq)
        return bool(own)

    def _aside_of(self, peer: object) -> _Aside:
        aside = self._aside.get(peer)
        if aside is None:
            aside = self._aside[peer] = _Aside()
        return aside

    def note_unheard(self) -> None:
        """Nobody wants it. Counted; told once, until somebody does."""
        self.unheard += 1
        if self._is_heard:
            self._is_heard = False
            _log.info("%s is emitted, and nobody listens to it", self._event.full_name)

    def note_heard(self) -> None:
        """Somebody does."""
        self._is_heard = True
