"""The benchmark's own parts: its projects are valid, its floor counts right, its tables say what was measured."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.planner.project_file.loader import load
from tests.benchmarks import chart, floor, peer_ffmpeg, peer_melt, peer_reelmill, results, tables
from tests.benchmarks.measure import Usage
from tests.benchmarks.results import Film, Report, Result
from tests.benchmarks.scene import File, Layer, Scene, Stage, Video, files, walk
from tests.benchmarks.scenes import SCENES


@pytest.fixture
def unmade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Footage is named, not made."""
    monkeypatch.setattr("tests.benchmarks.footage._make", lambda path, arguments: None)


@pytest.mark.parametrize("key", SCENES)
@pytest.mark.usefixtures("unmade")
def test_every_scene_is_a_valid_project_with_as_many_frames(key: str, tmp_path: Path) -> None:
    scene = SCENES[key](tmp_path, 2)
    source = tmp_path / "project.json"
    peer_reelmill.command(scene, source, tmp_path / "film.mp4")
    timeline = load(source, {}).timeline
    assert timeline.root.duration == Fraction(scene.frames, 30)
    assert (timeline.root.width, timeline.root.height) == (scene.stage.width, scene.stage.height)


@pytest.mark.parametrize("key", SCENES)
@pytest.mark.usefixtures("unmade")
def test_clips_lie_inside_of_their_footage_at_full_length(key: str, tmp_path: Path) -> None:
    for layer in walk(SCENES[key](tmp_path, 20).stage):
        assert layer.start % 3 == layer.frames % 3 == 0
        if isinstance(layer.source, Video):
            assert layer.source.at + layer.frames <= layer.source.file.frames


@pytest.mark.usefixtures("unmade")
def test_scenes_are_what_their_titles_say(tmp_path: Path) -> None:
    made = {key: make(tmp_path, 20) for key, make in SCENES.items()}
    shown = [layer for layer in walk(made["S3"].stage) if isinstance(layer.source, Video)]
    assert (len(shown), len(files(made["S3"].stage))) == (20, 10)
    assert sum(isinstance(layer.source, Stage) for layer in walk(made["S4"].stage)) == 10
    assert len(made["S7"].stage.base) == 40
    assert all(20 <= made[key].seconds <= 40 for key in made if key.startswith("S"))


@pytest.mark.usefixtures("unmade")
def test_each_clip_is_an_input_of_ffmpeg_and_melt(tmp_path: Path) -> None:
    scene = SCENES["S3"](tmp_path, 20)
    assert peer_ffmpeg.graph(scene).count("-i") == 20
    producers = peer_melt.document(scene).findall("producer/property[@name='mlt_service']/..")
    assert len(peer_melt.document(scene).findall("producer")) - len(producers) == 20


FILE = File(Path("a.mp4"), 1920, 1080, 600, 60)
BOX = (0, 0, 1920, 1080)


def test_the_floor_decodes_lead_ins_and_each_frame_once() -> None:
    other = File(Path("b.mp4"), 1920, 1080, 600, 250)
    inner = Stage("inner", 1920, 1080, 90, (Layer(Video(other, 300), 0, 90, BOX),))
    base = (
        Layer(Video(FILE, 70), 0, 30, BOX),
        Layer(Video(FILE, 90), 30, 60, BOX),
        Layer(Video(FILE, 400), 90, 30, BOX),
    )
    stage = Stage("film", 1920, 1080, 120, base, (Layer(inner, 60, 60, BOX),))
    # 60…150 and 360…430 of the first; of the second only what the nested stage is shown for, 250…360.
    assert floor.frames_to_decode(stage) == 90 + 70 + 110
    assert len(floor.stretches(stage)) == 3
    assert floor.floor_seconds(3, 5, 2) == 4


def _report() -> Report:
    scene = Scene("S1", "three cuts", Stage("film", 1920, 1080, 60), against_ffmpeg=1.05, against_floor=1.15)
    result = Result.of(scene)
    result.runs = {
        "reelmill": [Usage(wall, 4, 300_000_000) for wall in (2, 1, 9)],
        "ffmpeg": [Usage(wall, 3, 200_000_000) for wall in (1, 8, 1)],
        "melt": [Usage(6, 12, 400_000_000)] * 3,
    }
    result.films = {"reelmill": Film(100, 60, 99.0), "ffmpeg": Film(100, 60, None), "melt": Film(120, 59, 27.0)}
    result.floors = [1.6, 1.6, 5]
    return Report({"CPU": "2 cores"}, {"movis": "make bench-peers"}, 3, [result])


def test_ratios_are_of_medians_and_targets_are_judged() -> None:
    (result,) = _report().results
    assert result.against("ffmpeg") == 2
    assert result.against("floor") == pytest.approx(1.25)
    assert result.against("movis") is None
    assert [target.met for target in result.targets()] == [False, False, False, True]
    assert result.disagreements("reelmill") == []
    assert len(result.disagreements("melt")) == 3


def test_the_page_names_targets_absent_peers_and_films_that_differ(tmp_path: Path) -> None:
    report = _report()
    results.store(report, tmp_path / "results.json")
    page = tables.page(results.load(tmp_path / "results.json"))
    assert "| S1 three cuts | 1.00 (≥ 3, floor 1.25) | 2.00 (≤ 1.05) | 1.25 (≤ 1.15) | 3.0† |" in page
    assert "movis is not installed here and left out (make bench-peers)." in page
    assert "Targets met: 1 of 4." in page
    assert "- † S1, melt: 59 frames, not 60." in page
    assert chart.svg(report).count("<rect") == 1 + 3 + 3


def test_a_page_keeps_what_stands_round_the_markers(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n")
    tables.write_between_markers(path, "bench", "new\n")
    assert path.read_text() == "before\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nafter\n"
    with pytest.raises(ValueError, match="other: begin"):
        tables.write_between_markers(path, "other", "new")
