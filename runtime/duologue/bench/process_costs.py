"""What processes use of a machine: CPU time and memory. Standard library only, as `load` is."""

import os
import sys
import time


def cpu_s_of(pid: int) -> float:
    """CPU seconds that another process has used, all its threads together, user and system."""
    if sys.platform == "linux":
        # The kernel's own number for "the CPU clock of process `pid`"; exact to the nanosecond.
        return time.clock_gettime((~pid << 3) | 2)
    shown = os.popen(f"ps -o time= -p {pid}").read().strip()
    minutes, _, seconds = shown.rpartition(":")
    hours, _, minutes = minutes.rpartition(":")
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def own_cpu_s() -> float:
    """CPU seconds that this process has used, user and system."""
    return time.process_time()


def resident_bytes(pid: int) -> int:
    """Memory of a process that is really there; 0 where that cannot be read."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
