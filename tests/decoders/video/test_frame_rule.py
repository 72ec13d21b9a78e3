"""The frame that is shown is the one the rule picks, for every kind of file: numbers in the picture tell."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.probe import probe
from reelmill.planner.media import MediaFacts
from reelmill.planner.source_frames import FrameRequest
from reelmill.planner.timeline import Media
from tests.support.clips import ClipRecipe, decoded_numbers, frame_number, frame_times, make_clip

RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]
CONTAINERS = ["mp4", "mkv", "mov", "ts", "webm"]
AAC = ("-c:a", "aac", "-b:a", "64k")
OPUS = ("-c:a", "libopus", "-b:a", "64k")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params")
B_FRAMES = ("-bf", "3", "-b_strategy", "0", "-refs", "3")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k")
VARIABLE = ("-vf", "settb=1/90000,setpts=N*3000+mod(N*N\\,7)*400+floor(N/9)*5000", "-vsync", "passthrough")

RECIPES = [
    ClipRecipe("b_frames.mp4", (*X264, *B_FRAMES, "-g", "12"), Fraction(24000, 1001)),
    ClipRecipe("b_frames.mkv", (*X264, *B_FRAMES, "-g", "12"), Fraction(30), audio=OPUS),
    ClipRecipe("b_frames.ts", (*X264, *B_FRAMES, "-g", "12"), Fraction(25), audio=AAC),
    ClipRecipe("variable.mp4", (*X264, *B_FRAMES, *VARIABLE, "-enc_time_base", "1/90000"), Fraction(30)),
    ClipRecipe("variable.mkv", (*X264, *VARIABLE, "-enc_time_base", "1/90000"), Fraction(30)),
    ClipRecipe("open_gop.mp4", (*X264, *B_FRAMES, "-g", "10", "-x264-params", "open-gop=1"), Fraction(60)),
    ClipRecipe("open_gop.ts", (*X264, *B_FRAMES, "-g", "10", "-x264-params", "open-gop=1"), Fraction(24)),
    ClipRecipe("one_keyframe.mov", (*X264, *B_FRAMES, "-g", "9999"), Fraction(30000, 1001)),
    ClipRecipe("intra_refresh.mp4", (*X264, "-g", "12", "-x264-params", "intra-refresh=1"), Fraction(25)),
    ClipRecipe("intra_refresh.ts", (*X264, "-g", "12", "-x264-params", "intra-refresh=1"), Fraction(25)),
    ClipRecipe("late.mkv", (*X264, *B_FRAMES, "-output_ts_offset", "1.537"), Fraction(24)),
    ClipRecipe("edit_list.mp4", (*X264, *B_FRAMES, "-g", "30"), Fraction(25), cut=("-ss", "0.72")),
    ClipRecipe("edit_list_sound.mov", (*X264, *B_FRAMES, "-g", "24"), Fraction(24), audio=AAC, cut=("-ss", "0.5")),
    ClipRecipe("mpeg2.mpg", ("-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-b:v", "2M"), Fraction(25)),
    ClipRecipe("vp8.webm", (*VP8, "-g", "15"), Fraction(30000, 1001), audio=OPUS),
    ClipRecipe("vp9.webm", ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "20", "-b:v", "400k"), Fraction(50)),
    ClipRecipe(
        "hevc.mp4",
        (*X265, "log-level=none:bframes=3"),
        Fraction(30),
    ),
    ClipRecipe("hevc_open_gop.mp4", (*X265, "log-level=none:bframes=3:keyint=10:open-gop=1"), Fraction(24)),
    ClipRecipe("hevc_open_gop.ts", (*X265, "log-level=none:bframes=3:keyint=10:open-gop=1"), Fraction(25)),
    ClipRecipe("intra.mov", ("-c:v", "mjpeg", "-q:v", "3"), Fraction(15)),
]
CANVASES = [Fraction(30), Fraction(30000, 1001)]
SPEEDS = [Fraction(1), Fraction(0), Fraction(1, 2), Fraction(2), Fraction(-1), Fraction(-1, 2)]


class Shown:
    """One file, shown by one clip."""

    def __init__(self, path: Path) -> None:
        media = Media("clip", str(path))
        self.facts: MediaFacts = probe(media)
        assert self.facts.video is not None
        assert self.facts.video.table is not None
        self.table = self.facts.video.table
        self.decoders = ClipDecoders({"clip": self.facts}, {"clip": media})

    def number(self, pts: int) -> int:
        return frame_number(self.decoders.frame(FrameRequest("clip", self.facts.file_hash, pts, ("c1",))))


def picked(time_base: Fraction, times: Sequence[int], source_time: Fraction, *, backwards: bool) -> int:
    """The rule, said plainly: position of the frame that is shown at a source time."""
    s = source_time + times[0] * time_base
    if backwards:
        before = [index for index, pts in enumerate(times) if pts * time_base < s - time_base / 2]
    else:
        before = [index for index, pts in enumerate(times) if pts * time_base <= s + time_base / 2]
    return before[-1] if before else 0


@pytest.mark.parametrize("sound", [False, True], ids=["silent", "sound"])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_material_of_the_canvas_rate_is_shown_frame_by_frame(
    tmp_path_factory: pytest.TempPathFactory, rate: Fraction, container: str, sound: bool
) -> None:
    video = VP8 if container == "webm" else (*X264, *B_FRAMES)
    audio = (OPUS if container in ("webm", "mkv") else AAC) if sound else ()
    path = make_clip(tmp_path_factory, ClipRecipe(f"same.{container}", video, rate, 40, audio))
    shown = Shown(path)
    try:
        assert [shown.number(shown.table.frame_at(n / rate)) for n in range(40)] == list(range(40))
        assert abs(shown.table.duration - 40 / rate) < Fraction(2, 1000)
    finally:
        shown.decoders.close()


def check_cuts(path: Path, output_frames: int, in_points: Sequence[Fraction]) -> int:
    """Show a file at every speed in every canvas; the number of frames compared."""
    time_base, times = frame_times(path)
    numbers = decoded_numbers(path)
    shown = Shown(path)
    compared = 0
    try:
        assert (shown.table.time_base, list(shown.table.pts)) == (time_base, times)
        for fps in CANVASES:
            for speed in SPEEDS:
                for in_point in in_points:
                    for n in range(output_frames):
                        s = in_point + n / fps * speed
                        pts = shown.table.frame_before(s) if speed < 0 else shown.table.frame_at(s)
                        expected = picked(time_base, times, s, backwards=speed < 0)
                        assert pts == times[expected]
                        assert shown.number(pts) == numbers[expected], (fps, speed, in_point, n)
                        compared += 1
    finally:
        shown.decoders.close()
    return compared


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_cuts_at_odd_places_show_the_frame_that_the_rule_picks(
    tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe
) -> None:
    assert check_cuts(make_clip(tmp_path_factory, recipe), 14, [Fraction(7, 9)]) == 14 * 12


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_many_cuts_show_the_frame_that_the_rule_picks(
    tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe
) -> None:
    in_points = [Fraction(0), Fraction(1, 3), Fraction(1001, 1000), Fraction(123457, 100000)]
    assert check_cuts(make_clip(tmp_path_factory, recipe), 40, in_points) == 40 * 48


RAW = [
    ClipRecipe("raw.h264", (*X264, *B_FRAMES, "-g", "12"), Fraction(25)),
    ClipRecipe("raw.hevc", (*X265, "log-level=none"), Fraction(25)),
    ClipRecipe("b_frames.avi", (*X264, *B_FRAMES, "-g", "12"), Fraction(25)),
    ClipRecipe("theora.ogv", ("-c:v", "libtheora", "-q:v", "8", "-g", "12"), Fraction(25)),
]


@pytest.mark.parametrize("recipe", RAW, ids=lambda recipe: recipe.name)
def test_streams_without_times_of_their_own_are_counted(
    tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe
) -> None:
    shown = Shown(make_clip(tmp_path_factory, recipe))
    try:
        order = [*range(50), 31, 30, 7, 49, 0, 12, 11, 10]
        assert [shown.number(shown.table.frame_at(Fraction(n, 25))) for n in order] == order
        assert shown.table.duration == 2
    finally:
        shown.decoders.close()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_frames_in_any_order_are_those_of_sequential_decoding(
    tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe
) -> None:
    path = make_clip(tmp_path_factory, recipe)
    numbers = decoded_numbers(path)
    shown = Shown(path)
    try:
        count = len(shown.table.pts)
        order = [(index * 29 + 17) % count for index in range(count)]
        assert [shown.number(shown.table.pts[index]) for index in order] == [numbers[index] for index in order]
    finally:
        shown.decoders.close()
