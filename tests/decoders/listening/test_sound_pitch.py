"""Pitch by pYIN: of known tones, in stretches, and where there is none."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from reelmill.decoders.listening.sound_listening import ListenTask
from reelmill.decoders.listening.sound_pitch import PitchTask, find_pitch, pitch_frame_count, require_librosa, stretches
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.sound.sound_analysis import PITCH_HOP, PITCH_RATE, AnalysisRequest
from reelmill.planner.timeline import Media
from tests.support.sounds import Samples, sound_facts, write_wav

RANGE = (65.0, 2093.0)


def voice(seconds: float) -> Samples:
    """A gliding tone with overtones, interrupted by pauses and noise."""
    t = np.arange(round(seconds * PITCH_RATE)) / PITCH_RATE
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (0.8 * np.sin(2 * np.pi * t / 3.7))) / PITCH_RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 6))
    spoken = np.sin(2 * np.pi * t / 1.3) > -0.6
    noise = np.random.default_rng(4).normal(0, 0.02, len(t))
    return (0.2 * tone * spoken + noise).astype(np.float32)


def task(path: Path, samples: Samples, frames: range) -> PitchTask:
    return PitchTask(0, "voice.wav", str(path), frames.start, len(frames), pitch_frame_count(len(samples)), RANGE)


@pytest.mark.parametrize("frequency", [82.41, 440.0, 1318.5])
def test_a_tone_has_its_frequency_within_a_tenth_of_a_semitone(frequency: float) -> None:
    t = np.arange(PITCH_RATE) / PITCH_RATE
    found, probabilities = find_pitch((0.5 * np.sin(2 * np.pi * frequency * t)).astype(np.float32), RANGE)
    assert len(found) == len(probabilities) == 1 + (PITCH_RATE - 2048) // PITCH_HOP
    assert None not in found
    assert min(probabilities) > 0.6
    cents = 1200 * np.log2(np.array(found, float) / frequency)
    assert np.abs(cents).max() <= 10


def test_stretches_give_what_one_pass_gives(tmp_path: Path) -> None:
    samples = voice(11)
    path = tmp_path / "samples.f32"
    samples.tofile(path)
    frames = pitch_frame_count(len(samples))
    whole, voiced = find_pitch(np.pad(samples, 1024), RANGE)
    assert len(whole) == frames
    parts = [task(path, samples, range(low, min(low + 100, frames))).run() for low in range(0, frames, 100)]
    assert [part.first_frame for part in parts] == list(range(0, frames, 100))
    assert [f for part in parts for f in part.frequencies] == whole
    assert [p for part in parts for p in part.probabilities] == pytest.approx(voiced)
    assert None in whole
    assert sum(f is not None for f in whole) > frames / 2


@pytest.mark.parametrize("frames", [1, 50, 1292, 1937, 1939, 100_000])
def test_stretches_cover_every_frame_once_and_are_about_equally_long(frames: int) -> None:
    found = stretches(frames)
    assert [n for stretch in found for n in stretch] == list(range(frames))
    lengths = [len(stretch) for stretch in found]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) < 2000


def test_the_pass_over_a_file_keeps_what_pitch_is_found_in(tmp_path: Path) -> None:
    t = np.arange(2 * 44100) / 44100
    tone = 0.5 * np.sin(2 * np.pi * 330 * t)
    path = write_wav(tmp_path / "tone.wav", np.stack([tone, 0.5 * tone], axis=1), 44100)
    kept = tmp_path / "kept.f32"
    facts = sound_facts(path)
    request = AnalysisRequest(measure=False)
    listened = ListenTask(
        *(0, Media("sound", str(path)), facts, request, (), None, str(kept)),
        allow_network=False,
    ).run()
    samples = np.fromfile(kept, np.float32)
    assert listened.pitch_samples == len(samples) == 2 * PITCH_RATE
    at = np.arange(len(samples)) / PITCH_RATE
    middle = slice(1000, -1000)  # a resampler rings at the ends
    assert np.abs(samples - 0.375 * np.sin(2 * np.pi * 330 * at))[middle].max() < 1e-3
    found = task(kept, samples, range(pitch_frame_count(len(samples)))).run().frequencies
    # Frame i is centred on sample i × hop: the first and the last hold half a frame of sound.
    assert len(found) == 1 + 2 * PITCH_RATE // PITCH_HOP
    assert [f for f in found[2:-2] if f is not None] == pytest.approx([330] * (len(found) - 4), rel=2 ** (1 / 120) - 1)


def test_noise_and_silence_are_not_voiced() -> None:
    quiet, _ = find_pitch(np.zeros(PITCH_RATE, np.float32), RANGE)
    assert set(quiet) == {None}
    noise, probabilities = find_pitch(
        np.random.default_rng(1).normal(0, 0.2, PITCH_RATE).astype(np.float32), (200.0, 2000.0)
    )
    assert sum(f is not None for f in noise) < len(noise) / 2
    assert np.mean(probabilities) < 0.5


def test_samples_that_are_gone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="can't be read back") as caught:
        task(tmp_path / "gone.f32", np.zeros(PITCH_RATE, np.float32), range(10)).run()
    assert caught.value.file == "voice.wav"


def test_without_librosa_the_error_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_librosa()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="not installed") as caught:
        require_librosa()
    assert "pip install 'reelmill[analysis]'" in (caught.value.suggestion or "")
