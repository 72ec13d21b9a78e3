"""`reelmill plan`: what it tells of a project whose figures are worked out by hand, as data, table and page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import reelmill.export.telling.plan_description
from reelmill.cli.main import main
from reelmill.export.opening.job import ExportOptions
from reelmill.export.telling.plan_description import describe_plan
from reelmill.export.telling.plan_page import plan_page
from reelmill.planner.clock import parse_time
from tests.support.clips import ClipRecipe, ffmpeg, make_clip

VOID = {"meta", "link", "input", "br", "rect", "path"}
CANVAS = {"width": 64, "height": 48, "fps": 25}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s at 25 frames a second, a keyframe each second."""
    x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-sc_threshold", "0")
    return make_clip(tmp_path_factory, ClipRecipe("plan.mp4", x264, frames=100))


def write(folder: Path, project: dict[str, Any]) -> Path:
    path = folder / "project.json"
    path.write_text(json.dumps({"version": 1, "canvas": CANVAS, **project}), encoding="utf-8")
    return path


@pytest.fixture
def project(tmp_path: Path, clip: Path) -> Path:
    """5 s: the film twice in the root at distant places, backwards in a composition, a still, a sound, a title."""
    (tmp_path / "shots").mkdir()
    shutil.copy(clip, tmp_path / "shots" / "beach.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=red:s=16x16", "-frames:v", "1", tmp_path / "logo.png")
    ffmpeg("-f", "lavfi", "-i", "sine=d=5", tmp_path / "music.flac")
    nested = {"id": "back", "media": "same", "start": 0.4, "in": 3, "duration": 1, "speed": -1}
    return write(
        tmp_path,
        {
            "name": "Spring <promo>",
            "media": {
                "beach": {"path": "shots/beach.mp4"},
                "same": {"path": "shots/../shots/beach.mp4"},
                "logo": {"path": "logo.png"},
                "music": {"path": "music.flac"},
            },
            "compositions": {"card": {"width": 64, "height": 48, "duration": 2, "tracks": [{"clips": [nested]}]}},
            "tracks": [
                {"id": "v1", "clips": [{"id": "one", "media": "beach", "duration": 2}]},
                {
                    "id": "v2",
                    "clips": [
                        {"id": "far", "media": "beach", "start": 1, "in": 2.4, "duration": 1},
                        {"id": "pip", "composition": "card", "start": 3, "speed": 1},
                    ],
                },
                {
                    "id": "titles",
                    "clips": [
                        {"id": "mark", "media": "logo", "start": 4, "duration": 1},
                        {"id": "off", "media": "beach", "start": 5, "duration": 1, "enabled": False},
                    ],
                },
                {"id": "a1", "kind": "audio", "clips": [{"id": "bed", "media": "music", "duration": 5}]},
            ],
        },
    )


def plan_json(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main(["plan", *map(str, arguments), "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_the_plan_of_a_film(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_json(capsys, project)
    # 50 + 25 + 25 frames are shown of 0–2 s and 2–3.4 s, which has 85.
    reason = "2 unique files (≤ 8) and 1 nested clip (≤ 5); each frame is shown by 1.18 clips (< 1.6)"
    assert (plan["system"], plan["system_reason"]) == ("v1", reason)
    assert (plan["frames"], plan["start"], plan["end"], plan["fps"]) == (125, 0, 5, "25")
    assert (plan["clips"], plan["complete"], plan["warnings"]) == (6, True, [])
    assert plan["estimated_seconds"] > 0
    assert [file["path"] for file in plan["files"]] == ["shots/beach.mp4", "logo.png", "music.flac"]


def test_the_use_of_a_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beach = plan_json(capsys, project)["files"][0]
    assert beach["media"] == ["beach", "same"]  # one file under two names
    assert beach["clips"] == 3
    # 0–2 s, 2.4–3.4 s and 3–2 s backwards: closer to each other than a second.
    assert beach["ranges"] == [[0, pytest.approx(3.4)]]
    assert beach["frames"] == 85  # 0…49, 60…84, and backwards 74…50
    assert beach["on_screen"] == [[0, 2], [3.4, 4.4]]
    assert beach["output_frames"] == 75
    assert beach["heavy"]  # 75 of 125
    assert beach["positions"] == 2  # `one` and `far`, 35 frames apart
    assert beach["cursors"] == 2
    assert beach["readings"] == [
        reading("one", 0, 2, 0, 1.96),
        reading("far", 1, 2, 2.4, 3.36),
        reading("pip/back", 3.4, 4.4, 2.96, 2),
    ]


def reading(clip: str, start: float, end: float, source_start: float, source_end: float) -> dict[str, Any]:
    times = {"start": start, "end": end, "source_start": source_start, "source_end": source_end}
    return {"clip": clip, **{name: pytest.approx(time) for name, time in times.items()}, "repeats": False}


def test_stills_and_sound(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, logo, music = plan_json(capsys, project)["files"]
    assert (logo["kind"], logo["frames"], logo["ranges"], logo["on_screen"]) == ("still", 1, [], [[4, 5]])
    assert (music["kind"], music["frames"], music["clips"], music["readings"]) == ("sound", 0, 1, [])


def test_the_timeline_is_what_is_enabled(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_json(capsys, project)
    tracks = {track["id"]: [clip["id"] for clip in track["clips"]] for track in plan["root"]["tracks"]}
    assert tracks == {"v1": ["one"], "v2": ["far", "pip"], "titles": ["mark"], "a1": ["bed"]}
    assert [box["id"] for box in plan["nested"]] == ["card"]
    assert plan["nested"][0]["tracks"][0]["clips"][0]["speed"] == -1


def test_a_range_is_planned_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_json(capsys, project, "--range", "1..2")
    assert (plan["frames"], plan["start"], plan["end"]) == (25, 1, 2)
    assert plan["files"][0]["readings"] == [reading("one", 1, 2, 1, 1.96), reading("far", 1, 2, 2.4, 3.36)]


def test_shared_decoders_share_the_cache(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_json(capsys, project, "--system", "v2", "--cache-size", "1MB")
    assert plan["system_reason"] == "asked for with --system v2"
    # 85 frames of 64×48 pixels in 4:2:0.
    assert plan["files"][0]["cache_share"] == pytest.approx(85 * 64 * 48 * 1.5 / 1e6)
    small = plan_json(capsys, project, "--system", "v2", "--cache-size", "100kB")
    assert small["files"][0]["cache_share"] == 1
    assert plan_json(capsys, project, "--system", "v1")["files"][0]["cache_share"] == 0


def test_a_repeated_clip_is_read_over_and_over(tmp_path: Path, clip: Path) -> None:
    clips = [{"id": "round", "media": "m", "duration": 10, "after_end": "loop"}]
    path = write(tmp_path, {"media": {"m": {"path": str(clip)}}, "tracks": [{"clips": clips}]})
    (file,) = describe_plan(path, ExportOptions()).files
    (found,) = file.readings
    assert found.repeats
    assert (float(found.source_start), float(found.source_end)) == (0, 3.96)
    assert "Z" in plan_page(describe_plan(path, ExportOptions()))


def test_the_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(project), "--system", "v2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{project}: 64×48 at 25 frames/s, 125 frames (5 s), 6 clips, 1 nested composition"
    assert lines[1] == "system v2: asked for with --system v2"
    table = {line.split()[0]: line.split() for line in lines if line}
    assert table["file"] == ["file", "ranges", "clips", "frames", "shown", "decoders", "cache"]
    assert table["shots/beach.mp4"] == ["shots/beach.mp4", "0–3.4", "s", "3", "85", "60%", "heavy", "2", "0%"]
    assert table["logo.png"][1:4] == ["still", "1", "1"]
    assert table["music.flac"] == ["music.flac", "sound", "alone", "1"]


def test_a_wrong_project_is_told_as_export_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, {"media": {"m": {"path": "none.mp4"}}, "tracks": [{"clips": [{"media": "m"}]}]})
    assert main(["plan", str(path)]) == 2
    assert "none.mp4" in capsys.readouterr().err


def test_the_page_is_written_whole_or_not_at_all(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "pages" / "plan.html"
    assert main(["plan", str(project), "--html", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == ["plan.html"]
    for kept in (project, tmp_path / "notes.md"):
        kept.write_bytes(before := kept.read_bytes() if kept.exists() else b"notes")
        assert main(["plan", str(project), "--html", str(kept)]) == 2
        assert kept.read_bytes() == before
    assert main(["plan", str(project), "--html", os.devnull]) == 2
    assert main(["plan", str(project), "--html", str(page / "below.html")]) == 2
    assert "below.html can't be written: " in capsys.readouterr().err


class Page(HTMLParser):
    """Reads a page; fails where its tags don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of_class(self, name: str) -> list[dict[str, str]]:
        return [attributes for _, attributes in self.found if name in attributes.get("class", "").split()]


def test_the_page_shows_clips_where_they_are(project: Path) -> None:
    page = Page(plan_page(describe_plan(project, ExportOptions())))
    clips = {attributes["title"].split(":")[0]: attributes for attributes in page.of_class("clip")}
    assert set(clips) == {"one", "far", "pip", "back", "mark", "bed"}
    assert clips["one"]["style"].startswith("left:0%;width:40%")
    assert clips["far"]["style"].startswith("left:20%;width:20%")
    assert clips["back"]["style"].startswith("left:20%;width:50%")  # of the composition's 2 s
    assert clips["one"]["data-file"] == clips["far"]["data-file"] == clips["back"]["data-file"]
    assert clips["pip"]["data-composition"] == "0"
    assert ("template", {"id": "composition-0"}) in page.found
    assert len(page.of_class("file")) == 2  # the film and the still
    bands = [attributes for tag, attributes in page.found if tag == "rect"]
    assert [(band["x"], band["width"]) for band in bands] == [("0", "400"), ("680", "200"), ("800", "200")]


def test_the_page_needs_nothing_else(project: Path) -> None:
    text = plan_page(describe_plan(project, ExportOptions()))
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    for _, attributes in page.found:
        assert "src" not in attributes
        assert attributes.get("href", "data:").startswith("data:")
    assert "$" not in text


def test_nothing_of_a_project_is_markup(tmp_path: Path) -> None:
    evil = '</script><script>alert("1")</script>\'"><img src=x>'
    solid = {"id": evil, "text": {"content": evil, "size": 9}, "duration": 1}
    inner = {"id": evil + "2", "composition": evil, "duration": 1}
    path = write(
        tmp_path,
        {
            "name": evil,
            "compositions": {evil: {"width": 8, "height": 8, "tracks": [{"id": evil, "clips": [solid]}]}},
            "tracks": [{"id": evil, "clips": [inner]}],
        },
    )
    page = Page(plan_page(describe_plan(path, ExportOptions())))
    assert [tag for tag, _ in page.found].count("script") == 1
    assert "img" not in {tag for tag, _ in page.found}
    assert evil in page.texts


def many_clips(folder: Path, clip: Path, count: int) -> Path:
    """Four tracks, cut each second, each fifth clip a composition."""
    tracks = []
    for track in range(4):
        clips = []
        for number in range(count // 4):
            content = (
                {"composition": f"card{number // 5 % 10}"} if number % 5 == 0 else {"media": "m", "in": number % 3}
            )
            clips.append({"id": f"clip {track} {number}", "duration": 1, **content})
        tracks.append({"id": f"track {track}", "clips": clips})
    cards = {
        f"card{number}": {
            "width": 64,
            "height": 48,
            "tracks": [{"clips": [{"id": f"inner {number}", "media": "m", "duration": 1}]}],
        }
        for number in range(10)
    }
    return write(folder, {"media": {"m": {"path": str(clip)}}, "compositions": cards, "tracks": tracks})


def test_a_page_of_500_clips(tmp_path: Path, clip: Path) -> None:
    text = plan_page(describe_plan(many_clips(tmp_path, clip, 500), ExportOptions()))
    page = Page(text)
    assert len(page.of_class("clip")) == 500 + 10
    assert len(page.of_class("inside")) == 10  # each composition once, shown a hundred times
    assert len(text) < 400_000


def doubled(levels: int, clip: Path) -> dict[str, Any]:
    """A clip in a composition that is shown twice, one after the other, in one that is shown twice, …"""
    frames = 2 ** (levels + 1)
    leaf = {"id": "leaf", "media": "m", "duration": "2f"}
    compositions: dict[str, Any] = {"level0": {"width": 64, "height": 48, "tracks": [{"clips": [leaf]}]}}
    for level in range(1, levels + 1):
        twice = [{"id": side, "composition": f"level{level - 1}"} for side in ("left", "right")]
        compositions[f"level{level}"] = {"width": 64, "height": 48, "tracks": [{"clips": twice}]}
    root = {"id": "root", "composition": f"level{levels}", "duration": f"{frames}f"}
    return {"media": {"m": {"path": str(clip)}}, "compositions": compositions, "tracks": [{"clips": [root]}]}


def test_deep_nesting_is_listed_up_to_a_limit_and_drawn_once(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reelmill.export.telling.plan_description, "MAX_READINGS", 100)
    plan = describe_plan(write(tmp_path, doubled(8, clip)), ExportOptions())
    assert not plan.complete  # 256 readings
    assert [len(file.readings) for file in plan.files] == [100]
    assert (plan.clips, len(plan.nested)) == (18, 9)
    text = plan_page(plan)
    assert len(Page(text).of_class("clip")) == 18
    assert "only the first ones are drawn" in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="a check in a real browser needs Debian's chromium")
@pytest.mark.slow
def test_a_browser_opens_compositions_and_zooms(project: Path, tmp_path: Path) -> None:
    script = """
      const clip = document.querySelector("#sheet button.clip"), report = [];
      clip.click();
      report.push(document.querySelectorAll("#sheet .inside .clip").length, clip.getAttribute("aria-expanded"));
      document.querySelector("#sheet .inside header button").click();
      report.push(document.querySelectorAll("#sheet .inside").length, clip.getAttribute("aria-expanded"));
      const zoom = document.getElementById("zoom"), before = sheet.querySelector(".lane").offsetWidth;
      zoom.value = 2; zoom.dispatchEvent(new Event("input"));
      report.push(Math.round(sheet.querySelector(".lane").offsetWidth / before));
      report.push(document.documentElement.scrollWidth <= innerWidth);
      document.title = "report " + report.join(" ");
    """
    page = tmp_path / "plan.html"
    text = plan_page(describe_plan(project, ExportOptions()))
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    for width in (1280, 420):
        shown = subprocess.run(
            [*command, f"--window-size={width},900", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert "<title>report 1 true 0 false 4 true</title>" in shown.stdout


@pytest.mark.slow
def test_planning_many_clips_takes_no_more_than_linear_time(tmp_path: Path, clip: Path) -> None:
    def seconds(count: int) -> float:
        path = many_clips(tmp_path, clip, count)
        started = time.process_time()
        plan_page(describe_plan(path, ExportOptions()))
        return time.process_time() - started

    seconds(500)
    assert seconds(8000) < 8 * seconds(2000) + 0.5


def test_times_of_the_range_are_checked(project: Path) -> None:
    with pytest.raises(Exception, match="no frame lies in the range"):
        describe_plan(project, ExportOptions(range=(parse_time("9"), parse_time("10"))))
