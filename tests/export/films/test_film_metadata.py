"""Tags, chapters and tracks of subtitles in every container, as ffprobe and ffmpeg read them."""

from __future__ import annotations

import json
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelmill.export.films.film_metadata import ChosenMetadata, choose_metadata
from reelmill.export.films.film_sink import FilmSink
from reelmill.export.films.tags import _KEPT
from reelmill.export.subtitles.project_subtitles import ProjectSubtitles, read_project_subtitles
from reelmill.planner.errors import SetupError
from reelmill.planner.timeline import Composition, Marker, Subtitles, Timeline
from tests.support.clips import ffmpeg
from tests.support.subtitle_files import ass_style, ass_text, dialogue
from tests.support.written_films import RATE, Click, picture, settings

FPS = Fraction(30000, 1001)
FRAMES = 240
FILM = FRAMES / FPS
TAGS = {
    "title": "Spring – wörk",
    "artist": "reelmill",
    "album": "Seasons",
    "date": "2024-05-06",
    "comment": "two\nlines",
    "copyright": "© us",
    "genre": "Film",
    "language": "deu",
}
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".opus", ".ogg")
FILMS = (".mp4", ".mov", ".mkv", ".webm", ".ts")


def timeline(**more: Any) -> Timeline:
    return Timeline(None, FPS, Composition(None, 96, 64, (), duration=FILM), {}, {}, **more)


def written(
    folder: Path,
    film: Timeline,
    suffix: str,
    frames: range = range(FRAMES),
    subtitles: ProjectSubtitles = (),
    **more: Any,
) -> tuple[Path, ChosenMetadata]:
    """A film of those frames, or their sound, with all that its timeline says beside."""
    path = folder / f"film{suffix}"
    if suffix not in SOUNDS:
        more["video"] = {"preset": "5" if suffix == ".webm" else "ultrafast"}
    chosen = settings(path.name, **more)
    carried = choose_metadata(film, subtitles, frames, chosen, path)
    sink = FilmSink(path, chosen, target=path, metadata=carried.metadata)
    try:
        sink.play(Click(sample_count=round(len(frames) / FPS * RATE)))
        for number in range(len(frames)) if chosen.video else ():
            assert chosen.video is not None
            sink.write(picture(chosen.video, number), number)
        sink.finish()
    finally:
        sink.abort()
    return path, carried


def probe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json", str(path)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return answer


def tags_of(found: dict[str, Any]) -> dict[str, str]:
    """Of the file, or, as in Ogg, of its stream."""
    tags = found["format"].get("tags") or found["streams"][0].get("tags", {})
    return {key.lower(): value for key, value in tags.items()}


def chapters_of(path: Path) -> list[tuple[str, str, str]]:
    found = probe(path)["chapters"]
    return [(each["start_time"], each["end_time"], each.get("tags", {}).get("title", "")) for each in found]


@pytest.mark.parametrize("suffix", [*FILMS, *SOUNDS])
def test_every_tag_arrives_or_is_named(tmp_path: Path, suffix: str) -> None:
    tags = {**TAGS, "mood": "gay", "encoder": "someone"}
    path, carried = written(tmp_path, timeline(tags=tuple(tags.items())), suffix)
    found = tags_of(probe(path))
    if suffix == ".ts":
        # ffprobe tells the title of a transport stream as the name of its programme.
        found = {"title": TAGS["title"]}
        assert TAGS["title"].encode() in path.read_bytes()
    heard = [stream for stream in probe(path)["streams"] if stream["codec_type"] in ("video", "audio")]
    languages = {stream.get("tags", {}).get("language") for stream in heard}
    lost = {name for name in tags if found.get(name) != tags[name]}
    if suffix in FILMS or suffix == ".m4a":
        assert languages == {"ger" if suffix == ".mov" else "deu"} | ({None} if suffix == ".ts" else set())
        lost.discard("language")
    warned = {match[1] for warning in carried.warnings if (match := re.search(r'the tag "(\w+)"', warning))}
    assert warned == lost
    assert "title" not in lost
    if suffix not in (".ts", ".wav"):
        assert lost == {"encoder"} | ({"mood"} if suffix in (".mp4", ".mov", ".m4a") else set())


MARKERS = (
    Marker("Öpening = 1", Fraction(1001, 1000)),
    Marker("Two", Fraction(3), Fraction(16016, 3000)),
    Marker("Three", Fraction(7)),
)


@pytest.mark.parametrize("suffix", [*FILMS, *SOUNDS])
def test_chapters_begin_and_end_where_markers_say(tmp_path: Path, suffix: str) -> None:
    path, carried = written(tmp_path, timeline(markers=MARKERS), suffix)
    if suffix in (".ts", ".wav", ".flac"):
        assert carried.warnings == (f"{path.name}: the chapters of the markers are not kept by {suffix}",)
        assert not chapters_of(path)
        return
    assert not carried.warnings
    rounding = 1e-6 if suffix in (".mkv", ".webm") else 0.0005001
    named = [each for each in chapters_of(path) if each[2]]
    expected = [(1.001, 3.0, "Öpening = 1"), (3.0, 16016 / 3000, "Two"), (7.0, float(FILM), "Three")]
    for (start, end, title), (starts, ends, name) in zip(named, expected, strict=True):
        assert title == name
        assert float(start) == pytest.approx(starts, abs=rounding)
        # The last one ends with the file, which the padding of a sound encoder makes a little longer.
        assert float(end) == pytest.approx(ends, abs=rounding if name != "Three" else 0.08)


def test_chapters_of_a_range_are_cut_and_moved(tmp_path: Path) -> None:
    path, _ = written(tmp_path, timeline(markers=MARKERS), ".mkv", range(120, 180))
    start = 120 / FPS
    assert chapters_of(path) == [("0.000000", f"{float(Fraction(16016, 3000) - start):.6f}", "Two")]
    path, _ = written(tmp_path, timeline(markers=MARKERS), ".mkv", range(30, 120))
    second = f"{float(3 - 30 / FPS):.6f}"
    assert chapters_of(path) == [
        ("0.000000", second, "Öpening = 1"),
        (second, f"{float(90 / FPS):.6f}", "Two"),
    ]


SRT = """\
1
00:00:00,500 --> 00:00:02,000
Hello <i>there</i> & <b>you</b>

2
00:00:03,003 --> 00:00:04,125
two
lines, 3 < 4

3
00:00:04,125 --> 00:00:05,000
שלום עולם (abc) 12
"""


def entries(folder: Path, *given: tuple[str, str, dict[str, Any]]) -> ProjectSubtitles:
    files = []
    for name, content, keys in given:
        (folder / name).write_text(content, encoding="utf-8")
        files.append(Subtitles(str(folder / name), **keys))
    read, problems = read_project_subtitles(timeline(subtitles=tuple(files)))
    assert not problems
    return read


def cues_of(path: Path, track: int = 0, form: str = "srt") -> list[tuple[str, str]]:
    """Times and text of a track, as ffmpeg extracts them."""
    text = ffmpeg("-copyts", "-i", path, "-map", f"0:s:{track}", "-f", form, "-").decode().replace("\r", "")
    found = re.findall(r"(\d\d:\S+ --> \S+)[^\n]*\n(.*?)(?=\n\n|\n*\Z)", text, re.DOTALL)
    return [(times, body.strip()) for times, body in found]


PLAIN = [
    ("00:00:00,500 --> 00:00:02,000", "Hello <i>there</i> & <b>you</b>"),
    ("00:00:03,003 --> 00:00:04,125", "two\nlines, 3 < 4"),
    ("00:00:04,125 --> 00:00:05,000", "שלום עולם (abc) 12"),
]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_an_srt_becomes_a_track_with_its_cues_times_and_text(tmp_path: Path, suffix: str) -> None:
    read = entries(tmp_path, ("en.srt", SRT, {"language": "eng", "title": "English", "default": True}))
    path, carried = written(tmp_path, timeline(), suffix, subtitles=read)
    assert cues_of(path) == PLAIN
    assert not carried.warnings
    [stream] = [each for each in probe(path)["streams"] if each["codec_type"] == "subtitle"]
    codec = {".mkv": "subrip", ".webm": "webvtt"}.get(suffix, "mov_text")
    assert (stream["codec_name"], stream["tags"]["language"]) == (codec, "eng")
    assert stream["tags"].get("title", stream["tags"].get("handler_name")) == "English"
    assert stream["disposition"]["default"] == 1
    assert len([each for each in probe(path)["streams"] if each["codec_type"] == "video"]) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_cues_of_a_range_are_cut_and_moved(tmp_path: Path, suffix: str) -> None:
    read = entries(tmp_path, ("en.srt", SRT, {}))
    path, _ = written(tmp_path, timeline(), suffix, range(30, 120), subtitles=read)
    # 30 frames are 1.001 s, 120 are 4.004 s.
    assert cues_of(path) == [
        ("00:00:00,000 --> 00:00:00,999", PLAIN[0][1]),
        ("00:00:02,002 --> 00:00:03,003", PLAIN[1][1]),
    ]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_cues_that_overlap(tmp_path: Path, suffix: str) -> None:
    content = "1\n00:00:01,000 --> 00:00:03,000\none\n\n2\n00:00:02,000 --> 00:00:04,000\ntwo\n"
    path, _ = written(tmp_path, timeline(), suffix, subtitles=entries(tmp_path, ("a.srt", content, {})))
    whole = [("00:00:01,000 --> 00:00:03,000", "one"), ("00:00:02,000 --> 00:00:04,000", "two")]
    # A track of mov_text shows one sample at a time.
    apart = [
        ("00:00:01,000 --> 00:00:02,000", "one"),
        ("00:00:02,000 --> 00:00:03,000", "one\ntwo"),
        ("00:00:03,000 --> 00:00:04,000", "two"),
    ]
    assert cues_of(path) == (apart if suffix == ".mp4" else whole)


def test_ass_keeps_its_styles_in_matroska_and_loses_them_elsewhere(tmp_path: Path) -> None:
    text = ass_text(
        [dialogue("{\\pos(10,20)}Hi \\{ {\\i1}you{\\i0}", "0:00:01.00", "0:00:02.50", style="Top")],
        [ass_style("Top", align=8)],
    )
    read = entries(tmp_path, ("a.ass", text, {}))
    path, carried = written(tmp_path, timeline(), ".mkv", subtitles=read)
    assert not carried.warnings
    extracted = ffmpeg("-copyts", "-i", path, "-map", "0:s:0", "-c", "copy", "-f", "ass", "-").decode()
    line = next(line for line in extracted.splitlines() if line.startswith("Dialogue:"))
    assert line == "Dialogue: 0,0:00:01.00,0:00:02.50,Top,,0,0,0,,{\\pos(10,20)}Hi \\{ {\\i1}you{\\i0}"
    assert "Style: Top,DejaVu Sans,24" in extracted
    assert "PlayResX: 384" in extracted
    path, carried = written(tmp_path, timeline(), ".mp4", subtitles=read)
    [warning] = carried.warnings
    assert warning == (
        "film.mp4: a.ass becomes mov_text, which keeps text, bold, italic; styles and places are left out"
    )
    assert cues_of(path) == [("00:00:01,000 --> 00:00:02,500", "Hi { <i>you</i>")]


def test_webvtt_keeps_its_settings_and_marks_in_webm(tmp_path: Path) -> None:
    content = "WEBVTT\n\nid\n00:01.000 --> 00:02.000 line:10% align:start\n<v Bob>a &amp; b</v> <c.yellow>c</c>\n"
    read = entries(tmp_path, ("a.vtt", content, {}))
    path, carried = written(tmp_path, timeline(), ".webm", subtitles=read)
    extracted = ffmpeg("-copyts", "-i", path, "-map", "0:s:0", "-c", "copy", "-f", "webvtt", "-").decode()
    assert "00:01.000 --> 00:02.000 line:10% align:start\n<v Bob>a &amp; b</v> <c.yellow>c</c>\n" in extracted
    assert not carried.warnings
    path, carried = written(tmp_path, timeline(), ".mp4", subtitles=read)
    assert cues_of(path) == [("00:00:01,000 --> 00:00:02,000", "a & b c")]
    assert carried.warnings[0].endswith("keeps text, bold, italic; places and colours are left out")


def test_several_tracks_with_their_flags(tmp_path: Path) -> None:
    read = entries(
        tmp_path,
        ("en.srt", SRT, {"language": "eng"}),
        ("signs.srt", SRT, {"language": "fra", "forced": True, "title": "Signs"}),
        ("burnt.srt", SRT, {"mode": "burn"}),
    )
    for suffix in (".mp4", ".mkv"):
        path, _ = written(tmp_path, timeline(), suffix, subtitles=read)
        tracks = [each for each in probe(path)["streams"] if each["codec_type"] == "subtitle"]
        assert [each["tags"]["language"] for each in tracks] == ["eng", "fra"]
        assert [each["disposition"]["forced"] for each in tracks] == [0, 1]
        assert cues_of(path, 1) == PLAIN
    _, carried = written(tmp_path, timeline(), ".mov", subtitles=read)
    assert carried.warnings == ("film.mov: forced of $ is not kept by .mov",)


def test_fragmented_mp4_has_them_too(tmp_path: Path) -> None:
    read = entries(tmp_path, ("en.srt", SRT, {}))
    path, _ = written(tmp_path, timeline(markers=MARKERS[:1]), ".mp4", subtitles=read, fragmented=True)
    # ffmpeg 5.1 tells no durations here; a cue ends where the next sample, perhaps an empty one, begins.
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "s",
        "-show_entries",
        "packet=pts_time,size",
        "-of",
        "csv=p=0",
    ]
    packets = subprocess.run([*command, path], capture_output=True, check=True, text=True).stdout.split()
    times = [(float(time), int(size) > 2) for time, size in (packet.split(",")[:2] for packet in packets)]
    assert times == [(0, False), (0.5, True), (2, False), (3.003, True), (4.125, False), (4.125, True), (5, False)]
    assert [each[2] for each in chapters_of(path)] == ["", "Öpening = 1"]


@pytest.mark.parametrize("suffix", [".ts", ".m3u8"])
def test_a_container_without_subtitles_is_refused_with_those_that_have_them(tmp_path: Path, suffix: str) -> None:
    read = entries(tmp_path, ("en.srt", SRT, {}))
    path = tmp_path / f"film{suffix}"
    with pytest.raises(SetupError, match=f"film{suffix}: {suffix} takes no tracks of subtitles") as caught:
        choose_metadata(timeline(), read, range(FRAMES), settings(path.name), path)
    assert caught.value.suggestion is not None
    assert caught.value.suggestion.startswith('use .mp4, .mov, .mkv or .webm, give the subtitles "mode": "burn"')


def test_sound_goes_without_subtitles(tmp_path: Path) -> None:
    read = entries(tmp_path, ("en.srt", SRT, {}))
    path, carried = written(tmp_path, timeline(), ".wav", subtitles=read)
    assert not carried.warnings
    assert len(probe(path)["streams"]) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_the_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    read = entries(tmp_path, ("en.srt", SRT, {"language": "eng"}))
    film = timeline(markers=MARKERS, tags=tuple(TAGS.items()))
    first = written(tmp_path, film, suffix, range(60), subtitles=read)[0].read_bytes()
    assert written(tmp_path, film, suffix, range(60), subtitles=read)[0].read_bytes() == first


def test_a_playlist_has_neither_tags_nor_chapters(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    film = timeline(markers=MARKERS, tags=(("title", "T"), ("language", "eng")))
    assert choose_metadata(film, (), range(FRAMES), settings(path.name), path).warnings == (
        'film.m3u8: the tag "title" is not kept by .m3u8',
        "film.m3u8: the chapters of the markers are not kept by .m3u8",
    )


NUMBERS = {
    "track": "3/9",
    "disc": "1/2",
    "media_type": "9",
    "hd_video": "1",
    "compilation": "1",
    "gapless_playback": "1",
    "episode_sort": "4",
    "season_number": "2",
    "location": "+12.3450-098.7600/",
    "creation_time": "2024-01-02T03:04:05.000000Z",
    "date": "2024-05-06",
    "language": "eng",
}
"""What tags of a form of their own are given."""
PAGE = (Path(__file__).parents[3] / "docs" / "guide" / "metadata.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("suffix", "muxer"), [(".mp4", "mp4"), (".mov", "mov"), (".m4a", "ipod"), (".wav", "wav")])
def test_what_is_said_to_be_kept_is_kept_and_on_the_page(tmp_path: Path, suffix: str, muxer: str) -> None:
    kept = _KEPT[muxer]
    tags = {name: NUMBERS.get(name, f"the {name}") for name in sorted(kept)}
    path, carried = written(tmp_path, timeline(tags=tuple(tags.items())), suffix, range(3))
    found = tags_of(probe(path))
    assert {name: found.get(name) for name in tags} == tags
    assert not carried.warnings
    [row] = re.findall(rf"^\| {re.escape(suffix)} \| (.*?) \|", PAGE, re.MULTILINE)
    listed = set(row.split(", ")) - {"…"}
    assert listed == {"those of .mp4"} or listed <= kept
    assert "…" in row or suffix == ".m4a" or kept - listed <= {"creation_time", "encoded_by"}
