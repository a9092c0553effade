"""The commands of `duologue`."""
