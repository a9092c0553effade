"""`python -m tests.bench.pinned PROGRAM [ARGUMENT ...]`: that program, on the core it was given.

For programs that cannot pin themselves. The process is the same, so its number is the program's.
"""

import os
import sys

from duologue.bench.load import pin


def main() -> None:
    """Pin, and become the program."""
    pin()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
