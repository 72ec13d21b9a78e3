"""examples/subtitles: its film read back with ffmpeg, and its frames held against libass drawing the same signs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tests.support.example_media import EXAMPLES, MEDIA, export, make_footage, picture
from tests.support.films import ffmpeg, probe

FOLDER = EXAMPLES / "subtitles"


def test_tracks_chapters_and_signs(tmp_path: Path) -> None:
    make_footage()
    film = tmp_path / "film.mp4"
    report = export(FOLDER / "project.json", film)
    assert report["warnings"] == []
    found = probe(film, "-show_chapters")
    assert [(each["start_time"], each["tags"]["title"]) for each in found["chapters"]] == [
        ("0.000000", "Evening"),
        ("4.000000", "Night"),
    ]
    tracks = [each["tags"]["language"] for each in found["streams"] if each["codec_name"] == "mov_text"]
    assert tracks == ["eng", "deu"]
    for index, name in enumerate(("en.srt", "de.vtt")):
        made, given = (
            re.findall(
                r"(\S+ --> \S+)\r?\n(.*?)(?:\r?\n\r?\n|\s*\Z)", ffmpeg(*source, "-f", "srt", "-").decode(), re.DOTALL
            )
            for source in (("-i", film, "-map", f"0:s:{index}"), ("-i", FOLDER / name))
        )
        assert len(made) == 2
        assert [(times, text.replace("\r", "")) for times, text in made] == [
            (times, text.replace("\r", "")) for times, text in given
        ]
    # A draft is half as large. The signs add as much as libass adds to the same shot, in the same places.
    with_signs = picture(film, 60)
    source, drawn = (
        picture(MEDIA / "sunset.mp4", 120, (640, 360), filters)
        for filters in ("", f"setpts=PTS-2/TB,ass={FOLDER}/signs.ass:fontsdir={MEDIA}/fonts")
    )
    ours, theirs = (np.abs(frame - source).max(axis=2) > 60 for frame in (with_signs, drawn))
    assert theirs.sum() > 1000
    assert abs(int(ours.sum()) - int(theirs.sum())) < 0.15 * theirs.sum()
    assert (ours & theirs).sum() > 0.7 * theirs.sum()
