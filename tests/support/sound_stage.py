"""A timeline over sound files, and its mix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from reelmill.export.sound.sound_mix import SoundMix
from reelmill.planner.animation import EASINGS, Animated, Easing, Keyframe
from reelmill.planner.media import MediaFacts
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.timeline import Clip, Composition, Timeline
from tests.support.sounds import (
    Samples,
    composition,
    encode,
    impulse,
    recording,
    sound_facts,
    sound_timeline,
    write_wav,
)

RATE = 48000
SECONDS = 4


def make_sounds(made: Path) -> Path:
    """Sounds of four seconds in a folder."""
    write_wav(made / "tone.wav", recording(RATE, SECONDS), RATE)
    write_wav(made / "mono.wav", recording(RATE, SECONDS, 1), RATE)
    write_wav(made / "half.wav", np.full((RATE * SECONDS, 2), 0.5), RATE)
    write_wav(made / "quarter.wav", np.full((RATE * SECONDS, 2), 0.25), RATE)
    write_wav(made / "click.wav", impulse(RATE, SECONDS, 12345), RATE)
    encode(write_wav(made / "tone44.wav", recording(44100, SECONDS), 44100), made / "tone.m4a", "-c:a", "aac")
    return made


class Stage:
    """A timeline over files of a folder, and its mix."""

    def __init__(self, folder: Path, root: Composition, *nested: Composition, **more: Any) -> None:
        names = more.pop("files", {"sound": "tone.wav"})
        media = {name: folder / file for name, file in names.items()}
        self.timeline: Timeline = sound_timeline(root, *nested, media=media, **more)
        self.facts: dict[str, MediaFacts] = {
            name: replace(sound_facts(path), media=name) for name, path in media.items()
        }

    def mix(self, first: int = 0, count: int | None = None) -> SoundMix:
        plan = plan_sound(self.timeline, self.facts)
        if count is None:
            count = round(self.timeline.duration * self.timeline.sample_rate) - first
        return SoundMix(plan, self.timeline.media, self.facts, first_sample=first, sample_count=count)

    def read(self, first: int = 0, count: int | None = None, sizes: Sequence[int] = (1 << 30,)) -> Samples:
        mix = self.mix(first, count)
        samples = np.concatenate(list(pieces(mix, sizes)))
        mix.close()
        return samples


def pieces(mix: SoundMix, sizes: Sequence[int]) -> Iterator[Samples]:
    number = 0
    while len(piece := mix.read(sizes[number % len(sizes)])):
        yield piece
        number += 1


def sounded(folder: Path, *clips: Clip, duration: Fraction | int = SECONDS, **more: Any) -> Samples:
    return Stage(folder, composition(None, duration, clips), **more).read()


def keyframes(*points: tuple[float, float], easing: Easing = EASINGS["linear"]) -> Animated:
    return Animated(tuple(Keyframe(Fraction(time), (value,), easing) for time, value in points))
