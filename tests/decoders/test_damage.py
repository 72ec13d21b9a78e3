"""Damaged files: the same pictures and the same errors on every machine, and whoever still holds a frame."""

from __future__ import annotations

import os
import random
import subprocess
from collections import deque
from pathlib import Path

import av
import numpy as np
import pytest

from reelmill.decoders.probe import probe
from reelmill.decoders.video.cursor import Cursor
from reelmill.decoders.video.ffv1_checksums import slices_are_whole
from reelmill.planner.errors import RenderError
from reelmill.planner.source_frames import DecodeStatistics
from reelmill.planner.timeline import Media
from tests.support.clips import ClipRecipe, ffmpeg, make_clip

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "12", "-threads", "1")
CODECS = {
    "h264.mkv": X264,
    "h264-slices.mkv": (*X264, "-x264-params", "slices=3"),
    "mpeg1.mkv": ("-c:v", "mpeg1video", "-b:v", "2M", "-bf", "2"),
    "mpeg2.mkv": ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2"),
    "mpeg4.mkv": ("-c:v", "mpeg4", "-b:v", "2M", "-bf", "2"),
    "ffv1.mkv": ("-c:v", "ffv1", "-level", "3", "-slices", "4", "-slicecrc", "1", "-g", "6"),
    "vp8.mkv": ("-c:v", "libvpx", "-cpu-used", "8", "-b:v", "500k", "-pix_fmt", "yuv420p", "-g", "12"),
    "vp9.mkv": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "500k", "-pix_fmt", "yuv420p", "-g", "12"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "400k", "-g", "12"),
    "prores.mov": ("-c:v", "prores_ks"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "3"),
}
NOTICING = {"h264.mkv", "h264-slices.mkv", "mpeg1.mkv", "mpeg2.mkv", "mpeg4.mkv", "ffv1.mkv"}
"""Those that tell of most damage; the others make a picture of much of it."""
FRAMES = 24


def damaged(source: Path, target: Path, kind: int) -> Path:
    """A copy of which one packet ends in zeros, holds noise, or has lost the code that begins its first slice."""
    chosen = random.Random(kind)
    with av.open(str(source)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    packet = chosen.choice([each for each in packets[3:-6] if len(each) > 60] or packets[3:-6])
    half = len(packet) // 2
    at, run = [
        (half, bytes(len(packet) - half)),
        (half, chosen.randbytes(len(packet) // 4)),
        (packet.find(b"\0\0\1\1"), b"\xff" * 16),
    ][kind]
    if at >= 0:
        data = bytearray(source.read_bytes())
        start = data.index(packet) + at
        data[start : start + len(run)] = run
        target.write_bytes(data)
    return target


Outcome = tuple[list[bytes], str | None, int]


def played(path: Path, on_error: str, *, held: int) -> Outcome:
    """All frames up to the first error, the error, and how many frames were concealed."""
    media = Media("m", str(path), on_error=on_error)  # type: ignore[arg-type]  # literals
    facts = probe(Media("m", str(path), on_error="conceal"))
    assert facts.video is not None
    assert facts.video.table is not None
    frames: list[bytes] = []
    holding: deque[object] = deque(maxlen=held)
    cursor = Cursor(media, facts, DecodeStatistics())
    try:
        for pts in facts.video.table.pts:
            frame = cursor.frame(pts)
            holding.append(frame)
            frames.append(frame.to_ndarray().tobytes())
        return frames, None, cursor.concealed_frames
    except RenderError as error:
        return frames, str(error), cursor.concealed_frames
    finally:
        cursor.close()


@pytest.mark.parametrize("name", CODECS)
def test_a_damaged_file_is_the_same_on_every_machine(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole = make_clip(tmp_path_factory, ClipRecipe(name, CODECS[name], frames=FRAMES))
    for kind in range(3):
        path = damaged(whole, tmp_path / f"{kind}-{name}", kind)
        if not path.exists():
            continue
        for on_error in ("fail", "conceal"):
            outcomes = []
            for cores, held in ((1, 1), (8, 1), (3, 12)):
                monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
                outcomes.append(played(path, on_error, held=held))
            assert outcomes[1:] == outcomes[:1] * 2
            frames, error, concealed = outcomes[0]
            if name in NOTICING:
                assert (error is not None, concealed > 0) == ((True, False) if on_error == "fail" else (False, True))
            assert on_error == "fail" or len(frames) == FRAMES


@pytest.mark.parametrize("slices", ["4", "9"])
@pytest.mark.parametrize("checksums", ["0", "1"])
def test_slices_of_ffv1_are_checked(tmp_path: Path, checksums: str, slices: str) -> None:
    path = tmp_path / "whole.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=96x80:r=5:d=1", "-c:v", "ffv1", "-level", "3", "-g", "2"),
        *("-slices", slices, "-slicecrc", checksums, str(path)),
    )
    with av.open(str(path)) as container:
        packets = [bytearray(bytes(packet)) for packet in container.demux(video=0) if packet.size]
    for number, packet in enumerate(packets):
        assert slices_are_whole(memoryview(packet))
        changed = bytearray(packet)
        changed[len(packet) * number // len(packets)] ^= 1 << number
        assert slices_are_whole(memoryview(changed)) == (checksums == "0")
        assert not slices_are_whole(memoryview(packet)[:-20])


_KEYFRAME_HEADER = 6
"""Bytes of a QuickTime Animation packet (its size, its flags) before the skip count of the first line."""


def test_a_damaged_animation_is_what_decoding_from_its_start_shows(tmp_path: Path) -> None:
    """Its decoder is silent about damage and keeps the picture before it, which a seek would not have."""
    whole, path = tmp_path / "whole.mov", tmp_path / "damaged.mov"
    encoder = ("-c:v", "qtrle", "-g", "6", "-pix_fmt", "rgb24")
    ffmpeg("-f", "lavfi", "-i", "mandelbrot=s=96x64:r=12", "-frames:v", "24", *encoder, str(whole))
    with av.open(str(whole)) as container:
        keys = [bytes(packet) for packet in container.demux(video=0) if packet.is_keyframe]
    data = bytearray(whole.read_bytes())
    data[data.index(keys[2]) + _KEYFRAME_HEADER] += 48  # the first line now leaves 48 pixels as they are
    path.write_bytes(data)
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    played = subprocess.run(["ffmpeg", "-v", "quiet", "-i", path, *raw], capture_output=True, check=True).stdout
    expected = np.frombuffer(played, np.uint8).reshape(24, 64, 96, 3)
    media = Media("m", str(path))
    facts = probe(media)
    assert facts.video is not None
    assert facts.video.table is not None
    for number in (14, 13, 20, 12):  # each after a seek
        cursor = Cursor(media, facts, DecodeStatistics())
        shown = cursor.frame(facts.video.table.pts[number]).to_ndarray()
        cursor.close()
        assert np.array_equal(shown, expected[number])
