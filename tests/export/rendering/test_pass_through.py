"""Untouched frames on their way to the encoder: the decoder's memory, and nothing else of its frame."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame

from reelmill.decoders.frames.normalise import normalise
from reelmill.export.outputs.views import readable_planes
from reelmill.export.rendering.pass_through import shared_picture
from reelmill.planner.colour import VIDEO
from reelmill.planner.media import Orientation
from tests.support.clips import ffmpeg


def decoded(path: Path, *made: str) -> list[VideoFrame]:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=70x50:r=5:d=2", *made, path)
    with av.open(path) as container:
        return list(container.decode(video=0))


def samples(frame: VideoFrame) -> bytes:
    """Of all planes, without what lies between rows, by numpy written out plainly."""
    planes = [np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1) for plane in frame.planes]
    sample_bytes = frame.format.components[0].bits // 9 + 1
    return b"".join(
        rows[:, : plane.width * sample_bytes].tobytes() for rows, plane in zip(planes, frame.planes, strict=True)
    )


def address(frame: VideoFrame, plane: int) -> int:
    return int(np.frombuffer(memoryview(frame.planes[plane]), np.uint8).ctypes.data)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gray"])
def test_a_picture_has_the_memory_of_the_frame_and_outlives_it(pix_fmt: str, tmp_path: Path) -> None:
    frames = decoded(tmp_path / "film.mkv", "-c:v", "ffv1", "-pix_fmt", pix_fmt)
    pictures = []
    for frame in frames:
        made = shared_picture(normalise(frame, 0, VIDEO, Orientation()))
        assert made is not None
        assert len(made.planes) == len(frame.planes)
        assert all(address(made, n) == address(frame, n) for n in range(len(made.planes)))
        pictures.append(made)
    expected = [samples(frame) for frame in frames]
    assert len(set(expected)) == len(expected) == 10
    del frame, frames
    assert [samples(picture) for picture in pictures] == expected
    assert {picture.format.name for picture in pictures} == {pix_fmt}


def test_nothing_that_the_decoder_attached_comes_along(tmp_path: Path) -> None:
    """x264's own message to decoders, as captions are, and the type of the picture: an encoder would take them over."""
    frame = decoded(tmp_path / "film.mp4", "-c:v", "libx264")[0]
    assert len(list(frame.side_data)) == 1
    assert frame.pict_type == PictureType.I
    assert frame.pts is not None
    made = shared_picture(normalise(frame, 0, VIDEO, Orientation()))
    assert made is not None
    assert list(made.side_data) == []
    assert made.pict_type == PictureType.NONE
    assert made.pts is None
    assert not made.key_frame


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (("-vf", "crop=69:49:0:0:exact=1", "-c:v", "ffv1", "-pix_fmt", "yuv420p"), "half a chroma sample too much"),
        (("-c:v", "rawvideo", "-pix_fmt", "nv12"), "samples that had to be moved"),
        (("-c:v", "ffv1", "-pix_fmt", "bgr0"), "samples of several components in one plane"),
    ],
)
def test_other_frames_are_not_shared(made: tuple[str, ...], why: str, tmp_path: Path) -> None:
    frame = normalise(decoded(tmp_path / "film.mkv", *made)[0], 0, VIDEO, Orientation())
    assert shared_picture(frame) is None, why


def test_reading_a_picture_gives_its_samples() -> None:
    frame = VideoFrame(70, 50, "yuv420p")
    for number, filled in enumerate(frame.planes):
        filled.update(bytes([number + 1]) * filled.buffer_size)
    planes = readable_planes(frame)
    assert [(plane.width, plane.height) for plane in planes] == [(70, 50), (35, 25), (35, 25)]
    for number, plane in enumerate(planes):
        assert bytes(plane.data) == bytes([number + 1]) * plane.stride_bytes * plane.height
