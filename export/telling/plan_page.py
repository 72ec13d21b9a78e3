"""The plan of an export as one HTML page that needs nothing else: a timeline, and under it what is read of each file.

In: a PlanDescription. Out: text. The page's frame, its looks and its few lines of script are plan_page.html; here its
rows are made. Everything that comes from a project is escaped. Passive; plain functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from string import Template

from reelmill.export.outputs.html_text import as_html
from reelmill.export.outputs.text_file import write_text_file
from reelmill.export.telling.plan_description import ClipBox, CompositionBox, FileUse, PlanDescription, TrackBox
from reelmill.planner.errors import SetupError

TICKS = 8
"""Of a ruler, at least half as many, where the axis fills the page."""
STEPS = tuple(Fraction(step, 100) for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500, 3000)) + tuple(
    Fraction(step) for step in (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
)
"""Between two ticks, seconds."""
MIN_ZOOM_STEPS, MAX_ZOOM_STEPS = 3, 8
"""Each doubles the width of the axis."""
LEGIBLE = 16
"""So many clips of a track have room for their names where the axis fills the page."""
GOLDEN_ANGLE = 137.508
"""Degrees; turning by it keeps any number of hues apart."""
MAX_RANGES = 3
"""Of a file that the table lists."""


def plan_page(plan: PlanDescription) -> str:
    """The page."""
    page = _Page(plan)
    return Template(files("reelmill.export.telling").joinpath("plan_page.html").read_text(encoding="utf-8")).substitute(
        title=as_html(plan.name or plan.project),
        heading=as_html(plan.name or plan.project),
        subtitle=page.subtitle(),
        facts="\n".join(page.facts()),
        warnings=page.warnings(),
        legend=page.legend(),
        zoom_steps=page.zoom_steps,
        tick_rules="\n".join(
            f".z{step} > .grid > .tick:not(.z{step}) {{ display: none; }}" for step in range(page.zoom_steps + 1)
        ),
        timeline="\n".join(
            (*page.composition(plan.root, plan.start, plan.end, page.zoom_steps), *page.copy_row()),
        ),
        rows="\n".join(page.file_rows()),
        table="\n".join(page.table()),
        note=page.note(),
        templates="\n".join(page.templates()),
        footer=f"reelmill {as_html(version('reelmill'))}, from {as_html(plan.project)}",
    )


def write_plan_page(path: Path, plan: PlanDescription) -> None:
    """Write the page, whole or not at all; folders are made. Raises SetupError where it can't be written."""
    try:
        write_text_file(path, plan_page(plan))
    except OSError as error:
        raise SetupError(
            f"the page can't be written: {error.strerror}",
            component="Plan",
            file=str(path),
            suggestion="name a file in a folder that you may write to",
        ) from error


class _Page:
    """The parts of one page."""

    def __init__(self, plan: PlanDescription) -> None:
        self._plan = plan
        self._files = {file.file_hash: number for number, file in enumerate(plan.files)}
        self._compositions = {box.id: number for number, box in enumerate(plan.nested)}
        most = max((len(track.clips) for track in plan.root.tracks), default=0)
        wanted = math.ceil(math.log2(max(most, 1) / LEGIBLE)) + 2
        self.zoom_steps = min(max(wanted, MIN_ZOOM_STEPS), MAX_ZOOM_STEPS)

    def subtitle(self) -> str:
        plan = self._plan
        parts = [f"{plan.width}×{plan.height}", f"{_number(plan.fps)} frames/s", _duration(plan.end - plan.start)]
        if plan.start > 0:
            parts.append(f"from {_clock(plan.start)} to {_clock(plan.end)}")
        return as_html(" · ".join(([plan.project] if plan.name else []) + parts))

    def facts(self) -> Iterator[str]:
        plan = self._plan
        shown = [file for file in plan.files if file.frames]
        decoders = sum(file.cursors for file in shown)
        kept = sum(file.cache_share for file in shown)
        depth = _count(len(plan.nested), "nested composition")
        cells = [
            ("System", plan.system.upper(), plan.system_reason),
            (
                "Estimate",
                f"≈ {_duration(Fraction(round(plan.estimated_seconds)))}",
                "on this machine, before measuring",
            ),
            ("Output", _count(plan.frames, "frame"), f"{_duration(plan.end - plan.start)} of film"),
            ("Timeline", _count(plan.clips, "clip"), depth if plan.nested else "nothing nested"),
            ("Files", str(len(plan.files)), f"{_count(decoders, 'decoder')} at most"),
        ]
        if plan.system == "v2":
            cells.append(("Cache", f"{kept:.0%}", f"of {plan.cache_bytes / 1e6:,.0f} MB at most"))
        for name, value, more in cells:
            yield f"<div><dt>{name}</dt><dd>{as_html(value)}<small>{as_html(more)}</small></dd></div>"

    def warnings(self) -> str:
        items = "".join(f"<li>{as_html(warning)}</li>" for warning in self._plan.warnings)
        return f'<ul class="warnings">{items}</ul>' if items else ""

    def legend(self) -> str:
        kinds = {
            clip.kind for box in (self._plan.root, *self._plan.nested) for track in box.tracks for clip in track.clips
        }
        names = {
            "media": ("media, coloured by file", "media"),
            "composition": ("composition: click to open", "composition"),
            "text": ("text, colour, figure", "text"),
        }
        if kinds & {"solid", "shape"}:
            kinds.add("text")
        return "".join(
            f'<span><i class="clip-key {css}" style="--hue:250;background:var(--fill);box-shadow:inset 0 0 0 1px '
            f'var(--edge)"></i>{text}</span>'
            for kind, (text, css) in names.items()
            if kind in kinds
        )

    def note(self) -> str:
        if not any(file.readings for file in self._plan.files):
            return "No file is shown."
        text = (
            "A file's row is tinted while the film shows the file; the lines tell which place of it is read then, "
            "from its first frame used (bottom) to its last (top). Lines above one another are places that are needed "
            "at the same time. Clips that others hide are counted."
        )
        if not self._plan.complete:
            text += " There are more readings than a page can show: only the first ones are drawn."
        return text

    def composition(self, box: CompositionBox, start: Fraction, end: Fraction, zoom_steps: int) -> Iterator[str]:
        """The tracks on an axis from `start` to `end`: the topmost first, as they cover each other; sound last."""
        yield _grid(start, end, zoom_steps)
        yield '<div class="row ruler"><div class="name"></div><div class="lane"></div></div>'
        for kind, title in (("video", "Picture"), ("audio", "Sound")):
            tracks = [track for track in reversed(box.tracks) if track.kind == kind]
            if tracks and any(track.kind == "audio" for track in box.tracks):
                yield f'<div class="part">{title}</div>'
            for track in tracks:
                yield from self._track(track, start, end)

    def _track(self, track: TrackBox, start: Fraction, end: Fraction) -> Iterator[str]:
        shown = [clip for clip in track.clips if clip.start < end and clip.end > start]
        yield f'<div class="row{" sound" if track.kind == "audio" else ""}">'
        count = f"<small>{_count(len(shown), 'clip')}</small>" if track.kind == "video" else ""
        yield f'<div class="name" title="{as_html(track.id)}"><b>{as_html(track.id)}</b>{count}</div><div class="lane">'
        for clip in shown:
            yield self._clip(clip, start, end)
        for before, after in pairwise(shown):
            if after.start < before.end:
                yield f'<i class="cross" style="{_place(after.start, before.end, start, end)}"></i>'
        yield "</div></div>"

    def _clip(self, clip: ClipBox, start: Fraction, end: Fraction) -> str:
        style = _place(clip.start, clip.end, start, end)
        speed = "" if clip.speed == 1 else f" ×{_number(clip.speed)}"
        what = f"{clip.id}: {clip.kind} {clip.label}{speed}, {_clock(clip.start)} to {_clock(clip.end)}"
        label = clip.label.splitlines()[0] if clip.label.strip() else ""
        more = f" <em>{as_html(label)}{speed}</em>" if label != clip.id or speed else ""
        inner = f"<span>{as_html(clip.id)}{more}</span>"
        common = f'class="clip {clip.kind}" title="{as_html(what)}"'
        if clip.composition is not None:
            number = self._compositions[clip.composition]
            return (
                f'<button {common} style="{style}" aria-expanded="false" data-composition="{number}" '
                f'data-clip="{as_html(clip.id)}">{inner}</button>'
            )
        if clip.file is not None:
            number = self._files[clip.file]
            return f'<div {common} style="{style};{_hue(number)}" data-file="{number}">{inner}</div>'
        return f'<div {common} style="{style}">{inner}</div>'

    def templates(self) -> Iterator[str]:
        """Each composition once, however often it is shown; the script copies it under the clip that is clicked."""
        for box in self._plan.nested:
            about = f"{box.width}×{box.height} · {_duration(box.duration)}"
            rows = "\n".join(self.composition(box, Fraction(0), box.duration, 0))
            yield (
                f'<template id="composition-{self._compositions[box.id]}"><div class="inside"><div class="box">'
                f"<header><b>{as_html(box.id or '')}</b><span>{about}</span><button>close</button></header>"
                f'<div class="sheet z0">{rows}</div></div></div></template>'
            )

    def copy_row(self) -> Iterator[str]:
        """Which stretches are copied, in the colour of their file, and which are encoded, and why."""
        parts = self._plan.copying
        if parts is None:
            return
        start, end = self._plan.start, self._plan.end
        numbers = {name: self._files[file.file_hash] for file in self._plan.files for name in file.media}
        copied = sum(part.frames for part in parts if part.copied)
        yield '<div class="row"><div class="name"><b>copied</b>'
        yield f'<small>{copied:,} of {self._plan.frames:,} frames</small></div><div class="lane">'
        for part in parts:
            what = f"copied from {part.media}" if part.media is not None else f"encoded: {part.why}"
            where = f"{_clock(part.start)} to {_clock(part.end)}, {_count(part.frames, 'frame')}"
            style = _place(part.start, part.end, start, end)
            kind, hue = ("text", "") if part.media is None else ("media", f";{_hue(numbers[part.media])}")
            label = as_html(part.media or "encoded")
            yield (
                f'<div class="copy clip {kind}" style="{style}{hue}" title="{as_html(f"{what}: {where}")}">'
                f"<span>{label}</span></div>"
            )
        yield "</div></div>"

    def file_rows(self) -> Iterator[str]:
        """A row for each file that is seen: when, and which place of it."""
        for file in self._plan.files:
            if not file.readings:
                continue
            number = self._files[file.file_hash]
            yield (
                f'<div class="row file" data-file="{number}" style="{_hue(number)}">'
                f'<div class="name" title="{as_html(file.path)}"><i class="swatch"></i><div>'
                f"<b>{as_html(file.path.rpartition('/')[2])}</b>{_summary(file)}</div></div>"
                f'<div class="lane">{self._reading_picture(file)}</div></div>'
            )

    def _reading_picture(self, file: FileUse) -> str:
        start, end = self._plan.start, self._plan.end

        def x(time: Fraction) -> str:
            return f"{float((time - start) / (end - start) * 1000):.7g}"

        lowest = min(min(reading.source_start, reading.source_end) for reading in file.readings)
        highest = max(max(reading.source_start, reading.source_end) for reading in file.readings)

        def y(source_time: Fraction) -> str:
            share = float((source_time - lowest) / (highest - lowest)) if highest > lowest else 0.5
            return f"{92 - 84 * share:.4g}"

        bands = "".join(
            f'<rect x="{x(first)}" y="0" width="{x(start + last - first)}" height="100"/>'
            for first, last in file.on_screen
        )
        lines = []
        for reading in file.readings:
            if reading.repeats:
                lines.append(
                    f"M{x(reading.start)} {y(reading.source_start)}V{y(reading.source_end)}"
                    f"H{x(reading.end)}V{y(reading.source_start)}Z"
                )
            else:
                lines.append(f"M{x(reading.start)} {y(reading.source_start)}L{x(reading.end)} {y(reading.source_end)}")
        title = f"source time {_seconds(lowest)} (bottom) to {_seconds(highest)} (top)"
        return (
            '<svg class="reading" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img">'
            f'<title>{title}</title>{bands}<path d="{"".join(lines)}"/></svg>'
        )

    def table(self) -> Iterator[str]:
        """The figures of every file, sound alone included."""
        cached = self._plan.system == "v2"
        heads = ["clips", "frames", "share of the film", "places at once", "decoders", *(["cache"] if cached else [])]
        yield (
            '<tr><th>file</th><th class="ranges">source ranges</th>'
            + "".join(f"<th>{head}</th>" for head in heads)
            + "</tr>"
        )
        for file in self._plan.files:
            name = f"{as_html(file.path)} <small>{as_html(', '.join(file.media))}</small>"
            cells = [f"{file.clips:,}"]
            if file.frames:
                share = f"{file.output_frames / self._plan.frames:.0%}"
                heavy = ' <span class="heavy">heavy</span>' if file.heavy else ""
                cells += [f"{file.frames:,}", share + heavy, str(file.positions), str(file.cursors)]
                cells += [f"{file.cache_share:.0%}"] if cached else []
            else:
                cells += [""] * (len(heads) - 1)
            yield (
                f'<tr><td title="{as_html(file.path)}">{name}</td><td class="ranges">{_ranges(file)}</td>'
                + "".join(f"<td>{cell}</td>" for cell in cells)
                + "</tr>"
            )


def _summary(file: FileUse) -> str:
    """Two short lines."""
    amount = "still" if file.kind == "still" else _count(file.frames, "frame")
    lines = [f'<small class="amount">{_count(file.clips, "clip")} · {amount}</small>']
    marks = [f"<span>{_count(file.cursors, 'decoder')}</span>"] if file.cursors > 1 else []
    marks += ['<span class="heavy">heavy</span>'] if file.heavy else []
    lines += [f"<small>{' '.join(marks)}</small>"] if marks else []
    return "".join(lines)


def _ranges(file: FileUse) -> str:
    if not file.frames:
        return "<small>sound alone</small>"
    if not file.ranges:
        return "<small>still</small>"
    told = ", ".join(f"{_number(start)}–{_number(end)}" for start, end in file.ranges[:MAX_RANGES]) + " s"
    left = len(file.ranges) - MAX_RANGES
    return told + (f" <small>and {left} more</small>" if left > 0 else "")


def _grid(start: Fraction, end: Fraction, zoom_steps: int) -> str:
    """Ticks for every zoom; the page shows those of the one in force."""
    marks: dict[Fraction, list[str]] = {}
    for zoom in range(zoom_steps + 1):
        step = next((s for s in STEPS if s * TICKS * 2**zoom >= end - start), STEPS[-1])
        first = -(-start // step)
        for number in range(first, math.floor(end / step) + 1):
            marks.setdefault(number * step, []).append(f"z{zoom}")
            if number % 2 and zoom == 0:
                marks[number * step].append("spare")
    ticks = "".join(
        f'<div class="tick {" ".join(classes)}" style="left:{_percent(time - start, end - start)}">'
        f"<b>{_clock(time)}</b></div>"
        for time, classes in sorted(marks.items())
        if time < end
    )
    return f'<div class="grid">{ticks}</div>'


def _place(start: Fraction, end: Fraction, first: Fraction, last: Fraction) -> str:
    """Where a stretch lies on an axis from `first` to `last`, as CSS."""
    start, end = max(start, first), min(end, last)
    return f"left:{_percent(start - first, last - first)};width:{_percent(end - start, last - first)}"


def _percent(part: Fraction, whole: Fraction) -> str:
    return f"{float(part / whole * 100):.7g}%"


def _hue(number: int) -> str:
    return f"--hue:{(255 + number * GOLDEN_ANGLE) % 360:.0f}"


def _clock(time: Fraction) -> str:
    """`M:SS`, `H:MM:SS`, with hundredths where there are any."""
    hundredths = math.floor(time * 100 + Fraction(1, 2))
    seconds, rest = divmod(hundredths, 100)
    decimals = f".{rest:02}".rstrip("0") if rest else ""
    minutes = f"{seconds // 60 % 60:02}" if seconds >= 3600 else f"{seconds // 60}"
    hours = f"{seconds // 3600}:" if seconds >= 3600 else ""
    return f"{hours}{minutes}:{seconds % 60:02}{decimals}"


def _duration(seconds: Fraction) -> str:
    """For people: `4.5 s`, `2 min 5 s`, `1 h 30 min`."""
    if seconds < 60:
        return _seconds(seconds)
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _seconds(seconds: Fraction) -> str:
    return f"{_number(seconds)} s"


def _number(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".").replace("-", "−")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
