"""What goes wrong with one of several outputs: nothing half done is left, no thread, and the error names the output."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import reelmill.export.outputs.output_channel
from reelmill.cli.main import main
from reelmill.export.films.film_sink import FilmSink
from reelmill.export.opening.job import ExportOptions, SilentListener
from reelmill.export.outputs.output_file import OutputFile
from reelmill.export.rendering.session import export_film
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import Output

FRAMES = 50
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"path": "film.mp4", "video": {"preset": "ultrafast"}},
    {"path": "small.mkv", "size": [32, 24], "video": {"codec": "ffv1"}},
    {"path": "a.gif", "size": [32, 24]},
    {"path": "frames/%03d.png"},
    {"path": "p.jpg"},
    {"path": "sound.wav"},
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two seconds of a moving colour with a tone, to six outputs."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=2:sample_rate=48000", tmp_path / "tone.wav"], check=True
    )
    position = {"keyframes": [{"time": 0, "value": [0, 24]}, {"time": 2, "value": [64, 24]}]}
    clip = {"solid": "#804020", "start": 0, "duration": 2, "transform": {"position": position}}
    path = tmp_path / "project.json"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "canvas": {"width": 64, "height": 48, "fps": 25},
                "media": {"tone": {"path": "tone.wav"}},
                "tracks": [{"clips": [clip]}, {"kind": "audio", "clips": [{"media": "tone"}]}],
                "outputs": OUTPUTS,
            }
        )
    )
    return path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith(("encode", "mix", "pictures"))]


class _Breaking:
    """Replaces the sink of one output by one whose write fails at a picture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, at: int, error: BaseException) -> None:
        real = reelmill.export.outputs.output_channel.OutputChannel._write

        def write(channel: Any, frame: Any, place: int) -> None:
            if channel.planned.path.name == name and place == at:
                raise error
            real(channel, frame, place)

        monkeypatch.setattr(reelmill.export.outputs.output_channel.OutputChannel, "_write", write)


@pytest.mark.parametrize("name", ["film.mp4", "small.mkv", "a.gif", "%03d.png"])
@pytest.mark.parametrize(
    "error",
    [RenderError("the encoder broke", component="Encoder"), OSError(errno.ENOSPC, "no space"), SystemExit(1)],
    ids=["encoder", "disk", "thread dies"],
)
def test_a_failure_at_frame_20_of_one_output_removes_all(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    before = files(project.parent)
    _Breaking(monkeypatch, name, 20, error)
    with pytest.raises(RenderError) as failed:
        export_film(project, (), ExportOptions())
    assert name in f"{failed.value.file} {failed.value.message}" or isinstance(error, RenderError)
    assert files(project.parent) == before
    assert threads() == []


@pytest.mark.parametrize("last", ["film.mp4", "sound.wav"])
def test_a_failure_at_the_very_end_removes_all(project: Path, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    before = files(project.parent)
    real = FilmSink.finish

    def finish(sink: FilmSink) -> None:
        if sink._target.name == last:
            time.sleep(0.3)  # the others are complete by then
            raise OSError(errno.ENOSPC, "no space")
        real(sink)

    monkeypatch.setattr(FilmSink, "finish", finish)
    with pytest.raises(RenderError, match=last):
        export_film(project, (), ExportOptions())
    assert files(project.parent) == before
    assert threads() == []


def test_damage_of_the_timeline_ends_all_outputs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(project.parent)

    def checkpoint(self: SilentListener) -> None:
        calls.append(1)
        if len(calls) > 100:
            raise KeyboardInterrupt

    calls: list[int] = []
    monkeypatch.setattr(SilentListener, "checkpoint", checkpoint)
    with pytest.raises(KeyboardInterrupt):
        export_film(project, (), ExportOptions())
    assert files(project.parent) == before
    assert threads() == []


def test_sound_that_can_not_be_read_fails_all_outputs_once(project: Path) -> None:
    """The file is damaged in its middle; every output would hear of it."""
    flac = project.parent / "tone.flac"
    noise = "anoisesrc=d=2:sample_rate=48000"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", noise, flac], check=True)
    data = bytearray(flac.read_bytes())
    data[len(data) // 2 : len(data) * 3 // 4] = os.urandom(len(data) * 3 // 4 - len(data) // 2)
    flac.write_bytes(data)
    project.write_text(project.read_text().replace("tone.wav", "tone.flac"))
    before = files(project.parent)
    with pytest.raises(RenderError) as failed:
        export_film(project, (), ExportOptions())
    assert "tone.flac" in str(failed.value.file)
    assert files(project.parent) == before
    assert threads() == []


def test_a_rename_that_fails_midway_leaves_complete_outputs_and_names_them(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(project.parent)
    real = OutputFile.commit

    def commit(file: OutputFile) -> None:
        if file._target.name == "a.gif":
            raise RenderError("a.gif can't be put in place: I/O error", component="Output", file=str(file._target))
        real(file)

    monkeypatch.setattr(OutputFile, "commit", commit)
    with pytest.raises(RenderError) as failed:
        export_film(project, (), ExportOptions())
    assert re.search(r"a\.gif can't be put in place.*film\.mp4, .*small\.mkv are complete", failed.value.message)
    assert failed.value.file is not None
    assert files(project.parent) - before == {"film.mp4", "small.mkv"}


def export_cli(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main(["export", *map(str, arguments)])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["a.mp4", "a.mp4"], ["one path", "a.mp4", "twice"]),
        (["a.mp4", "sub/../a.mp4"], ["one path", "one file"]),
        (["link.mp4", "a.mp4"], ["one path", "one file"]),
        (["here/a.mp4", "a.mp4"], ["one path", "one file"]),
        (["a.mp4", "tone.wav"], ["tone.wav", "read by the project"]),
        (["project.json.mp4", "other/../project.json"], ["project.json"]),
        (["frames/%03d.png", "frames/film.mp4"], ["folder of its own", "film.mp4"]),
        (["frames/%03d.png", "frames/%04d.png"], ["folder of its own"]),
        (["%03d.png"], ["folder", "such as frames/%03d.png"]),
        (["a.mp4", "b.xyz"], ["b.xyz", ".mp4"]),
        (["a.mp4", "sheet=b.mp4"], ["b.mp4"]),
        (["a.mp4", "b.mkv", "file/c.mkv"], ["c.mkv", "can't be written"]),
        (["a.mp4", "b.webm", "--video-codec", "h264"], ["b.webm", "h264"]),
        (["a.wav", "b.png", "--crf", "20"], ["--crf", "none of the 2 outputs"]),
        (["a.mp4", "b.wav", "--at", "1"], ["--at", "none of the 2 outputs"]),
        (["a.mp4", "p.png", "--at", "7"], ["7 s"]),
        (["a.mp4", "p.png", "--at", "00:00:00:30"], ["--at", "00:00:00:30"]),
    ],
)
def test_what_can_not_be_is_refused_before_the_first_frame(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    outputs: list[str],
    words: list[str],
) -> None:
    folder = project.parent
    monkeypatch.chdir(folder)
    (folder / "sub").mkdir()
    (folder / "file").write_text("")
    (folder / "link.mp4").symlink_to(folder / "a.mp4")
    (folder / "here").symlink_to(folder)
    before = files(folder)
    code, said = export_cli(capsys, "project.json", *outputs)
    assert code == 2, said
    for word in words:
        assert word in said
    assert said.rstrip().splitlines()[-1].startswith("hint: ")
    assert files(folder) == before


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"path": "a.mp4", "animation": {"loop": 1}}, ["a.mp4", "animation"]),
        ({"path": "a.gif", "video": {"crf": 20}}, ["a.gif", '"video"']),
        ({"path": "a.wav", "size": [10, 10]}, ["a.wav", '"size"']),
        ({"path": "a.mp4", "size": [33, 24]}, ["even width"]),
        ({"path": "a.jpg", "alpha": "keep"}, ["JPEG", "transparency"]),
        ({"path": "a.mp4", "video": {"codec": "vp8"}}, ["vp8"]),
        ({"path": "a.gif", "range": [5, 6]}, ["no frame", "range"]),
        ({"path": "a.png", "pictures": {"at": 5}}, ["5 s"]),
        ({"path": "p/%03d.exr", "pictures": {"quality": 5}}, ["quality"]),
        ({"path": "a.webp", "kind": "animation", "animation": {"palette": "film"}}, ["palette"]),
    ],
)
def test_validate_finds_what_an_output_can_not_be(
    project: Path, capsys: pytest.CaptureFixture[str], entry: dict[str, Any], words: list[str]
) -> None:
    data = json.loads(project.read_text())
    project.write_text(json.dumps({**data, "outputs": [{"path": "fine.mp4"}, entry]}))
    before = files(project.parent)
    assert main(["validate", str(project)]) == 2
    said = capsys.readouterr().err
    assert "$.outputs[1]" in said
    for word in words:
        assert word in said
    assert files(project.parent) == before


@pytest.mark.parametrize("flag", ["--report", "--profile"])
def test_a_report_does_not_replace_an_output_of_the_project(
    project: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    before = files(project.parent)
    code, said = export_cli(capsys, project, flag, project.parent / "film.mp4")
    assert code == 2
    assert "film.mp4" in said
    assert files(project.parent) <= before | {"film.mp4"}
    if flag == "--report":
        assert json.loads((project.parent / "film.mp4").read_text())["status"] == "error"


def test_a_project_without_outputs_needs_one_on_the_command_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(project.read_text())
    del data["outputs"]
    project.write_text(json.dumps(data))
    code, said = export_cli(capsys, project)
    assert code == 2
    assert "no output was named" in said


def test_settings_of_the_project_go_where_their_codec_fits(project: Path) -> None:
    """h264 and AAC, with x264's words for speed, mean nothing to WebM: it gets its own."""
    data = json.loads(project.read_text())
    data["export"] = {"video": {"codec": "h264", "preset": "ultrafast", "crf": 30}, "audio": {"codec": "aac"}}
    del data["outputs"]
    project.write_text(json.dumps(data))
    names = [project.parent / name for name in ("a.mp4", "b.webm")]
    export_film(project, [Output(str(name)) for name in names], ExportOptions())
    codecs = [
        subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for name in names
    ]
    assert codecs == [["h264", "aac"], ["vp9", "opus"]]


def test_a_slow_output_slows_the_rest_and_bounds_memory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures wait in its queue, 16 at most; the others have at most so many more."""
    written = {"film.mp4": 0, "small.mkv": 0}
    ahead: list[int] = []
    real = FilmSink.write

    def write(sink: FilmSink, frame: Any, number: int) -> None:
        if sink._target.name == "small.mkv":
            time.sleep(0.02)
            ahead.append(written["film.mp4"] - written["small.mkv"])
        real(sink, frame, number)
        written[sink._target.name] += 1

    monkeypatch.setattr(FilmSink, "write", write)
    data = json.loads(project.read_text())
    project.write_text(json.dumps({**data, "outputs": OUTPUTS[:2]}))
    export_film(project, (), ExportOptions())
    assert written == {"film.mp4": FRAMES, "small.mkv": FRAMES}
    assert max(ahead) <= 18


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
from reelmill.cli.main import main
sys.exit(main(["export", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a file-size limit stands in for a full disk")
def test_no_space_left_for_one_of_six(project: Path) -> None:
    """Two seconds of 16-bit stereo are 384 kB; everything else is small."""
    before = files(project.parent)
    done = subprocess.run([sys.executable, "-c", LIMITED, str(project)], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "sound.wav" in done.stderr
    assert "no space left" in done.stderr
    assert files(project.parent) == before


def test_setup_errors_of_an_encoder_name_the_output(project: Path) -> None:
    data = json.loads(project.read_text())
    outputs = [{"path": "a.mp4"}, {"path": "b.mp4", "size": [8, 8], "video": {"codec": "hevc"}}]
    project.write_text(json.dumps({**data, "outputs": outputs}))
    before = files(project.parent)
    with pytest.raises(SetupError, match="libx265") as failed:
        export_film(project, (), ExportOptions())
    assert str(failed.value.file).endswith("b.mp4")
    assert files(project.parent) == before
    assert threads() == []
