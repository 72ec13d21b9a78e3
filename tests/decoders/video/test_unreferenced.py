"""Pictures that nothing refers to: those that ffmpeg leaves out with `-skip_frame noref`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from reelmill.decoders.files.packet_table import packets
from reelmill.decoders.probe import probe
from reelmill.decoders.video.cursor import Cursor
from reelmill.decoders.video.unreferenced import unreferenced_pictures
from reelmill.planner.source_frames import DecodeStatistics
from reelmill.planner.timeline import Media
from tests.support.clips import HEIGHT, WIDTH, ClipRecipe, ffmpeg, make_clip

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params")
B_FRAMES = (*X264, "-bf", "3", "-b_strategy", "0", "-g", "40", "-sc_threshold", "0")
CLIPS = [
    ClipRecipe("unreferenced_pyramid.mp4", (*B_FRAMES, "-x264-params", "b-pyramid=normal"), frames=120),
    ClipRecipe("unreferenced_flat.mkv", (*B_FRAMES, "-x264-params", "b-pyramid=none"), frames=120),
    ClipRecipe("unreferenced_starts.ts", (*B_FRAMES, "-x264-params", "b-pyramid=normal"), frames=120),
    ClipRecipe("unreferenced_slices.mp4", (*B_FRAMES, "-x264-params", "slices=4"), frames=120),
    ClipRecipe("unreferenced_hevc.mp4", (*X265, "bframes=3:b-adapt=0:keyint=40:scenecut=0:log-level=1"), frames=120),
]
NONE_LEFT_OUT = [
    ClipRecipe("unreferenced_fields.mp4", (*B_FRAMES, "-flags", "+ildct+ilme"), frames=60),
    ClipRecipe("unreferenced_layers.mp4", (*X265, "bframes=3:temporal-layers=1:log-level=1"), frames=60),
    ClipRecipe("unreferenced_mpeg4.mp4", ("-c:v", "mpeg4", "-bf", "2"), frames=60),
]


def told(path: Path) -> tuple[set[int], set[int]]:
    """pts of all packets, and of those that hold unreferenced pictures."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        tells = unreferenced_pictures(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
        found = [(packet.pts or 0, memoryview(packet)) for packet in packets(container, stream)]
        return {pts for pts, _ in found}, {pts for pts, data in found if tells is not None and tells(data)}


def put_out(path: Path, *options: str) -> set[int]:
    """pts of the frames that ffmpeg decodes."""
    command = [
        "ffprobe",
        "-v",
        "error",
        *options,
        "-select_streams",
        "v",
        "-show_entries",
        "frame=pts",
        "-of",
        "csv=p=0",
    ]
    rows = subprocess.run([*command, path], capture_output=True, check=True).stdout
    return {int(row.rstrip(b",")) for row in rows.split()}


@pytest.mark.parametrize("recipe", CLIPS, ids=lambda recipe: recipe.name)
def test_they_are_those_that_ffmpeg_leaves_out(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe) -> None:
    path = make_clip(tmp_path_factory, recipe)
    everything, unreferenced = told(path)
    left = put_out(path, "-skip_frame", "noref")
    assert 40 <= len(unreferenced) <= 90
    assert everything - unreferenced == left


@pytest.mark.parametrize("recipe", NONE_LEFT_OUT, ids=lambda recipe: recipe.name)
def test_none_where_packets_do_not_tell(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe) -> None:
    assert told(make_clip(tmp_path_factory, recipe))[1] == set()


@pytest.mark.parametrize("recipe", CLIPS, ids=lambda recipe: recipe.name)
def test_frames_reached_without_them_are_the_same(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe) -> None:
    path = make_clip(tmp_path_factory, recipe)
    facts = probe(media := Media("film", str(path)))
    assert facts.video is not None
    table = facts.video.table
    assert table is not None
    raw = np.frombuffer(ffmpeg("-i", path, "-f", "rawvideo", "-"), np.uint8)
    expected = raw.reshape(len(table.pts), 3 * HEIGHT // 2, WIDTH)[:, :HEIGHT]
    wanted = [39, 5, 36, 38, 70, 117, 118, 80, 83, 95]
    statistics = DecodeStatistics()
    cursor = Cursor(media, facts, statistics)
    try:
        for position in wanted:
            luma = cursor.frame(table.pts[position]).to_ndarray()[:HEIGHT]
            assert np.array_equal(luma, expected[position]), position
    finally:
        cursor.close()
    # From the keyframe, or from where the decoder is: 40 + 6 + 31 + 2 + 31 + 38 + 1 + 1 + 3 + 12.
    assert statistics.frames_decoded < 0.75 * 165
