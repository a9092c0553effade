"""What the connections of a thread share."""

import platform
import subprocess
import sys

import pytest

from duologue.connection.event_loop import RandomStock

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


def test_random_bytes_are_given_once_whatever_is_asked_for() -> None:
    stock = RandomStock()
    sizes = [0, 1, 63, 4096, 64, 5000, 4033, 62, *range(200)]
    taken = [stock.take(size) for size in sizes]
    assert [len(each) for each in taken] == sizes
    long_ones = [each for each in taken if len(each) >= 16]
    assert len(set(long_ones)) == len(long_ones)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc gives memory back so early")
def test_large_messages_do_not_take_their_memory_anew_each_time() -> None:
    def page_faults(before: str) -> int:
        program = FAULTS.format(before=before)
        return int(subprocess.check_output([sys.executable, "-c", program], text=True))

    assert page_faults("import duologue.connection.event_loop") < 1_000
