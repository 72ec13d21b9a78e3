"""`init`, `validate`, `frame`, `probe`, `schema`, `doctor`: what they print, write and return."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from reelmill.cli.main import main
from reelmill.compositor.opengl.context import GLContext
from reelmill.export.telling.machine import MachineItem, MachineReport
from reelmill.planner.errors import SetupError
from tests.support.films import ffmpeg

Printed = pytest.CaptureFixture[str]


def test_init_writes_a_valid_project_and_says_what_to_do_next(tmp_path: Path, capsys: Printed) -> None:
    folder = tmp_path / "a film"
    assert main(["init", str(folder)]) == 0
    project = folder / "project.json"
    out, err = capsys.readouterr()
    assert out == ""
    assert f"  reelmill export '{project}' '{folder / 'film.mp4'}'" in err.splitlines()
    assert main(["validate", str(project)]) == 0
    assert capsys.readouterr().err.startswith(f"valid: {project}: 1280×720 at 30 frames/s, 180 frames, 6 s, ")


def test_init_keeps_what_exists(tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("project.json").write_text("mine")
    assert main(["init"]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert Path("project.json").read_text() == "mine"
    assert main(["init", "--force"]) == 0
    assert main(["validate", "project.json"]) == 0


def test_init_where_the_folder_is_a_file(tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 2
    assert main(["init", str(tmp_path / "file" / "deeper")]) == 2
    assert capsys.readouterr().err.count("hint: ") == 2


def test_validate_as_json(tmp_path: Path, capsys: Printed) -> None:
    main(["init", str(tmp_path)])
    path = tmp_path / "project.json"
    capsys.readouterr()
    assert main(["validate", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is True
    assert (found["frames"], found["fps"], found["width"], found["height"]) == (180, "30", 1280, 720)
    project = json.loads(path.read_text(encoding="utf-8"))
    del project["variables"]["title"]
    path.write_text(json.dumps(project | {"colour": 1}), encoding="utf-8")
    assert main(["validate", str(path), "--json"]) == 2
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["valid"] is False
    assert any("colour" in problem["message"] for problem in found["problems"])
    assert len(found["problems"]) == 2
    assert err.startswith("error: 2 problems")
    assert main(["validate", str(path), "--set", "title=x", "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1


def test_frame_prints_warnings(tmp_path: Path, capsys: Printed) -> None:
    clips = [{"solid": "red", "duration": 1}, {"id": "late", "solid": "blue", "start": 5, "duration": 1}]
    canvas = {"width": 64, "height": 36, "fps": 10, "duration": 1}
    path = tmp_path / "project.json"
    path.write_text(json.dumps({"version": 1, "canvas": canvas, "tracks": [{"clips": clips}]}), encoding="utf-8")
    assert main(["frame", str(path), str(tmp_path / "still.png"), "--at", "0"]) == 0
    assert 'clip "late" is never seen' in capsys.readouterr().err


def test_frame_writes_the_picture_of_a_time(tmp_path: Path, capsys: Printed) -> None:
    project = {
        "version": 1,
        "canvas": {"width": 64, "height": 36, "fps": 10},
        "tracks": [
            {
                "id": "v",
                "clips": [
                    {"id": "red", "solid": "#ff0000", "start": 0, "duration": 1},
                    {"id": "blue", "solid": "#0000ff", "duration": 1},
                ],
            }
        ],
    }
    path = tmp_path / "project.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    picture = tmp_path / "still.png"
    for at, colour in (("0.99", (255, 0, 0)), ("10f", (0, 0, 255)), ("00:00:01:09", (0, 0, 255))):
        assert main(["frame", str(path), str(picture), "--at", at, "--force", "--size", "32x18"]) == 0
        with Image.open(picture) as image:
            assert image.size == (32, 18)
            assert image.convert("RGB").getpixel((16, 9)) == colour
    capsys.readouterr()
    assert main(["frame", str(path), str(picture), "--at", "0"]) == 2
    assert main(["frame", str(path), str(tmp_path / "b.png"), "--at", "2"]) == 2
    assert "hint: " in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "film.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=30000/1001:duration=2"),
        *("-f", "lavfi", "-i", "sine=sample_rate=44100:duration=2"),
        *("-c:v", "libx264", "-g", "15", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", path),
    )
    return path


def test_probe_agrees_with_ffprobe(film: Path, capsys: Printed) -> None:
    assert main(["probe", "--json", str(film)]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(film)]
    video, audio = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    assert facts["kind"] == "video"
    told = facts["video"]
    assert (told["codec"], told["width"], told["height"]) == (video["codec_name"], video["width"], video["height"])
    assert told["pix_fmt"] == video["pix_fmt"]
    assert told["frames"] == int(video["nb_read_frames"])
    assert told["frame_rate"] == video["avg_frame_rate"]
    assert told["variable_frame_rate"] is False
    assert facts["duration_seconds"] == pytest.approx(float(video["duration"]), abs=1e-5)
    told = facts["audio"]
    assert (told["codec"], told["sample_rate"], told["channels"]) == ("aac", 44100, audio["channels"])


def test_probe_prints_a_table(film: Path, capsys: Printed) -> None:
    assert main(["probe", str(film)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == str(film)
    assert "video      h264, 160×90" in lines
    assert any(line.startswith("frames     29.97 frames/s, 60 frames, 4 keyframes") for line in lines)
    assert any(line.startswith("audio      aac, 44100 Hz, mono") for line in lines)


def test_probe_tells_of_all_files_also_where_one_fails(film: Path, tmp_path: Path, capsys: Printed) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert main(["probe", str(empty), str(film), "--json"]) == 2
    out, err = capsys.readouterr()
    first, second = json.loads(out)
    assert first["path"] == str(empty)
    assert first["error"]["message"]
    assert second["video"]["codec"] == "h264"
    assert err.startswith("error: ")
    assert err.splitlines()[-1].startswith("hint: ")


def test_schema_is_json_on_stdout(capsys: Printed) -> None:
    assert main(["schema"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out)["$schema"].startswith("https://json-schema.org/")


def test_version(capsys: Printed) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("reelmill ")


def test_doctor_on_a_machine_that_can_export(capsys: Printed) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    with GLContext.create("auto") as context:
        assert context.name in out
    assert out.splitlines()[-1] == "ready to export"
    for section in ("hardware decoders", "hardware encoders"):
        assert len([line for line in out.partition(section)[2].splitlines()[1:3] if line.startswith("  none")]) <= 1
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = {(item["section"], item["name"]): item["found"] for item in told["items"]}
    assert told["ready"] is True
    for key in (("OpenGL", "renderer"), ("video encoders", "h264"), ("decoders", "aac"), ("text", "layout")):
        assert found[key]


def test_doctor_without_opengl_says_what_installs_it(capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(renderer: str) -> GLContext:
        raise SetupError("no OpenGL", component="Compositor", suggestion="apt-get install libegl1")

    monkeypatch.setattr(GLContext, "create", create)
    assert main(["doctor"]) == 2
    lines = capsys.readouterr().out.splitlines()
    row = next(index for index, line in enumerate(lines) if line.startswith("  missing  renderer"))
    assert lines[row + 1].strip() == "hint: apt-get install libegl1"
    assert lines[-1] == "not ready: renderer missing"


def test_only_what_is_essential_makes_a_machine_unfit() -> None:
    nice = MachineItem("hardware decoders", "cuda", found=False, essential=False, detail="")
    need = MachineItem("text", "layout", found=False, essential=True, detail="")
    assert MachineReport((nice,)).ready
    assert not MachineReport((nice, need)).ready
