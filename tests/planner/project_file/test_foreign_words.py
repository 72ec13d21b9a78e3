"""What newcomers write: short forms that are taken, and mistakes whose messages say what is meant here."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelmill.cli.main import main
from reelmill.decoders.files.container import open_container
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import SetupError
from tests.support.project_files import load_data, problems_in, project, solid

TWO = [{"media": "beach", "duration": 2}, {"media": "beach", "start": 1, "duration": 2}]
TEXT = {"content": "a", "size": 10}


def shown(clip: dict[str, Any]) -> dict[str, Any]:
    return project(clip)


def test_short_forms_are_the_objects() -> None:
    data = project({"text": "Hello", "duration": "1:30.5"}, {**solid(), "start": "00:01:30.000", "transition": "wipe"})
    data["media"] = {"beach": "media/beach.mp4"}
    timeline = load_data(data).timeline
    text, after = timeline.root.tracks[0].clips
    assert isinstance(text.content, Text)
    assert (text.content.content, text.content.size) == ("Hello", timeline.root.height / 10)
    assert [text.duration, after.start] == [Fraction(181, 2), Fraction(90)]
    assert after.transition is not None
    assert after.transition.type == "wipe"
    assert timeline.media["beach"].path.endswith("media/beach.mp4")


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (solid(end=2), ['"end"', "duration"]),
        (solid(volume=0.5), ["gain_db", "-6 dB"]),
        (solid(audio={"volume": 0.5}), ["gain_db", "0 dB"]),
        (solid(fadeIn=1), ["fade_in", "opacity"]),
        (solid(src="a.mp4"), ['"media": "beach"']),
        (solid(path="a.mp4"), ['"media": "beach"']),
        (solid(x=3), ["position"]),
        (solid(trim=[0, 1]), ['"in"', "duration"]),
        (solid(cutFrom=1), ['"in"']),
        (solid(reverse=True), ['"speed": -1']),
        (solid(loop=True), ['"after_end": "loop"']),
        (solid(type="video"), ["no type"]),
        (solid(z_index=3), ["later track"]),
        (solid(blur=3), ['"type": "blur"']),
        (solid(filters=["blur"]), ["effects", "audio"]),
        (solid(transform={"rotate": 90}), ["rotation"]),
        (solid(transform={"position": "50%"}), ["[x, y]"]),
        (solid(transform={"position": ["50%", 3]}), ["pixels"]),
        (solid(transform={"position": "bottom-left"}), ["[x, y]"]),
        (solid(fit="letterbox"), ["contain"]),
        (solid(fit="stretch"), ["fill"]),
        (solid(blend="colour_dodge"), ["color_dodge"]),
        (solid(transition="crossfade"), ["dissolve"]),
        (solid(transition={"type": "cross-dissolve"}), ["dissolve"]),
        (solid(transition={"type": "slide"}), ["push"]),
        (solid(transition={"duration": 1}), ["overlaps"]),
        ({"solid": "black@0.5", "duration": 1}, ["#00000080"]),
        ({"solid": "red@1", "duration": 1}, ["#ff0000ff"]),
        ({"text": {**TEXT, "background": "red"}, "duration": 1}, ["outline", "lines"]),
        ({"text": {**TEXT, "fontFamily": "Arial"}, "duration": 1}, ["font file"]),
        ({"text": {"content": "a", "font_size": 10}, "duration": 1}, ['"size"']),
        ({"text": {**TEXT, "fill": "red"}, "duration": 1}, ["color"]),
        ({"text": {**TEXT, "stroke": {}}, "duration": 1}, ["outline"]),
        ({"text": {**TEXT, "width": 100}, "duration": 1}, ["box_width"]),
        (solid(duration="2s"), ["2.5", "1:30.5"]),
        (solid(duration="1:75"), ["59"]),
        (solid(duration="1:75:00"), ["59"]),
    ],
)
def test_the_message_says_what_is_meant(clip: dict[str, Any], words: list[str]) -> None:
    (problem,) = problems_in(project(clip))
    told = str(problem)
    assert all(word in told for word in words), told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clips": []}, ["tracks"]),
        ({"layers": []}, ["tracks"]),
        ({"output": "a.mp4"}, ["outputs"]),
        ({"canvas": {"width": 64, "height": 36, "fps": 25, "resolution": "hd"}}, ["width", "height"]),
        ({"canvas": {"width": 64, "height": 36, "fps": 25, "frameRate": 25}}, ["fps"]),
    ],
)
def test_the_same_at_the_top(change: dict[str, Any], words: list[str]) -> None:
    (problem,) = problems_in({**project(solid()), **change})
    assert all(word in str(problem) for word in words), str(problem)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("beech.png", 'did you mean "{folder}/beach.png"?'),
        ("Beach.PNG", 'did you mean "{folder}/beach.png"?'),
        ("~/beach.png", "~ stands for your home folder in shells only"),
        ("C:\\film\\beach.png", "a path of Windows"),
        ("film\\beach.png", "a path of Windows"),
        ("nowhere/beach.png", "the folder {folder}/nowhere does not exist"),
        ("something else.mov", "correct the path"),
    ],
)
def test_a_file_that_is_not_there(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / "beach.png").write_bytes(b"\0")
    with pytest.raises(SetupError) as caught:
        open_container(str(tmp_path / name))
    assert caught.value.message == "the file does not exist"
    assert hint.format(folder=tmp_path) in (caught.value.suggestion or "")


def test_a_range_in_minutes(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    data = {"canvas": {"width": 16, "height": 16, "fps": 1}, "tracks": [{"clips": [solid(duration="2:00")]}]}
    path.write_text(json.dumps(data))
    assert main(["export", str(path), str(tmp_path / "o.mkv"), "--range", "1:30..1:32", "-q"]) == 0
