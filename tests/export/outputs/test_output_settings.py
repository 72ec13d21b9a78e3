"""What an output is, from how it was written, and what flags and settings mean for each of several."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from reelmill.export.opening.job import ExportOptions
from reelmill.export.outputs.output_names import kind_of_output, parse_output
from reelmill.export.outputs.output_settings import asked_outputs
from reelmill.planner.clock import Time
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import AudioSettings, Output, OutputKind, PictureSettings, VideoSettings
from reelmill.planner.timeline import Composition, Timeline


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("film.mp4", "film"),
        ("a/b.MKV", "film"),
        ("-", "film"),
        ("ts=-", "film"),
        ("sound.wav", "sound"),
        ("x.opus", "sound"),
        ("list.m3u8", "hls"),
        ("a.gif", "animation"),
        ("a.apng", "animation"),
        ("animation=a.webp", "animation"),
        ("p.jpg", "poster"),
        ("p.webp", "poster"),
        ("f/%06d.png", "pictures"),
        ("f/{timecode}.exr", "pictures"),
        ("f/100%%.png", "poster"),
        ("sheet=o.png", "sheet"),
        ("./take=3.mp4", "film"),
        (r"C:\films\a.mp4", "film"),
    ],
)
def test_the_kind_follows_from_the_name_or_is_named(text: str, kind: OutputKind) -> None:
    assert kind_of_output(parse_output(text)) == kind


def test_what_stands_before_the_first_equals_sign_is_a_word_of_ours() -> None:
    with pytest.raises(ValueError, match=r'"take" is no kind of output.*written \./take=3\.mp4'):
        parse_output("take=3.mp4")
    assert parse_output("a.b=c.mp4") == Output("a.b=c.mp4")
    with pytest.raises(SetupError, match=r'"\.doc" is no output'):
        kind_of_output(Output("a.doc"))


def merged(
    *outputs: Output, video: dict[str, Any] | None = None, flags: ExportOptions | None = None, **options: Any
) -> list[Output]:
    timeline = Timeline(
        name=None,
        fps=Fraction(25),
        root=Composition(None, 64, 48, ()),
        compositions={},
        media={},
        video=VideoSettings(**(video or {})),
        audio=AudioSettings("flac"),
        outputs=(Output("own.mp4"),),
    )
    return [asked.output for asked in asked_outputs(timeline, outputs, flags or ExportOptions(**options))]


def test_without_any_the_outputs_of_the_project_are_made() -> None:
    assert [output.path for output in merged()] == ["own.mp4"]
    assert [output.path for output in merged(Output("a.mp4"))] == ["a.mp4"]


def test_flags_win_over_the_output_and_that_over_the_project() -> None:
    project = {"codec": "h264", "crf": 20, "preset": "slow", "gop": 50}
    own = Output("a.mp4", video=VideoSettings(crf=25, preset="fast"))
    (output,) = merged(own, video=project)
    assert output.video == VideoSettings("h264", "fast", 25, gop=50)
    (output,) = merged(own, video=project, flags=ExportOptions(video=VideoSettings(bitrate=10**6)))
    assert output.video == VideoSettings("h264", "fast", None, 10**6, gop=50)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.mp4", VideoSettings("h264", "slow", 20)),
        ("a.webm", VideoSettings()),
        ("a.m3u8", VideoSettings("h264", "slow", 20)),
    ],
)
def test_settings_of_the_project_go_where_the_container_takes_their_codec(name: str, expected: VideoSettings) -> None:
    (output,) = merged(Output(name), video={"codec": "h264", "preset": "slow", "crf": 20})
    assert output.video == expected


def test_a_codec_of_the_project_that_nobody_knows_stays_an_error_for_later() -> None:
    (output,) = merged(Output("a.webm"), video={"codec": "nope"})
    assert output.video.codec == "nope"


def test_another_codec_leaves_the_settings_of_the_first_aside() -> None:
    own = Output("a.mp4", video=VideoSettings(codec="hevc"))
    (output,) = merged(own, video={"codec": "h264", "preset": "slow", "crf": 20})
    assert output.video == VideoSettings("hevc")


def test_flags_of_sound_are_for_films_where_there_are_any() -> None:
    film, wav = merged(Output("a.mp4"), Output("a.wav"), no_audio=True)
    assert (film.no_audio, wav.no_audio) == (True, False)
    assert film.audio.codec == "flac"
    (alone,) = merged(Output("a.wav"))
    assert alone.audio == AudioSettings(), "what the project says is for the sound of films"


def test_size_and_moment_go_to_pictures() -> None:
    film, poster, sound = merged(
        Output("a.mp4"), Output("p.png"), Output("a.wav"), size=(32, 24), at=Time(seconds=Fraction(1))
    )
    assert (film.size, poster.size, sound.size) == ((32, 24), (32, 24), None)
    assert poster.pictures == PictureSettings(at=Time(seconds=Fraction(1)))


@pytest.mark.parametrize(
    ("outputs", "flags", "named"),
    [
        (["a.wav"], {"size": (32, 24)}, "--size"),
        (["a.wav", "p.png"], {"no_audio": True}, "--no-audio"),
        (["a.gif"], {"threads": 3}, "--threads"),
        (["a.gif", "a.wav"], {"copy": "auto"}, "--copy"),
        (["a.mp4"], {"at": Time(frames=3)}, "--at"),
        (["a.wav"], {"hwaccel": "auto"}, "--hwaccel"),
        (["a.wav"], {"draft": True}, "--draft"),
    ],
)
def test_a_flag_that_concerns_no_output_is_an_error(outputs: list[str], flags: dict[str, Any], named: str) -> None:
    with pytest.raises(SetupError, match=named):
        merged(*map(Output, outputs), **flags)
