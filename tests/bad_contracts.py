"""Contracts that are wrong in ways nobody thought of: bytes at random, and good ones with slips."""

import random
import string
from pathlib import Path
from typing import Final

from duologue_codegen.explaining import page_of, rules_with_pages

ROOT: Final = Path(__file__).parents[1]
GOOD: Final = (
    *(page.right for rule in rules_with_pages() if (page := page_of(rule)) and page.right),
    *(
        file.read_text("utf-8")
        for folder in ("schema", "tests/golden/packages")
        for file in sorted((ROOT / folder).rglob("*.yaml"))
    ),
)
"""Those of the pages are small, the others use every word of the language."""
WORDS: Final = (
    *("null", "true", "[]", "{}", "''", "-1", "1e999", ".nan", "0x10", "999999999999999999999999"),
    *("optional", "list of", "map of", "text of", "or", "byte stream", "json", "decimal", "bytes"),
    *("fields", "enum", "union", "tag", "is", "schema", "params", "returns", "yields", "sends"),
    *("key: x", "replay: 9", "args: positional", "wire: '@'", "default: 1", "min: 5", "max: 1"),
    *("pattern: '('", "pattern: '(a+)+$'", "open: true", "reserved: [1]", "unknown: keep"),
    *(
        "&a",
        "*a",
        "!!str",
        "<<: {}",
        "|",
        ">-",
        "? a",
        "---",
        "...",
        "%YAML 1.1",
        "# duologue: allow",
    ),
    *("$ref: '#/$defs/A'", "$ref: '#'", "anyOf: [{}]", "oneOf: []", "items: {}", "const: []"),
    *("\u2028", "\x85", "\ufeff", "😀", "\u202e", "\x7f", "é", "{x}", "{{", "}}", '"\\ud800"'),
)


def bad_contract(seed: int) -> bytes:
    """One of them. The same number gives the same bytes."""
    pick = random.Random(seed)
    if pick.random() < 0.2:
        return pick.randbytes(pick.randrange(200))
    text = pick.choice(GOOD)
    for _ in range(pick.choice([1, 1, 2, 3, 8])):
        text = _slip(text, pick)
    data = text.encode("utf-8", "surrogatepass")
    if pick.random() < 0.1:
        at = pick.randrange(len(data) + 1)
        data = data[:at] + pick.randbytes(2) + data[at:]
    return data


def _slip(text: str, pick: random.Random) -> str:
    lines = text.split("\n")
    number = pick.randrange(len(lines))
    line = lines[number]
    match pick.randrange(10):
        case 0:
            del lines[number]
        case 1:
            lines.insert(number, pick.choice(lines))
        case 2:
            other = pick.randrange(len(lines))
            lines[number], lines[other] = lines[other], lines[number]
        case 3:
            lines[number] = pick.choice(["", " ", "  ", "\t"]) + line
        case 4:
            lines[number] = line[1:]
        case 5:
            at = pick.randrange(len(line) + 1)
            lines[number] = line[:at] + pick.choice(string.printable) + line[at:]
        case 6:
            at = pick.randrange(len(line) + 1)
            lines[number] = f"{line[:at]}{pick.choice(WORDS)}{line[at:]}"
        case 7:
            words = line.split(" ")
            words[pick.randrange(len(words))] = pick.choice(WORDS)
            lines[number] = " ".join(words)
        case 8:
            words = text.split()
            old = pick.choice(words) if words else "x"
            return text.replace(old, pick.choice(words or ["y"]), pick.choice([1, 1, -1]))
        case _:
            lines[number] = line + "[" * pick.choice([1, 3, 40, 400])
    return "\n".join(lines)
