"""One program for each peer, run by the interpreter of that peer's own environment.

They are started by `duologue.bench.alone`, which lets them import `duologue.bench.load` there.
"""
