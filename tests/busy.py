"""`python -m tests.busy COMMAND...`: runs it beside two processes that only burn CPU time."""

import subprocess
import sys
from typing import Final

BURNERS: Final = 2
# Ends with its parent, however that ends.
BURN: Final = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(10**6))"


def main(command: list[str]) -> int:
    """Returns what the command returned."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(BURNERS)]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
