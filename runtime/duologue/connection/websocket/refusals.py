"""Who is turned away at a server's door: counted, and told where somebody can mend it."""

import logging
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from duologue.connection.websocket.own_names import name_to_let_in
from duologue.foreign_text import shown

Refusal = Literal["host", "origin", "no_room", "gave_way"]
"""Why: its `Host`, its `Origin`, want of room, or a newer connection that needed the place."""

MAX_NAMES_TOLD: Final = 32
"""Names that get a line in the log of one server, hosts and origins together. Each is kept, so that
it is told once. Whoever sends more of them fills no log: the rest is only counted."""

MAX_NAME_CHARACTERS: Final = 255
"""Of a name that is told; DNS has none that are longer. More of it is cut off."""

_ORIGIN: Final = re.compile(rf"(?=.{{,{MAX_NAME_CHARACTERS}}}$)[a-z0-9+.-]+://[a-z0-9._:\[\]-]+")
"""An origin as browsers write it. Not "null", the one of sandboxed pages and of files: whoever lets
that in lets in everybody."""

_log: Final = logging.getLogger("duologue")


class Refusals:
    """Counts, and words for the answer and for the log.

    The name that came stands in both: whoever is refused is mostly somebody who set this up. It is
    cleaned, cut, in quotes, and the answer is plain text.
    """

    def __init__(
        self,
        host_setting: str = 'serve(hosts=["NAME"])',
        origin_setting: str = 'serve(origins=["NAME"])',
        *,
        is_logged: bool = True,
    ) -> None:
        """The settings let a name in; it takes the place of NAME.

        A log that must hold nothing of what strangers say has `is_logged` false.
        """
        self._host_setting = host_setting
        self._origin_setting = origin_setting
        self._counts: dict[Refusal, int] = {"host": 0, "origin": 0, "no_room": 0, "gave_way": 0}
        self._is_logged = is_logged
        self._told: set[str] = set()

    @property
    def counts(self) -> Mapping[Refusal, int]:
        """How many, by why; a live view."""
        return MappingProxyType(self._counts)

    def note(self, why: Refusal) -> None:
        """Count one."""
        self._counts[why] += 1

    def host_refused(self, header: str) -> str:
        """Count it; returns the text of the answer. The log has it once, whatever the port."""
        self.note("host")
        name = name_to_let_in(header)
        if not name:
            told = f"the Host header {_quoted(header)} is no name of a host"
            self._tell(told, told)
        else:
            told = (
                f"this server does not go by the name in the Host header {_quoted(header)}; "
                f"{self._host_setting.replace('NAME', name)} lets it in"
            )
            self._tell(f"host {name}", told)
        return f"{told[0].upper()}{told[1:]}.\n"

    def origin_refused(self, origin: str) -> str:
        """Count it; returns the text of the answer. The log has it once."""
        self.note("origin")
        told = f"pages of the Origin {_quoted(origin)} may not connect here"
        if _ORIGIN.fullmatch(origin):
            told += f"; {self._origin_setting.replace('NAME', origin)} lets them in"
        self._tell(f"origin {_quoted(origin)}", told)
        return f"{told[0].upper()}{told[1:]}.\n"

    def _tell(self, name: str, told: str) -> None:
        if not self._is_logged or name in self._told or len(self._told) > MAX_NAMES_TOLD:
            return
        self._told.add(name)
        if len(self._told) > MAX_NAMES_TOLD:
            told = f"more than {MAX_NAMES_TOLD} names; further ones are only counted"
        _log.warning("refused: %s", told)


def _quoted(text: str) -> str:
    cleaned = shown(text[: MAX_NAME_CHARACTERS + 1])
    if len(cleaned) > MAX_NAME_CHARACTERS:
        return f'"{cleaned[:MAX_NAME_CHARACTERS]}..."'
    return f'"{cleaned}"'
