"""Line charts as SVG, in one file each and without a library."""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 400
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 76, 84
LABEL_WIDTH: Final = 46
"""Room for a number below the axis; those that would overlap are left out."""
SMALL_PRINT_CHARACTERS: Final = 130
COLOURS: Final = ("#1b6ca8", "#c8553d", "#3a7d44", "#7a5195")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines over a common x, which is shown by its logarithm; y begins at 0."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    small_print: str

    def svg(self) -> str:
        """The picture as text."""
        xs = sorted({x for line in self.lines for x, _ in line.points})
        highest = nice_ceiling(max(y for line in self.lines for _, y in line.points))
        low, high = math.log(xs[0]), math.log(xs[-1])

        def across(x: float) -> float:
            share = (math.log(x) - low) / ((high - low) or 1)
            return LEFT + share * (WIDTH - LEFT - RIGHT)

        def up(y: float) -> float:
            return HEIGHT - BOTTOM - y / highest * (HEIGHT - TOP - BOTTOM)

        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            _text(LEFT, 24, self.title, size=16),
            *_horizontal_grid(highest, up),
            *_labels([(across(x), x) for x in xs]),
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 38, self.x, anchor="middle"),
            _text(LEFT, TOP - 8, self.y),
            *_small_print(self.small_print),
        ]
        for number, line in enumerate(self.lines):
            colour = COLOURS[number % len(COLOURS)]
            places = [f"{across(x):.1f},{up(y):.1f}" for x, y in line.points]
            parts.append(
                f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}"'
                ' stroke-width="2"/>'
            )
            for place in places:
                x, y = place.split(",")
                parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
            parts.append(_text(LEFT + 150 * number, 44, f"● {line.name}", fill=colour))
        return "\n".join([*parts, "</svg>", ""])


def _small_print(text: str) -> list[str]:
    lines = textwrap.wrap(text, SMALL_PRINT_CHARACTERS)
    lowest = HEIGHT - 8
    return [
        _text(LEFT, lowest - 12 * above, line, size=9, fill="#666")
        for above, line in enumerate(reversed(lines))
    ]


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... from `value` upwards."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(each * power for each in (1, 2, 5, 10) if each * power >= value)


def shown(number: float) -> str:
    """A number on an axis: 1,500 or 64 Ki or 50k or 0.25."""
    if number >= 10_000 and number % 1024 == 0:
        return f"{number / 1024:,g} Ki"
    if number >= 10_000:
        return f"{number / 1000:g}k"
    return f"{number:,g}"


def _labels(places: Sequence[tuple[float, float]]) -> list[str]:
    parts: list[str] = []
    free_from = -math.inf
    for across, x in reversed(places):
        # The last one always stands; from there to the left, as many as there is room for.
        if not parts or across <= free_from - LABEL_WIDTH:
            parts.append(_text(across, HEIGHT - BOTTOM + 18, shown(x), anchor="middle"))
            free_from = across
    return parts


def _horizontal_grid(highest: float, up: Callable[[float], float]) -> list[str]:
    parts: list[str] = []
    for step in range(5):
        value = highest * step / 4
        y = up(value)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        parts.append(_text(LEFT - 8, y + 4, shown(value), anchor="end"))
    return parts


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", fill: str = "#222"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
        f' fill="{fill}">{escape(text)}</text>'
    )
