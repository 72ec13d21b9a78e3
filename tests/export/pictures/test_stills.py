"""Posters and contact sheets: the right pictures, in the right places."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reelmill.export.outputs.picture_sink import ShownFrames
from reelmill.export.pictures.contact_sheet import ContactSheet, sheet_layout
from reelmill.export.pictures.poster import Poster, poster_number
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import PictureSettings
from tests.support.films import probe
from tests.support.sinks import ffmpeg_frames, fill, frame_of, moving, shown

PLAIN = PictureSettings()
NTSC = Fraction(30000, 1001)


def poster(file: Path, number: int, size: tuple[int, int] = (32, 24)) -> Poster:
    return Poster(file, Path(file.name), number, size=size, alpha="flatten", settings=PLAIN)


def test_a_poster_is_the_picture_it_wants(tmp_path: Path) -> None:
    pictures = moving(9, 32, 24)
    fill(poster(tmp_path / "p.png", 7), pictures)
    assert np.array_equal(ffmpeg_frames(tmp_path / "p.png", 32, 24)[0], pictures[7])


@pytest.mark.parametrize(
    ("frames", "at", "number"),
    [
        (shown(250), None, 25),  # a tenth of 10 s is 1 s
        (shown(255), None, 25),  # 1.02 s: frame 25 is on screen until 1.04 s
        (shown(9), None, 0),
        (shown(1), None, 0),
        (shown(250), Fraction(2), 50),
        (shown(250), Fraction(199, 100), 49),
        (shown(250, NTSC), Fraction(1), 29),  # frame 30 is shown from 1.001 s on
        (shown(50, first=100), Fraction(5), 25),
        (shown(50, first=100, step=3), Fraction(5), 8),  # frame 124 is on screen, 127 comes at 5.08 s
        (shown(50, first=100), Fraction(4), 0),
    ],
)
def test_which_picture(frames: ShownFrames, at: Fraction | None, number: int) -> None:
    assert poster_number(frames, at) == number


@pytest.mark.parametrize("at", [Fraction(39, 10), Fraction(6), Fraction(100)])
def test_a_moment_that_is_not_shown_is_an_error(at: Fraction) -> None:
    with pytest.raises(SetupError, match="the output shows 4 s to 6 s"):
        poster_number(shown(50, first=100), at)


def test_a_poster_that_got_no_picture_is_an_error(tmp_path: Path) -> None:
    sink = poster(tmp_path / "p.png", 7)
    with pytest.raises(RenderError, match="got no picture"):
        sink.finish()
    sink.abort()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RenderError, match="no space left"):
        fill(poster(tmp_path / "p.png", 0), moving(1, 32, 24))


def sheet(
    file: Path,
    frames: ShownFrames,
    canvas: tuple[int, int],
    settings: PictureSettings = PLAIN,
    size: tuple[int, int] | None = None,
) -> ContactSheet:
    return ContactSheet(file, Path(file.name), frames, canvas=canvas, size=size, settings=settings)


def plain_pictures(sink: ContactSheet, count: int) -> npt.NDArray[np.uint8]:
    """Pictures of one grey each, which tells their number."""
    height, width = sink.takes.height, sink.takes.width
    levels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.uint8(10) + np.uint8(5)
    return np.broadcast_to(levels, (count, height, width, 4))


def test_a_sheet_shows_the_middles_of_equal_parts_row_by_row(tmp_path: Path) -> None:
    sink = sheet(tmp_path / "s.png", shown(24), (160, 90), PictureSettings(columns=4, rows=2))
    assert sorted(sink.wanted) == [1, 4, 7, 10, 13, 16, 19, 22]
    fill(sink, plain_pictures(sink, 24))
    with Image.open(tmp_path / "s.png") as image:
        found = np.asarray(image)
    # Each picture is one flat rectangle of its grey; find their corners from left to right, from top to bottom.
    corners = []
    for number in (1, 4, 7, 10, 13, 16, 19, 22):
        rows, columns = np.nonzero((found == number * 10 + 5).all(axis=2))
        inside = np.zeros(found.shape[:2], bool)
        inside[rows.min() : rows.min() + 90, columns.min() : columns.min() + 160] = True
        assert (found[inside] == number * 10 + 5).all()
        corners.append((rows.min(), columns.min()))
    assert corners == sorted(corners)
    assert len({row for row, _ in corners}) == 2
    assert len({column for _, column in corners}) == 4


def test_below_each_picture_stands_something_and_it_differs(tmp_path: Path) -> None:
    sink = sheet(tmp_path / "s.png", shown(300), (320, 180), PictureSettings(columns=3, rows=1))
    fill(sink, np.full((300, sink.takes.height, sink.takes.width, 4), 90, np.uint8))
    with Image.open(tmp_path / "s.png") as image:
        found = np.asarray(image.convert("L")).astype(int)
    rows = np.flatnonzero((found == 90).sum(axis=1) > 300)
    strip = found[rows.max() + 3 : -2]
    labels = np.split(strip[:, : strip.shape[1] // 3 * 3], 3, axis=1)
    assert all((label > 120).sum() > 100 for label in labels)
    assert not np.array_equal(labels[0], labels[1])


@pytest.mark.parametrize(
    ("frames", "labels"),
    [
        (shown(1), ("00:00:00:00",)),
        (shown(3600, NTSC), ("00:00:30;00", "00:01:30;02")),
        (shown(4, 25, first=100, step=25), ("00:00:05:00", "00:00:07:00")),
        (shown(2, Fraction(1, 4)), ("0 s", "4 s")),
    ],
)
def test_timecodes_are_those_of_the_timeline(frames: ShownFrames, labels: tuple[str, ...]) -> None:
    layout = sheet_layout(frames, (16, 9), None, PictureSettings(columns=2, rows=1))
    assert tuple(layout.label(cell) for cell in range(len(layout.numbers))) == labels


@pytest.mark.parametrize("canvas", [(1920, 1080), (1080, 1920), (1080, 1080), (4096, 1716), (640, 360)])
@pytest.mark.parametrize("count", [1, 7, 300, 10_000])
def test_a_sheet_is_of_a_handy_size_whatever_the_film(canvas: tuple[int, int], count: int) -> None:
    layout = sheet_layout(shown(count), canvas, None, PLAIN)
    assert 12 <= len(layout.numbers) <= 30 or len(layout.numbers) == count
    assert layout.size[0] <= 2300
    assert layout.size[1] <= 2300
    assert abs(layout.picture[0] / layout.picture[1] - canvas[0] / canvas[1]) < 0.02 * canvas[0] / canvas[1]
    if count >= 300:
        assert min(layout.size) >= 900


@given(
    count=st.integers(1, 3000),
    columns=st.none() | st.integers(1, 12),
    rows=st.none() | st.integers(1, 12),
    canvas=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
)
@settings(deadline=None)
def test_cells_lie_inside_and_apart(count: int, columns: int | None, rows: int | None, canvas: tuple[int, int]) -> None:
    layout = sheet_layout(shown(count), canvas, None, PictureSettings(columns=columns, rows=rows))
    assert list(layout.numbers) == sorted(set(layout.numbers))
    assert set(layout.numbers) <= set(range(count))
    width, height = layout.picture
    assert width <= canvas[0]
    assert height <= canvas[1]
    right, bottom = layout.size
    places = [layout.place(cell) for cell in range(len(layout.numbers))]
    for left, top in places:
        assert layout.margin <= left <= right - layout.margin - width
        assert layout.margin <= top <= bottom - layout.margin - height - layout.label_height
    assert len({top for _, top in places}) == -(-len(places) // layout.columns)


def test_pictures_of_a_given_size(tmp_path: Path) -> None:
    sink = sheet(tmp_path / "s.jpg", shown(6), (1920, 1080), size=(96, 54))
    assert (sink.takes.width, sink.takes.height) == (96, 54)
    fill(sink, moving(6, 96, 54))
    assert probe(tmp_path / "s.jpg")["streams"][0]["codec_name"] == "mjpeg"


def test_a_canvas_of_one_pixel(tmp_path: Path) -> None:
    sink = sheet(tmp_path / "s.png", shown(3), (1, 1))
    assert (sink.takes.width, sink.takes.height) == (1, 1)
    fill(sink, moving(3, 1, 1))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("s.png", PictureSettings(columns=0), "0 columns"),
        ("s.png", PictureSettings(rows=1001), "1001 rows"),
        ("s.png", PictureSettings(columns=200, rows=1000), "16384 a side"),
        ("s.exr", PLAIN, "8 bits a sample, not 16"),
        ("s.png", PictureSettings(depth=16), "8 bits a sample, not 16"),
        ("s.gif", PLAIN, "pictures are written as"),
        ("s.png", PictureSettings(quality=3), "no quality"),
    ],
)
def test_sheets_that_can_not_be(tmp_path: Path, name: str, settings: PictureSettings, message: str) -> None:
    with pytest.raises(SetupError, match=message) as refused:
        sheet(tmp_path / name, shown(300_000), (320, 180), settings)
    assert refused.value.suggestion


def test_a_sheet_that_lacks_pictures_is_an_error(tmp_path: Path) -> None:
    sink = sheet(tmp_path / "s.png", shown(3), (16, 16))
    sink.write(frame_of(moving(1, 16, 16)[0], "rgb24"), 0)
    with pytest.raises(RenderError, match="lacks 2 of its 3"):
        sink.finish()
    sink.abort()
    assert not (tmp_path / "s.png").exists()
