"""The figures as Markdown. In, a Report; out, text, or a page's part between two markers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers import LABELS
from tests.benchmarks.results import REAL_TIME, Report, Result

MISSING = "–"


def page(report: Report) -> str:
    """All tables, what they were measured on, and which targets are met."""
    scenes = [result for result in report.results if not result.key.startswith("L")]
    layers = [result for result in report.results if result.key.startswith("L")]
    parts = [_machine(report)]
    if scenes:
        parts += [_ratios(scenes), _costs(scenes), _agreement(scenes)]
    if layers:
        parts.append(_layers(layers))
    parts += [_targets(report), _notes(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Put a text between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. Raises ValueError where they are missing."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    content = path.read_text(encoding="utf-8")
    before, found, rest = content.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no {begin} with {end} after it")
    path.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def _machine(report: Report) -> str:
    described = ". ".join(f"{what}: {words}" for what, words in report.machine.items())
    rounds = f"{report.rounds} rounds" if report.rounds > 1 else "**one round**"
    absent = [f"{LABELS[name]} is not installed here and left out ({how})." for name, how in report.absent.items()]
    return " ".join([f"{described}. Medians of {rounds}.", *absent])


def _ratios(results: Sequence[Result]) -> str:
    peers = [name for name in ("melt", "moviepy", "movis") if any(result.has(name) for result in results)]
    heads = ["scene", "times real time", "time over ffmpeg's", "over the floor"]
    heads += [f"times as fast as {LABELS[name]}" for name in peers]
    rows = []
    for result in results:
        row = [
            *(f"{result.key} {result.title}", _real_time(result)),
            *(_against(result, "ffmpeg"), _against(result, "floor")),
        ]
        if "one-input" in result.limits:
            row[2] += f"; with one input {_against(result, 'one-input')}"
        for name in peers:
            ratio = result.against(name)
            row.append(MISSING if ratio is None else f"{1 / ratio:.1f}{_mark(result, name)}")
        rows.append(row)
    return table(heads, rows)


def _real_time(result: Result) -> str:
    if not result.has(result.ours):
        return MISSING
    aim = REAL_TIME.get(result.key)
    notes = [f"≥ {aim:g}"] if aim is not None else []
    if aim is not None and result.has("floor"):
        notes.append(f"floor {result.times_real_time('floor'):.2f}")
    return f"{result.times_real_time(result.ours):.2f}" + (f" ({', '.join(notes)})" if notes else "")


def _against(result: Result, name: str) -> str:
    ratio = result.against(name)
    if ratio is None:
        return MISSING
    limit = result.limits.get(name)
    aim = "" if limit is None else f" (≤ {limit:g})"
    return f"{ratio:.2f}{aim}{_mark(result, name)}"


def _mark(result: Result, name: str) -> str:
    return "†" if name != "floor" and result.disagreements(name) else ""


def _costs(results: Sequence[Result]) -> str:
    names = [name for name in LABELS if any(result.has(name) for result in results)]
    heads = ["seconds, CPU seconds, peak MB", *[LABELS[name] for name in names], "floor: seconds, MB"]
    rows = []
    for result in results:
        costs = [
            f"{result.wall(name):.1f}, {result.cpu(name):.1f}, {result.peak(name) / 1e6:.0f}"
            if result.has(name)
            else ""
            for name in names
        ]
        floor = f"{result.wall('floor'):.1f}" if result.has("floor") else ""
        if result.floor_peaks:
            floor += f", {result.peak('floor') / 1e6:.0f}"
        rows.append([f"{result.key}, {result.seconds:g} s", *costs, floor])
    return table(heads, rows)


def _agreement(results: Sequence[Result]) -> str:
    names = [name for name in LABELS if name != "ffmpeg" and any(name in result.films for result in results)]
    heads = ["PSNR in dB and size against ffmpeg's film", *[LABELS[name] for name in names]]
    rows = []
    for result in results:
        reference = result.films.get("ffmpeg")
        cells = []
        for name in names:
            film = result.films.get(name)
            if film is None or reference is None or film.psnr is None:
                cells.append("")
            else:
                alike = "equal" if film.psnr >= 99 else f"{film.psnr:.1f}"
                cells.append(f"{alike}, {film.size_bytes / reference.size_bytes:.2f}")
        rows.append([result.key, *cells])
    return table(heads, rows)


def _layers(results: Sequence[Result]) -> str:
    names = [name for name in LABELS if any(result.has(name) for result in results)]
    heads = ["frames a second", *[LABELS[name] for name in names], "time of V2 over V1's"]
    rows = []
    for result in results:
        ratio = result.wall("v2") / result.wall("v1") if result.has("v1") and result.has("v2") else None
        rows.append(
            [result.title, *[_speed(result, name) for name in names], MISSING if ratio is None else f"{ratio:.2f}"]
        )
    return table(heads, rows)


def _speed(result: Result, name: str) -> str:
    if not result.has(name):
        return MISSING
    return f"{result.frames / result.wall(name):.1f}{_mark(result, name)}"


def _targets(report: Report) -> str:
    targets = [target for result in report.results for target in result.targets()]
    if not targets:
        return ""
    missed = [target for target in targets if not target.met]
    said = [
        f"{target.what} {target.value:.2f} ({'≥' if target.at_least else '≤'} {target.limit:g})" for target in missed
    ]
    return f"Targets met: {len(targets) - len(missed)} of {len(targets)}." + (
        f" Missed: {'; '.join(said)}." if said else ""
    )


def _notes(report: Report) -> str:
    lines = []
    for result in report.results:
        for name in (*result.films, *result.failures):
            lines += [f"- † {result.key}, {LABELS[name]}: {reason}." for reason in result.disagreements(name)]
        if result.why_less and "ffmpeg" in result.films:
            lines.append(f"- {result.key}: {result.least_psnr:g} dB are enough here: {result.why_less}.")
    return "\n".join(lines)
