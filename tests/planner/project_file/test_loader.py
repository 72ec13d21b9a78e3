"""The loader: what it makes of good files, of variables, and of files that it can't read."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from reelmill.planner.animation import EASINGS
from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.contents.shape import Shape, Stroke
from reelmill.planner.contents.solid import Solid
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import ProjectError, SetupError
from reelmill.planner.fields import css_colour
from reelmill.planner.project_file.loader import list_media_used, load, load_document
from reelmill.planner.project_file.starter import starter_project
from reelmill.planner.templates.template import expand
from reelmill.planner.text_style import Shadow
from reelmill.planner.timeline import Clip, Transition
from tests.support.project_files import BASE, CONTRACT, Json, load_data, problems_in, project, solid


def clip_of(*clips: Json, **keys: Any) -> Clip:
    """The last clip of a project's only track."""
    return load_data(project(*clips, **keys)).timeline.root.tracks[0].clips[-1]


def test_the_example_of_the_reference() -> None:
    loaded = load_document(CONTRACT, BASE, {})
    timeline = loaded.timeline
    assert loaded.warnings == ()
    assert (timeline.name, timeline.fps) == ("Spring promo", Fraction(30000, 1001))
    assert timeline.tags == (("title", "Spring promo"), ("artist", "reelmill"))
    assert timeline.media["beach"].path == "/films/spring/media/beach.mp4"
    assert (timeline.video.codec, timeline.video.preset, timeline.video.crf) == ("h264", "medium", 20.0)
    assert (timeline.audio.codec, timeline.audio.bitrate) == ("aac", 192000)
    assert timeline.root.background == (16 / 255, 20 / 255, 24 / 255, 1.0)
    opening, second = timeline.root.tracks[0].clips
    assert (opening.start, opening.duration, opening.in_point) == (Fraction(0), Fraction(5), Fraction(5, 2))
    assert second.transition == Transition("dissolve")
    pip = timeline.root.tracks[1].clips[0]
    assert (pip.content, pip.blend, pip.fit) == (CompositionContent("card"), "screen", "none")
    assert pip.transform.position is not None
    assert pip.transform.position.at(Fraction(0)) == (1400, 780)
    assert pip.transform.scale.at(Fraction(0)) == (0.4, 0.4)
    assert [k.time for k in pip.transform.opacity.keyframes] == [0, Fraction(1, 2)]
    assert pip.transform.opacity.keyframes[0].easing == EASINGS["ease_out"]
    card = timeline.compositions["card"]
    assert (card.width, card.height, card.duration) == (960, 540, Fraction(6))
    assert card.background == (0, 0, 0, 0)
    title = card.tracks[1].clips[0].content
    assert isinstance(title, Text)
    assert (title.content, title.size) == ("Hello", 72.0)
    bed = timeline.root.tracks[2].clips[0]
    assert (timeline.root.tracks[2].kind, bed.audio.fade_out) == ("audio", Fraction(2))
    assert bed.audio.gain_db.at(Fraction(0)) == (-6.0,)
    assert list_media_used(timeline) == {"beach", "music"}


def test_numbers_are_exact() -> None:
    """0.1 is a tenth and 29.97 is 2997/100, as no float is."""
    canvas = {"width": 10, "height": 10, "fps": 29.97}
    text = json.dumps(project(solid(start=0.1, duration=0.3, speed=0.7), canvas=canvas))
    loaded = load_document(text, BASE, {})
    clip = loaded.timeline.root.tracks[0].clips[0]
    assert (clip.start, clip.duration, clip.speed) == (Fraction(1, 10), Fraction(3, 10), Fraction(7, 10))
    assert loaded.timeline.fps == Fraction(2997, 100)
    warning = '$.canvas.fps: 29.97 is taken as exactly 29.97; the rate of NTSC is "30000/1001"'
    assert loaded.warnings == (warning,)


def test_times_count_frames_of_the_root_canvas() -> None:
    canvas = {"width": 10, "height": 10, "fps": "30000/1001"}
    clip = clip_of(solid(start="00:00:01:00", duration="15f", **{"in": "1/3"}), canvas=canvas)
    assert (clip.start, clip.duration, clip.in_point) == (Fraction(1001, 1000), Fraction(1001, 2000), Fraction(1, 3))


def test_defaults() -> None:
    timeline = load_data(project({"media": "beach"}, solid(id="x"), {"media": "logo", "duration": 2})).timeline
    track = timeline.root.tracks[0]
    first, second, _ = track.clips
    assert (track.id, track.kind, track.enabled) == ("track-1", "video", True)
    assert [clip.id for clip in track.clips] == ["track-1[0]", "x", "track-1[2]"]
    assert (first.start, first.duration, first.in_point, first.follows) == (Fraction(0), None, None, False)
    assert (second.start, second.follows) == (Fraction(0), True)
    assert (first.fit, second.fit, first.after_end) == ("contain", "none", "error")
    assert (first.transform.position, first.transform.anchor.at(Fraction(0))) == (None, (0.5, 0.5))
    assert (timeline.sample_rate, timeline.channels) == (48000, 2)
    assert timeline.root.background == (0, 0, 0, 1)
    assert first.path == "$.tracks[0].clips[0]"


def test_a_composition_has_the_size_of_the_canvas_unless_it_says_so() -> None:
    compositions = {"one": {"tracks": []}, "two": {"width": 100}}
    timeline = load_data(project(solid(), compositions=compositions)).timeline
    sizes = {name: (c.width, c.height) for name, c in timeline.compositions.items()}
    assert sizes == {"one": (640, 360), "two": (100, 360)}


def test_text_and_shapes() -> None:
    text = {
        "content": "a\nb", "size": 20, "color": "gold", "font": ["fonts/a.otf", "/b.ttf"], "align": "right",
        "box_width": 300, "line_height": 1.5, "outline": {"width": 2}, "direction": "rtl",
        "shadow": {"offset": [1, 2], "blur": 3, "color": "#00000080"},
    }  # fmt: skip
    content = clip_of({"text": text, "duration": 1}).content
    assert isinstance(content, Text)
    assert content.fonts == ("/films/spring/fonts/a.otf", "/b.ttf")
    assert content.shadow == Shadow((1.0, 2.0), 3.0, (0, 0, 0, 128 / 255))
    assert content.outline is not None
    assert (content.box_width, content.line_height, content.direction) == (300.0, 1.5, "rtl")
    shape = {"type": "polygon", "size": [10, 20], "fill": "#fff", "points": [[0, 0], [10, 0], [5, 20]]}
    assert clip_of({"shape": shape, "duration": 1}).content == Shape(
        "polygon", (10, 20), (1, 1, 1, 1), points=((0, 0), (10, 0), (5, 20))
    )
    line = {"type": "line", "size": [10, 20], "points": [[0, 0], [10, 20]], "stroke": {"width": 3, "color": "lime"}}
    content = clip_of({"shape": line, "duration": 1}).content
    assert isinstance(content, Shape)
    assert content.stroke == Stroke(3, (0, 1, 0, 1))


def test_metadata_may_stand_anywhere_and_is_ignored() -> None:
    note: Json = {"metadata": {"any": [None, "${nothing}", 1e300]}}
    clip = {
        **solid(),
        **note,
        "transform": {**note, "opacity": {**note, "keyframes": [{"time": 0, "value": 1, **note}]}},
    }
    data = {**project(clip, tags=dict(note), variables=dict(note)), **note}
    data["media"] |= note
    data["canvas"] |= note
    assert list(load_data(data).timeline.media) == ["beach", "music", "logo"]
    assert problems_in(project(solid(metadta={}))) == [
        '$.tracks[0].clips[0]: unknown key "metadta" (did you mean "metadata"?)'
    ]


def test_image_sequences() -> None:
    media = {"shots": {"path": "shots/%04d.png", "fps": 12, "start_number": 7}, "more": {"path": "%d.png"}}
    timeline = load_data(project(solid(), media=media)).timeline
    assert (timeline.media["shots"].fps, timeline.media["shots"].start_number) == (Fraction(12), 7)
    assert timeline.media["more"].fps == 25
    media = {"a": {"path": "100%.mp4", "fps": 12}, "b": {"path": "%d/b.mp4", "start_number": 1}}
    hint = '(give a path such as "shots/%04d.png")'
    assert problems_in(project(solid(), media=media)) == [
        f'$.media.a.fps: "fps" is for image sequences, and the path has no number pattern {hint}',
        f'$.media.b.start_number: "start_number" is for image sequences, and the path has no number pattern {hint}',
    ]


def test_network_addresses_need_leave() -> None:
    media = {
        "a": {"path": "https://example.com/a.mp4"},
        "b": {"path": "C:/films/b.mp4"},
        "c": {"path": "file:///c.mp4"},
    }
    problems = problems_in(project(solid(), media=media))
    assert [p.split(":")[0] for p in problems] == ["$.media.a.path", "$.media.c.path"]
    assert "--allow-network" in problems[0]
    assert "write the path without" in problems[1]
    del media["c"]
    loaded = load_data(project(solid(), media=media), allow_network=True)
    assert loaded.timeline.media["a"].path == "https://example.com/a.mp4"
    text = {"content": "x", "size": 9, "font": "http://example.com/a.ttf"}
    assert "only files" in problems_in(project({"text": text, "duration": 1}))[0]


# --- variables ---


def test_variables_and_what_the_command_line_sets() -> None:
    text = {"content": "${greeting}, $${name} ${n}!", "size": "${size}", "color": "${c}"}
    variables = {"greeting": "Hello", "n": 1.50, "size": 12, "c": "#f00", "on": "false"}
    data = project({"text": text, "duration": "${d}", "enabled": "${on}", "speed": "${s}"}, variables=variables)
    clip = load_data(data, d="25f", greeting="Bye", s="-2").timeline.root.tracks[0].clips[0]
    assert isinstance(clip.content, Text)
    assert clip.content.content == "Bye, ${name} 1.5!"
    assert (clip.content.size, clip.content.color) == (12.0, (1, 0, 0, 1))
    assert (clip.duration, clip.enabled, clip.speed) == (Fraction(1), False, Fraction(-2))


def test_variables_that_are_wrong() -> None:
    text = {"content": "${titel} ${} ${a b} ${", "size": 1}
    variables: Json = {"title": "x", "my name": 1, "gone": None}
    place = "$.tracks[0].clips[0].text.content"
    assert problems_in(project({"text": text, "duration": 1}, variables=variables), tilte="y", x="1") == [
        '$.tracks[0].clips[0].text.content: the variable ${titel} has no value (did you mean "title"?)',
        *[f"{place}: ${{ does not begin the name of a variable here (write $${{ for a literal ${{)"] * 3,
        '$.variables: a value was given for "tilte", but the project has no such variable (did you mean "title"?)',
        '$.variables: a value was given for "x", but the project has no such variable',
        "$.variables.gone: the value is null, which is not a value (leave it out)",
        '$.variables["my name"]: this can\'t be the name of a variable '
        "(use letters, digits, _ . - and begin with a letter)",
    ]


def test_a_number_in_a_string_counts_only_as_a_variable() -> None:
    assert problems_in(project({"text": {"content": "a", "size": "12"}, "duration": 1})) == [
        "$.tracks[0].clips[0].text.size: must be a number, not a string (write it without quotes)"
    ]
    data = project({"text": {"content": "a", "size": "${s}"}, "duration": 1})
    assert problems_in(data, s="big") == ['$.tracks[0].clips[0].text.size: "big" is not a number']
    assert "out of range" in problems_in(data, s="1e999999")[0]
    versioned = {**project(solid()), "version": "${s}", "variables": {"s": "1"}}
    for value in ("NaN", "sNaN", "-sNaN12", "Infinity", "-inf"):
        assert problems_in(data, s=value) == [f'$.tracks[0].clips[0].text.size: "{value}" is not a number']
        assert problems_in(versioned, s=value)[0].endswith(f'.version: "{value}" is not a number')


@given(st.text(alphabet="a${}", max_size=12))
def test_substitution_reads_from_left_to_right(text: str) -> None:
    """Against a plain scanner of the rule: $${ is ${, ${name} is a value, any other ${ is a problem."""
    expected, problems, at = "", 0, 0
    while at < len(text):
        if text.startswith("$${", at):
            expected, at = expected + "${", at + 3
        elif text.startswith("${", at):
            end = text.find("}", at)
            name = text[at + 2 : end] if end > 0 else "?"
            named = end > 0 and "{" not in name
            expected += "<" + name + ">" if named and name.isalpha() else ""
            problems += not (named and name.isalpha())
            at = end + 1 if named else at + 2
        else:
            expected, at = expected + text[at], at + 1
    data: dict[str, object] = {"x": text, "variables": {"a" * n: f"<{'a' * n}>" for n in range(1, 13)}}
    found = expand(data, {})
    assert (found.data["x"], len(found.problems)) == (expected, problems)


# --- files ---


def test_a_file_is_read_relative_to_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(project({"media": "beach"}, name="Zoë")).encode())
    loaded = load(path, {})
    assert loaded.timeline.media["beach"].path == str(tmp_path / "beach.mp4")
    assert loaded.timeline.project_dir == str(tmp_path)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    def refused(path: Path) -> SetupError:
        with pytest.raises(SetupError) as caught:
            load(path, {})
        assert caught.value.file == str(path)
        assert caught.value.exit_code == 2
        return caught.value

    assert refused(tmp_path / "none.json").message == "the project file does not exist"
    assert refused(tmp_path).message == "the project is a folder, not a file"
    (tmp_path / "project.json").write_text("")
    assert refused(tmp_path).suggestion == f"did you mean {tmp_path / 'project.json'}?"
    assert [str(p) for p in _problems(refused(tmp_path / "project.json"))] == [
        "line 1, column 1: the file is empty (write a project, or let `reelmill init` make one)"
    ]
    (tmp_path / "latin.json").write_bytes('{"name": "Zoë"}'.encode("latin-1"))
    assert refused(tmp_path / "latin.json").message == "the project file is not UTF-8 text (byte 13)"
    assert "can't be read" in refused(tmp_path / "project.json" / "x").message
    assert "can't be read" in refused(tmp_path / ("x" * 300)).message


def _problems(error: SetupError) -> tuple[object, ...]:
    assert isinstance(error, ProjectError)
    return error.problems


def test_the_starter_project_loads_without_a_word() -> None:
    loaded = load_document(starter_project(), BASE, {})
    assert loaded.warnings == ()
    assert list_media_used(loaded.timeline) == set()
    assert 40 <= starter_project().count("\n") <= 70


def test_loading_imports_no_library_of_media(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(starter_project())
    code = (
        "import sys; from pathlib import Path; from reelmill.planner.project_file.loader import load;"
        "load(Path(sys.argv[1]), {});"
        "print(sorted({'numpy', 'av', 'moderngl', 'PIL', 'click', 'rich'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code, path], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- media in use ---


def test_media_of_clips_that_are_off_or_not_reached_are_not_used() -> None:
    compositions = {
        "shown": {"tracks": [{"clips": [{"media": "beach"}]}]},
        "unused": {"tracks": [{"clips": [{"media": "logo", "duration": 1}]}]},
    }
    clips: list[Json] = [{"composition": "shown"}, {"media": "music", "enabled": False}]
    data = project(*clips, compositions=compositions)
    data["tracks"].append({"enabled": False, "clips": [{"media": "logo", "duration": 1}]})
    assert list_media_used(load_data(data).timeline) == {"beach"}
    data["tracks"][0]["clips"].append(solid())
    assert list_media_used(load_data(data).timeline) == {"beach", "music"}
    data["tracks"][0]["clips"][1]["duration"] = 3
    assert list_media_used(load_data(data).timeline) == {"beach"}


# --- colours ---


def test_the_names_of_css_colours() -> None:
    """Pillow's table was written independently."""
    assert len(css_colour.NAMES) == 148
    assert set(css_colour.NAMES) == set(ImageColor.colormap)
    for name in css_colour.NAMES:
        red, green, blue, alpha = css_colour.parse_colour(name.upper())
        assert (red * 255, green * 255, blue * 255) == pytest.approx(ImageColor.getrgb(name))
        assert alpha == 1


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#fa0", (255, 170, 0, 255)),
        ("#FA08", (255, 170, 0, 136)),
        ("#102030", (16, 32, 48, 255)),
        ("#10203040", (16, 32, 48, 64)),
        ("transparent", (0, 0, 0, 0)),
    ],
)
def test_colours_in_digits(text: str, colour: tuple[int, ...]) -> None:
    assert css_colour.parse_colour(text) == tuple(c / 255 for c in colour)


def test_contents_are_kept_apart() -> None:
    assert clip_of({"media": "logo", "duration": 1}).content == MediaContent("logo")
    assert clip_of(solid()).content == Solid((1, 0, 0, 1))
    assert dataclasses.is_dataclass(clip_of(solid()))
