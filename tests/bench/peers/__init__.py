"""One program for each peer, run by the interpreter of that peer's own environment."""
