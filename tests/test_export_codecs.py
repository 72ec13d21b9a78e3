"""The choice of container and codecs: what is refused, with what can be had; and what defaults fit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from export.codecs import CONTAINERS, OutputSettings, choose_output, has_picture, same_codec
from planner.errors import SetupError
from planner.timeline import AudioSettings, VideoSettings


def choose(name: str, **more: Any) -> OutputSettings:
    settings: dict[str, Any] = {
        "width": 64,
        "height": 64,
        "fps": Fraction(25),
        "sample_rate": 48000,
        "channels": 2,
        "has_sound": True,
        "video": VideoSettings(),
        "audio": AudioSettings(),
    }
    return choose_output(Path(name), **{**settings, **more})


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("a.mp4", "libx264", "aac"),
        ("a.MOV", "libx264", "aac"),
        ("a.mkv", "libx264", "libopus"),
        ("a.webm", "libvpx-vp9", "libopus"),
        ("a.wav", None, "pcm_s16le"),
        ("a.flac", None, "flac"),
    ],
)
def test_defaults_by_extension(name: str, video: str | None, audio: str) -> None:
    settings = choose(name)
    assert (settings.video.encoder if settings.video else None) == video
    assert settings.audio is not None
    assert settings.audio.encoder == audio
    assert has_picture(Path(name)) == (video is not None)


def test_a_rate_that_opus_lacks_takes_the_next_codec_that_fits() -> None:
    audio = choose("a.mkv", sample_rate=44100).audio
    assert audio is not None
    assert audio.codec == "flac"


def test_without_sound_there_is_no_audio_stream() -> None:
    assert choose("a.mp4", has_sound=False).audio is None


@pytest.mark.parametrize(
    ("name", "more", "message", "hint"),
    [
        ("a.avi", {}, '".avi"', ".mp4"),
        ("noextension", {}, "noextension", ".mp4"),
        ("a.mp4", {"video": VideoSettings(codec="h246")}, '"h246"', 'did you mean "h264"'),
        ("a.mp4", {"video": VideoSettings(codec="prores")}, "prores does not fit into .mp4", ".mov or .mkv"),
        ("a.webm", {"video": VideoSettings(codec="h264")}, "h264 does not fit into .webm", "vp9, av1"),
        ("a.mp4", {"audio": AudioSettings(codec="pcm")}, "pcm does not fit into .mp4", "aac, opus, flac"),
        ("a.wav", {"audio": AudioSettings(codec="aac")}, "aac does not fit into .wav", "pcm"),
        ("a.wav", {"has_sound": False}, "no sound", ".mp4"),
        ("a.mp4", {"width": 63}, "even width, and 63 is odd", "64"),
        ("a.mp4", {"height": 33}, "even height", "34"),
        ("a.mp4", {"video": VideoSettings(pix_fmt="yuv420")}, '"yuv420"', 'did you mean "yuv420p"'),
        ("a.mkv", {"video": VideoSettings(codec="ffv1", pix_fmt="gbrp")}, '"gbrp"', "bgr0"),
        ("a.mp4", {"video": VideoSettings(crf=52)}, "crf 52", "0 (best) to 51"),
        ("a.mp4", {"video": VideoSettings(crf=20, bitrate=5_000_000)}, "exclude", "quality (crf) or a size"),
        ("a.mp4", {"video": VideoSettings(preset="midium")}, '"midium"', 'did you mean "medium"'),
        ("a.mkv", {"video": VideoSettings(codec="ffv1", preset="fast")}, "no presets", "leave"),
        ("a.mkv", {"video": VideoSettings(codec="ffv1", crf=3)}, "no crf", "leave"),
        ("a.mkv", {"video": VideoSettings(codec="ffv1", bitrate=10**6)}, "no bitrate", "leave"),
        ("a.mov", {"video": VideoSettings(codec="prores", preset="4444")}, "not yuv422p10le", "yuv444p10le"),
        ("a.webm", {"sample_rate": 44100}, "44100", "48000"),
        ("a.mp4", {"channels": 3}, "3 channels", "1, 2 or 6"),
        ("a.flac", {"audio": AudioSettings(bitrate=64000)}, "lossless", "leave"),
    ],
)
def test_what_can_not_work_is_refused_with_what_can(name: str, more: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(SetupError) as refused:
        choose(name, **more)
    assert message in refused.value.message
    assert hint in (refused.value.suggestion or "")
    assert refused.value.exit_code == 2


def test_other_names_of_codecs_are_understood() -> None:
    for name in ("h264", "H264", "libx264", "avc"):
        video = choose("a.mp4", video=VideoSettings(codec=name)).video
        assert video is not None
        assert video.encoder == "libx264"


def test_a_bitrate_replaces_the_quality() -> None:
    video = choose("a.mp4", video=VideoSettings(bitrate=3_000_000)).video
    assert video is not None
    assert video.bitrate == 3_000_000
    assert "crf" not in dict(video.options)


def test_every_codec_of_every_container_can_be_chosen() -> None:
    for suffix, container in CONTAINERS.items():
        for codec in container.video:
            video = choose(f"a{suffix}", video=VideoSettings(codec=codec)).video
            assert video is not None
            assert video.codec == codec
        for codec in container.audio:
            audio = choose(f"a{suffix}", audio=AudioSettings(codec=codec)).audio
            assert audio is not None
            assert audio.codec == codec


def test_what_has_only_keyframes_takes_no_gop() -> None:
    with pytest.raises(SetupError, match="only keyframes"):
        choose("a.mkv", video=VideoSettings(codec="ffv1", gop=7))


def test_names_of_one_codec_are_the_same_codec() -> None:
    assert same_codec(Path("a.mp4"), "libx264", "avc")
    assert same_codec(Path("a.mp4"), "h264", None)
    assert same_codec(Path("a.wav"), None, "pcm_s16le")
    assert not same_codec(Path("a.mp4"), "hevc", None)
    assert not same_codec(Path("a.mp4"), "hevc", "h264")


def test_a_silent_timeline_has_no_sample_rate_to_refuse() -> None:
    assert choose("a.webm", sample_rate=44100, has_sound=False).audio is None
