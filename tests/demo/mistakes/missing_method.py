"""A service forgets a method of its contract."""

from generated.chat.rooms.v1 import PresenceService


class Silent(PresenceService):
    pass


silent = Silent()
