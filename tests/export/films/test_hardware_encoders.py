"""Hardware encoders: their settings, held against what libav's encoders themselves declare, and their errors.

No test has a device. libav reads an encoder's options before it looks for one, and says what is wrong with them.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av import logging
from av.codec import codecs_available

from reelmill.export.films.codecs import choose_output
from reelmill.export.films.encoders import new_encoder
from reelmill.export.films.film_sink import FilmSink
from reelmill.export.films.video_codecs import VIDEO_CODECS
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.outputs.views import new_picture
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import AudioSettings, VideoSettings
from tests.support.films import read_planes

HARDWARE = sorted(name for name, codec in VIDEO_CODECS.items() if codec.hardware)
HERE = [name for name in HARDWARE if VIDEO_CODECS[name].encoder in codecs_available]
"""In this build; the others can't be asked."""


def encoding(name: str, path: str = "film.mp4", **asked: Any) -> VideoEncoding:
    settings = choose_output(
        Path(path),
        width=640,
        height=360,
        fps=Fraction(30),
        sample_rate=48000,
        channels=2,
        has_sound=False,
        video=VideoSettings(codec=name, **asked),
        audio=AudioSettings(),
    )
    assert settings.video is not None
    return settings.video


def complaints(video: VideoEncoding) -> str:
    """What libav says against an encoder's settings; nothing of devices that are not there."""
    before, skipped = logging.get_level(), logging.get_skip_repeated()
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)
    try:
        # As one that needs no device: its failure is not looked at.
        with logging.Capture(local=True) as messages, contextlib.suppress(SetupError):
            new_encoder(replace(video, hardware=False))
    finally:
        logging.set_skip_repeated(skipped)
        logging.set_level(before)
    said = [text for _, _, text in messages]
    return "\n".join(
        each for each in said if any(word in each for word in ("out of range", "Undefined constant", "Unable to parse"))
    )


@pytest.mark.parametrize("name", HERE)
def test_every_option_is_one_of_the_encoder(name: str) -> None:
    options = {**dict(encoding(name).options), **dict(encoding(name, bitrate=1_000_000).options)}
    for option in options:
        assert option in complaints(replace(encoding(name), options=((option, "no such value"),)))


@pytest.mark.parametrize("name", HERE)
def test_every_value_is_one_that_the_encoder_takes(name: str) -> None:
    codec = VIDEO_CODECS[name]
    for preset in codec.presets:
        assert complaints(encoding(name, preset=preset)) == ""
    assert codec.crf is not None
    lowest, highest, _ = codec.crf
    for crf in (lowest, highest):
        assert complaints(encoding(name, crf=crf)) == ""
    with pytest.raises(SetupError, match="out of range"):
        encoding(name, crf=highest + 1)


@pytest.mark.parametrize("name", [name for name in HERE if not name.endswith("_qsv")])
def test_the_scale_of_quality_ends_where_the_encoders_does(name: str) -> None:
    """Quick Sync reads its quality out of an option that all encoders share, which has no such end."""
    video = encoding(name)
    crf = VIDEO_CODECS[name].crf
    assert crf is not None
    for option in VIDEO_CODECS[name].crf_options:
        assert "out of range" in complaints(replace(video, options=((option, str(crf[1] + 1)),)))


@pytest.mark.parametrize("name", HERE)
def test_an_encoder_without_its_device_is_an_error_with_what_libav_says(name: str) -> None:
    found: SetupError | None = None
    try:
        new_encoder(encoding(name))
    except SetupError as error:
        found = error
    if found is None:
        pytest.skip(f"this machine has {name}")
    assert found.message.startswith(f"{name} does not open: ")
    assert "Unknown error" not in found.message.split("; ")[0]
    assert "640×360 pixels of yuv420p" in (found.suggestion or "")
    assert "reelmill doctor" in (found.suggestion or "")


@pytest.mark.parametrize("name", [name for name in HARDWARE if name not in HERE])
def test_an_encoder_that_the_build_lacks_is_an_error(name: str) -> None:
    with pytest.raises(SetupError, match=f"this build of libav lacks the encoder {name}"):
        encoding(name)


REFUSALS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("h264_nvenc", "a.webm", {}, "does not fit into .webm", "use one of vp9, av1"),
    ("h264_nvnc", "a.mp4", {}, "unknown video codec", 'did you mean "h264_nvenc"'),
    ("h264_nvenc", "a.mp4", {"preset": "medium"}, 'no preset "medium"', "use one of p1, p2"),
    ("hevc_nvenc", "a.mp4", {"crf": 20, "bitrate": 1000}, "exclude each other", "give a quality"),
    ("h264_qsv", "a.mp4", {"crf": 20.5}, "takes a whole number as crf, not 20.5", "use 20"),
    ("h264_qsv", "a.mp4", {"pix_fmt": "yuv444p"}, 'pixel format "yuv444p"', "use one of yuv420p"),
]


@pytest.mark.parametrize(("name", "path", "asked", "message", "hint"), REFUSALS)
def test_what_does_not_go_together_is_refused(
    name: str, path: str, asked: dict[str, Any], message: str, hint: str
) -> None:
    if name in HARDWARE and name not in HERE:
        pytest.skip("not in this build")
    with pytest.raises(SetupError) as caught:
        encoding(name, path, **asked)
    assert message in caught.value.message
    assert hint in (caught.value.suggestion or "")


@pytest.mark.skipif("hevc_qsv" not in HERE, reason="not in this build")
def test_formats_that_differ_in_the_order_of_samples_alone() -> None:
    assert encoding("hevc_qsv").encoder_format == "nv12"
    assert encoding("hevc_qsv", pix_fmt="yuv420p10le").encoder_format == "p010le"
    assert encoding("hevc_nvenc").encoder_format is None
    assert encoding("hevc_nvenc", pix_fmt="yuv420p10le").encoder_format == "p010le"
    assert encoding("hevc_nvenc").tag == "hvc1"


def test_pictures_are_put_in_the_encoders_order_without_loss(tmp_path: Path) -> None:
    """x264 takes NV12 as well, and with qp 0 it gives back what it was given."""
    settings = choose_output(
        tmp_path / "film.mkv",
        width=64,
        height=48,
        fps=Fraction(25),
        sample_rate=48000,
        channels=2,
        has_sound=False,
        video=VideoSettings(codec="h264"),
        audio=AudioSettings(),
    )
    assert settings.video is not None
    video = replace(settings.video, encoder_format="nv12", options=(("qp", "0"), ("preset", "ultrafast")))
    film = tmp_path / "film.mkv"
    sink = FilmSink(film, replace(settings, video=video), target=film)
    samples = np.random.default_rng(1)
    expected = b""
    try:
        for number in range(3):
            frame, picture = new_picture(sink.takes)
            for plane in picture.planes:
                values = samples.integers(0, 256, (plane.height, plane.width), dtype=np.uint8)
                memory = np.frombuffer(plane.data, np.uint8).reshape(plane.height, plane.stride_bytes)
                memory[:, : plane.width] = values
                expected += values.tobytes()
            sink.write(frame, number)
        sink.finish()
    finally:
        sink.abort()
    assert read_planes(film, "yuv420p", 64, 48, Fraction(3, 2)).tobytes() == expected
