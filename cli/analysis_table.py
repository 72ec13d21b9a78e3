"""What was measured of a sound: as JSON for programs, as lines for people. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from reelmill.planner.clock import format_time
from reelmill.planner.sound.sound_analysis import PITCH_HOP, PITCH_RATE, Loudness, Pitch, Silence, SoundAnalysis

_SILENCES_TOLD = 5
_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def analysis_as_dict(sound: SoundAnalysis) -> dict[str, Any]:
    """As JSON: times are source times in seconds, lists go along time."""
    loudness, waveform, pitch = sound.loudness, sound.waveform, sound.pitch
    return {
        "start_seconds": float(sound.start),
        "duration_seconds": float(sound.duration),
        "sample_rate": sound.sample_rate,
        "samples": sound.samples,
        "loudness": None
        if loudness is None
        else {
            "integrated_lufs": loudness.integrated_lufs,
            "range_lu": loudness.range_lu,
            "true_peak_dbtp": _rounded(loudness.true_peak_dbtp),
            "sample_peak_dbfs": _rounded(loudness.sample_peak_dbfs),
            "step_seconds": float(loudness.step),
            "momentary_lufs": list(loudness.momentary_lufs),
            "short_term_lufs": list(loudness.short_term_lufs),
        },
        "silences": None
        if sound.silences is None
        else [{"start_seconds": float(s.start), "end_seconds": float(s.end)} for s in sound.silences],
        "waveform": None
        if waveform is None
        else {
            "samples_per_bucket": waveform.samples_per_bucket,
            "channels": [
                {"minimum": _six_decimals(low), "maximum": _six_decimals(high)}
                for low, high in zip(waveform.minimum, waveform.maximum, strict=True)
            ],
        },
        "pitch": None
        if pitch is None
        else {
            "step_seconds": PITCH_HOP / PITCH_RATE,
            "frequencies_hz": [_rounded(f) for f in pitch.frequencies],
            "voiced_probabilities": [round(p, 4) for p in pitch.voiced_probabilities],
        },
        "conformed": [
            {"path": c.path, "sample_rate": c.sample_rate, "channels": c.channels, "samples": c.samples}
            for c in sound.conformed
        ],
    }


def analysis_rows(sound: SoundAnalysis) -> Iterator[tuple[str, str]]:
    """Lines for people: what, and how much."""
    if sound.loudness is not None:
        yield from _loudness_rows(sound.loudness)
    if sound.silences is not None:
        yield "silence", _silence_text(sound.silences)
    if sound.waveform is not None:
        count = len(sound.waveform.minimum[0])
        yield "waveform", f"{count} buckets of {sound.waveform.samples_per_bucket} samples (--json lists them)"
    if sound.pitch is not None:
        yield "pitch", _pitch_text(sound.pitch)
    for written in sound.conformed:
        channels = "mono" if written.channels == 1 else f"{written.channels} channels"
        yield "conformed", f"{written.path}, {written.sample_rate} Hz, {channels}, {written.samples} samples"


def _loudness_rows(loudness: Loudness) -> Iterator[tuple[str, str]]:
    if loudness.integrated_lufs is None:
        yield "loudness", "nothing above the gate of -70 LUFS"
    else:
        curves = (("momentary", loudness.momentary_lufs), ("short-term", loudness.short_term_lufs))
        most = [(name, max((v for v in values if v is not None), default=None)) for name, values in curves]
        told = [f"{name} up to {value:.1f}" for name, value in most if value is not None]
        first = f"{loudness.integrated_lufs:.1f} LUFS integrated, range {loudness.range_lu:.1f} LU"
        yield "loudness", ", ".join([first, *told])
    if loudness.true_peak_dbtp is None or loudness.sample_peak_dbfs is None:
        yield "peak", "digital silence"
    else:
        yield "peak", f"{loudness.true_peak_dbtp:.1f} dBTP true peak, {loudness.sample_peak_dbfs:.1f} dBFS by samples"


def _silence_text(silences: Sequence[Silence]) -> str:
    if not silences:
        return "none"
    total = format_time(sum((s.end - s.start for s in silences), start=silences[0].start * 0))
    told = ", ".join(f"{float(s.start):.3f}..{float(s.end):.3f}" for s in silences[:_SILENCES_TOLD])
    more = len(silences) - _SILENCES_TOLD
    rest = f" and {more} more" if more > 0 else ""
    return f"{len(silences)} stretch{'es' if len(silences) > 1 else ''}, {total} in all: {told}{rest}"


def _pitch_text(pitch: Pitch) -> str:
    voiced = sorted(f for f in pitch.frequencies if f is not None)
    if not voiced:
        return "nothing voiced"
    share = len(voiced) / len(pitch.frequencies)
    middle = statistics.median(voiced)
    low, high = voiced[len(voiced) // 20], voiced[len(voiced) * 19 // 20]
    return f"median {middle:.1f} Hz ({note_name(middle)}), 90% within {low:.1f}..{high:.1f} Hz, {share:.0%} voiced"


def note_name(frequency: float) -> str:
    """The nearest note of the equal temperament with A4 = 440 Hz, such as `A4` or `C♯5`."""
    number = round(69 + 12 * math.log2(frequency / 440))
    return f"{_NOTES[number % 12]}{number // 12 - 1}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _six_decimals(values: Sequence[float]) -> list[float]:
    return [round(value, 6) for value in values]
