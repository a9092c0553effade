"""Contracts as typed Python packages over `duologue.typed`."""
