"""What was measured of sounds, as a picture: waveform, loudness over time and pitch, one sound under the other.

In: names and analyses. Out: 8-bit RGB. Drawn by Pillow at twice the size and averaged down, which smooths the lines.
Passive; one thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from reelmill.compositor.drawing.fonts import DEFAULT_FONT, load_font
from reelmill.planner.clock import format_time
from reelmill.planner.sound.sound_analysis import PITCH_HOP, PITCH_RATE, Loudness, Pitch, SoundAnalysis, Waveform

WIDTH_PX = 1600
_OVERSAMPLING = 2
_LEFT, _RIGHT, _TOP, _GAP, _BOTTOM = 96, 32, 84, 34, 30
_LANE_PX = 130
"""Height of the waveform of one channel."""
_PANEL_PX = 190
"""Height of the other panels."""
_MAX_LANES = 8
"""Channels that have a lane of their own; the outlines of more are drawn as one."""
_TEXT_PX, _TITLE_PX = 17, 24

_PAPER, _PLOT, _GRID, _INK, _FAINT = "#ffffff", "#f6f7f9", "#dfe3e8", "#1c2733", "#5b6875"
_WAVE, _SILENCE, _MOMENTARY, _SHORT_TERM, _INTEGRATED, _PITCH = (
    *("#2f6fb0", "#fbe3c8", "#9dc3a5", "#1f7a3f", "#b8402a", "#7a3fa0"),
)

_Point = tuple[float, float]


def draw_sounds(sounds: Sequence[tuple[str, SoundAnalysis]]) -> npt.NDArray[np.uint8]:
    """Shape [height, WIDTH_PX, 3]; at least one sound, each with its name for people."""
    return np.concatenate([_draw_sound(name, sound) for name, sound in sounds])


@dataclass(slots=True)
class _Sheet:
    """What one sound is drawn on; lengths are pixels of the finished picture."""

    image: Image.Image
    draw: ImageDraw.ImageDraw

    @classmethod
    def of_height(cls, height: int) -> _Sheet:
        image = Image.new("RGB", (WIDTH_PX * _OVERSAMPLING, height * _OVERSAMPLING), _PAPER)
        return cls(image, ImageDraw.Draw(image))

    def pixels(self) -> npt.NDArray[np.uint8]:
        return np.asarray(self.image.reduce(_OVERSAMPLING))

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        self.draw.rectangle([side * _OVERSAMPLING for side in (left, top, right, bottom)], fill=colour)

    def polygon(self, points: Sequence[_Point], colour: str) -> None:
        self.draw.polygon([(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points], fill=colour, outline=colour)

    def line(self, points: Sequence[_Point], colour: str, width: float = 1.0) -> None:
        if len(points) == 1:
            (x, y) = points[0]
            points = [(x - 0.5, y), (x + 0.5, y)]
        scaled = [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points]
        self.draw.line(scaled, fill=colour, width=round(width * _OVERSAMPLING), joint="curve")

    def text(self, x: float, y: float, text: str, anchor: str, *, size: int = _TEXT_PX, colour: str = _INK) -> None:
        font = ImageFont.truetype(DEFAULT_FONT, size * _OVERSAMPLING, layout_engine=ImageFont.Layout.BASIC)
        self.draw.text((x * _OVERSAMPLING, y * _OVERSAMPLING), text, fill=colour, font=font, anchor=anchor)

    def text_width(self, text: str, size: int = _TEXT_PX) -> float:
        font = ImageFont.truetype(DEFAULT_FONT, size * _OVERSAMPLING, layout_engine=ImageFont.Layout.BASIC)
        return font.getlength(text) / _OVERSAMPLING


@dataclass(frozen=True, slots=True)
class _Panel:
    """One plot: where it lies, and what its axes show."""

    sheet: _Sheet
    top: float
    height: float
    times: tuple[float, float]
    """Seconds at the left and at the right edge."""
    values: tuple[float, float]
    """At the bottom and at the top."""

    def x(self, seconds: float) -> float:
        low, high = self.times
        return _LEFT + (WIDTH_PX - _LEFT - _RIGHT) * (seconds - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self.values
        return self.top + self.height * (high - min(max(value, low), high)) / (high - low)

    def frame(self, title: str, ticks: Sequence[tuple[float, str]]) -> None:
        """The plot's ground, its grid with labels on the left, and its title on top of it."""
        self.sheet.rectangle(_LEFT, self.top, WIDTH_PX - _RIGHT, self.top + self.height, _PLOT)
        for value, label in ticks:
            y = self.y(value)
            self.sheet.line([(_LEFT, y), (WIDTH_PX - _RIGHT, y)], _GRID)
            self.sheet.text(_LEFT - 8, y, label, "rm", colour=_FAINT)
        for seconds in _time_ticks(*self.times):
            self.sheet.line([(self.x(seconds), self.top), (self.x(seconds), self.top + self.height)], _GRID)
        self.sheet.text(_LEFT, self.top - 4, title, "ls", colour=_FAINT)

    def time_axis(self) -> None:
        """Labels below the plot."""
        bottom = self.top + self.height
        ticks = _time_ticks(*self.times)
        decimals = 0 if len(ticks) < 2 else max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
        for seconds in ticks:
            self.sheet.text(self.x(seconds), bottom + 6, _clock(seconds, self.times[1], decimals), "ma", colour=_FAINT)
        unit = "s" if self.times[1] < 60 else "min:s" if self.times[1] < 3600 else "h:min:s"
        self.sheet.text((_LEFT + WIDTH_PX - _RIGHT) / 2, bottom + 27, f"time ({unit})", "ma", colour=_FAINT)

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """Colours and what they mean, above the right end of the plot."""
        x = float(WIDTH_PX - _RIGHT)
        for colour, label in reversed(entries):
            self.sheet.text(x, self.top - 4, label, "rs", colour=_FAINT)
            x -= self.sheet.text_width(label) + 8
            self.sheet.line([(x - 22, self.top - 10), (x, self.top - 10)], colour, 3)
            x -= 44


def _draw_sound(name: str, sound: SoundAnalysis) -> npt.NDArray[np.uint8]:
    assert sound.waveform is not None
    assert sound.loudness is not None
    start, end = float(sound.start), float(sound.start + sound.duration)
    times = (start, max(end, start + 1e-3))
    lanes = _lanes(sound.waveform)
    height = _TOP + len(lanes) * (_LANE_PX + _GAP) + _PANEL_PX + _GAP + _BOTTOM
    height += _PANEL_PX + _GAP if sound.pitch is not None else 0
    sheet = _Sheet.of_height(height)
    _title(sheet, name, sound)
    top = float(_TOP)
    for title, low, high in lanes:
        panel = _Panel(sheet, top, _LANE_PX, times, _amplitudes(sound.waveform))
        _draw_waveform(panel, title, sound, low, high)
        top += _LANE_PX + _GAP
    panel = _Panel(sheet, top, _PANEL_PX, times, _levels(sound.loudness))
    _draw_loudness(panel, sound.loudness, start)
    if sound.pitch is not None:
        top += _PANEL_PX + _GAP
        panel = _Panel(sheet, top, _PANEL_PX, times, _octaves(sound.pitch))
        _draw_pitch(panel, sound.pitch, start)
    panel.time_axis()
    return sheet.pixels()


def _title(sheet: _Sheet, name: str, sound: SoundAnalysis) -> None:
    loudness = sound.loudness
    assert loudness is not None
    facts = [format_time(sound.duration), f"{sound.sample_rate} Hz"]
    facts.append("silent" if loudness.integrated_lufs is None else f"{loudness.integrated_lufs:.1f} LUFS integrated")
    facts.append(f"range {loudness.range_lu:.1f} LU")
    if loudness.true_peak_dbtp is not None:
        facts.append(f"true peak {loudness.true_peak_dbtp:.1f} dBTP")
    told = "   ".join(facts)
    sheet.text(WIDTH_PX - _RIGHT, 34, told, "rs", colour=_FAINT)
    room = WIDTH_PX - _RIGHT - sheet.text_width(told) - 40 - _LEFT
    sheet.text(_LEFT, 34, _shortened(sheet, _drawable(name), room), "ls", size=_TITLE_PX)


def _draw_waveform(
    panel: _Panel, title: str, sound: SoundAnalysis, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> None:
    assert sound.waveform is not None
    full = panel.values[1]
    panel.frame(title, [(v, f"{v:g}") for v in (-full, 0.0, full)])
    for silence in sound.silences or ():
        left, right = panel.x(float(silence.start)), panel.x(float(silence.end))
        panel.sheet.rectangle(left, panel.top, right, panel.top + panel.height, _SILENCE)
    if len(low):
        step = sound.waveform.samples_per_bucket / sound.sample_rate
        edges = np.minimum(float(sound.start) + step * np.arange(len(low) + 1), panel.times[1])
        upper = [(panel.x(t), panel.y(v)) for n, v in enumerate(high) for t in edges[n : n + 2]]
        lower = [(panel.x(t), panel.y(v)) for n, v in enumerate(low) for t in edges[n : n + 2]]
        panel.sheet.polygon([*upper, *reversed(lower)], _WAVE)
    if sound.silences and panel.top == _TOP:
        panel.legend([(_SILENCE, "silence")])


def _draw_loudness(panel: _Panel, loudness: Loudness, start: float) -> None:
    bottom, top = panel.values
    panel.frame("loudness (LUFS)", [(v, f"{v:.0f}") for v in np.arange(bottom, top + 1, 10)])
    entries = [(_MOMENTARY, "momentary (0.4 s)"), (_SHORT_TERM, "short-term (3 s)")]
    for (colour, _), values in zip(entries, (loudness.momentary_lufs, loudness.short_term_lufs), strict=True):
        told = [(start + (n + 1) * float(loudness.step), v) for n, v in enumerate(values) if v is not None]
        points = [(panel.x(seconds), panel.y(v)) for seconds, v in told]
        if points:
            panel.sheet.line(points, colour, 2)
    if loudness.integrated_lufs is not None:
        y = panel.y(loudness.integrated_lufs)
        panel.sheet.line([(_LEFT, y), (WIDTH_PX - _RIGHT, y)], _INTEGRATED, 1.5)
        entries.append((_INTEGRATED, "integrated"))
    panel.legend(entries)


def _draw_pitch(panel: _Panel, pitch: Pitch, start: float) -> None:
    low, high = (round(value) for value in panel.values)
    ticks = [(float(octave), f"C{octave} · {440 * 2 ** (octave - 4.75):.0f}") for octave in range(low, high + 1)]
    panel.frame("pitch (Hz, by octaves)", ticks)
    for points in _voiced_runs(panel, pitch, start):
        panel.sheet.line(points, _PITCH, 2.5)
    if not any(pitch.frequencies):
        middle = (_LEFT + WIDTH_PX - _RIGHT) / 2
        panel.sheet.text(middle, panel.top + panel.height / 2, "nothing voiced", "mm", colour=_FAINT)


def _voiced_runs(panel: _Panel, pitch: Pitch, start: float) -> Iterator[list[_Point]]:
    points: list[_Point] = []
    for number, frequency in enumerate((*pitch.frequencies, None)):
        if frequency is not None:
            points.append((panel.x(start + number * PITCH_HOP / PITCH_RATE), panel.y(_octave(frequency))))
        elif points:
            yield points
            points = []


def _lanes(waveform: Waveform) -> list[tuple[str, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Title, minima and maxima of each lane."""
    low, high = np.array(waveform.minimum), np.array(waveform.maximum)
    if len(low) > _MAX_LANES:
        return [(f"amplitude, {len(low)} channels together", low.min(axis=0, initial=0), high.max(axis=0, initial=0))]
    if len(low) == 1:
        return [("amplitude", low[0], high[0])]
    return [(f"amplitude, channel {number + 1}", low[number], high[number]) for number in range(len(low))]


def _amplitudes(waveform: Waveform) -> tuple[float, float]:
    """Full scale, or what is beyond it."""
    largest = max((abs(v) for side in (waveform.minimum, waveform.maximum) for c in side for v in c), default=0.0)
    top = max(1.0, math.ceil(largest * 10) / 10)
    return -top, top


def _levels(loudness: Loudness) -> tuple[float, float]:
    """LUFS, in tens: 60 below full scale, and what is above it."""
    loudest = max((v for v in loudness.momentary_lufs if v is not None), default=0.0)
    return -60.0, 10.0 * max(math.ceil(loudest / 10), 0)


def _octaves(pitch: Pitch) -> tuple[float, float]:
    """Whole octaves that hold every frequency, by the number of the C that they begin with."""
    voiced = [_octave(frequency) for frequency in pitch.frequencies if frequency is not None]
    low, high = math.floor(min(voiced, default=2.0)), math.ceil(max(voiced, default=7.0))
    return float(low), float(max(high, low + 1))


def _octave(frequency: float) -> float:
    """Octaves above C0: 4.75 for A4."""
    return 4.75 + math.log2(frequency / 440)


def _time_ticks(start: float, end: float) -> list[float]:
    """Eight to sixteen round times."""
    steps = [m * 10.0**e for e in (-4, -3, -2, -1, 0) for m in (1, 2, 5)]
    steps += [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400]
    step = next((step for step in steps if (end - start) / step <= 16), steps[-1])
    return [n * step for n in range(math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9) + 1)]


def _clock(seconds: float, longest: float, decimals: int) -> str:
    if longest < 60:
        return f"{seconds:.{decimals}f}"
    sign, whole = "−" if seconds < 0 else "", abs(round(seconds))
    if longest < 3600:
        return f"{sign}{whole // 60}:{whole % 60:02}"
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _shortened(sheet: _Sheet, title: str, room: float) -> str:
    """A title without its beginning, where there is not enough room: the end of a path tells more."""
    if sheet.text_width(title, _TITLE_PX) <= room:
        return title
    while title and sheet.text_width(f"…{title}", _TITLE_PX) > room:
        title = title[1:]
    return f"…{title}"


def _drawable(text: str) -> str:
    """The text with what the font has no glyph for written as code."""
    font = load_font(DEFAULT_FONT)
    return "".join(c if font.has(c) else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
