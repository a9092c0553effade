"""Memory that large messages have used."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
{before}

def work():
    for _ in range(200):
        kept = [bytes(260_000), bytes(260_000), bytes(260_000)]
        for each in kept:
            bytearray(each)

work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc gives memory back so early")
def test_large_messages_do_not_take_their_memory_anew_each_time() -> None:
    def page_faults(before: str) -> int:
        program = FAULTS.format(before=before)
        return int(subprocess.check_output([sys.executable, "-c", program], text=True))

    assert page_faults("import duologue.connection.event_loop") < 1_000
