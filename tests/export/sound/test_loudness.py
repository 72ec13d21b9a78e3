"""The limiter and the loudness of a film, measured with ffmpeg's ebur128."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.export.films.audio_encoding import AudioEncoding
from reelmill.export.films.encoders import add_audio
from reelmill.export.sound.fades import fade_factors
from reelmill.export.sound.limiter import ATTACK_SECONDS, Limiter
from reelmill.export.sound.loudness import LevelledSound
from reelmill.planner.errors import SetupError
from reelmill.planner.sound.sound_plan import Bus, SoundPlan
from tests.support.filtering import LAYOUTS, Floats, Levels, file_levels, levels

RATE = 48000
SECONDS = 4
TIMES = np.arange(SECONDS * RATE) / RATE


def stereo(one: Floats, other: Floats | None = None) -> Floats:
    return np.stack([one, one if other is None else other])


def music() -> Floats:
    """A beat over a quiet chord: 18 dB from loudness to peak."""
    beat = np.sin(2 * np.pi * 60 * TIMES) * np.exp(-6 * ((2 * TIMES) % 1))
    chord = sum(np.sin(2 * np.pi * f * TIMES) for f in (220, 277, 330))
    return stereo(0.8 * beat + 0.02 * chord, 0.7 * beat)


def speech() -> Floats:
    """Syllables of noise with pauses."""
    syllables = np.maximum(np.sin(2 * np.pi * 3 * TIMES), 0) * (np.sin(2 * np.pi * 0.3 * TIMES) > -0.5)
    return stereo(np.random.default_rng(1).normal(0, 0.05, len(TIMES)) * syllables)


def clicks() -> Floats:
    made = np.zeros(len(TIMES))
    made[:: RATE // 2] = 0.9
    return stereo(made)


def sparse() -> Floats:
    """Two short tones in two seconds."""
    made = np.zeros(2 * RATE)
    for second, frequency in enumerate((500, 600)):
        made[second * RATE :][:480] = 0.8 * np.sin(2 * np.pi * frequency * TIMES[:480])
    return stereo(made)


def tone(frequency: float, amplitude: float) -> Floats:
    return stereo(amplitude * np.sin(2 * np.pi * frequency * TIMES + 0.7))


# --- the limiter ---


def limited(samples: Floats, ceiling: float, sizes: Sequence[int] = (4096,), rate: int = RATE) -> Floats:
    limiter = Limiter(ceiling, len(samples), rate)
    out, at, number = [], 0, 0
    while at < samples.shape[1]:
        size = sizes[number % len(sizes)]
        out.append(limiter.process(samples[:, at : at + size]))
        at, number = at + size, number + 1
    return np.concatenate([*out, limiter.finish()], axis=1)


@pytest.mark.parametrize("ceiling", [-1.0, -9.0])
@pytest.mark.parametrize(
    "samples",
    [
        3 * music(),
        20 * speech(),
        3 * clicks(),
        np.random.default_rng(2).normal(0, 0.5, (2, RATE)),
        tone(11_025, 1.3) * np.hanning(len(TIMES)),
    ],
    ids=["music", "speech", "clicks", "noise", "between samples"],
)
def test_true_peaks_stay_under_the_ceiling(samples: Floats, ceiling: float) -> None:
    assert levels(samples, RATE).true_peak > ceiling
    out = limited(samples, ceiling)
    assert out.shape == samples.shape
    assert ceiling - 0.5 < levels(out, RATE).true_peak <= ceiling


def test_what_is_quiet_is_not_touched() -> None:
    samples = tone(440, 0.5)
    assert np.array_equal(limited(samples, -1), samples)


def test_only_the_neighbourhood_of_a_peak_is_touched() -> None:
    samples = tone(440, 0.25)
    samples[0, 100_000] = 4
    out = limited(samples, -1)
    reach = round(ATTACK_SECONDS * RATE) + 32
    assert np.array_equal(out[:, : 100_000 - reach], samples[:, : 100_000 - reach])
    factors = out[1] / np.where(samples[1] == 0, 1, samples[1])
    assert factors[100_000] == pytest.approx(out[0, 100_000] / 4)
    assert np.abs(np.diff(factors[99_000:150_000])).max() < 0.01
    assert np.allclose(out[:, 100_000 + 2 * RATE :], samples[:, 100_000 + 2 * RATE :], rtol=1e-6)


def test_pieces_make_no_difference_that_matters() -> None:
    samples = 3 * music()
    assert np.allclose(limited(samples, -1, (1, 777, 20_000)), limited(samples, -1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_other_rates(rate: int) -> None:
    samples = np.random.default_rng(2).normal(0, 0.5, (1, rate))
    assert levels(limited(samples, -3, rate=rate), rate).true_peak <= -3


# --- loudness ---


class Mix:
    """The samples of a film, in memory."""

    def __init__(self, samples: Floats) -> None:
        self._rest: Samples = samples.T.astype(np.float32)

    def read(self, count: int) -> Samples:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


def plan(samples: Floats, loudness: float, true_peak: float) -> SoundPlan:
    count = samples.shape[1]
    return SoundPlan(RATE, len(samples), count, (), (Bus(None, 0, count),), loudness, true_peak)


def encoding(codec: str, channels: int = 2, sample_format: str = "flt", bitrate: int | None = None) -> AudioEncoding:
    return AudioEncoding(codec, codec, RATE, channels, LAYOUTS[channels], sample_format, bitrate)


def levelled(
    samples: Floats,
    loudness: float,
    true_peak: float = -1,
    wanted: range | None = None,
    audio: AudioEncoding | None = None,
) -> Floats:
    made = plan(samples, loudness, true_peak)
    audio = audio or encoding("pcm_f32le", len(samples))
    sound = LevelledSound(Mix(samples), made, audio, wanted or range(made.sample_count), lambda _: None)
    pieces = [sound.read(10_001)]
    while len(pieces[-1]):
        pieces.append(sound.read(10_001))
    sound.close()
    sound.close()
    out = np.concatenate(pieces)
    assert out.dtype == np.float32
    assert len(out) == sound.sample_count
    return out.T.astype(np.float64)


@pytest.mark.parametrize("target", [-14.0, -23.0, -30.0])
@pytest.mark.parametrize(
    "samples", [music(), speech(), tone(997, 0.1), 0.1 * np.random.default_rng(3).normal(0, 1, (6, 3 * RATE))]
)
def test_a_film_has_the_loudness_and_keeps_the_ceiling(samples: Floats, target: float) -> None:
    out = levelled(samples, target)
    found = levels(out, RATE)
    assert abs(found.loudness - target) <= 0.1
    assert found.true_peak <= -1


def test_without_need_for_a_limiter_it_is_one_gain() -> None:
    samples = music()
    out = levelled(samples, -23)
    gains = (out / np.where(samples == 0, 1, samples))[np.abs(samples) > 0.01]
    assert np.ptp(gains) < 1e-5 * gains[0]


@pytest.mark.parametrize(("target", "ceiling"), [(-14.0, -1.0), (-16.0, -3.0), (-11.5, -1.0)])
def test_peaks_that_would_pass_the_ceiling_are_limited(target: float, ceiling: float) -> None:
    before = levels(music(), RATE)
    assert before.true_peak + target - before.loudness > ceiling
    found = levels(levelled(music(), target, ceiling), RATE)
    assert abs(found.loudness - target) <= 0.1
    assert found.true_peak <= ceiling


@pytest.mark.parametrize(
    ("samples", "audio"),
    [
        (music(), encoding("aac", sample_format="fltp", bitrate=128_000)),
        (speech(), encoding("aac", sample_format="fltp", bitrate=96_000)),
        (music(), encoding("libopus", bitrate=96_000)),
    ],
)
def test_a_lossy_codec_is_reckoned_with(tmp_path: Path, samples: Floats, audio: AudioEncoding) -> None:
    """What is played in the end has the loudness and the ceiling. AAC raises the peaks of the beat, for one."""
    found = played(tmp_path, levelled(samples, -14, audio=audio), audio)
    assert abs(found.loudness - -14) <= 0.2
    assert found.true_peak <= -1


@pytest.mark.parametrize("target", [-18, -20, -24, -28, -33, -36, -40])
def test_a_codec_that_works_in_steps(tmp_path: Path, target: float) -> None:
    """Opus codes the energy of sparse sounds in steps of 0.3 dB, so the target may lie between two of them."""
    audio = encoding("libopus", bitrate=128_000)
    found = played(tmp_path, levelled(sparse(), target, audio=audio), audio)
    assert abs(found.loudness - target) <= 0.3
    assert found.true_peak <= -1


def test_steps_that_are_too_wide_are_told(tmp_path: Path) -> None:
    audio = encoding("libopus", bitrate=64_000)
    told = r"to -35 LUFS .*: libopus changes its loudness in steps, and the nearest is (-3[45]\.\d\d) LUFS"
    with pytest.raises(SetupError, match=told) as caught:
        levelled(sparse(), -35, audio=audio)
    nearest = re.search(told, caught.value.message)
    assert nearest is not None
    assert f'set "loudness" under "audio" to {nearest[1]}' in (caught.value.suggestion or "")
    found = played(tmp_path, levelled(sparse(), float(nearest[1]), audio=audio), audio)
    assert abs(found.loudness - float(nearest[1])) <= 0.2


def played(folder: Path, samples: Floats, audio: AudioEncoding) -> Levels:
    """The levels that a film has once it is encoded."""
    path = folder / "out.mka"
    with av.open(path, "w") as container:
        stream = add_audio(container, audio)
        for at in range(0, samples.shape[1], 1024):
            container.mux(stream.encode(frame(samples[:, at : at + 1024], at)))
        container.mux(stream.encode(None))
    return file_levels(path)


def frame(samples: Floats, position: int) -> AudioFrame:
    made = AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), format="fltp", layout="stereo")
    made.sample_rate, made.time_base, made.pts = RATE, Fraction(1, RATE), position
    return made


def test_a_mono_film() -> None:
    assert abs(levels(levelled(speech()[:1], -18), RATE).loudness - -18) <= 0.1


@pytest.mark.parametrize(("samples", "target"), [(clicks(), -14.0), (music(), -5.0)])
def test_a_loudness_out_of_reach_tells_which_one_is_not(samples: Floats, target: float) -> None:
    with pytest.raises(SetupError, match=r"can't be brought to -\d+ LUFS with its true peak under -1 dBTP") as caught:
        levelled(samples, target)
    reach = float(caught.value.message.split(", ")[-1].split(" LUFS")[0])
    assert reach < target
    assert f'set "loudness" under "audio" to {reach:g} or less' in (caught.value.suggestion or "")
    found = levels(levelled(samples, reach), RATE)
    assert abs(found.loudness - reach) <= 0.2
    assert found.true_peak <= -1


@pytest.mark.parametrize("samples", [np.zeros((2, RATE)), tone(440, 0.5)[:, : RATE // 4]])
def test_what_has_no_loudness_can_not_be_brought_to_one(samples: Floats) -> None:
    with pytest.raises(SetupError, match=r"it is silent, or shorter than the 0\.4 s"):
        levelled(samples, -14)


@pytest.mark.parametrize("target", [-14.0, -30.0])
def test_a_range_is_a_part_of_the_whole(target: float) -> None:
    whole = levelled(music(), target)
    for wanted in (range(5000), range(50_001, 150_000), range(whole.shape[1])):
        assert np.array_equal(levelled(music(), target, wanted=wanted), whole[:, wanted.start : wanted.stop])


def test_interruptions_are_noticed_while_it_measures() -> None:
    asked = 0

    def checkpoint(_heard: int) -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise KeyboardInterrupt

    made = plan(music(), -14, -1)
    with pytest.raises(KeyboardInterrupt):
        LevelledSound(Mix(music()), made, encoding("pcm_f32le"), range(made.sample_count), checkpoint)


# --- fades ---


def test_curves_of_fades() -> None:
    progress = np.array([-1, 0, 0.25, 0.5, 0.75, 1, 2])
    inside = np.clip(progress, 0, 1)
    assert np.allclose(fade_factors("linear", progress), inside)
    assert np.allclose(fade_factors("equal_power", progress), np.sin(inside * np.pi / 2))
    assert np.allclose(fade_factors("exponential", progress), (1000**inside - 1) / 999)


def test_equal_power_and_its_mirror_have_the_same_power_together() -> None:
    progress = np.linspace(0, 1, 101)
    powers = fade_factors("equal_power", progress) ** 2 + fade_factors("equal_power", 1 - progress) ** 2
    assert np.allclose(powers, 1)


def test_an_exponential_fade_goes_through_decibels_in_a_straight_line() -> None:
    decibels = 20 * np.log10(fade_factors("exponential", np.linspace(0.5, 1, 51)))
    assert np.allclose(np.diff(decibels), 0.6, atol=0.02)
