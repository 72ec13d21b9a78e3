"""Encoding and muxing, read back with ffmpeg's programs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.films.film_sink import FilmSink
from reelmill.planner.errors import RenderError, SetupError
from tests.support.films import read_planes
from tests.support.written_films import HEIGHT, WIDTH, Click, picture, settings, write


def test_one_picture_may_be_written_many_times(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    chosen = settings(path.name, sound=False, video={"codec": "ffv1"})
    assert chosen.video is not None
    sink = FilmSink(path, chosen, target=path)
    still = picture(chosen.video, 7)
    for number in range(12):
        sink.write(still, number)
    sink.finish()
    frames = read_planes(path, "yuv420p", WIDTH, HEIGHT, Fraction(3, 2))
    assert len(frames) == 12
    assert (frames == frames[0]).all()
    assert sink.frames_written == 12


def test_aborted_in_every_state_nothing_is_left(tmp_path: Path) -> None:
    for frames in (0, 1, 40):
        path = tmp_path / f"{frames}.mp4"
        chosen = settings(path.name)
        assert chosen.video is not None
        sink = FilmSink(path, chosen, target=path)
        sink.play(Click())
        for number in range(frames):
            sink.write(picture(chosen.video, number), number)
        sink.abort()
        sink.abort()
        assert not path.exists()
    finished = FilmSink(tmp_path / "f.mp4", settings("f.mp4"), target=tmp_path / "f.mp4")
    finished.play(Click())
    finished.finish()
    finished.abort()
    assert (tmp_path / "f.mp4").exists()


def test_once_stopped_it_encodes_nothing_more(tmp_path: Path) -> None:
    """x264 holds dozens of pictures back: to encode these would take long, for nothing."""
    path, stopped = tmp_path / "out.mp4", [False]
    chosen = settings(path.name)
    assert chosen.video is not None
    sound = Click()
    sink = FilmSink(path, chosen, target=path, stopped=lambda: stopped[0])
    sink.play(sound)
    sink.write(picture(chosen.video, 0), 0)
    stopped[0] = True
    sink.write(picture(chosen.video, 1), 1)
    sink.finish()
    sink.abort()
    assert not path.exists()


def test_x264_threads_work_on_whole_pictures(tmp_path: Path) -> None:
    """x264 writes its settings into the stream. Slices, one a thread, would cost quality at the same size."""
    path = tmp_path / "out.mp4"
    chosen = settings(path.name, sound=False, size=(640, 360))
    write(path, chosen, frames=2)
    assert b" threads=6 " in path.read_bytes()
    assert b" sliced_threads=0 " in path.read_bytes()


def test_what_an_encoder_does_not_take_is_an_error_before_rendering(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    chosen = settings("out.mp4", sound=False, size=(8, 8), video={"codec": "hevc"})
    with pytest.raises(SetupError, match="libx265 can't encode 8×8 pixels of yuv420p"):
        FilmSink(path, chosen, target=path)
    chosen = settings("out.mp4", audio={"bitrate": 1})
    with pytest.raises(SetupError, match="aac can't encode stereo sound of 48000 Hz at 1 bit/s"):
        FilmSink(path, chosen, target=path)


class Broken(Click):
    """Sound whose second block is wrong."""

    def __init__(self, value: float | None) -> None:
        super().__init__()
        self._value = value
        self._reads = 0

    def read(self, count: int) -> npt.NDArray[np.float32]:
        self._reads += 1
        samples = super().read(count)
        if self._reads < 2:
            return samples
        return samples[:0] if self._value is None else np.full_like(samples, self._value)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "no numbers"), (np.inf, "no numbers"), (None, "ended at sample")]
)
@pytest.mark.parametrize("suffix", [".mp4", ".wav"])
def test_sound_that_is_broken_is_an_error(tmp_path: Path, suffix: str, value: float | None, message: str) -> None:
    path = tmp_path / f"out{suffix}"
    sink = FilmSink(path, settings(path.name), target=path)
    sink.play(Broken(value))
    with pytest.raises(RenderError, match=message) as failed:
        sink.finish()
    assert failed.value.component == "AudioMixer"
    sink.abort()


def test_loud_sound_is_clipped_and_rounded_to_nearest(tmp_path: Path) -> None:
    values = np.array([2.0, -2.0, 1.0, -1.0, 0.6 / 32768, -0.6 / 32768, 0.4 / 32768, 0.25], np.float32)

    class Levels(Click):
        def read(self, count: int) -> npt.NDArray[np.float32]:
            return np.stack([values, values], axis=1)

    path = tmp_path / "out.wav"
    write(path, settings(path.name), sound=Levels(sample_count=len(values)))
    data = path.read_bytes()
    samples = np.frombuffer(data[data.index(b"data") + 8 :], "<i2")[::2]
    assert samples.tolist() == [32767, -32768, 32767, -32768, 1, -1, 0, 8192]
