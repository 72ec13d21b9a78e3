"""`reelmill export`: what its flags mean, what it tells, and how it is interrupted."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import reelmill.export.rendering.session
from reelmill.cli.export_command import export as export_command
from reelmill.cli.main import main
from reelmill.cli.progress import clock, progress_line, size_text
from reelmill.export.opening.job import ExportOptions, Listener, Listening, Progress, Started, StartedOutput
from reelmill.planner.clock import Time
from reelmill.planner.outputs import AudioSettings, Output, VideoSettings

REELMILL = (sys.executable, "-m", "reelmill")
REPORT: dict[str, Any] = {
    "status": "ok",
    "frames": 300,
    "duration_seconds": 10.0,
    "wall_seconds": 8.125,
    "realtime_factor": 1.2308,
    "bottleneck": None,
    "outputs": [{"path": "o.mp4", "bytes": 1_234_567, "sha256": "…", "frames": 300}],
}
STARTED = Started(
    outputs=(StartedOutput("o.mp4", "film", 300, Fraction(30000, 1001), 1280, 720, "libx264", "aac"),),
    frames=300,
    fps=Fraction(30000, 1001),
    system="v1",
    system_reason="2 unique files",
    renderer="llvmpipe",
    renderer_kind="software",
    hwaccel="none",
    hwaccel_reason=None,
)


class Recorded:
    """Stands in for an export: notes the call, and tells what a real one would."""

    def __init__(self, events: list[Started | Listening | Progress | str]) -> None:
        self.events = events
        self.project = Path()
        self.outputs: Sequence[Output] = ()
        self.options = ExportOptions()

    def __call__(
        self, project: Path, outputs: Sequence[Output], options: ExportOptions, listener: Listener, *_: object
    ) -> dict[str, Any]:
        self.project, self.outputs, self.options = project, outputs, options
        for event in self.events:
            match event:
                case Started():
                    listener.started(event)
                case Listening():
                    listener.listened(event)
                case Progress():
                    listener.progressed(event)
                case warning:
                    listener.warned(warning)
        return REPORT


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    call = Recorded([STARTED, "a warning", progress(150), progress(300)])
    monkeypatch.setattr(reelmill.export.rendering.session, "export_film", call)
    return call


def progress(frames: int) -> Progress:
    return Progress(frames, 300, frames / 30, 30.0, 1.001, (300 - frames) / 30)


def test_without_flags_everything_is_left_to_the_project(recorded: Recorded) -> None:
    assert main(["export", "a/p.json", "b/o.mp4"]) == 0
    assert (recorded.project, recorded.outputs) == (Path("a/p.json"), (Output("b/o.mp4"),))
    assert recorded.options == ExportOptions()


def test_several_outputs_and_their_kinds(recorded: Recorded) -> None:
    names = (
        "film.mp4",
        "sheet=over view.png",
        "animation=a.webp",
        "./a=b.mp4",
        r"C:\films\a.mp4",
        "ts=-",
        "fmp4=x.mp4",
    )
    assert main(["export", "p.json", *names]) == 0
    assert recorded.outputs == (
        Output("film.mp4"),
        Output("over view.png", kind="sheet"),
        Output("a.webp", kind="animation"),
        Output("./a=b.mp4"),
        Output(r"C:\films\a.mp4"),
        Output("-", container="ts"),
        Output("x.mp4", container="mp4", fragmented=True),
    )
    assert main(["export", "p.json"]) == 0
    assert not recorded.outputs


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--system v1", ExportOptions(system="v1")),
        ("--range 1..90f", ExportOptions(range=(Time(seconds=Fraction(1)), Time(frames=90)))),
        ("--set a=1 --set b=x=y --set a=2", ExportOptions(variables={"a": "2", "b": "x=y"})),
        ("--video-codec hevc --preset fast", ExportOptions(video=VideoSettings(codec="hevc", preset="fast"))),
        ("--crf 18.5 --gop 30", ExportOptions(video=VideoSettings(crf=18.5, gop=30))),
        ("--bitrate 8M --pix-fmt yuv444p", ExportOptions(video=VideoSettings(bitrate=8_000_000, pix_fmt="yuv444p"))),
        ("--audio-codec opus --audio-bitrate 96k", ExportOptions(audio=AudioSettings("opus", 96_000))),
        ("--no-audio --size 640x360 --draft", ExportOptions(no_audio=True, size=(640, 360), draft=True)),
        ("--at 2.5", ExportOptions(at=Time(seconds=Fraction(5, 2)))),
        ("--threads 3 --renderer software", ExportOptions(threads=3, renderer="software")),
        ("--cache-size 1GB --memory-limit 2GiB", ExportOptions(cache_bytes=10**9, memory_limit_bytes=2**31)),
        ("--force --allow-network", ExportOptions(force=True, allow_network=True)),
    ],
)
def test_what_flags_mean(flags: str, expected: ExportOptions, recorded: Recorded) -> None:
    assert main(["export", *flags.split(), "p.json", "o.mp4"]) == 0
    assert recorded.options == expected


def test_lines_where_stderr_is_no_terminal(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "p.json", "o.mp4"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "o.mp4: 1280×720 at 29.97 frames/s, 300 frames (10.01 s), libx264 + aac",
        "system v1, one decoder for each clip: 2 unique files",
        "renderer: llvmpipe, software",
        "warning: a warning",
        "wrote o.mp4: 300 frames, 1.2 MB, in 8.1 s (1.23 × real time)",
    ]


def test_a_sign_of_life_each_minute_unless_nobody_wants_progress(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelmill.cli.progress.HEARTBEAT_SECONDS", 0)
    main(["export", "p.json", "o.mp4"])
    assert "50 %: 150 of 300 frames, 30.0 frames/s, 1.00 × real time, 0:05 left" in capsys.readouterr().err
    main(["export", "p.json", "o.mp4", "--progress", "none"])
    assert "50 %" not in capsys.readouterr().err


def test_listening_for_a_loudness_is_told(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = [Listening(1, 90.0, 180.0), Listening(1, 180.0, 180.0), Listening(2, 45.0, 180.0)]
    recorded.events = [*heard, STARTED]
    main(["export", "p.json", "o.mp4"])
    assert "loudness" not in capsys.readouterr().err
    main(["export", "p.json", "o.mp4", "--progress", "json"])
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert told[:2] == [
        {"event": "listening", "times": 1, "seconds": 90.0, "total_seconds": 180.0},
        {"event": "listening", "times": 1, "seconds": 180.0, "total_seconds": 180.0},
    ]
    assert [event["event"] for event in told[2:]] == ["started", "done"]
    monkeypatch.setattr("reelmill.cli.progress.HEARTBEAT_SECONDS", 0)
    main(["export", "p.json", "o.mp4"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "measuring loudness: 50 %, 1:30 of 3:00"
    assert lines[2] == "measuring loudness, for the 2. time: 25 %, 0:45 of 3:00"


def test_the_help_lists_every_option_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--help"]) == 0
    text = capsys.readouterr().out
    listed = re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)
    options = [parameter.opts[-1] for parameter in export_command.params if parameter.opts[0].startswith("-")]
    assert sorted(listed) == sorted([*options, "--help"])
    assert text.index("Encoding:") < text.index("--crf") < text.index("Reports:")


def test_quiet_says_nothing(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "p.json", "o.mp4", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_progress_as_json(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.events = [STARTED, "a warning", *(progress(n) for n in range(1, 301))]
    assert main(["export", "p.json", "o.mp4", "--progress", "json"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    events = [json.loads(line) for line in err.splitlines()]
    # All within half a second: the first one and the last.
    assert [event["event"] for event in events] == ["started", "warning", "progress", "progress", "done"]
    assert events[0] == {
        "event": "started",
        "output": "o.mp4",
        "frames": 300,
        "fps": "30000/1001",
        "width": 1280,
        "height": 720,
        "system": "v1",
        "system_reason": "2 unique files",
        "renderer": "llvmpipe",
        "renderer_kind": "software",
        "hwaccel": "none",
        "hwaccel_reason": None,
        "video_codec": "libx264",
        "audio_codec": "aac",
        "copying": None,
        "outputs": [
            {
                "path": "o.mp4",
                "kind": "film",
                "frames": 300,
                "fps": "30000/1001",
                "width": 1280,
                "height": 720,
                "video_codec": "libx264",
                "audio_codec": "aac",
                "copying": None,
            }
        ],
    }
    assert events[1] == {"event": "warning", "message": "a warning"}
    assert events[3] == {
        "event": "progress",
        "frames": 300,
        "total": 300,
        "elapsed_seconds": 10.0,
        "frames_per_second": 30.0,
        "realtime_factor": 1.001,
        "remaining_seconds": 0.0,
    }
    assert events[4]["outputs"] == REPORT["outputs"]


def test_the_report_of_success(recorded: Recorded, tmp_path: Path) -> None:
    assert main(["export", "p.json", "o.mp4", "-q", "--report", str(tmp_path / "r.json")]) == 0
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == REPORT


def test_a_reader_of_stderr_who_leaves_stops_no_export(tmp_path: Path) -> None:
    project = starter(tmp_path)
    command = [*REELMILL, "export", str(project), str(tmp_path / "o.mp4"), "--range", "..5f", "--draft"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(120) == 0
    assert (tmp_path / "o.mp4").stat().st_size


def test_numbers_for_people() -> None:
    assert [clock(s) for s in (0, 59.4, 61, 3599.6, 7322)] == ["0:00", "0:59", "1:01", "1:00:00", "2:02:02"]
    sizes = [size_text(n) for n in (0, 999, 1000, 999_949, 999_950, 1_234_567, 2_500_000_000)]
    assert sizes == ["0 bytes", "999 bytes", "1.0 kB", "999.9 kB", "1.0 MB", "1.2 MB", "2.5 GB"]
    assert progress_line(Progress(1, 3, 1.0, 1.0, 0.03, None)) == "33 %: 1 of 3 frames, 1.0 frames/s, 0.03 × real time"


def starter(folder: Path) -> Path:
    assert main(["init", str(folder)]) == 0
    return folder / "project.json"


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    project = starter(tmp_path)
    command = [*REELMILL, "export", str(project), str(tmp_path / "o.mp4"), "--range", "..20f", "--draft"]
    try:
        master, terminal = pty.openpty()
    except OSError:
        pytest.skip("this system has no pseudo-terminals to give, as a bare chroot")
    process = subprocess.Popen(
        command, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    )
    os.close(terminal)
    printed = b""
    try:
        while chunk := os.read(master, 4096):
            printed += chunk
    except OSError:  # how Linux tells that the other side is closed
        pass
    os.close(master)
    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.decode())
    assert re.search(r"100%.*20/20.*frames/s · .*× *\d:\d\d left", text)
    assert printed.decode().count("\x1b[?25l") == printed.decode().count("\x1b[?25h"), "the cursor comes back"
    assert "wrote" in text.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("times", [1, 5])
def test_an_interrupted_export_leaves_nothing(number: signal.Signals, times: int, tmp_path: Path) -> None:
    project = starter(tmp_path / "project")
    long = json.loads(project.read_text(encoding="utf-8"))
    long["canvas"]["duration"] = 3600
    project.write_text(json.dumps(long), encoding="utf-8")
    out, report = tmp_path / "out", tmp_path / "report.json"
    command = [*REELMILL, "export", str(project), str(out / "o.mp4"), "--draft", "--progress", "json"]
    command += ["--report", str(report)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line)["event"] == "progress":
                break
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.01)
        rest = process.stderr.read().splitlines()
        assert process.wait(60) == 130
    assert rest[-1].startswith("hint: ")
    assert "error: interrupted; nothing was written" in rest
    assert not any("Traceback" in line for line in rest)
    assert not out.exists() or list(out.iterdir()) == []
    assert json.loads(report.read_text(encoding="utf-8"))["status"] == "error"


def test_once_there_are_checkpoints_a_signal_ends_the_export_there_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def export_film(project: Path, output: Path, options: ExportOptions, listener: Listener, *_: object) -> None:
        listener.checkpoint()
        os.kill(os.getpid(), signal.SIGTERM)
        reached.append("undisturbed")
        listener.checkpoint()
        raise AssertionError("went on")

    reached: list[str] = []
    monkeypatch.setattr(reelmill.export.rendering.session, "export_film", export_film)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert main(["export", "p.json", "o.mp4", "-q"]) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert reached == ["undisturbed"]


def test_signals_are_given_back(recorded: Recorded) -> None:
    before = signal.getsignal(signal.SIGTERM)
    main(["export", "p.json", "o.mp4", "-q"])
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_that_were_switched_off_stay_so(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = []

    def export_film(*_: object) -> dict[str, Any]:
        handlers.append(signal.getsignal(signal.SIGHUP))
        return REPORT

    monkeypatch.setattr(reelmill.export.rendering.session, "export_film", export_film)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        main(["export", "p.json", "o.mp4", "-q"])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert handlers == [signal.SIG_IGN]
