"""`make pictures`: records what the README has a newcomer type, as a picture of a terminal."""

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

ROOT: Final = Path(__file__).parents[1]
PICTURE: Final = ROOT / "runtime" / "pictures" / "first-call.svg"
LINES: Final = (
    "duologue init hello && cd hello",
    "duologue generate",
    "python -m hello.service &",
    "python -m hello.client Ann",
    'duologue call ws://127.0.0.1:8765 greet name="Bob"',
    'duologue call ws://127.0.0.1:8765 greet name="  "',
)


def typed(folder: Path) -> list[tuple[str, str]]:
    """What is typed, and what is on the screen then."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    script = "\n".join(
        # What comes later finds the service when that is ready.
        f"{{ {line}\n}} 2>&1\necho '<<end>>'\n{'sleep 3' if line.endswith('&') else ''}"
        for line in LINES
    )
    done = subprocess.run(
        ["sh"],
        input=f"{script}\nkill $!\n",
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    screens = done.stdout.split("<<end>>\n")
    return list(zip(LINES, screens, strict=False))


def main() -> None:
    """Write the picture."""
    console = Console(record=True, width=88, file=StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        for line, screen in typed(Path(folder)):
            console.print(Text.assemble(("$ ", "green"), (line, "bold")))
            lines = screen.rstrip().splitlines()
            if len(lines) > 9:
                lines = [*lines[:3], "  ...", *lines[-5:]]
            for each in lines:
                console.print(Text(each))
    picture = console.export_svg(title="duologue", unique_id="first-call")
    # A picture that asks others for its fonts would tell them who looks at it.
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)
    PICTURE.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")


if __name__ == "__main__":
    main()
