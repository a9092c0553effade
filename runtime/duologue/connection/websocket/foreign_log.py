"""Where `websockets` logs to."""

import logging
from typing import Final

LOGGER: Final = logging.getLogger("duologue.websockets")
"""Given to `websockets`, which logs frames with their payload at DEBUG and every connection at
INFO. Payloads are never logged, so this logger starts above both."""
LOGGER.setLevel(logging.WARNING)
