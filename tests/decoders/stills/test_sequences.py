"""Image sequences: numbered files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from reelmill.decoders.probe import probe
from reelmill.decoders.stills.picture_reader import open_picture_reader
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.number_pattern import is_sequence
from reelmill.planner.project_file.rules import check_rules
from reelmill.planner.timeline import Media
from tests.support.pictures import facts_of, pixels_of


def numbered(folder: Path, *numbers: int, size: tuple[int, int] = (8, 6)) -> None:
    for number in numbers:
        Image.new("RGB", size, (number, 0, 0)).save(folder / f"shot-{number:03d}.png")


def test_sequence(tmp_path: Path) -> None:
    numbered(tmp_path, 7, 8, 9, 10, 11)
    (tmp_path / "shot-9.png").write_bytes(b"not of the pattern")
    media, facts = facts_of(tmp_path / "shot-%03d.png", fps=Fraction(24000, 1001))
    assert facts.video is not None
    table = facts.video.table
    assert table is not None
    assert (facts.kind, facts.path) == ("sequence", str(tmp_path / "shot-%03d.png"))
    assert (table.time_base, list(table.pts), table.end_pts) == (Fraction(1001, 24000), [0, 1, 2, 3, 4], 5)
    assert facts.video.frame_rate == Fraction(24000, 1001)
    reader = open_picture_reader(media, facts)
    for pts in (3, 0, 0, 4):
        frame = reader.frame(pts)
        assert frame.pts == pts
        assert pixels_of(frame)[0, 0, 0] == 7 + pts
    assert reader.frames_decoded == 3
    (tmp_path / "shot-008.png").unlink()
    with pytest.raises(RenderError, match="no longer") as caught:
        reader.frame(1)
    assert caught.value.file == str(tmp_path / "shot-008.png")


def test_sequence_from_a_start_number(tmp_path: Path) -> None:
    numbered(tmp_path, 1, 2, 5, 6)
    media, facts = facts_of(tmp_path / "shot-%03d.png", fps=Fraction(25), start_number=5)
    assert pixels_of(open_picture_reader(media, facts).frame(1))[0, 0, 0] == 6
    hash_of_two = facts.file_hash
    numbered(tmp_path, 7)
    assert facts_of(tmp_path / "shot-%03d.png", fps=Fraction(25), start_number=5)[1].file_hash != hash_of_two


def test_a_file_may_look_like_a_pattern(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "my%20drawing.png")
    assert facts_of(tmp_path / "my%20drawing.png")[1].kind == "still"


def test_percent_signs_in_a_pattern(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.new("RGB", (4, 4)).save(tmp_path / f"50%-{number}.png")
    _, facts = facts_of(tmp_path / "50%%-%d.png", fps=Fraction(25))
    assert facts.video is not None
    assert facts.video.table is not None
    assert facts.video.table.end_pts == 2


@pytest.mark.parametrize(
    ("pattern", "options", "message"),
    [
        ("shot-%03d.png", {}, "needs a frame rate"),
        ("shot-%03d.png", {"fps": Fraction(25)}, r'"shot-003\.png" is missing .* goes on with "shot-005\.png"'),
        ("shot-%03d.png", {"fps": Fraction(25), "start_number": 4}, r'"shot-004\.png" is missing'),
        ("shot-%03d.png", {"fps": Fraction(25), "start_number": 9}, "no file fits .* from number 9 on"),
        ("none-%03d.png", {"fps": Fraction(25)}, 'no file fits "none-%03d.png"'),
        ("nowhere/%03d.png", {"fps": Fraction(25)}, "can't be read: No such file"),
        ("%d/%d.png", {"fps": Fraction(25)}, "must stand in the file's name, once"),
        ("size-%d.png", {"fps": Fraction(25)}, r'"size-2\.png" is 9×6 pixels, but "size-1\.png" is 8×6'),
        ("text-%d.png", {"fps": Fraction(25)}, r'"text-1\.png" of the sequence is not a picture'),
    ],
)
def test_what_sequences_are_refused(tmp_path: Path, pattern: str, options: dict[str, object], message: str) -> None:
    numbered(tmp_path, 1, 2, 5)
    Image.new("RGB", (8, 6)).save(tmp_path / "size-1.png")
    Image.new("RGB", (9, 6)).save(tmp_path / "size-2.png")
    (tmp_path / "text-1.png").write_text("hello")
    with pytest.raises(SetupError, match=message) as caught:
        facts_of(tmp_path / pattern, **options)
    assert caught.value.suggestion


def test_digits_without_a_zero_in_front_fill_with_zeros_too(tmp_path: Path) -> None:
    """As ffmpeg reads a pattern."""
    numbered(tmp_path, 3, 4)
    _, facts = facts_of(tmp_path / "shot-%3d.png", fps=Fraction(25))
    assert facts.kind == "sequence"


def test_a_percent_sign_before_a_d_is_no_number(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "100%d.png")
    with pytest.raises(SetupError, match="the file does not exist"):
        probe(Media("m", str(tmp_path / "100%%d.png")))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/%d.png", True),
        ("a/%04d.png", True),
        ("a/%4d.png", True),
        ("a/100%%d.png", False),
        ("a/100%%%d.png", True),
        ("a/50%.png", False),
        ("%d/a.png", False),
    ],
)
def test_which_paths_are_sequences(path: str, *, expected: bool) -> None:
    """Project files and decoders go by one rule."""
    assert is_sequence(path) is expected
    entry = {"path": path, "fps": 25}
    problems = [] if expected else ['$.media.m.fps: "fps" is for image sequences, and the path has no number pattern']
    found = [str(problem) for problem in check_rules({"media": {"m": entry}})]
    assert [text.split(" (give")[0] for text in found] == problems
