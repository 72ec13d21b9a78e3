"""Everything that can be wrong with a project, its media, its target or the machine: exit code, message, no output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelmill.cli.main import main
from tests.support.films import ffmpeg

Change = Callable[[dict[str, Any], Path], None]


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 64×64 at 25 frames a second."""
    path = tmp_path_factory.mktemp("movie") / "movie.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1", "-pix_fmt", "yuv420p", "-g", "5", path)
    return path


def good_project() -> dict[str, Any]:
    return {
        "version": 1,
        "canvas": {"width": 64, "height": 64, "fps": 25},
        "media": {"movie": {"path": "movie.mp4"}},
        "tracks": [{"id": "v", "clips": [{"id": "one", "media": "movie"}]}],
        "export": {"video": {"preset": "ultrafast"}},
    }


def run_export(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """The command in this process: exit code and what it said to stderr."""
    code = main(["export", *map(str, arguments)])
    return code, capsys.readouterr().err


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def clip(project: dict[str, Any], **more: Any) -> None:
    project["tracks"][0]["clips"][0].update(more)


def clips(project: dict[str, Any], *several: dict[str, Any]) -> None:
    project["tracks"][0]["clips"] = list(several)


def missing_file(project: dict[str, Any], folder: Path) -> None:
    (folder / "movie.mp4").unlink()


def directory_as_file(project: dict[str, Any], folder: Path) -> None:
    missing_file(project, folder)
    (folder / "movie.mp4").mkdir()


def zero_bytes(project: dict[str, Any], folder: Path) -> None:
    (folder / "movie.mp4").write_bytes(b"")


def truncated(project: dict[str, Any], folder: Path) -> None:
    whole = (folder / "movie.mp4").read_bytes()
    (folder / "movie.mp4").write_bytes(whole[: len(whole) // 2])


def text_file(project: dict[str, Any], folder: Path) -> None:
    (folder / "movie.mp4").write_text("This is no film.\n" * 50)


def no_picture(project: dict[str, Any], folder: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", folder / "movie.m4a")
    project["media"]["movie"]["path"] = "movie.m4a"


def cycle(project: dict[str, Any], folder: Path) -> None:
    def nested(name: str) -> dict[str, Any]:
        return {"duration": 1, "tracks": [{"clips": [{"composition": name, "duration": 1}]}]}

    project["compositions"] = {"here": nested("there"), "there": nested("here")}
    clips(project, {"id": "one", "composition": "here"})


def playlist(project: dict[str, Any], folder: Path) -> None:
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nmovie.mp4\n#EXT-X-ENDLIST\n")
    project["media"]["movie"]["path"] = "list.m3u8"


CASES: list[tuple[str, Change, list[str], list[str]]] = [
    ("missing file", missing_file, [], ["movie.mp4", "$.media.movie"]),
    ("directory as file", directory_as_file, [], ["movie.mp4", "folder"]),
    ("zero bytes", zero_bytes, [], ["movie.mp4", "empty"]),
    ("truncated mp4", truncated, [], ["movie.mp4"]),
    ("text file named .mp4", text_file, [], ["movie.mp4"]),
    ("no video stream", no_picture, [], ["movie", "no picture", "audio"]),
    ("unknown key", lambda p, f: clip(p, meda="x"), [], ['"meda"', '"media"']),
    ("unknown media", lambda p, f: clip(p, media="movi"), [], ['"movi"', '"movie"']),
    ("cycle of compositions", cycle, [], ["here → there → here"]),
    ("negative start", lambda p, f: clip(p, start=-1), [], ["$.tracks[0].clips[0].start"]),
    ("not a time", lambda p, f: clip(p, start="soon"), [], ["$.tracks[0].clips[0].start", "soon"]),
    ("negative duration", lambda p, f: clip(p, duration=-2), [], ["$.tracks[0].clips[0].duration"]),
    ("past the end", lambda p, f: clip(p, duration=3), [], ["one", "3 s", "1 s", "after_end"]),
    ("before the beginning", lambda p, f: clip(p, **{"in": 0.5, "speed": -1, "duration": 1}), [], ["one", "begin"]),
    (
        "three overlapping clips",
        lambda p, f: clips(p, *({"id": n, "solid": "red", "start": s, "duration": 3} for s, n in enumerate("abc"))),
        [],
        ['"a"', '"b"', '"c"'],
    ),
    ("transition without an overlap", lambda p, f: clip(p, transition={"type": "wipe"}), [], ["transition", "overlap"]),
    ("unknown codec", lambda p, f: None, ["--video-codec", "h246"], ["h246", "h264"]),
    ("codec that does not fit", lambda p, f: None, ["--video-codec", "vp8"], ["vp8"]),
    ("codec that does not fit mp4", lambda p, f: None, ["--audio-codec", "pcm", "--video-codec", "ffv1"], ["ffv1"]),
    ("odd size", lambda p, f: p["canvas"].update(width=63), [], ["63", "even"]),
    (
        "missing glyph",
        lambda p, f: clips(p, {"id": "t", "text": {"content": "a字", "size": 20}, "duration": 1}),
        [],
        ["字", "U+5B57", "font"],
    ),
    (
        "shadow beyond the largest picture",
        lambda p, f: clips(p, {"text": {"content": "a", "size": 20, "shadow": {"offset": [16384, 0]}}, "duration": 1}),
        [],
        ["$.tracks[0].clips[0].text", "16384×16384"],
    ),
    (
        "stroke beyond the largest picture",
        lambda p, f: clips(
            p,
            {
                "shape": {"type": "rectangle", "size": [16384, 9], "stroke": {"width": 4, "color": "red"}},
                "duration": 1,
            },
        ),
        [],
        ["$.tracks[0].clips[0].shape", "16384×16384"],
    ),
    (
        "network address",
        lambda p, f: p["media"]["movie"].update(path="http://x.invalid/a.mp4"),
        [],
        ["--allow-network"],
    ),
    ("playlist", playlist, [], ["list.m3u8"]),
]


@pytest.mark.parametrize(("change", "options", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_refused_before_a_frame_is_rendered(
    tmp_path: Path,
    movie: Path,
    capsys: pytest.CaptureFixture[str],
    change: Change,
    options: list[str],
    words: list[str],
) -> None:
    (tmp_path / "movie.mp4").write_bytes(movie.read_bytes())
    project = good_project()
    change(project, tmp_path)
    (tmp_path / "project.json").write_text(json.dumps(project))
    before = files(tmp_path)
    code, said = run_export(capsys, tmp_path / "project.json", tmp_path / "out.mp4", *options)
    assert code == 2
    for word in words:
        assert word in said
    assert said.rstrip().splitlines()[-1].strip().startswith("hint: ")
    assert "Traceback" not in said
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"version": 1, "version": 1}', ["line 1", '"version"', "first in line 1"]),
        ('{"version": NaN}', ["NaN", "line 1"]),
        ('{"version": 1,\n "tracks": [}', ["line 2", "column 13"]),
        ("", ["empty"]),
        ("[]", ["object"]),
    ],
)
def test_text_that_is_no_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: list[str]
) -> None:
    (tmp_path / "project.json").write_text(text)
    code, said = run_export(capsys, tmp_path / "project.json", tmp_path / "out.mp4")
    assert code == 2
    for word in words:
        assert word in said
    assert files(tmp_path) == {"project.json"}


@pytest.fixture
def ready(tmp_path: Path, movie: Path) -> Path:
    """A folder with a project that works."""
    (tmp_path / "movie.mp4").write_bytes(movie.read_bytes())
    (tmp_path / "project.json").write_text(json.dumps(good_project()))
    return tmp_path


def test_the_project_that_all_others_change_does_work(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_export(capsys, ready / "project.json", ready / "new/folder/out.mp4")[0] == 0
    assert (ready / "new/folder/out.mp4").stat().st_size > 500


def test_a_target_that_exists_is_kept(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ready / "out.mp4").write_text("precious")
    code, said = run_export(capsys, ready / "project.json", ready / "out.mp4")
    assert code == 2
    assert "--force" in said
    assert (ready / "out.mp4").read_text() == "precious"
    assert run_export(capsys, ready / "project.json", ready / "out.mp4", "--force")[0] == 0
    assert (ready / "out.mp4").stat().st_size > 500


def test_a_target_in_a_file_can_not_be_written(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ready / "file").write_text("")
    code, said = run_export(capsys, ready / "project.json", ready / "file/out.mp4")
    assert code == 2
    assert "out.mp4" in said


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root may write to")
def test_a_folder_without_permission_can_not_be_written(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run_export(capsys, ready / "project.json", "/proc/out.mp4")
    assert code == 2
    assert "/proc/out.mp4" in said
    assert "may write" in said


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
from reelmill.cli.main import main
sys.exit(main(["export", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a file-size limit stands in for a full disk")
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.wav"])
def test_no_space_left(ready: Path, name: str) -> None:
    project = good_project()
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=3", ready / "noise.wav")
    project["media"]["noise"] = {"path": "noise.wav"}
    clip(project, after_end="loop", duration=3)
    project["tracks"].append({"kind": "audio", "clips": [{"media": "noise"}]})
    (ready / "project.json").write_text(json.dumps(project))
    before = files(ready)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(ready / "project.json"), str(ready / name)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 1, done.stderr
    assert name in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert files(ready) == before


NO_OPENGL = """
import sys
import moderngl
def fail(*_, **__):
    raise Exception("libEGL.so: cannot open shared object file")
moderngl.create_context = fail
from reelmill.cli.main import main
sys.exit(main(["export", *sys.argv[1:]]))
"""


def test_without_opengl_the_package_is_named(ready: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_OPENGL, str(ready / "project.json"), str(ready / "out.mp4")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "OpenGL" in done.stderr
    assert "libegl1" in done.stderr
    assert not (ready / "out.mp4").exists()


def test_damage_in_the_range_that_is_needed_names_clip_file_and_time(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes in the middle of the pictures are overwritten; the index stays whole."""
    data = bytearray((ready / "movie.mp4").read_bytes())
    start = data.index(b"mdat")
    for position in range(start + len(data[start:]) // 3, start + len(data[start:]) // 2):
        data[position] = 0xFF
    (ready / "movie.mp4").write_bytes(data)
    code, said = run_export(capsys, ready / "project.json", ready / "out.mp4", "--report", ready / "report.json")
    assert code == 1
    assert "movie.mp4" in said
    assert "one" in said
    report = json.loads((ready / "report.json").read_text())
    assert report["status"] == "error"
    assert report["error"]["clip"] == "one"
    assert report["error"]["file"].endswith("movie.mp4")
    assert 0 < report["error"]["source_time"] < 1
    assert report["error"]["output_frame"] == round(report["error"]["timeline_time"] * 25)
    assert not (ready / "out.mp4").exists()

    project = good_project()
    project["media"]["movie"]["on_error"] = "conceal"
    (ready / "project.json").write_text(json.dumps(project))
    code, said = run_export(capsys, ready / "project.json", ready / "out.mp4")
    assert code == 0
    assert "concealed" in said


@pytest.mark.parametrize("name", ["project.json", "out.mp4", "movie.mp4/report.json"])
def test_a_report_replaces_neither_project_nor_film(ready: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    before = (ready / "project.json").read_text()
    code, said = run_export(capsys, ready / "project.json", ready / "out.mp4", "--report", ready / name)
    assert code == 2
    assert "report" in said
    assert (ready / "project.json").read_text() == before
    assert not (ready / "out.mp4").exists()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("out.mp4", ["--range", "00:00:00:30.."], ["--range", "00:00:00:30", "25"]),
        ("out.wav", ["--crf", "20"], ["out.wav", "sound alone"]),
        ("out.mp4", ["--audio-codec", "nonsense"], ["nonsense", "aac"]),
    ],
)
def test_flags_that_can_not_be_meant(
    ready: Path, capsys: pytest.CaptureFixture[str], name: str, options: list[str], words: list[str]
) -> None:
    code, said = run_export(capsys, ready / "project.json", ready / name, *options)
    assert code == 2
    for word in words:
        assert word in said
    assert "bug" not in said


def test_a_time_that_the_rate_lacks_is_no_bug(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frame", str(ready / "project.json"), str(ready / "x.png"), "--at", "00:00:00:30"]) == 2
    assert "00:00:00:30" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"canvas": {"width": 63, "height": 64, "fps": 25}},
        {"audio": {"channels": 3}},
        {"export": {"video": {"codec": "nope"}}},
        {"export": {"video": {"preset": "zoom"}}},
    ],
)
def test_validate_finds_what_no_export_could_do(
    ready: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    (ready / "project.json").write_text(json.dumps({**good_project(), **change}))
    assert main(["validate", str(ready / "project.json")]) == 2
    assert "$.export" in capsys.readouterr().err
