"""One decoder a clip: when it is opened and closed, what it decodes, and what it says about damage."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.container import InputContainer

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.files.container import open_container
from reelmill.decoders.probe import probe
from reelmill.decoders.video.cursor import READ_ON_FRAMES, Cursor
from reelmill.planner.errors import RenderError
from reelmill.planner.frame_plan import CompositionPlan, FramePlan
from reelmill.planner.media import MediaFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.source_frames import DecodeStatistics, Frame, FrameRequest, InstancePath
from reelmill.planner.timeline import Media
from tests.support.clips import ClipRecipe, ffmpeg, frame_number, make_clip

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0")
EMPTY = CompositionPlan(None, 64, 48, (0, 0, 0, 1), ())
ONE_GOP = ClipRecipe("one_gop.mp4", (*X264, "-g", "999"), frames=120)
GOPS = ClipRecipe("gops.mp4", (*X264, "-g", "20", "-sc_threshold", "0"), frames=120)


class Player:
    """Clips that show one file."""

    def __init__(self, path: Path, **entry: str) -> None:
        self.media = Media("film", str(path), **entry)  # type: ignore[arg-type]  # entries are literals
        self.facts: MediaFacts = probe(self.media)
        assert self.facts.video is not None
        assert self.facts.video.table is not None
        self.table: PtsTable = self.facts.video.table
        self.decoders = ClipDecoders({"film": self.facts}, {"film": self.media})

    def frame(self, index: int, *instance: str) -> Frame:
        request = FrameRequest("film", self.facts.file_hash, self.table.pts[index], instance or ("c1",))
        frame = self.decoders.frame(request)
        assert frame.pts == self.table.pts[index]
        return frame

    def begin(self, *active: InstancePath) -> None:
        self.decoders.begin(FramePlan(0, Fraction(0), EMPTY, frozenset(active)))

    @property
    def statistics(self) -> DecodeStatistics:
        return self.decoders.statistics()


@pytest.fixture
def players() -> Iterator[list[Player]]:
    """Players to close when the test ends."""
    opened: list[Player] = []
    yield opened
    for player in opened:
        player.decoders.close()


def play(players: list[Player], path: Path, **entry: str) -> Player:
    player = Player(path, **entry)
    players.append(player)
    return player


def test_a_decoder_is_opened_when_its_clip_is_first_asked_for_and_closed_when_it_leaves(
    tmp_path_factory: pytest.TempPathFactory, players: list[Player]
) -> None:
    player = play(players, make_clip(tmp_path_factory, GOPS))
    assert player.statistics.opened == 0
    player.begin(("c1",), ("card", "c2"))
    assert player.statistics.opened == 0
    player.frame(0, "c1")
    player.frame(5, "card", "c2")
    assert (player.statistics.opened, player.statistics.peak_open) == (2, 2)
    player.begin(("card", "c2"))
    player.frame(6, "card", "c2")
    player.frame(1, "c3")
    assert (player.statistics.opened, player.statistics.peak_open) == (3, 2)
    assert player.statistics.unique_files == 1
    player.decoders.close()
    player.decoders.close()


def test_playing_forwards_decodes_each_frame_once_without_seeking(
    tmp_path_factory: pytest.TempPathFactory, players: list[Player]
) -> None:
    player = play(players, make_clip(tmp_path_factory, GOPS))
    assert [frame_number(player.frame(index)) for index in range(120)] == list(range(120))
    statistics = player.statistics
    assert (statistics.frames_decoded, statistics.frames_requested, statistics.seeks) == (120, 120, 0)
    assert statistics.busy_seconds > 0


def test_a_frozen_or_slow_clip_decodes_nothing_again(
    tmp_path_factory: pytest.TempPathFactory, players: list[Player]
) -> None:
    player = play(players, make_clip(tmp_path_factory, GOPS))
    first = player.frame(30)
    decoded = player.statistics.frames_decoded
    assert all(player.frame(30) is first for _ in range(50))
    assert player.statistics.frames_decoded == decoded
    assert player.statistics.frames_requested == 1
    for index in range(31, 60):
        player.frame(index)
        player.frame(index)
    assert player.statistics.frames_requested == 30
    assert player.statistics.seeks == 1


def test_a_cut_far_into_a_file_begins_at_its_keyframe(
    tmp_path_factory: pytest.TempPathFactory, players: list[Player]
) -> None:
    player = play(players, make_clip(tmp_path_factory, GOPS))
    assert frame_number(player.frame(110)) == 110
    assert player.statistics.seeks == 1
    assert player.statistics.frames_decoded <= 20
    assert frame_number(player.frame(119)) == 119
    assert player.statistics.seeks == 1


def test_a_far_jump_ahead_seeks_and_a_near_one_reads_on(
    tmp_path_factory: pytest.TempPathFactory, players: list[Player]
) -> None:
    player = play(players, make_clip(tmp_path_factory, GOPS))
    player.frame(0)
    player.frame(READ_ON_FRAMES)
    assert player.statistics.seeks == 0
    player.frame(119)
    assert player.statistics.seeks == 1
    assert player.statistics.frames_decoded < 60


def test_playing_backwards_decodes_each_gop_once(
    tmp_path_factory: pytest.TempPathFactory, players: list[Player]
) -> None:
    player = play(players, make_clip(tmp_path_factory, GOPS))
    assert [frame_number(player.frame(index)) for index in reversed(range(120))] == list(reversed(range(120)))
    # The first request can't know that the clip goes backwards; frames in flight at a target are thrown away.
    assert player.statistics.frames_decoded <= 120 + 20 + 6 * 8
    assert player.statistics.seeks <= 8


def test_playing_a_long_gop_backwards_holds_a_bounded_window(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = make_clip(tmp_path_factory, ONE_GOP)
    media = Media("film", str(path))
    facts = probe(media)
    assert facts.video is not None
    assert facts.video.table is not None
    statistics = DecodeStatistics()
    cursor = Cursor(media, facts, statistics)
    frame_bytes = sum(plane.buffer_size for plane in cursor.frame(facts.video.table.pts[0]).planes)
    cursor.close()
    statistics = DecodeStatistics()
    cursor = Cursor(media, facts, statistics, reverse_window_bytes=30 * frame_bytes)
    try:
        pts = facts.video.table.pts
        assert [cursor.frame(at).pts for at in reversed(pts)] == list(reversed(pts))
    finally:
        cursor.close()
    # Once for the last frame, then for each window of 30: 120 + 119 + 89 + 59 + 29, and what is in flight.
    assert statistics.frames_decoded <= 460


def damaged(source: Path, target: Path, *, frame: int = 30) -> Path:
    """A copy in which the payload of a video packet, the largest of ten from `frame` on, is overwritten.

    All of it: of few changed bytes a decoder often makes a valid picture, and no one can tell.
    """
    with av.open(str(source)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    position, size = max(packets[frame : frame + 10], key=lambda packet: packet[1])
    assert position is not None
    data = bytearray(source.read_bytes())
    # A packet of a transport stream lies at the ends of cells of 188 bytes, whose heads are left alone.
    start, length = (position + 158, 24) if target.suffix == ".ts" else (position + 8, size - 8)
    data[start : start + length] = random.Random(8).randbytes(length)
    target.write_bytes(data)
    return target


NOTICED = {
    "h264.mp4": X264,
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:hash=1"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-b:v", "2M", "-g", "15"),
    "prores.mov": ("-c:v", "prores_ks"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "400k"),
}


@pytest.mark.parametrize("name", NOTICED)
def test_damage_in_the_frames_that_are_needed_is_an_error_that_names_the_time(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, players: list[Player], name: str
) -> None:
    whole = make_clip(tmp_path_factory, ClipRecipe(name, NOTICED[name], frames=60))
    path = damaged(whole, tmp_path / name)
    player = play(players, path)
    assert len(player.table.pts) == 60
    index, error = first_error(player)
    assert index > 15, "what lies before the damage is shown"
    assert error.source_time == Fraction(index, 25)
    assert (error.component, error.clip, error.file) == ("ClipDecoder", "c1", str(path))
    assert error.file_hash == player.facts.file_hash
    assert "conceal" in (error.suggestion or "")
    assert f"frame at {index / 25:g} s: " in error.message


def first_error(player: Player) -> tuple[int, RenderError]:
    """Play until a frame is refused: its position, and the error. The frames before it must be right."""
    for index in range(len(player.table.pts)):
        try:
            frame = player.frame(index)
        except RenderError as error:
            return index, error
        assert frame_number(frame) == index
    raise AssertionError("the damage was not noticed")


@pytest.mark.parametrize("name", NOTICED)
def test_damage_is_concealed_where_the_media_entry_says_so(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, players: list[Player], name: str
) -> None:
    whole = make_clip(tmp_path_factory, ClipRecipe(name, NOTICED[name], frames=60))
    player = play(players, damaged(whole, tmp_path / name), on_error="conceal")
    sizes = {(frame.width, frame.height) for frame in (player.frame(index) for index in range(60))}
    assert sizes == {(64, 48)}
    assert frame_number(player.frame(0)) == 0
    if name not in ("hevc.mp4", "mjpeg.mkv"):
        # These two decoders don't say which of the frames that they put out is damaged.
        assert player.decoders.concealed_frames["film"] >= 1
        assert "concealed" in player.decoders.warnings[0]
    player.decoders.close()


def test_damage_behind_a_clip_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, players: list[Player]
) -> None:
    path = damaged(make_clip(tmp_path_factory, GOPS), tmp_path / "film.mp4", frame=90)
    player = play(players, path)
    assert [frame_number(player.frame(index)) for index in range(60)] == list(range(60))
    assert frame_number(player.frame(59)) == 59


def test_a_file_that_vanished_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, players: list[Player]
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(make_clip(tmp_path_factory, GOPS).read_bytes())
    player = play(players, path)
    path.unlink()
    with pytest.raises(RenderError, match="the file does not exist") as caught:
        player.frame(0, "c7")
    assert (caught.value.clip, caught.value.file) == ("c7", str(path))


def interlaced_clip(folder: Path) -> Path:
    path = folder / "interlaced.ts"
    source = "testsrc2=s=96x64:d=1:r=50,tinterlace=interleave_top"
    ffmpeg("-f", "lavfi", "-i", source, "-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-b:v", "4M", "-bf", "2", path)
    return path


def luma(frame: Frame) -> bytes:
    plane = frame.planes[0]
    rows = np.frombuffer(plane.data, np.uint8).reshape(plane.height, plane.stride_bytes)
    return rows[:, : plane.width].tobytes()


@pytest.mark.parametrize("order", ["forwards", "backwards", "mixed"])
def test_interlaced_frames_are_deinterlaced_as_bwdif_does_it(tmp_path: Path, players: list[Player], order: str) -> None:
    path = interlaced_clip(tmp_path)
    player = play(players, path)
    assert player.facts.video is not None
    assert player.facts.video.interlaced
    size = 96 * 64
    expected = ffmpeg(
        "-i", path, "-vsync", "passthrough", "-vf", "bwdif=mode=send_frame,extractplanes=y", "-f", "rawvideo", "-"
    )
    indices = list(range(len(player.table.pts)))
    if order == "backwards":
        indices.reverse()
    elif order == "mixed":
        indices = [(index * 11 + 5) % len(indices) for index in indices]
    assert len(expected) == size * len(indices)
    for index in indices:
        served = luma(player.frame(index))
        if index == 0:
            # Versions of the filter differ at the first frame, in the rows next to the edges.
            continue
        assert served == expected[index * size : (index + 1) * size], index
    if order == "forwards":
        assert player.statistics.frames_decoded == len(indices)


def test_interlaced_frames_are_kept_where_the_media_entry_says_so(tmp_path: Path, players: list[Player]) -> None:
    path = interlaced_clip(tmp_path)
    player = play(players, path, deinterlace="off")
    kept = ffmpeg("-i", path, "-vsync", "passthrough", "-vf", "extractplanes=y", "-f", "rawvideo", "-")
    assert b"".join(luma(player.frame(index)) for index in range(len(player.table.pts))) == kept


def test_stills_are_served_too(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", path)
    media = Media("logo", str(path))
    facts = probe(media)
    decoders = ClipDecoders({"logo": facts}, {"logo": media})
    request = FrameRequest("logo", facts.file_hash, 0, ("c1",))
    frame = decoders.frame(request)
    assert (frame.width, frame.height) == (64, 48)
    assert decoders.frame(request) is frame
    assert (decoders.statistics().frames_decoded, decoders.statistics().opened) == (1, 1)
    decoders.close()


@pytest.mark.parametrize("replacement", ["sound alone", "another codec"])
def test_a_file_that_changed_since_it_was_probed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replacement: str
) -> None:
    path = tmp_path / "film.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2")
    ffmpeg(*picture, *X264, path)
    media = Media("film", str(path))
    facts = probe(media)
    if replacement == "sound alone":
        ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "flac", path)
    else:
        ffmpeg(*picture, "-c:v", "ffv1", path)
    opened: list[InputContainer] = []

    def open_noted(*arguments: Any, **options: Any) -> InputContainer:
        opened.append(open_container(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr("reelmill.decoders.video.cursor.open_container", open_noted)
    with pytest.raises(RenderError, match="the file has changed since it was probed") as caught:
        Cursor(media, facts, DecodeStatistics())
    assert caught.value.file == str(path)
    (container,) = opened
    with pytest.raises(AssertionError, match="Container is not open"):
        next(container.demux())


def test_a_program_stream_can_be_entered_anywhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its container seeks past keyframes; in the end the beginning of the file is the way."""
    recipe = ClipRecipe("long.mpg", ("-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-b:v", "2M"), Fraction(25), 300)
    media = Media("clip", str(make_clip(tmp_path_factory, recipe)))
    facts = probe(media)
    assert facts.video is not None
    assert facts.video.table is not None
    for number in (132, 150, 167, 290):
        decoders = ClipDecoders({"clip": facts}, {"clip": media})
        pts = facts.video.table.pts[number]
        assert frame_number(decoders.frame(FrameRequest("clip", facts.file_hash, pts, ("c",)))) == number
        decoders.close()
