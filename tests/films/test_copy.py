"""Smart copy, whole films: every frame's number read back by ffmpeg, packets looked at by ffprobe, reasons told."""

from __future__ import annotations

import hashlib
import json
import subprocess
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.cli.main import main
from reelmill.export.opening.job import ExportOptions
from reelmill.export.telling.plan_description import describe_plan
from reelmill.export.telling.plan_page import plan_page
from reelmill.planner.clock import parse_time
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import VideoSettings
from tests.support.clips import HEIGHT, WIDTH, ClipRecipe, decoded_numbers, ffmpeg, make_clip, read_number
from tests.support.films import film, probe, read_sound
from tests.support.sounds import write_wav

FPS = 25
TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "24", "-sc_threshold", "0", *TAGS)
AAC = ("-c:a", "aac")
B_FRAMES = ClipRecipe("b_frames.mp4", (*X264, "-bf", "3"), frames=120, audio=AAC)
ALIKE = ClipRecipe("alike.mp4", (*X264, "-bf", "3"), frames=90)
DEEP = ClipRecipe("deep.mkv", (*X264, "-bf", "6", "-b_strategy", "0", "-refs", "5", "-profile:v", "main"), frames=120)
PLAIN = ClipRecipe("plain.ts", (*X264, "-bf", "0", "-profile:v", "baseline"), frames=120, audio=AAC)
CUT = ClipRecipe("cut.mp4", (*X264, "-bf", "2"), frames=120, audio=AAC, cut=("-ss", "0.3"))
CODED_FIELDS = ClipRecipe("fields.mp4", (*X264, "-flags", "+ilme+ildct"), frames=60)
Cuts = list[tuple[str, int, int]]
"""Media, first source frame, frames."""


@pytest.fixture
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    recipes = {"b": B_FRAMES, "alike": ALIKE, "deep": DEEP, "plain": PLAIN, "cut": CUT}
    return {name: make_clip(tmp_path_factory, recipe) for name, recipe in recipes.items()}


def project(sources: dict[str, Path], cuts: Cuts, **more: Any) -> dict[str, Any]:
    clips = [{"media": media, "in": f"{first}f", "duration": f"{count}f"} for media, first, count in cuts]
    return {
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": FPS},
        "media": {name: {"path": str(sources[name])} for name in dict.fromkeys(media for media, _, _ in cuts)},
        "tracks": [{"id": "v", "clips": clips}],
        **more,
    }


def expected_numbers(sources: dict[str, Path], cuts: Cuts) -> list[int]:
    """What the film shows, from what ffmpeg decodes of the sources."""
    numbers = {name: source_numbers(sources[name]) for name, _, _ in cuts}
    return [number for name, first, count in cuts for number in numbers[name][first : first + count]]


@cache
def source_numbers(path: Path) -> list[int]:
    return decoded_numbers(path)


@cache
def source_pictures(path: Path) -> list[str]:
    return pictures(path)


def pictures(path: Path) -> list[str]:
    """A hash of each decoded frame."""
    told = ffmpeg("-i", path, "-map", "0:v:0", "-vsync", "passthrough", "-f", "framemd5", "-").decode()
    return [line.rpartition(",")[2].strip() for line in told.splitlines() if not line.startswith("#")]


def complaints(path: Path) -> str:
    """What ffmpeg has to say of a file while it decodes all of it."""
    command = ["ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def packets(path: Path) -> list[dict[str, Any]]:
    packets: list[dict[str, Any]] = probe(path, "-select_streams", "v:0", "-show_packets")["packets"]
    return packets


MIXED: Cuts = [("b", 17, 91), ("deep", 5, 83), ("plain", 31, 77), ("b", 1, 61), ("cut", 3, 55)]
ALL_ALIKE: Cuts = [("b", 17, 91), ("alike", 3, 61), ("b", 0, 50)]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("cuts", [MIXED, ALL_ALIKE], ids=["mixed", "alike"])
def test_a_film_of_copied_and_encoded_stretches(
    tmp_path: Path, sources: dict[str, Path], name: str, cuts: Cuts
) -> None:
    output, report = film(tmp_path, project(sources, cuts), name, copy="auto")
    numbers = expected_numbers(sources, cuts)
    assert decoded_numbers(output) == numbers
    assert complaints(output) == ""
    copied = [stretch for stretch in report["copied"]["stretches"] if stretch["copied"]]
    assert len(copied) == len(cuts)
    assert report["copied"]["frames"] == sum(stretch["frames"] for stretch in copied) > len(numbers) * 0.6
    # What is copied decodes to the very pictures of the source.
    made = pictures(output)
    for stretch in copied:
        shown = range(stretch["first_frame"], stretch["first_frame"] + stretch["frames"])
        source = source_pictures(sources[stretch["media"]])
        in_source = source_numbers(sources[stretch["media"]])
        assert [made[n] for n in shown] == [source[in_source.index(numbers[n])] for n in shown]


def test_times_go_on_without_a_gap(tmp_path: Path, sources: dict[str, Path]) -> None:
    output, _ = film(tmp_path, project(sources, MIXED), "out.mp4", copy="auto")
    count = sum(frames for _, _, frames in MIXED)
    found = packets(output)
    tick = Fraction(probe(output)["streams"][0]["time_base"])
    assert sorted(packet["pts"] * tick for packet in found) == [Fraction(n, FPS) for n in range(count)]
    assert {packet["duration"] * tick for packet in found} == {Fraction(1, FPS)}
    decoding = [packet["dts"] * tick for packet in found]
    assert decoding == [decoding[0] + Fraction(n, FPS) for n in range(count)]
    assert all(packet["pts"] >= packet["dts"] for packet in found)
    video, sound = probe(output)["streams"]
    assert (float(video["start_time"]), float(sound["start_time"])) == (0, 0)
    assert float(video["duration"]) == float(sound["duration"]) == count / FPS


def test_parameter_sets_stand_in_the_header_where_they_can(tmp_path: Path, sources: dict[str, Path]) -> None:
    for cuts, tag in ((ALL_ALIKE, "avc1"), (MIXED, "avc3")):
        output, _ = film(tmp_path, project(sources, cuts), "out.mp4", copy="auto")
        assert probe(output)["streams"][0]["codec_tag_string"] == tag


def test_decoding_may_begin_at_any_keyframe(tmp_path: Path, sources: dict[str, Path]) -> None:
    output, _ = film(tmp_path, project(sources, MIXED), "out.mp4", copy="auto")
    numbers = expected_numbers(sources, MIXED)
    tick = Fraction(probe(output)["streams"][0]["time_base"])
    keyframes = [int(packet["pts"] * tick * FPS) for packet in packets(output) if "K" in packet["flags"]]
    assert len(keyframes) > 12
    for n in keyframes[1::4]:
        start = ("-ss", f"{n / FPS + 0.001:.3f}", "-noaccurate_seek", "-i", output, "-frames:v", "2")
        raw = ffmpeg(*start, "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "gray", "-")
        shown = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH)
        assert [read_number(picture) for picture in shown] == numbers[n : n + 2]


def test_a_film_that_is_copied_throughout(tmp_path: Path, sources: dict[str, Path]) -> None:
    cuts: Cuts = [("b", 24, 96), ("deep", 0, 120)]
    output, report = film(tmp_path, project(sources, cuts), "out.mp4", copy="auto")
    assert report["copied"]["frames"] == report["frames"] == 216
    assert report["decoders"]["opened"] == 0
    assert decoded_numbers(output) == [*range(24, 120), *range(120)]
    assert complaints(output) == ""


def test_sound_is_what_it_is_without_copying(tmp_path: Path, sources: dict[str, Path]) -> None:
    clicks = np.zeros((48000 * 9, 2), np.float32)
    clicks[24000::48000] = 0.8
    sources["clicks"] = write_wav(tmp_path / "clicks.wav", clicks, 48000)
    cuts: Cuts = [("b", 17, 91), ("deep", 5, 83), ("b", 1, 50)]
    tracks = {"id": "a", "kind": "audio", "clips": [{"media": "clicks", "duration": 8}]}
    planned = project(sources, cuts)
    planned["media"]["clicks"] = {"path": str(sources["clicks"])}
    planned["tracks"].append(tracks)
    copied = read_sound(film(tmp_path, planned, "copied.mp4", copy="auto")[0], 2)
    plain = read_sound(film(tmp_path, planned, "plain.mp4")[0], 2)
    assert np.array_equal(copied, plain)
    loud = np.flatnonzero(np.abs(copied[:, 0]) > 0.5)
    assert {round(place / 48000 - 0.5, 2) for place in loud} == {float(n) for n in range(8)}


def test_the_same_bytes_from_both_systems_and_each_time(tmp_path: Path, sources: dict[str, Path]) -> None:
    hashes = {
        hashlib.sha256(
            film(tmp_path, project(sources, MIXED), "out.mp4", copy="auto", system=system)[0].read_bytes()
        ).hexdigest()
        for system in ("v1", "v2", "v2")
    }
    assert len(hashes) == 1


def test_frames_round_titles_and_dissolves_are_encoded(tmp_path: Path, sources: dict[str, Path]) -> None:
    planned = project(sources, [("plain", 0, 110)])
    planned["tracks"][0]["clips"].append({"media": "plain", "in": "10f", "start": "100f", "duration": "80f"})
    title = {"text": {"content": "x", "size": 6}, "start": "40f", "duration": "9f"}
    planned["tracks"].append({"id": "t", "clips": [title]})
    output, report = film(tmp_path, planned, "out.mp4", copy="auto")
    spans = [(s["first_frame"], s["frames"], s["why"] or s["media"]) for s in report["copied"]["stretches"]]
    assert spans == [
        (0, 40, "plain"),
        (40, 9, "2 layers are composited"),
        (49, 23, "the cut lies inside of a group of pictures of plain"),
        (72, 28, "plain"),
        (100, 10, "a transition goes on"),
        (110, 4, "the cut lies inside of a group of pictures of plain"),
        (114, 66, "plain"),
    ]
    got = pictures(output)
    source = pictures(sources["plain"])
    assert got[:40] == source[:40]
    assert got[114:] == source[24:90]
    assert complaints(output) == ""


def test_a_range_is_spliced_from_its_first_frame_on(tmp_path: Path, sources: dict[str, Path]) -> None:
    planned = project(sources, MIXED)
    span = (parse_time("40f"), parse_time("251f"))
    output, report = film(tmp_path, planned, "out.mp4", copy="auto", range=span)
    assert decoded_numbers(output) == expected_numbers(sources, MIXED)[40:251]
    assert report["copied"]["stretches"][0]["first_frame"] == 40


def test_open_groups_of_pictures_are_encoded(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only the first picture of such a file is an IDR picture."""
    recipe = ClipRecipe("open.mp4", (*X264, "-bf", "3", "-x264-params", "open-gop=1"), frames=120)
    sources = {"open": make_clip(tmp_path_factory, recipe)}
    cuts: Cuts = [("open", 30, 60), ("open", 0, 71)]
    output, report = film(tmp_path, project(sources, cuts), "out.mp4", copy="auto")
    first, *rest = report["copied"]["stretches"]
    assert first["why"] == "open has no 8 frames here that begin with an IDR picture"
    assert rest[0]["copied"]
    assert decoded_numbers(output) == [*range(30, 90), *range(71)]
    assert complaints(output) == ""


def why(tmp_path: Path, planned: dict[str, Any], **options: Any) -> set[str | None]:
    path = tmp_path / "project.json"
    path.write_text(json.dumps({"version": 1, **planned}), encoding="utf-8")
    parts = describe_plan(path, ExportOptions(copy="auto", **options)).copying
    assert parts is not None
    return {part.why for part in parts}


MISFITS: list[tuple[ClipRecipe, str]] = [
    (ClipRecipe("a.mp4", ("-c:v", "mpeg4", *TAGS)), "is mpeg4, and the output is h264"),
    (
        ClipRecipe("a.mp4", (*X264, "-vf", "scale=128:96")),
        "has 128×96 pixels, and the output has 64×48",
    ),
    (ClipRecipe("a.mp4", (*X264, "-pix_fmt", "yuv444p")), "is yuv444p, and the output is yuv420p"),
    (ClipRecipe("a.mp4", (*X264, "-colorspace", "smpte170m")), "has other colours than the output"),
    (ClipRecipe("a.mp4", (*X264, "-flags", "+ilme+ildct")), "is interlaced"),
]


@pytest.mark.parametrize(("recipe", "reason"), MISFITS, ids=[reason for _, reason in MISFITS])
def test_files_that_do_not_fit(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe, reason: str
) -> None:
    sources = {"m": make_clip(tmp_path_factory, recipe)}
    assert why(tmp_path, project(sources, [("m", 0, 40)])) == {f"m {reason}"}


def test_what_else_is_not_copied(tmp_path: Path, sources: dict[str, Path]) -> None:
    planned = project(sources, [("b", 0, 40)])
    planned["media"]["b"]["on_error"] = "conceal"
    assert why(tmp_path, planned) == {'b is used with "on_error": "conceal", and only decoding finds damage'}
    planned = project(sources, [("b", 0, 40)], export={"video": {"codec": "hevc"}})
    assert why(tmp_path, planned) == {"the output is hevc, and only h264 is copied"}
    planned = project(sources, [("b", 0, 40)], export={"video": {"pix_fmt": "yuv422p"}})
    assert why(tmp_path, planned) == {"b is yuv420p, and the output is yuv422p"}
    planned = project(sources, [("b", 0, 40)])
    planned["canvas"]["fps"] = 24
    planned["tracks"][0]["clips"][0]["duration"] = "20f"
    assert why(tmp_path, planned) == {"b is coded for 25 frames/s, and the film has 24"}


def test_a_scaled_film_copies_nothing_and_says_so(
    tmp_path: Path, sources: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "project.json"
    path.write_text(json.dumps({"version": 1, **project(sources, [("b", 0, 30)])}), encoding="utf-8")
    output = tmp_path / "out.mp4"
    assert main(["export", str(path), str(output), "--copy", "auto", "--size", "32x24", "--no-audio"]) == 0
    assert "copy auto: nothing is copied: the output is scaled to 32×24" in capsys.readouterr().err
    assert len(decoded_numbers_of_size(output, 32, 24)) == 30


def decoded_numbers_of_size(path: Path, width: int, height: int) -> list[bytes]:
    raw = ffmpeg("-i", path, "-map", "0:v", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    return [raw[place : place + width * height] for place in range(0, len(raw), width * height)]


def test_without_the_option_nothing_is_told_or_copied(tmp_path: Path, sources: dict[str, Path]) -> None:
    _, report = film(tmp_path, project(sources, [("b", 0, 30)]), "out.mp4")
    assert report["copied"] is None
    assert report["compositor"]["frames_passed_through"] == 30


def test_copying_means_nothing_to_sound_alone(tmp_path: Path, sources: dict[str, Path]) -> None:
    with pytest.raises(SetupError, match="sound alone"):
        film(tmp_path, project(sources, [("b", 0, 30)]), "out.wav", copy="auto")


def test_a_source_that_changes_meanwhile_fails_the_export(
    tmp_path: Path, sources: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(sources["b"].read_bytes())
    other = tmp_path / "other.mp4"
    other.write_bytes(sources["cut"].read_bytes())
    # In one step: its sound is read on another thread.
    monkeypatch.setattr("reelmill.export.rendering.film_rendering._started", lambda *_: other.replace(source))
    with pytest.raises(RenderError, match="the packets to be copied are not where they were"):
        film(tmp_path, project({"b": source}, [("b", 0, 110)]), "out.mp4", copy="auto")
    assert not list(tmp_path.glob("*out.mp4*"))


def test_the_plan_tells_what_is_copied(
    tmp_path: Path, sources: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "project.json"
    path.write_text(
        json.dumps({"version": 1, **project(sources, [("plain", 17, 91), ("deep", 0, 96)])}), encoding="utf-8"
    )
    assert main(["plan", str(path), "--copy", "auto"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "copy: 180 of 187 frames are copied, in 2 stretches" in lines
    assert "  7 frames encoded: the cut lies inside of a group of pictures of plain" in lines
    assert main(["plan", str(path), "--copy", "auto", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["copying"]
    assert [(part["start"], part["end"], part["copied"], part["media"]) for part in parts] == [
        (0, pytest.approx(7 / FPS), False, None),
        (pytest.approx(7 / FPS), pytest.approx(91 / FPS), True, "plain"),
        (pytest.approx(91 / FPS), pytest.approx(187 / FPS), True, "deep"),
    ]
    page = plan_page(describe_plan(path, ExportOptions(copy="auto")))
    assert "copied from deep: 0:03.64 to 0:07.48, 96 frames" in page
    assert "encoded: the cut lies inside of a group of pictures of plain: 0:00 to 0:00.28, 7 frames" in page
    assert main(["plan", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["copying"] is None


def test_settings_of_the_encoder_go_with_what_is_encoded(tmp_path: Path, sources: dict[str, Path]) -> None:
    video = VideoSettings(preset="ultrafast", bitrate=300_000, gop=9)
    output, _ = film(tmp_path, project(sources, MIXED), "out.mp4", copy="auto", video=video)
    assert decoded_numbers(output) == expected_numbers(sources, MIXED)
    assert complaints(output) == ""
