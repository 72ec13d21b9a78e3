"""The Python interface: small, light to load, and the same errors as the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import reelmill
from reelmill import ExportOptions, ProjectError, RenderOptions, SetupError
from reelmill.export import api
from reelmill.export.opening.api_options import as_time, export_options
from reelmill.export.opening.job import Progress
from reelmill.planner.clock import Time
from reelmill.planner.outputs import VideoSettings
from tests.support.batches import write_template
from tests.support.clips import ffmpeg

ROOT = Path(__file__).parents[2]


def test_every_name_is_there_once_and_sorted() -> None:
    assert list(reelmill.__all__) == sorted(reelmill.__all__)
    for name in reelmill.__all__:
        assert getattr(reelmill, name) is not None
    assert reelmill.render is api.render
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(reelmill, "nothing")  # noqa: B009 mypy knows the names


def test_importing_it_loads_next_to_nothing() -> None:
    code = "import sys, export\nassert not {'numpy', 'av', 'pydantic', 'moderngl', 'PIL'} & set(sys.modules)\n"
    code += "from reelmill import render, check, plan, frame, probe, validate, batch, ExportError\n"
    code += "assert not {'numpy', 'av', 'moderngl', 'PIL'} & set(sys.modules)\nassert callable(check)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_names_of_functions_are_no_modules() -> None:
    """A module of the same name would take the function's place as soon as anyone imports it."""
    modules = {path.stem for path in (ROOT / "export").iterdir()}
    assert not modules & set(reelmill.__all__)


def test_keywords_become_the_options_of_the_command() -> None:
    given: RenderOptions = {
        "variables": {"a": 1},
        "range": (0.5, "30f"),
        "video_codec": "hevc",
        "crf": 20,
        "audio_bitrate": 128_000,
        "size": (64, 36),
        "fast_paths": False,
    }
    made = export_options(None, given)
    assert made.video == VideoSettings(codec="hevc", crf=20)
    assert made.audio.bitrate == 128_000
    assert made.range == (Time(seconds=Fraction(1, 2)), Time(frames=30))
    assert (made.variables, made.size, made.fast_paths) == ({"a": 1}, (64, 36), False)
    changed = export_options(made, {"preset": "slow", "force": True})
    assert changed.video == VideoSettings(codec="hevc", crf=20, preset="slow")
    assert (changed.force, changed.size) == (True, (64, 36))
    assert export_options(None, {}) == ExportOptions()


def test_wrong_options_are_refused() -> None:
    wrong: Any = {"crf": 20, "bitrate": 1000}
    with pytest.raises(SetupError, match="exclude each other"):
        export_options(None, wrong)
    misspelt: Any = {"crff": 20}
    with pytest.raises(TypeError, match="unknown option: crff"):
        export_options(None, misspelt)
    with pytest.raises(SetupError, match="'soon' is not a time"):
        as_time("soon")
    with pytest.raises(SetupError, match="nan is not a time"):
        as_time(float("nan"))


@pytest.mark.parametrize("value", [0.1, "0.1", Decimal("0.1"), Fraction(1, 10), Time(seconds=Fraction(1, 10))])
def test_times_are_exact(value: Any) -> None:
    assert as_time(value) == Time(seconds=Fraction(1, 10))


def test_render_tells_and_returns(tmp_path: Path) -> None:
    project = write_template(tmp_path)
    told: list[Progress] = []
    film = reelmill.render(
        project,
        tmp_path / "a.mkv",
        variables={"color": "#0a141e"},
        on_progress=told.append,
        depfile=str(tmp_path / "a.d"),
    )
    assert f"{project}" in (tmp_path / "a.d").read_text()
    assert (film.outputs, film.frames, film.duration_seconds, film.warnings) == ((tmp_path / "a.mkv",), 5, 0.5, ())
    assert (told[-1].frames, told[-1].total) == (5, 5)
    data = ffmpeg("-i", tmp_path / "a.mkv", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    assert data == bytes((10, 20, 30)) * (32 * 18 * 5)
    several = reelmill.render(str(project), [str(tmp_path / "b.mkv"), tmp_path / "c.mkv"], variables={"color": "red"})
    assert several.outputs == (tmp_path / "b.mkv", tmp_path / "c.mkv")


def test_what_a_callback_raises_ends_the_render(tmp_path: Path) -> None:
    project = write_template(tmp_path)

    def stop(_progress: Progress) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        reelmill.render(project, tmp_path / "a.mkv", variables={"color": "red"}, on_progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["film.json"]


def test_warnings_are_told(tmp_path: Path) -> None:
    project = write_template(tmp_path, canvas={"width": 32, "height": 18, "fps": 29.97})
    told: list[str] = []
    film = reelmill.render(project, tmp_path / "a.mkv", variables={"color": "red"}, on_warning=told.append)
    assert told == list(film.warnings)
    assert told[0].startswith("$.canvas.fps: 29.97 is taken as exactly 29.97")


def test_errors_are_those_of_the_commands(tmp_path: Path) -> None:
    project = write_template(tmp_path)
    with pytest.raises(ProjectError) as caught:
        reelmill.validate(project)
    assert "the variable ${color} has no value" in caught.value.problems[0].message
    with pytest.raises(SetupError, match="there is no picture at 9 s") as early:
        reelmill.frame(project, 9, tmp_path / "a.png", variables={"color": "red"})
    assert early.value.exit_code == 2
    with pytest.raises(SetupError):
        reelmill.probe(tmp_path / "none.mp4")


def test_looking_at_a_project(tmp_path: Path) -> None:
    project = write_template(tmp_path)
    assert reelmill.validate(project, variables={"color": "red"}).frames == 5
    found = reelmill.plan(project, variables={"color": "red"}, system="v2", range=(0, 0.2))
    assert (found.system, found.frames) == ("v2", 2)
    json.dumps(found.as_dict())
    assert reelmill.frame(project, "1f", tmp_path / "a.png", variables={"color": "red"}) == tmp_path / "a.png"
    facts = reelmill.probe(tmp_path / "a.png")
    assert facts.video is not None
    assert (facts.video.width, facts.video.height) == (32, 18)


def test_a_check_in_a_script(tmp_path: Path) -> None:
    project = write_template(tmp_path)
    golden = tmp_path / "golden"
    red: RenderOptions = {"variables": {"color": "red"}}
    assert not reelmill.check(project, golden, **red).passed
    assert reelmill.check([project], golden, update=True, frames="every:2", **red).passed
    assert reelmill.check(project, golden, **red).passed
    assert reelmill.check(project, golden, variables={"color": "blue"}).exit_code == 3
    with pytest.raises(SetupError):
        reelmill.check(project, golden, tolerance="some", **red)


def test_jobs_of_a_batch_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"jobs\[0\]: the output is missing"):
        reelmill.batch([{"project": "a.json"}])
    with pytest.raises(SetupError, match=r"jobs\[0\] and jobs\[1\] both write"):
        reelmill.batch([{"project": "a.json", "output": "o.mp4"}] * 2)
    assert reelmill.batch([]).status == "ok"


def test_a_batch_tells_each_result(tmp_path: Path) -> None:
    project = write_template(tmp_path)
    told: list[str] = []
    summary = reelmill.batch(
        [{"project": project, "output": tmp_path / f"{name}.mkv", "color": name} for name in ("red", "nocolor")],
        on_result=lambda result: told.append(f"{result.job.output.name} {result.state}"),
        threads=1,
    )
    assert told == ["nocolor.mkv failed", "red.mkv done"]
    assert summary.exit_code == 1


CARD: dict[str, Any] = {
    "canvas": {"width": 64, "height": 36, "fps": 10},
    "tracks": [{"clips": [{"solid": "${colour}", "duration": Fraction(3, 10)}]}],
}


def test_a_project_may_be_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in it begin in the current folder."""
    ffmpeg("-f", "lavfi", "-i", "color=blue:s=32x18", "-frames:v", "1", tmp_path / "blue.png")
    monkeypatch.chdir(tmp_path)
    picture = {"clips": [{"media": "blue", "duration": 0.3}]}
    project = {**CARD, "media": {"blue": {"path": Path("blue.png")}}, "tracks": [*CARD["tracks"], picture]}
    variables = {"colour": "red"}
    assert reelmill.validate(project, variables=variables).frames == 3
    assert reelmill.plan(project, variables=variables).system == "v1"
    assert reelmill.render(project, "film.mkv", variables=variables).frames == 3
    assert reelmill.frame(project, 0.1, "still.png", variables=variables).exists()
    with pytest.raises(ProjectError, match=r"tracks\[0\].clips\[0\].solid") as caught:
        reelmill.render(project, "other.mkv", variables={"colour": "redd"})
    assert str(caught.value.file).endswith("<project>")


def test_data_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no value of a project"):
        reelmill.validate({**CARD, "name": {1, 2}})
    with pytest.raises(SetupError, match="no rule for make"):
        reelmill.render(CARD, tmp_path / "film.mkv", depfile=tmp_path / "film.d")


def test_options_take_the_texts_of_the_flags() -> None:
    texts = {"size": "320x180", "range": "0..0.2", "bitrate": "8M", "audio_bitrate": "96k", "cache_bytes": "1.5GB"}
    found = export_options(None, texts)  # type: ignore[arg-type]
    assert found.size == (320, 180)
    assert found.range == (Time(seconds=Fraction(0)), Time(seconds=Fraction(1, 5)))
    assert (found.video.bitrate, found.audio.bitrate, found.cache_bytes) == (8_000_000, 96_000, 1_500_000_000)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("size", "320", "WIDTHxHEIGHT"),
        ("size", (320,), "two whole numbers"),
        ("size", 320, "two whole numbers"),
        ("size", (320, 18.5), "two whole numbers"),
        ("range", "1-2", "START..END"),
        ("range", 3, "two times"),
        ("range", ("a", 2), "not a time"),
        ("bitrate", "fast", "bits a second"),
        ("cache_bytes", "much", "500MB"),
    ],
)
def test_options_that_are_wrong_are_named(name: str, value: Any, words: str) -> None:
    with pytest.raises(SetupError) as caught:
        export_options(None, {name: value})  # type: ignore[misc]
    assert words in f"{caught.value.message} {caught.value.suggestion}"


@pytest.mark.parametrize("at", [0.1, "1f", Fraction(1, 10), Time(seconds=Fraction(1, 10))])
def test_the_moment_of_a_poster(tmp_path: Path, at: Any) -> None:
    clips = [{"solid": "red", "duration": 0.1}, {"solid": "blue", "duration": 0.2}]
    project = {**CARD, "tracks": [{"clips": clips}]}
    made = reelmill.render(project, reelmill.Output(str(tmp_path / "poster.png"), at=at))
    data = ffmpeg("-i", made.outputs[0], "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    assert tuple(data[:3]) == (0, 0, 255)
