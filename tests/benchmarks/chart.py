"""The times of all tools by scene as a picture: in, a Report; out, the text of an SVG file."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from tests.benchmarks.peers import LABELS
from tests.benchmarks.results import Report, Result

COLOURS = {"reelmill": "#0b6e99", "ffmpeg": "#6b7280", "melt": "#c2813a", "moviepy": "#a45a8f", "movis": "#7a9a3c"}
WIDTH, LEFT, RIGHT, TOP = 900, 310, 50, 64
BAR, GAP, BETWEEN = 11, 2, 16
TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)


def svg(report: Report) -> str:
    """Bars of wall time over ffmpeg's, on a logarithmic scale; a line across reelmill's bar marks the floor."""
    results = [result for result in report.results if result.has("reelmill") and result.has("ffmpeg")]
    names = [name for name in COLOURS if any(result.has(name) for result in results)]
    largest = max((_ratio(result, name) for result in results for name in names if result.has(name)), default=1)
    last = next((tick for tick in TICKS if tick >= max(2.0, largest)), TICKS[-1])
    ticks = [tick for tick in TICKS if tick <= last]
    y = TOP
    rows = []
    for result in results:
        rows.append(_row(result, names, y, last))
        y += _height(result, names) + BETWEEN
    height = y + 28
    grid = [_tick(tick, last, y) for tick in ticks]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="12" fill="#1f2937">'
        f"<title>Wall time over that of ffmpeg's filter graph, by scene; shorter is faster</title>"
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>'
    )
    caption = '<text x="16" y="24" font-size="14" font-weight="600">Time over ffmpeg’s, shorter is faster</text>'
    return "\n".join([head, caption, _legend(names), *grid, *rows, "</svg>"]) + "\n"


def _ratio(result: Result, name: str) -> float:
    return result.wall(name) / result.wall("ffmpeg")


def _x(ratio: float, last: float) -> float:
    """Where a ratio lies across."""
    first = TICKS[0] / 1.25
    part = math.log(max(ratio, first) / first) / math.log(last * 1.1 / first)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _height(result: Result, names: list[str]) -> int:
    return sum(BAR + GAP for name in names if result.has(name))


def _row(result: Result, names: list[str], y: int, last: float) -> str:
    middle = y + _height(result, names) / 2 + 4
    parts = [f'<text x="16" y="{middle:.0f}">{escape(f"{result.key} {result.title}")}</text>']
    for name in names:
        if not result.has(name):
            continue
        ratio = _ratio(result, name)
        end = _x(ratio, last)
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" rx="1.5" fill="{COLOURS[name]}"/>'
            f'<text x="{end + 5:.1f}" y="{y + BAR - 2}" font-size="10">{ratio:.2f}</text>'
        )
        if name == "reelmill" and result.has("floor"):
            floor = _x(_ratio(result, "floor"), last)
            parts.append(f'<path d="M{floor:.1f} {y - 2}v{BAR + 4}" stroke="#dc2626" stroke-width="2"/>')
        y += BAR + GAP
    return "".join(parts)


def _tick(tick: float, last: float, bottom: int) -> str:
    x = _x(tick, last)
    colour = "#9ca3af" if tick == 1 else "#e5e7eb"
    return (
        f'<path d="M{x:.1f} {TOP - 8}V{bottom - 4}" stroke="{colour}"/>'
        f'<text x="{x:.1f}" y="{bottom + 12}" text-anchor="middle" font-size="10">{tick:g}</text>'
    )


def _legend(names: list[str]) -> str:
    x, parts = LEFT, []
    for name in names:
        parts.append(f'<rect x="{x}" y="36" width="10" height="10" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{x + 14}" y="45">{escape(LABELS[name])}</text>')
        x += 24 + 8 * len(LABELS[name])
    parts.append(f'<path d="M{x + 4} 35v12" stroke="#dc2626" stroke-width="2"/><text x="{x + 12}" y="45">floor</text>')
    return "".join(parts)
