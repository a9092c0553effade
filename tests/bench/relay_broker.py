"""`duologue relay` as in production, but with limits that a pair on one machine cannot reach."""

import json
import os
import subprocess
import sys
from typing import Final

from duologue.bench.load import end_with_parent, pin, tell

LIMITS: Final = {
    # Everybody here comes from one address, and speaks as fast as it goes.
    "small_frames_per_s": 10**9,
    "registers_per_min_per_address": 10**6,
    "registers_per_min_per_key": 10**6,
    "new_connections_per_s_per_address": 10**6,
    "new_connections_burst_per_address": 10**6,
    "max_connections_per_address": 10**6,
    "max_unauthenticated_per_address": 10**6,
    "requests_per_min_per_address": 10**6,
    "requests_per_min_per_target": 10**6,
    "requests_per_min_per_address_and_target": 10**6,
    "request_burst_per_address_and_target": 10**6,
    "max_pairs_per_key": 10**6,
}


def main() -> None:
    """Start the relay, say where it is, and end it with this process."""
    pin()
    relay = subprocess.Popen(
        [
            *(sys.executable, "-P", "-c", "from duologue.commands.cli import main; main()"),
            *("relay", "--format", "json", "--port", "0", "--meeting-points"),
        ],
        env={
            **os.environ,
            **{
                f"DUOLOGUE_RELAY_LIMITS__{name.upper()}": str(each) for name, each in LIMITS.items()
            },
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert relay.stdout is not None
    end_with_parent(relay.kill)
    listening = json.loads(relay.stdout.readline())
    tell({"port": int(listening["url"].rpartition(":")[2]), "pids": [relay.pid]})
    relay.wait()


if __name__ == "__main__":
    main()
