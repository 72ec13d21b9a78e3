"""The channels of a mix: folding down, surround, mono, and layouts that no rule folds."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.sound.panning import stereo_matrix, surround_matrix
from reelmill.planner.animation import Animated
from reelmill.planner.errors import SetupError
from reelmill.planner.timeline import ClipAudio
from tests.support.sound_stage import RATE, SECONDS, Stage, make_sounds, sounded
from tests.support.sounds import composition, decode, encode, media_clip, recording, write_wav

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def surround(folder: Path) -> Floats:
    """A file of 5.1 sound, and its samples."""
    samples = recording(RATE, 1, 6, seed=5)
    encode(write_wav(folder / "raw51.wav", samples, RATE), folder / "51.flac", "-af", "channelmap=channel_layout=5.1")
    return decode(folder / "51.flac", RATE, 6).astype(np.float64)


def test_surround_folds_down_by_bs775(folder: Path, surround: Floats) -> None:
    samples = sounded(folder, media_clip("a", 0, 1), duration=1, files={"sound": "51.flac"})
    front_left, front_right, centre, _, left, right = surround.T
    root = math.sqrt(0.5)
    assert np.allclose(samples[:, 0], front_left + root * centre + root * left, atol=1e-6)
    assert np.allclose(samples[:, 1], front_right + root * centre + root * right, atol=1e-6)


def test_surround_stays_as_it_is_in_a_surround_project(folder: Path, surround: Floats) -> None:
    samples = sounded(folder, media_clip("a", 0, 1), duration=1, channels=6, files={"sound": "51.flac"})
    assert np.array_equal(samples, surround.astype(np.float32))


def test_panned_surround_is_stereo_in_front(folder: Path, surround: Floats) -> None:
    clip = media_clip("a", 0, 1, audio=ClipAudio(pan=Animated.constant(1.0)))
    samples = sounded(folder, clip, duration=1, channels=6, files={"sound": "51.flac"})
    folded = stereo_matrix("5.1") @ surround.T
    assert np.allclose(samples[:, 1], folded.sum(axis=0), atol=1e-6)
    assert np.abs(samples[:, [0, 2, 3, 4, 5]]).max() < 1e-6


def test_mono_and_stereo_in_a_surround_project(folder: Path) -> None:
    mono = decode(folder / "mono.wav", RATE, 1)
    samples = sounded(folder, media_clip("a", 0, SECONDS), channels=6, files={"sound": "mono.wav"})
    assert np.array_equal(samples[:, :2], np.repeat(mono, 2, axis=1))
    assert not samples[:, 2:].any()


def test_a_mono_project_takes_half_the_sum(folder: Path) -> None:
    stereo = decode(folder / "tone.wav", RATE, 2)
    samples = sounded(folder, media_clip("a", 0, SECONDS), channels=1)
    assert samples.shape == (SECONDS * RATE, 1)
    assert np.allclose(samples[:, 0], stereo.sum(axis=1, dtype=np.float64) / 2, atol=1e-7)
    mono = sounded(folder, media_clip("a", 0, SECONDS), channels=1, files={"sound": "mono.wav"})
    assert np.array_equal(mono, decode(folder / "mono.wav", RATE, 1))


R = math.sqrt(0.5)
FOLDS: dict[str, list[list[float]]] = {
    "mono": [[1], [1]],
    "stereo": [[1, 0], [0, 1]],
    "2 channels": [[1, 0], [0, 1]],
    "2.1": [[1, 0, 0], [0, 1, 0]],
    "3.0": [[1, 0, R], [0, 1, R]],
    "4.0": [[1, 0, R, 0.5], [0, 1, R, 0.5]],
    "quad": [[1, 0, R, 0], [0, 1, 0, R]],
    "5.0(side)": [[1, 0, R, R, 0], [0, 1, R, 0, R]],
    "5.1": [[1, 0, R, 0, R, 0], [0, 1, R, 0, 0, R]],
    "6 channels": [[1, 0, R, 0, R, 0], [0, 1, R, 0, 0, R]],
    "6.1": [[1, 0, R, 0, 0.5, R, 0], [0, 1, R, 0, 0.5, 0, R]],
    "7.1": [[1, 0, R, 0, R, 0, R, 0], [0, 1, R, 0, 0, R, 0, R]],
    "7.1(wide)": [[1, 0, R, 0, R, 0, 1, 0], [0, 1, R, 0, 0, R, 0, 1]],
}


@pytest.mark.parametrize("layout", FOLDS)
def test_layouts_fold_to_stereo(layout: str) -> None:
    assert np.allclose(stereo_matrix(layout), FOLDS[layout], atol=1e-12)


def test_layouts_fold_to_surround() -> None:
    assert np.array_equal(surround_matrix("5.1(side)"), np.eye(6))
    seven = np.zeros((6, 8))
    seven[:4, :4] = np.eye(4)
    seven[4] = [0, 0, 0, 0, R, 0, 1, 0]
    seven[5] = [0, 0, 0, 0, 0, R, 0, 1]
    assert np.allclose(surround_matrix("7.1"), seven)
    assert surround_matrix("6.1")[4:, 4].tolist() == pytest.approx([R, R])


def test_channels_that_no_mix_has(folder: Path) -> None:
    with pytest.raises(SetupError, match="4 channels") as caught:
        Stage(folder, composition(None, 1, (media_clip("a", 0, 1),)), channels=4).mix()
    assert caught.value.component == "AudioMixer"


def test_a_layout_that_can_not_be_folded_is_named(folder: Path) -> None:
    stage = Stage(folder, composition(None, 1, (media_clip("a", 0, 1),)))
    audio = stage.facts["sound"].audio
    assert audio is not None
    stage.facts["sound"] = replace(stage.facts["sound"], audio=replace(audio, channels=16, layout="9.1.6"))
    with pytest.raises(SetupError, match=r"9\.1\.6") as caught:
        stage.mix()
    assert caught.value.clip == "a"
