"""Burnt-in subtitles: cues become text clips on tracks above all others, each at a place of its own.

In: a resolved timeline, files of cues, what knows fonts. Out: the timeline with the tracks, on which everything that
plans, reuses and draws works as for any other text; problems and warnings. Cues of one layer that are shown together
and stand where margins put them make room for each other, the later for the earlier: upwards at the bottom, else
downwards. Where a cue lies depends on the whole film alone, not on the part that is exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import heappop, heappush

from reelmill.planner.animation import Animated, Keyframe
from reelmill.planner.content import Drawing
from reelmill.planner.errors import Problem, SetupError
from reelmill.planner.pictures.cue_text import CueBlock, CueCanvas, CueShaper, cue_block
from reelmill.planner.subtitles import CueSheet, SubtitleCue
from reelmill.planner.timeline import ONE, Clip, Subtitles, Timeline, Track, Transform

_TOP_LEFT = Animated.constant(0, 0)
_SHOWN_PROBLEMS = 5
_MOST_TOGETHER = 500
"""Cues shown at one time that a further one makes room for. Beyond that it stays where it is, above all others."""
_MOST_SHIFTS = 4
"""How often a cue is moved out of the way of another: sums of binary fractions may leave a sliver."""


@dataclass(frozen=True, slots=True)
class BurntSubtitles:
    """A timeline with its subtitles drawn."""

    timeline: Timeline
    drawn_sizes: dict[Drawing, tuple[float, float]]
    """Of the texts that were added: nominal width and height, pixels."""
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Box:
    """Pixels of the canvas that a cue covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


@dataclass(frozen=True, slots=True)
class _Shown:
    """A cue with its place, in the order in which cues begin."""

    end: Fraction
    layer: int
    box: _Box
    steers: bool
    """Others make room for it, and it for others."""
    lane: int


_Faults = dict[tuple[str | None, str], tuple[int, str | None]]
"""What can't be drawn: file and message → line of the first such cue, and a suggestion."""


def burn_subtitles(timeline: Timeline, sheets: Sequence[tuple[Subtitles, CueSheet, CueShaper]]) -> BurntSubtitles:
    """The timeline with text clips for every cue of these entries, all of mode `burn`."""
    return _Burning(timeline).run(sheets)


class _Burning:
    """One walk over all cues in order of start. One use."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._film = timeline.duration
        self._canvas = (timeline.root.width, timeline.root.height)
        self._active: dict[int, _Shown] = {}
        """By number, in order of start."""
        self._ends: list[tuple[Fraction, int]] = []
        """A heap of when active cues end, and their numbers."""
        self._count = 0
        self._lanes: dict[int, list[list[Clip]]] = {}
        self._sizes: dict[Drawing, tuple[float, float]] = {}
        self._notes: list[dict[str, int]] = []
        """Of each entry: what is not drawn, and the line where it is first asked for."""
        self._faults: list[_Faults] = []

    def run(self, sheets: Sequence[tuple[Subtitles, CueSheet, CueShaper]]) -> BurntSubtitles:
        frames = [CueCanvas.of(sheet, *self._canvas) for _, sheet, _ in sheets]
        self._notes = [dict(sheet.unsupported) for _, sheet, _ in sheets]
        self._faults = [{} for _ in sheets]
        cues = [(cue.start, index, cue) for index, (_, sheet, _) in enumerate(sheets) for cue in sheet.cues]
        for _, index, cue in sorted(cues, key=lambda each: each[:2]):
            if cue.end > 0 and cue.start < self._film:
                self._add(cue, *sheets[index], frames[index], self._notes[index], self._faults[index])
        root = replace(self._timeline.root, tracks=(*self._timeline.root.tracks, *self._tracks()))
        entries = [entry for entry, _, _ in sheets]
        problems = [
            problem for entry, faults in zip(entries, self._faults, strict=True) for problem in _problems(entry, faults)
        ]
        warnings = [
            f"{entry.place}: burnt in without {name} (line {line})"
            for entry, notes in zip(entries, self._notes, strict=True)
            for name, line in notes.items()
        ]
        return BurntSubtitles(replace(self._timeline, root=root), self._sizes, tuple(problems), tuple(warnings))

    def _tracks(self) -> list[Track]:
        lanes = [(layer, clips) for layer in sorted(self._lanes) for clips in self._lanes[layer]]
        return [Track(f"$.subtitles/{number}", tuple(clips)) for number, (_, clips) in enumerate(lanes, 1)]

    def _add(
        self,
        cue: SubtitleCue,
        entry: Subtitles,
        sheet: CueSheet,
        shaper: CueShaper,
        frame: CueCanvas,
        notes: dict[str, int],
        faults: _Faults,
    ) -> None:
        def note(what: str) -> None:
            notes.setdefault(what, cue.line)

        try:
            block = cue_block(cue, sheet, entry.look, frame, shaper, note)
        except SetupError as error:
            faults.setdefault((error.file, error.message), (cue.line, error.suggestion))
            return
        if block is None:
            return
        start, end = max(cue.start, Fraction(0)), min(cue.end, self._film)
        while self._ends and self._ends[0][0] <= start:
            del self._active[heappop(self._ends)[1]]
        box = self._box(cue, entry, sheet, block, frame)
        lane = self._lane(cue.layer, box, start)
        self._count += 1
        self._active[self._count] = _Shown(end, cue.layer, box, cue.position is None, lane)
        heappush(self._ends, (end, self._count))
        self._sizes[block.text] = (block.width, block.height)
        # On whole pixels letters are as sharp as they were drawn.
        x, y = round(box.left + block.border), round(box.top + block.border + block.rise)
        transform = Transform(Animated.constant(x, y), anchor=_TOP_LEFT, opacity=_fade(cue, start))
        clip = Clip(
            id=f"{entry.place}:{cue.line}",
            content=block.text,
            start=start,
            duration=end - start,
            in_point=Fraction(0),
            fit="none",
            transform=transform,
            path=entry.place,
        )
        self._lanes[cue.layer][lane].append(clip)

    def _box(self, cue: SubtitleCue, entry: Subtitles, sheet: CueSheet, block: CueBlock, frame: CueCanvas) -> _Box:
        """Where the cue lies, its border included."""
        row, column = divmod(cue.style.align - 1, 3)
        if cue.position is not None:
            x, y = cue.position[0] * frame.per_x, cue.position[1] * frame.per_y
            left, top = x - block.width * column / 2, y - block.height * (2 - row) / 2
            return _bordered(left, top, block)
        low, high = frame.margins(cue.style)
        left = low + (high - low - block.width) * column / 2
        margin = cue.style.margin_vertical * frame.per_y
        if sheet.format != "ass" and entry.look.margin is not None:
            margin = entry.look.margin
        top = (frame.height - margin - block.height, (frame.height - block.height) / 2, margin)[row]
        return self._clear(_bordered(left, top, block), cue.layer, downwards=row > 0)

    def _clear(self, box: _Box, layer: int, *, downwards: bool) -> _Box:
        """The nearest free place in one direction."""
        if len(self._active) >= _MOST_TOGETHER:
            return box
        steering = [shown.box for shown in self._active.values() if shown.layer == layer and shown.steers]
        # Those that it meets first come first, so none that it has left behind can be in its way again.
        steering.sort(key=lambda other: other.top if downwards else -other.bottom)
        for other in steering:
            for _ in range(_MOST_SHIFTS):
                if not other.meets(box):
                    break
                shift = other.bottom - box.top if downwards else other.top - box.bottom
                box = _Box(box.left, box.top + shift, box.right, box.bottom + shift)
        return box

    def _lane(self, layer: int, box: _Box, start: Fraction) -> int:
        """The lowest track on which nothing is shown at that time, above all that the cue is painted over."""
        lanes = self._lanes.setdefault(layer, [])
        lane = len(lanes)
        if len(self._active) < _MOST_TOGETHER:
            covered = (s.lane for s in self._active.values() if s.layer == layer and s.box.meets(box))
            lane = max(covered, default=-1) + 1
            while lane < len(lanes) and lanes[lane] and lanes[lane][-1].end > start:
                lane += 1
        if lane == len(lanes):
            lanes.append([])
        return lane


def _problems(entry: Subtitles, faults: _Faults) -> list[Problem]:
    """The first ones of an entry: a font without Chinese lacks each of its characters."""
    problems = []
    for (file, message), (line, suggestion) in list(faults.items())[:_SHOWN_PROBLEMS]:
        where = f"{entry.path}, line {line}" if file in (None, entry.path) else str(file)
        problems.append(Problem(entry.place, f"{where}: {message}", suggestion))
    if len(faults) > _SHOWN_PROBLEMS:
        problems.append(Problem(entry.place, f"{entry.path}: and {len(faults) - _SHOWN_PROBLEMS} more like these"))
    return problems


def _bordered(left: float, top: float, block: CueBlock) -> _Box:
    border = block.border
    return _Box(left - border, top - border, left + block.width + border, top + block.height + border)


def _fade(cue: SubtitleCue, start: Fraction) -> Animated:
    """Opacity from invisible to full and back; of a cue that is cut at the beginning of the film, the rest."""
    fade_in, fade_out = cue.fade
    if not fade_in and not fade_out:
        return ONE
    length = cue.end - cue.start
    # Where the two don't fit they share the time, so that the cue still becomes as visible as it can.
    share = min(Fraction(1), length / (fade_in + fade_out))
    cut = start - cue.start
    values = {Fraction(0): 1.0, fade_in * share: 1.0, length - fade_out * share: 1.0, length: 1.0}
    if fade_in:
        values[Fraction(0)] = 0.0
    if fade_out:
        values[length] = 0.0
    frames = sorted(values.items())
    return Animated(tuple(Keyframe(time - cut, (value,)) for time, value in frames))
