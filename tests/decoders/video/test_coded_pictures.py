"""Packets to be copied: against ffprobe's list of them, and every reason why a file's are not."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.decoders.probe import probe
from reelmill.decoders.video.coded_pictures import coded_pictures, read_coded_video
from reelmill.decoders.video.h264_headers import IDR, nal_type, read_sequence, set_name
from reelmill.planner.copying.coded_video import CodedVideo
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Media
from tests.support.clips import ClipRecipe, ffmpeg, make_clip

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "12", "-bf", "3")
RECIPES = [
    ClipRecipe("a.mp4", X264),
    ClipRecipe("a.mkv", X264, audio=("-c:a", "libopus")),
    ClipRecipe("a.ts", X264, audio=("-c:a", "aac")),
    ClipRecipe("a.flv", X264),
    ClipRecipe("cut.mp4", X264, audio=("-c:a", "aac"), cut=("-ss", "0.7")),
    ClipRecipe("open.mp4", (*X264, "-x264-params", "open-gop=1")),
    ClipRecipe("repeated.mp4", (*X264, "-x264-params", "repeat-headers=1:aud=1")),
]


def read(path: Path) -> tuple[MediaFacts, CodedVideo]:
    facts = probe(Media("m", str(path)))
    return facts, read_coded_video(facts)


def probed_packets(path: Path) -> list[tuple[int, bool]]:
    """pts and whether it is shown of every packet, in decode order."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json", "-show_entries", "packet=pts,flags"]
    told = json.loads(subprocess.run([*command, str(path)], capture_output=True, check=True).stdout)
    return [(packet["pts"], "D" not in packet["flags"]) for packet in told["packets"]]


def idr_pictures(path: Path) -> list[bool]:
    """For each access unit, in decode order, whether it is an IDR picture."""
    data = ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", "-")
    units = [nal_type(unit) for unit in data.split(b"\0\0\1")[1:]]
    starts = [index for index, kind in enumerate(units) if kind == 9]
    access_units = [set(units[a:b]) for a, b in zip(starts, [*starts[1:], len(units)], strict=True)]
    return [IDR in found for found in access_units if found & {1, IDR}]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_order_and_entries(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe) -> None:
    path = make_clip(tmp_path_factory, recipe)
    facts, coded = read(path)
    assert coded.problem is None
    assert coded.frame_rate == Fraction(25)
    packets = probed_packets(path)
    shown = sorted(pts for pts, is_shown in packets if is_shown)
    assert list(coded.order) == [shown.index(pts) if is_shown else -1 for pts, is_shown in packets]
    assert list(coded.entries) == [place for place, is_idr in enumerate(idr_pictures(path)) if is_idr]
    assert {kind for kind, _ in map(set_name, coded.parameter_sets)} == {7, 8}
    assert facts.video is not None


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_pictures_are_the_files_own(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe) -> None:
    path = make_clip(tmp_path_factory, recipe)
    facts, coded = read(path)
    data = ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
    units = [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1")[1:]]
    slices = [unit for unit in units if nal_type(unit) in (1, IDR)]
    for entry in [place for place in coded.entries if coded.order[place] >= 0]:
        count = len(coded.order) - entry
        pictures = list(coded_pictures(facts, coded, entry, count))
        assert [picture.place + coded.order[entry] for picture in pictures] == list(coded.order[entry:])
        assert pictures[0].is_entry
        found = [unit for picture in pictures for unit in picture.units if nal_type(unit) in (1, IDR)]
        assert found == slices[-len(found) :]
        assert not {nal_type(unit) for picture in pictures for unit in picture.units} & {7, 8, 9}


REFUSED = [
    (ClipRecipe("a.mkv", ("-c:v", "ffv1")), "is ffv1, and only h264 is copied"),
    (ClipRecipe("fields.mp4", (*X264, "-flags", "+ilme+ildct")), "is coded interlaced"),
]


@pytest.mark.parametrize(("recipe", "problem"), REFUSED, ids=[recipe.name for recipe, _ in REFUSED])
def test_what_can_not_be_copied(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe, problem: str) -> None:
    assert read(make_clip(tmp_path_factory, recipe))[1].problem == problem


def test_a_file_whose_headers_do_not_tell_the_reordering(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "reelmill.decoders.video.coded_pictures.read_sequence", lambda unit: replace(read_sequence(unit), reorder=None)
    )
    reordered = make_clip(tmp_path_factory, ClipRecipe("a.mp4", X264))
    plain = make_clip(tmp_path_factory, ClipRecipe("plain.mp4", (*X264[:-1], "0")))
    assert read(reordered)[1].problem == "does not tell how far its pictures are reordered"
    assert read(plain)[1].problem is None


def test_parameter_sets_that_change(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    clips = [
        make_clip(tmp_path_factory, ClipRecipe("a.ts", X264)),
        make_clip(tmp_path_factory, ClipRecipe("main.ts", (*X264, "-profile:v", "main", "-refs", "2"))),
    ]
    joined = tmp_path / "joined.ts"
    ffmpeg("-i", f"concat:{clips[0]}|{clips[1]}", "-c", "copy", joined)
    assert read(joined)[1].problem == "changes its parameter sets on the way"


def test_a_file_that_was_changed_is_an_error(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    first = make_clip(tmp_path_factory, ClipRecipe("a.mp4", X264))
    other = make_clip(tmp_path_factory, ClipRecipe("short.mp4", X264, frames=15))
    path = tmp_path / "clip.mp4"
    path.write_bytes(first.read_bytes())
    facts, coded = read(path)
    path.write_bytes(other.read_bytes())
    with pytest.raises(RenderError, match="not where they were") as caught:
        list(coded_pictures(facts, coded, coded.entries[1], 12))
    assert caught.value.file == str(path)
    path.unlink()
    with pytest.raises(RenderError, match="does not exist"):
        list(coded_pictures(facts, coded, coded.entries[1], 12))
