"""Observers that are ready for use: frames, lines in the log, metrics."""

from duologue.observability.frames import FrameLog as FrameLog
from duologue.observability.lines import Lines as Lines
