"""`reelmill check` from the command line: storing, comparing, exit codes, what is told, and what is written where."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelmill.cli.main import main
from reelmill.export.checks.check_render import render_frames
from reelmill.export.checks.check_result import SoundResult
from reelmill.export.checks.golden_store import GoldenStore
from reelmill.export.checks.sound_comparison import SoundFigures

Json = dict[str, Any]


def write(path: Path, *clips: Json, **more: Any) -> Path:
    """A project of solids, without media."""
    path.parent.mkdir(parents=True, exist_ok=True)
    project = {
        "version": 1,
        "canvas": {"width": 32, "height": 24, "fps": 10},
        "tracks": [{"clips": list(clips) or [{"id": "a", "solid": "red", "duration": 1}]}],
        **more,
    }
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check(*arguments: str | Path) -> int:
    return main(["check", *map(str, arguments)])


def checked(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Json:
    """The answer as JSON."""
    capsys.readouterr()
    assert check(*arguments, "--json") == code
    answer: Json = json.loads(capsys.readouterr().out)
    return answer


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write(tmp_path / "film.json")


@pytest.fixture
def goldens(tmp_path: Path) -> Path:
    return tmp_path / "goldens"


def test_without_goldens_everything_is_missing_and_nothing_is_written(
    film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = checked(capsys, film, "--golden", goldens, code=3)
    assert not goldens.exists()
    (project,) = found["projects"]
    assert project["status"] == "different"
    assert [each["status"] for each in project["frames"]] == ["missing"] * 3
    assert project["differences"][0] == (f"no goldens of this project are stored in {goldens}; --update stores them")
    assert check(film, "--golden", goldens) == 3
    assert "frame 4, at 0.4 s (middle of a): no golden is stored for it" in capsys.readouterr().out


def test_what_was_just_stored_passes_and_stays(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = checked(capsys, film, "--golden", goldens, "--update")
    assert [each["status"] for each in stored["projects"][0]["frames"]] == ["stored"] * 3
    before = tree(goldens)
    for system in ("v1", "v2"):
        found = checked(capsys, film, "--golden", goldens, "--system", system)
        assert found["passed"]
        assert found["projects"][0]["system"] == system
        assert [(each["frame"], each["status"]) for each in found["projects"][0]["frames"]] == [
            (0, "same"),
            (4, "same"),
            (9, "same"),
        ]
    assert tree(goldens) == before
    assert check(film, "--golden", goldens, "--update") == 0
    assert {name: content for name, (_, content) in tree(goldens).items()} == {
        name: content for name, (_, content) in before.items()
    }


def test_a_golden_picture_is_what_was_rendered(film: Path, goldens: Path) -> None:
    assert check(film, "--golden", goldens, "--update", "-q") == 0
    folder = GoldenStore(goldens, film).folder
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["film"] == {
        "width": 32,
        "height": 24,
        "fps": "10",
        "frames": 10,
        "sample_rate": None,
        "channels": None,
        "samples": None,
    }
    for stored in manifest["frames"]:
        pixels = np.asarray(Image.open(folder / stored["file"]))
        assert pixels.shape == (24, 32, 3)
        assert np.array_equal(np.unique(pixels.reshape(-1, 3), axis=0), [[255, 0, 0]])
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *(each["file"] for each in manifest["frames"])}


def test_an_update_removes_what_is_no_longer_used_and_nothing_else(film: Path, goldens: Path) -> None:
    assert check(film, "--golden", goldens, "--update", "--frames", "every:1", "-q") == 0
    folder = GoldenStore(goldens, film).folder
    assert len(list(folder.glob("*.png"))) == 10
    (folder / "README.md").write_text("mine", encoding="utf-8")
    killed = folder / ".update.0123456789ab.reelmill-part"
    killed.mkdir()
    (killed / "000001-0123456789abcdef.png").write_text("left by a killed run", encoding="utf-8")
    assert check(film, "--golden", goldens, "--update", "--frames", "0.5", "-q") == 0
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".md", ".png"]


def test_a_changed_picture_is_found_and_told(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    write(film, {"id": "a", "solid": "#fe0000", "duration": 1})
    found = checked(capsys, film, "--golden", goldens, code=3)
    (project,) = found["projects"]
    assert project["notes"] == ["the project file has changed since the goldens were stored"]
    for frame in project["frames"]:
        assert (frame["status"], frame["largest"], frame["pixels"], frame["pixels_share"]) == ("different", 1, 768, 1)
        assert Path(frame["golden"]).is_file()
    assert (
        checked(capsys, film, "--golden", goldens, "--tolerance", "1")["projects"][0]["frames"][0]["status"] == "close"
    )
    assert check(film, "--golden", goldens) == 3
    out = capsys.readouterr().out
    assert "frame 4, at 0.4 s (middle of a): 768 pixels (100 %) differ by up to 1; in the worst tile SSIM 1.000" in out


def test_the_projects_own_settings(tmp_path: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write(tmp_path / "film.json", checks={"frames": ["3f", 0.75], "tolerance": "1"})
    assert check(film, "--golden", goldens, "--update") == 0
    write(film, {"id": "a", "solid": "#fe0000", "duration": 1}, checks={"frames": ["3f", 0.75], "tolerance": "1"})
    (project,) = checked(capsys, film, "--golden", goldens)["projects"]
    assert [(each["frame"], each["status"]) for each in project["frames"]] == [(3, "close"), (7, "close")]
    assert project["tolerance"] == "1"
    assert checked(capsys, film, "--golden", goldens, "--tolerance", "exact", code=3)


def test_frames_that_were_stored_with_are_looked_at_again(
    film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def frames(*arguments: str, code: int = 0) -> list[tuple[int, str]]:
        found = checked(capsys, film, "--golden", goldens, *arguments, code=code)["projects"][0]["frames"]
        return [(each["frame"], each["status"]) for each in found]

    assert check(film, "--golden", goldens, "--update", "--frames", "every:5") == 0
    assert frames() == [(0, "same"), (5, "same"), (9, "same")]
    assert frames("--frames", "0.5") == [(5, "same")]  # those named, and no others
    assert frames("--frames", "5f,6f", code=3) == [(5, "same"), (6, "missing")]


def test_a_shorter_film(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    write(film, {"id": "a", "solid": "red", "duration": 0.9})
    (project,) = checked(capsys, film, "--golden", goldens, code=3)["projects"]
    assert project["differences"] == [
        "the film is 9 frames long, where 10 are stored",
        "frame 8: no golden is stored for it",
        "frame 9: the film has no such frame: it has 9",
    ]
    # A moment that was stored, and that the film has no more, is a difference; one that never was is a mistake.
    assert (
        checked(capsys, film, "--golden", goldens, "--frames", "9f", code=3)["projects"][0]["frames"][0]["status"]
        == "gone"
    )
    error = checked(capsys, film, "--golden", goldens, "--frames", "20f", code=2)["projects"][0]["error"]
    assert error["message"] == "there is no frame at 20f: the film lasts 0.9 s"


def test_another_size(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    write(film, canvas={"width": 30, "height": 24, "fps": 10})
    page = tmp_path / "page.html"
    (project,) = checked(capsys, film, "--golden", goldens, "--html", page, code=3)["projects"]
    assert project["differences"][0] == "the film is 30 pixels wide, where 32 are stored"
    assert project["frames"][0]["message"] == "it is 30×24, where 32×24 is stored"
    assert page.is_file()


def test_projects_of_one_name_don_t_collide(tmp_path: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = [
        write(tmp_path / colour / "project.json", {"id": "a", "solid": colour, "duration": 0.1})
        for colour in ("red", "blue", "Ünïcode ✓")
        if colour != "Ünïcode ✓"
    ]
    films.append(write(tmp_path / "Ünïcode ✓" / "project.json"))
    assert check(*films, "--golden", goldens, "--update") == 0
    assert len(list(goldens.iterdir())) == 3
    assert check(*films, "--golden", goldens) == 0
    # From elsewhere, and by other names of the same place.
    before = Path.cwd()
    os.chdir(films[0].parent)
    try:
        assert check("project.json", "../blue/../blue/project.json", "--golden", "../goldens") == 0
    finally:
        os.chdir(before)
    moved = write(tmp_path / "other" / "project.json")
    (project,) = checked(capsys, moved, "--golden", goldens, code=3)["projects"]
    assert "goldens are there of ../blue/project.json, " in project["differences"][0].replace(
        "../Ünïcode ✓/project.json, ", ""
    )


def test_projects_may_be_a_pattern(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = film.parent / f"*{film.suffix}"
    assert check(pattern, "--golden", goldens, "--update") == 0
    assert check(pattern, "--golden", goldens) == 0
    assert check(film.parent / "nothing*.json", "--golden", goldens) == 2
    assert "no file matches" in capsys.readouterr().err


def test_a_project_given_twice_is_refused(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, film.parent / "." / film.name, "--golden", goldens) == 2
    assert "is given twice" in capsys.readouterr().err


def test_an_error_does_not_hide_the_others(
    tmp_path: Path, film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = write(tmp_path / "broken.json", {"id": "a", "media": "none", "duration": 1})
    missing = tmp_path / "no such.json"
    changed = write(tmp_path / "changed.json")
    assert check(film, changed, "--golden", goldens, "--update") == 0
    write(changed, {"id": "a", "solid": "blue", "duration": 1})
    found = checked(capsys, broken, missing, changed, film, "--golden", goldens, code=2)
    assert [project["status"] for project in found["projects"]] == ["error", "error", "different", "passed"]
    assert found["projects"][0]["error"]["problems"][0]["path"] == "$.tracks[0].clips[0].media"
    assert check(changed, film, "--golden", goldens) == 3
    assert check(broken, missing, changed, film, "--golden", goldens) == 2
    out = capsys.readouterr().out
    assert "the project file does not exist" in out
    assert '$.tracks[0].clips[0].media: "none" is not one of the media' in out


def test_a_bug_does_not_hide_the_others_either(
    tmp_path: Path, film: Path, goldens: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write(tmp_path / "other.json")
    assert check(film, other, "--golden", goldens, "--update") == 0

    def broken(opened: Any, frames: Any, *rest: Any) -> Any:
        if opened.timeline.name == "broken":
            raise ZeroDivisionError("by zero")
        return render_frames(opened, frames, *rest)

    monkeypatch.setattr("reelmill.export.checks.check_project.render_frames", broken)
    write(film, name="broken")
    assert check(film, other, "--golden", goldens, "-v") == 1
    told = capsys.readouterr()
    assert "internal error: ZeroDivisionError: by zero; this is a bug in reelmill" in told.out
    assert "in broken" in told.err  # the traceback
    found = checked(capsys, film, other, "--golden", goldens, code=1)
    assert [project["status"] for project in found["projects"]] == ["error", "passed"]


def test_nothing_is_stored_of_a_project_that_fails(tmp_path: Path, goldens: Path) -> None:
    film = write(tmp_path / "film.json")
    assert check(film, "--golden", goldens, "--update", "--frames", "50f") == 2
    assert not goldens.exists()


def test_damaged_goldens_are_an_error(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    folder = GoldenStore(goldens, film).folder
    picture = next(folder.glob("000004-*.png"))
    content = picture.read_bytes()
    picture.unlink()
    (project,) = checked(capsys, film, "--golden", goldens, code=3)["projects"]
    assert [each["status"] for each in project["frames"]] == ["same", "missing", "same"]
    picture.write_bytes(content[:50])
    (project,) = checked(capsys, film, "--golden", goldens, code=2)["projects"]
    assert "is no picture" in project["error"]["message"]
    manifest = folder / "manifest.json"
    for text in (
        "",
        "{",
        "[]",
        '{"format": 99}',
        '{"format": 1}',
        manifest.read_text().replace("000004-", "../000004-"),
    ):
        manifest.write_text(text, encoding="utf-8")
        (project,) = checked(capsys, film, "--golden", goldens, code=2)["projects"]
        assert "manifest.json is no manifest of goldens" in project["error"]["message"]
        assert "store the goldens anew" in project["error"]["suggestion"]


def test_variables_are_told(tmp_path: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write(tmp_path / "film.json", {"solid": "${tint}", "duration": 0.1}, variables={"tint": "red"})
    assert check(film, "--golden", goldens, "--update", "--set", "tint=blue") == 0
    assert check(film, "--golden", goldens, "--set", "tint=blue") == 0
    (project,) = checked(capsys, film, "--golden", goldens, code=3)["projects"]
    assert project["notes"] == ["the goldens were stored with other variables: tint=blue"]


def test_trusted_frames_are_not_rendered(
    film: Path, goldens: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    rendered: list[list[int]] = []

    def watched(opened: Any, frames: Any, *rest: Any) -> Any:
        rendered.append(list(frames))
        return render_frames(opened, frames, *rest)

    monkeypatch.setattr("reelmill.export.checks.check_project.render_frames", watched)
    (project,) = checked(capsys, film, "--golden", goldens, "--trust-keys")["projects"]
    assert rendered == []
    assert [each["status"] for each in project["frames"]] == ["trusted"] * 3
    # Another text in the project file, and the same pictures.
    write(film, {"id": "b", "solid": "#ff0000", "duration": 1}, name="another")
    assert checked(capsys, film, "--golden", goldens, "--trust-keys")["passed"]
    assert rendered == []
    write(film, {"id": "a", "solid": "red", "duration": 0.6}, {"solid": "blue", "duration": 0.4})
    (project,) = checked(capsys, film, "--golden", goldens, "--trust-keys", code=3)["projects"]
    assert rendered == [[9]]
    monkeypatch.setattr("reelmill.export.checks.check_project.renderer_name", lambda _: "another renderer")
    checked(capsys, film, "--golden", goldens, "--trust-keys", code=3)
    assert rendered[1] == [0, 4, 9]
    assert check(film, "--golden", goldens, "--trust-keys", "--encoded") == 2
    assert check(film, "--golden", goldens, "--trust-keys", "--update") == 2


def test_goldens_of_another_renderer(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    path = GoldenStore(goldens, film).folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "renderer": "Voodoo 2"}), encoding="utf-8")
    write(film, {"id": "a", "solid": "#fe0000", "duration": 1})
    (project,) = checked(capsys, film, "--golden", goldens)["projects"]
    assert project["tolerance"] == "renderer"
    assert "another renderer: Voodoo 2; this is" in project["notes"][0]
    write(film, {"id": "a", "solid": "#fc0000", "duration": 1})
    assert check(film, "--golden", goldens) == 3


def test_what_comes_out_of_the_encoder(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--update") == 0
    (project,) = checked(capsys, film, "--golden", goldens, "--encoded")["projects"]
    assert (project["tolerance"], len(project["frames"])) == ("encoder", 3)
    assert check(film, "--golden", goldens, "--update", "--encoded") == 0
    (project,) = checked(capsys, film, "--golden", goldens, "--encoded", "--tolerance", "exact")["projects"]
    assert {each["status"] for each in project["frames"]} == {"same"}
    (project,) = checked(capsys, film, "--golden", goldens, code=2)["projects"]
    assert project["error"]["message"] == "the goldens of this project were stored with --encoded"


def test_github_annotations(
    tmp_path: Path, goldens: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write(tmp_path / "50%, a:b" / "film.json")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert check(film, "--golden", goldens, "--frames", "every:1", "--json") == 3
    told = capsys.readouterr()
    json.loads(told.out)  # nothing else on stdout
    (line,) = [line for line in told.err.splitlines() if line.startswith("::")]
    assert line.startswith("::error file=50%25%2C a%3Ab/film.json,title=reelmill check%3A the render differs::")
    message = line.partition("differs::")[2]
    assert message.count("%0A") == 5
    assert message.endswith("6 more")
    assert check(film, "--golden", goldens, "--update") == 0
    assert check(film, "--golden", goldens) == 0
    assert "::" not in capsys.readouterr().err


def test_reports_that_can_t_be_written_are_refused_at_once(
    film: Path, goldens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--junit", "--html"):
        for path in (film, tmp_path, tmp_path / "film.json" / "below"):
            assert check(film, "--golden", goldens, "--update", option, path) == 2
            assert str(path) in capsys.readouterr().err
    assert not goldens.exists()


def test_mistakes_on_the_command_line(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--tolerance", "exakt") == 2
    assert 'did you mean "exact"?' in capsys.readouterr().err
    assert check(film, "--golden", goldens, "--frames", "now") == 2
    assert '"every:30"' in capsys.readouterr().err
    assert check(film) == 2
    assert check("--golden", goldens) == 2
    assert check(film, "--golden", film) == 2
    assert "goldens are kept in a folder" in capsys.readouterr().err


def test_an_interrupted_update_stores_nothing(
    film: Path, goldens: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reelmill.export.checks.check_project.listen", interrupted)
    assert check(film, "--golden", goldens, "--update") == 130
    assert not goldens.exists()


def test_the_page_names_every_key_of_the_json(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "check.md").read_text(encoding="utf-8")
    found = checked(capsys, film, "--golden", goldens, code=3)
    (project,) = found["projects"]
    sound = SoundResult("same", SoundFigures(True, 0, 0, 0, 0, None)).as_dict()
    for keys in (found, project, project["frames"][0], sound):
        assert [key for key in keys if f"`{key}`" not in page] == []


def test_quiet_says_what_is_wrong_alone(film: Path, goldens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film, "--golden", goldens, "--update", "-q") == 0
    assert check(film, "--golden", goldens, "-q") == 0
    told = capsys.readouterr()
    assert told.out + told.err == ""
    write(film, {"id": "a", "solid": "blue", "duration": 1})
    assert check(film, "--golden", goldens, "-q") == 3
    assert "different" in capsys.readouterr().out
