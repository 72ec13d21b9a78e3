"""How pictures are meant: colour tags, the rules for untagged pictures, rotation and mirroring."""

from __future__ import annotations

import io
import math
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.probe import probe
from reelmill.planner.colour import ColourTags
from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts, Orientation, VideoFacts
from reelmill.planner.source_frames import FrameRequest
from reelmill.planner.timeline import Media
from tests.support.clips import ffmpeg


def video_facts(path: Path) -> VideoFacts:
    facts = probe(Media("m", str(path)))
    assert facts.video is not None
    assert frame_colour(path, facts) == facts.video.colour
    return facts.video


def frame_colour(path: Path, facts: MediaFacts) -> ColourTags:
    """The tags that the first frame is served with."""
    assert facts.video is not None
    assert facts.video.table is not None
    decoders = ClipDecoders({"m": facts}, {"m": Media("m", str(path))})
    try:
        return decoders.frame(FrameRequest("m", facts.file_hash, facts.video.table.first_pts, ("c",))).colour
    finally:
        decoders.close()


def clip(folder: Path, *options: str, name: str = "clip.mp4", size: str = "64x48") -> Path:
    path = folder / name
    codec = () if "-c:v" in options else ("-c:v", "libx264")
    formats = () if "-pix_fmt" in options else ("-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.12", *codec, *formats, *options, path)
    return path


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ("64x48", "bt601"),
        ("1278x16", "bt601"),
        ("1280x16", "bt709"),
        ("16x576", "bt601"),
        ("16x578", "bt709"),
        ("1920x1080", "bt709"),
    ],
)
def test_untagged_pictures_are_bt709_where_they_are_large(tmp_path: Path, size: str, matrix: str) -> None:
    colour = video_facts(clip(tmp_path, size=size)).colour
    assert (colour.matrix, colour.range, colour.transfer, colour.primaries) == (matrix, "limited", "sdr", "bt709")
    assert colour.chroma_location == "left"


@pytest.mark.parametrize(
    ("tag", "matrix"),
    [
        ("bt709", "bt709"),
        ("smpte170m", "bt601"),
        ("bt470bg", "bt601"),
        ("fcc", "fcc"),
        ("smpte240m", "smpte240m"),
        ("bt2020nc", "bt2020"),
        ("ycgco", "ycgco"),
    ],
)
@pytest.mark.parametrize(("range_tag", "range_"), [("tv", "limited"), ("pc", "full")])
def test_tagged_pictures_are_as_tagged(tmp_path: Path, tag: str, matrix: str, range_tag: str, range_: str) -> None:
    colour = video_facts(clip(tmp_path, "-colorspace", tag, "-color_range", range_tag)).colour
    assert (colour.matrix, colour.range) == (matrix, range_)


@pytest.mark.parametrize(
    ("transfer", "name"),
    [("smpte2084", "pq"), ("arib-std-b67", "hlg"), ("linear", "linear"), ("bt709", "sdr"), ("gamma28", "sdr")],
)
def test_transfer_and_primaries(tmp_path: Path, transfer: str, name: str) -> None:
    colour = video_facts(clip(tmp_path, "-color_trc", transfer, "-color_primaries", "bt2020")).colour
    assert (colour.transfer, colour.primaries, colour.matrix) == (name, "bt2020", "bt2020")
    assert (colour.chroma_location, colour.peak_nits) == ("topleft", 1000)


def test_peak_luminance_of_the_mastering_display(tmp_path: Path) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    options = f"log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display={display}"
    path = clip(tmp_path, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", options)
    colour = video_facts(path).colour
    assert (colour.transfer, colour.peak_nits) == ("pq", 4000)


LOCATIONS = ["left", "center", "topleft", "top", "bottomleft", "bottom"]


@pytest.mark.parametrize(("index", "location"), list(enumerate(LOCATIONS)))
def test_chroma_location_of_h264_and_hevc(tmp_path: Path, index: int, location: str) -> None:
    h264 = clip(tmp_path, "-x264-params", f"chromaloc={index}")
    assert video_facts(h264).colour.chroma_location == location
    options = ("-x265-params", f"log-level=none:chromaloc={index}")
    hevc = clip(tmp_path, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", *options, name="hevc.mkv")
    assert video_facts(hevc).colour.chroma_location == location


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9", "ffv1", "mpeg2video"])
def test_chroma_lies_left_where_nothing_is_said(tmp_path: Path, codec: str) -> None:
    assert video_facts(clip(tmp_path, "-c:v", codec, name="clip.mkv")).colour.chroma_location == "left"


def test_jpeg_family_is_full_range_with_centred_chroma(tmp_path: Path) -> None:
    path = clip(tmp_path, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", name="clip.mov", size="1280x720")
    colour = video_facts(path).colour
    assert (colour.matrix, colour.range, colour.chroma_location) == ("bt601", "full", "center")


@pytest.mark.parametrize(("codec", "pix_fmt"), [("ffv1", "gbrp10le"), ("libx264rgb", "rgb24"), ("qtrle", "rgb24")])
def test_rgb_is_rgb_and_full_range(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    name = "clip.mov" if codec == "qtrle" else "clip.mkv"
    colour = video_facts(clip(tmp_path, "-c:v", codec, "-pix_fmt", pix_fmt, name=name)).colour
    assert (colour.matrix, colour.range) == ("rgb", "full")


def test_a_matrix_that_cannot_be_converted_is_an_error(tmp_path: Path) -> None:
    path = clip(tmp_path, "-colorspace", "ictcp", "-c:v", "libx264")
    with pytest.raises(SetupError, match=r"colour matrix 14 of ITU-T H\.273") as caught:
        probe(Media("m", str(path)))
    assert caught.value.file == str(path)
    assert caught.value.suggestion


def turned_clip(path: Path, degrees: int, *, hflip: bool, vflip: bool) -> list[int]:
    """A clip with a display matrix; the matrix that was written, by libav's definition."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        cosine, sine = round(math.cos(math.radians(degrees))), round(math.sin(math.radians(degrees)))
        # Counter-clockwise, y downwards: x' = x·cos + y·sin, y' = −x·sin + y·cos; a flip changes the sign of x' or y'.
        a, b, c, d = cosine, -sine, sine, cosine
        a, c = (-a, -c) if hflip else (a, c)
        b, d = (-b, -d) if vflip else (b, d)
        unit = 1 << 16
        stream.set_display_matrix([a * unit, b * unit, 0, c * unit, d * unit, 0, 0, 0, 1 << 30])
        for packet in [*stream.encode(VideoFrame(64, 48, "yuv420p")), *stream.encode(None)]:
            container.mux(packet)
    return [a, b, c, d]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize(("hflip", "vflip"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_display_matrices_of_all_eight_orientations(
    tmp_path: Path, degrees: int, hflip: bool, vflip: bool, container: str
) -> None:
    path = tmp_path / f"turned.{container}"
    a, b, c, d = turned_clip(path, degrees, hflip=hflip, vflip=vflip)
    facts = video_facts(path)
    # Where each stored sample goes, by the matrix; the result is moved so that it begins at 0.
    stored = np.arange(6).reshape(2, 3)
    places = {(a * x + c * y, b * x + d * y): stored[y, x] for y in range(2) for x in range(3)}
    left, top = min(x for x, _ in places), min(y for _, y in places)
    width, height = max(x for x, _ in places) - left + 1, max(y for _, y in places) - top + 1
    shown = np.array([[places[left + x, top + y] for x in range(width)] for y in range(height)])
    turn = facts.orientation
    ours = np.rot90(stored[:, ::-1] if turn.mirrored else stored, -turn.quarter_turns)
    assert ours.tolist() == shown.tolist()
    assert [int(size) for size in facts.display_size] == ([48, 64] if degrees % 180 else [64, 48])


def test_clips_without_a_matrix_are_upright(tmp_path: Path) -> None:
    facts = video_facts(clip(tmp_path))
    assert facts.orientation == Orientation()
    assert facts.sample_aspect_ratio == 1


def test_sample_aspect_ratio(tmp_path: Path) -> None:
    facts = video_facts(clip(tmp_path, "-vf", "setsar=16/15"))
    assert facts.sample_aspect_ratio == Fraction(16, 15)
    assert facts.display_size == (Fraction(1024, 15), Fraction(48))


def test_side_data_of_an_unknown_kind_hide_no_others(tmp_path: Path) -> None:
    """Pictures with EXIF, for which PyAV has no name, in a film that is turned and was mastered at 4000 cd/m²."""
    exif = Image.Exif()
    exif[0x10F] = "Camera"
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(picture, "PNG", exif=exif)
    mastering = b"mDCV" + struct.pack(">8H2I", *[13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450], 40_000_000, 50)
    chunk = struct.pack(">I", 24) + mastering + struct.pack(">I", zlib.crc32(mastering))
    header = 33
    png = picture.getvalue()[:header] + chunk + picture.getvalue()[header:]
    path = tmp_path / "turned.mov"
    ffmpeg("-f", "png_pipe", "-i", "-", "-c", "copy", "-metadata:s:v", "rotate=90", path, data=png * 3)
    with av.open(str(path)) as container, pytest.raises(ValueError, match="not a valid Type"):
        _ = next(container.decode(video=0)).side_data
    video = video_facts(path)
    # ffmpeg's rotate counts anticlockwise.
    assert video.orientation == Orientation(3)
    assert video.colour.peak_nits == 4000
