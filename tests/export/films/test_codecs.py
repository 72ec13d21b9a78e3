"""The choice of container and codecs: what is refused, with what can be had; and what defaults fit."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelmill.export.films.audio_encoding import AUDIO_CODECS
from reelmill.export.films.codecs import OutputSettings, choose_output, same_codec
from reelmill.export.films.containers import CONTAINERS, container_kind, container_word
from reelmill.export.films.encoders import new_encoder
from reelmill.export.films.video_codecs import VIDEO_CODECS
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import AudioSettings, VideoSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS

PRORES_HQ = VideoSettings(codec="prores", profile="hq")
PRORES_HQ_444 = VideoSettings(codec="prores", profile="hq", pix_fmt="yuv444p10le")


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
        ("a.ts", "libx264", "aac"),
        ("a.mp3", None, "libmp3lame"),
        ("a.m4a", None, "aac"),
        ("a.opus", None, "libopus"),
        ("a.ogg", None, "libopus"),
        ("a.m3u8", "libx264", "aac"),
        ("-", "libx264", "libopus"),
    ],
)
def test_defaults_by_extension(name: str, video: str | None, audio: str) -> None:
    settings = choose(name)
    assert (settings.video.encoder if settings.video else None) == video
    assert settings.audio is not None
    assert settings.audio.encoder == audio


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
        ("a.mov", {"video": PRORES_HQ_444}, "hq is not yuv444p10le", "yuv422p10le"),
        ("a.mov", {"video": VideoSettings(codec="prores", profile="4443")}, '"4443"', 'did you mean "4444"'),
        ("a.mov", {"video": VideoSettings(codec="prores", profile="hq", preset="lt")}, "hq and lt", "leave"),
        ("a.webm", {"video": VideoSettings(profile="high")}, "vp9 has no profiles", "leave"),
        (
            "a.mov",
            {"alpha": "keep", "video": VideoSettings(codec="h264")},
            "h264 can't keep alpha",
            "prores (.mov, .mkv)",
        ),
        ("a.mov", {"alpha": "keep", "video": VideoSettings(codec="hevc")}, "hevc can't keep alpha", "qtrle (.mov)"),
        ("a.mp4", {"alpha": "keep"}, "no codec of .mp4 keeps alpha", "vp9 (.mkv, .webm)"),
        ("a.mp4", {"alpha": "keep", "video": VideoSettings(codec="vp9")}, "vp9 can't keep alpha in .mp4", ".webm"),
        ("a.mov", {"alpha": "keep", "video": PRORES_HQ}, "hq can't keep alpha", "4444"),
        ("a.webm", {"alpha": "keep", "video": VideoSettings(pix_fmt="yuv420p")}, '"yuv420p"', "use one of yuva420p"),
        ("a.webm", {"video": VideoSettings(pix_fmt="yuva420p")}, '"yuva420p"', '"alpha": "keep"'),
        (
            "a.m3u8",
            {"video": VideoSettings(codec="h264_nvenc")},
            "h264_nvenc does not put keyframes",
            "h264, hevc, av1",
        ),
        ("a.mkv", {"fragmented": True}, ".mkv has no fragments", ".mp4 and .mov"),
        ("-", {"named": "mp4"}, ".mp4 can't be written to standard output", "mkv=-, webm=-, ts=- or fmp4=-"),
        ("-", {"named": "m3u8"}, ".m3u8 can't be written to standard output", "fmp4=-"),
        ("a.bin", {"named": "avi"}, '"avi" is no container', ".mp4"),
        ("a.opus", {"sample_rate": 44100}, "44100", "ends in .mp4"),
        ("a.mp3", {"sample_rate": 96000}, "96000", "set audio.sample_rate"),
        ("a.mp3", {"channels": 6}, "at most 2 channels", ".m4a"),
        ("a.mp3", {"audio": AudioSettings(bitrate=100_000)}, "100000 bit/s", "112000"),
        ("a.ogg", {"audio": AudioSettings(codec="vorbis")}, '"vorbis"', ".ogg takes opus, flac"),
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


def test_a_rate_that_aac_lacks_takes_alac() -> None:
    audio = choose("a.m4a", sample_rate=192_000).audio
    assert audio is not None
    assert audio.codec == "alac"


@pytest.mark.parametrize(
    ("asked", "alpha", "pix_fmt", "profile"),
    [
        ({}, "flatten", "yuv422p10le", "hq"),
        ({}, "keep", "yuva444p10le", "4444"),
        ({"profile": "4444"}, "flatten", "yuv444p10le", "4444"),
        ({"profile": "4444xq"}, "keep", "yuva444p10le", "4444xq"),
        ({"preset": "4444"}, "flatten", "yuv444p10le", "4444"),
        ({"preset": "lt", "profile": "lt"}, "flatten", "yuv422p10le", "lt"),
        ({"pix_fmt": "yuv444p10le"}, "flatten", "yuv444p10le", "4444"),
    ],
)
def test_profiles_of_prores(asked: dict[str, Any], alpha: str, pix_fmt: str, profile: str) -> None:
    video = choose("a.mov", video=VideoSettings(codec="prores", **asked), alpha=alpha).video
    assert video is not None
    assert (video.pix_fmt.name, dict(video.options)["profile"]) == (pix_fmt, profile)


@pytest.mark.parametrize(
    ("name", "codec", "encoder", "pix_fmt"),
    [
        ("a.mov", None, "prores_ks", "yuva444p10le"),
        ("a.webm", None, "libvpx-vp9", "yuva420p"),
        ("a.mkv", None, "libvpx-vp9", "yuva420p"),
        ("a.mov", "qtrle", "qtrle", "rgba"),
        ("a.mkv", "ffv1", "ffv1", "bgra"),
    ],
)
def test_the_first_codec_that_keeps_alpha(name: str, codec: str | None, encoder: str, pix_fmt: str) -> None:
    video = choose(name, video=VideoSettings(codec=codec), alpha="keep").video
    assert video is not None
    assert (video.encoder, video.pix_fmt.name) == (encoder, pix_fmt)


@pytest.mark.parametrize(
    ("fps", "asked", "gop", "segment"),
    [
        (Fraction(25), None, 50, 150),
        (Fraction(30000, 1001), None, 60, 180),
        (Fraction(24000, 1001), None, 48, 144),
        (Fraction(25), 100, 100, 200),  # 1.5 of them would be six seconds
        (Fraction(25), 250, 250, 250),
        (Fraction(1, 5), None, 1, 1),
    ],
)
def test_segments_are_whole_groups_of_pictures(fps: Fraction, asked: int | None, gop: int, segment: int) -> None:
    video = choose("a.m3u8", fps=fps, video=VideoSettings(gop=asked)).video
    assert video is not None
    assert (video.gop, video.segment_frames) == (gop, segment)


PAGE = Path(__file__).parents[3] / "docs" / "reference" / "output.md"


def table(heading: str) -> dict[str, list[str]]:
    """Rows of the first table of the page whose heading begins so: the first column, and the others."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = {}
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        rows[first.split(" ")[0].strip(",")] = others
    return rows


def test_the_page_tells_every_container_and_codec() -> None:
    told = {
        suffix: tuple(tuple(name for name in cell.split(", ") if name) for cell in cells)
        for suffix, cells in table("extension").items()
    }
    assert told == {suffix: (each.video, each.audio) for suffix, each in CONTAINERS.items()}
    before, after = PAGE.read_text(encoding="utf-8").split("## Sound settings")
    software = {name for name, codec in VIDEO_CODECS.items() if not codec.hardware}
    assert {name for name in VIDEO_CODECS if f"\n| {name} " in before} == software
    assert all(re.search(rf"\n\| (\w+, )?{name}\b", after) for name in AUDIO_CODECS)


def test_the_page_tells_what_keeps_alpha() -> None:
    told = {name: set(cells[0].split(", ")) for name, cells in table("codec | in").items()}
    keeps = {codec for container in CONTAINERS.values() for codec in container.alpha}
    assert told == {codec: {s for s, each in CONTAINERS.items() if codec in each.alpha} for codec in keeps}


def test_words_for_containers() -> None:
    assert container_word("ts") == ("ts", False)
    assert container_word("fmp4") == ("mp4", True)
    assert container_word("sheet") is None
    assert [container_kind(Path(name)) for name in ("a.ts", "a.mp3", "a.M3U8", "-", "a.png")] == [
        *("film", "sound", "hls", "film", None),
    ]
    assert container_kind(Path("a.dat"), "webm") == "film"


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


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv440p", "yuv444p", "yuv411p", "gbrp16le"])
def test_ffv1_takes_pictures_of_every_size(pix_fmt: str) -> None:
    """libav refuses four slices where they don't part every plane into whole samples."""
    chroma = PIXEL_FORMATS[pix_fmt]
    across, down = range(1 << chroma.log2_chroma_w, 33), range(1 << chroma.log2_chroma_h, 33)
    for width, height in itertools.product(across[:: across.start], down[:: down.start]):
        if min(width, height) < 10:
            new_encoder(ffv1(width, height, pix_fmt))
    assert dict(ffv1(64, 36, pix_fmt).options)["slices"] == "4"


def ffv1(width: int, height: int, pix_fmt: str) -> VideoEncoding:
    settings = choose_output(
        Path("film.mkv"),
        width=width,
        height=height,
        fps=Fraction(25),
        sample_rate=48000,
        channels=2,
        has_sound=False,
        video=VideoSettings(codec="ffv1", pix_fmt=pix_fmt),
        audio=AudioSettings(),
    )
    assert settings.video is not None
    return settings.video
