"""What is now against what is stored: verdicts on frames, sound, and the facts of a film, and what may explain them.

In: pictures, fingerprints, manifests. Out: results. Passive; plain functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from reelmill.export.checks.check_result import FrameResult, SoundResult
from reelmill.export.checks.golden_manifest import FilmFacts, Manifest
from reelmill.export.checks.picture_comparison import compare_pictures, picture_words, within
from reelmill.export.checks.sound_comparison import compare_sounds, course
from reelmill.export.checks.sound_fingerprint import SoundFingerprint
from reelmill.planner.checks import Tolerance

Pixels = npt.NDArray[np.uint8]


def compare_frame(
    number: int,
    time: Fraction,
    reasons: tuple[str, ...],
    expected: Pixels | None,
    actual: Pixels,
    tolerance: Tolerance,
) -> FrameResult:
    """The verdict on a rendered frame; without an expected picture it has no golden."""
    if expected is None:
        return FrameResult(number, time, reasons, "missing", message="no golden is stored for it")
    if expected.shape[:2] != actual.shape[:2]:
        message = f"it is {_size(actual)}, where {_size(expected)} is stored"
        return FrameResult(number, time, reasons, "different", message=message)
    figures = compare_pictures(expected, actual, tolerance)
    if figures.pixels == 0:
        return FrameResult(number, time, reasons, "same", figures)
    words = picture_words(figures, tolerance)
    if within(figures, tolerance):
        return FrameResult(number, time, reasons, "close", figures, words)
    return FrameResult(number, time, reasons, "different", figures, words)


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]}×{picture.shape[0]}"


def compare_sound(
    expected: SoundFingerprint | None, actual: SoundFingerprint | None, *, stored: bool, tolerance: Tolerance
) -> SoundResult | None:
    """The verdict on the sound; None where there is none and none was. `stored`: whether the manifest lists one."""
    if expected is None:
        if stored:
            return SoundResult("missing", message="its fingerprint is listed, but its file is missing")
        return None if actual is None else SoundResult("missing", message="no golden is stored for it")
    if actual is None:
        return SoundResult("gone", message="the film has no sound, and had some")
    if (expected.sample_rate, expected.channels) != (actual.sample_rate, actual.channels):
        return SoundResult(
            "different",
            message=f"it has {actual.channels} channels at {actual.sample_rate} Hz, "
            f"where {expected.channels} at {expected.sample_rate} Hz are stored",
        )
    figures, words = compare_sounds(expected, actual, tolerance)
    if words:
        return SoundResult("different", figures, "; ".join(words), (course(expected), course(actual)))
    return SoundResult("same" if figures.identical else "close", figures)


_FACTS: Mapping[str, str] = {
    "width": "{} pixels wide, where {} are stored",
    "height": "{} pixels high, where {} are stored",
    "fps": "{} frames a second, where {} are stored",
    "frames": "{} frames long, where {} are stored",
}


def compare_film(expected: FilmFacts, actual: FilmFacts) -> tuple[str, ...]:
    """What else differs, in words. What sound there is, its comparison tells."""
    return tuple(
        "the film is " + _FACTS[each.name].format(getattr(actual, each.name), getattr(expected, each.name))
        for each in fields(FilmFacts)
        if each.name in _FACTS and getattr(actual, each.name) != getattr(expected, each.name)
    )


def explain(
    stored: Manifest, *, renderer: str | None, versions: Mapping[str, str], project_hash: str, variables: dict[str, str]
) -> tuple[str, ...]:
    """What is not as it was when the goldens were stored, and may be why something differs."""
    found = []
    if renderer is not None and renderer != stored.renderer:
        found.append(f"the goldens were stored with another renderer: {stored.renderer}; this is {renderer}")
    changed = [name for name in versions if stored.versions.get(name) != versions[name] and name != "code"]
    if changed:
        told = ", ".join(f"{name} {stored.versions.get(name, 'none')} (now {versions[name]})" for name in changed)
        found.append(f"the goldens were stored with other versions: {told}")
    if project_hash != stored.project_hash:
        found.append("the project file has changed since the goldens were stored")
    if variables != dict(stored.variables):
        told = ", ".join(f"{name}={value}" for name, value in sorted(stored.variables.items())) or "none"
        found.append(f"the goldens were stored with other variables: {told}")
    return tuple(found)
