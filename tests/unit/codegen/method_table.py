"""A plugin: the methods of each service of a contract, as a table in Markdown."""

import json
import sys
from typing import Any


def page(contract: dict[str, Any]) -> str:
    """The services, one heading each."""
    lines = [f"# {contract['package']}"]
    for name, service in sorted(contract["services"].items()):
        lines += [
            "",
            f"## {name}",
            "",
            service.get("doc") or "",
            "",
            "| method | id | |",
            "|---|---|---|",
        ]
        for method, said in sorted(service["methods"].items(), key=lambda each: each[1]["id"]):
            lines.append(f"| {method} | {said['id']} | {said.get('doc') or ''} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Answer the question on standard input."""
    asked = json.load(sys.stdin)
    if asked["plugin"] != 1:
        sys.exit("this is for plugins of form 1")
    json.dump({"files": {"services.md": page(asked["contract"])}}, sys.stdout)


if __name__ == "__main__":
    main()
