"""Failures on the command line: the block, the exit code, and what must never be printed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import reelmill.export.rendering.session
from reelmill.cli.error_block import error_block
from reelmill.cli.main import export_main, main
from reelmill.planner.errors import ExportError, Interrupted, Problem, ProjectError, RenderError, SetupError

REELMILL = (sys.executable, "-m", "reelmill")
Fail = Callable[[BaseException], None]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Makes every export raise the error given."""

    def arrange(error: BaseException) -> None:
        def export_film(*_: Any) -> dict[str, Any]:
            raise error

        monkeypatch.setattr(reelmill.export.rendering.session, "export_film", export_film)

    return arrange


def broken_frame() -> RenderError:
    return RenderError(
        "the picture can't be decoded: invalid data",
        component="ClipDecoder",
        suggestion='set "on_error": "conceal" on the media entry',
        clip="opening",
        composition="card",
        file="media/beach.mp4",
        file_hash="abc",
        output_frame=375,
        timeline_time=Fraction(25, 2),
        source_time=Fraction(1001, 30000),
    )


def test_a_block_says_what_where_why_and_what_to_do(fail: Fail, capsys: pytest.CaptureFixture[str]) -> None:
    fail(broken_frame())
    assert main(["export", "p.json", "o.mp4"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error: the picture can't be decoded: invalid data",
        "  component:      ClipDecoder",
        "  clip:           opening",
        "  composition:    card",
        "  file:           media/beach.mp4",
        "  output frame:   375",
        "  timeline time:  00:00:12:15 (12.5 s)",
        "  source time:    0.033367 s",
        'hint: set "on_error": "conceal" on the media entry',
    ]


def test_the_timecode_drops_frames_where_its_rate_does() -> None:
    """An hour at 29.97 has 107,892 frames (SMPTE ST 12-1)."""
    error = RenderError("x", component="Encoder", output_frame=107892, timeline_time=Fraction(107892 * 1001, 30000))
    assert "timeline time:  01:00:00;00 (3599.9964 s)" in error_block(error)


def test_rates_below_a_half_have_no_timecode() -> None:
    error = RenderError("x", component="Encoder", output_frame=3, timeline_time=Fraction(9))
    assert "timeline time:  9 s" in error_block(error)


def test_frame_0_has_no_rate_to_tell() -> None:
    error = RenderError("x", component="Encoder", output_frame=0, timeline_time=Fraction(0))
    assert "timeline time:  0 s" in error_block(error)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SetupError("no", component="Encoder"), 2),
        (ProjectError([Problem("$", "no")]), 2),
        (RenderError("no", component="Encoder"), 1),
        (Interrupted(), 130),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("by nothing"), 1),
        (MemoryError(), 1),
    ],
)
def test_exit_codes_and_a_hint_in_the_last_line(
    fail: Fail, error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(error)
    assert main(["export", "p.json", "o.mp4"]) == code
    err = capsys.readouterr().err
    assert err.strip().splitlines()[0].startswith("error: ")
    assert err.splitlines()[-1].startswith("hint: ")
    assert "Traceback" not in err


def test_the_program_export_is_the_command(fail: Fail, capsys: pytest.CaptureFixture[str]) -> None:
    fail(broken_frame())
    assert export_main(["p.json", "o.mp4"]) == 1
    assert export_main([]) == 2
    assert "hint: `export --help`" in capsys.readouterr().err


def test_all_problems_of_a_project_one_a_line(fail: Fail, capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem("$.canvas.fps", "is not a frame rate", "write 25"),
        Problem("$.tracks[0].clips[2].start", "is negative"),
    ]
    fail(ProjectError(problems, file="p.json"))
    main(["export", "p.json", "o.mp4"])
    assert capsys.readouterr().err.splitlines() == [
        "error: 2 problems in the project",
        "  component:      Project",
        "  file:           p.json",
        "  $.canvas.fps: is not a frame rate (write 25)",
        "  $.tracks[0].clips[2].start: is negative",
        "hint: correct these; `reelmill validate p.json` checks again without rendering",
    ]


def test_the_hint_of_a_single_problem_stands_in_the_last_line() -> None:
    block = error_block(
        ProjectError([Problem("$", "has no end", "close it with }", 3, 7, is_syntax=True)], file="p.json")
    )
    assert block.splitlines()[-2:] == ["  line 3, column 7: has no end", "hint: close it with }"]


@pytest.mark.parametrize("flags", [["-v"], ["--verbose"]])
def test_a_traceback_with_v(fail: Fail, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fail(broken_frame())
    main(["export", "p.json", "o.mp4", *flags])
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last)")
    assert "export_film" in err
    assert err.splitlines()[-1].startswith("hint: ")


def test_a_bug_is_called_one(fail: Fail, capsys: pytest.CaptureFixture[str]) -> None:
    fail(ZeroDivisionError("by nothing"))
    assert main(["export", "p.json", "o.mp4"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: internal error: ZeroDivisionError: by nothing; this is a bug in reelmill",
        "hint: run the same command with -v for the traceback, and report it",
    ]
    main(["export", "p.json", "o.mp4", "-v"])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message", "command"),
    [
        (["exprot"], "no such command 'exprot'", "reelmill"),
        (["export", "p.json", "o.mp4", "--frce"], "--force", "reelmill export"),
        (["export"], "missing argument 'PROJECT'", "reelmill export"),
        (
            ["export", "p.json", "poser=a.jpg"],
            '"poser" is no kind of output; did you mean "poster"?',
            "reelmill export",
        ),
        (["export", "p.json", "o.mp4", "--crf", "20", "--bitrate", "8M"], "exclude each other", "reelmill export"),
        (["export", "p.json", "o.mp4", "--no-audio", "--audio-codec", "aac"], "--no-audio leaves", "reelmill export"),
        (["export", "p.json", "o.mp4", "--size", "big"], '"big" is not a size', "reelmill export"),
        (["export", "p.json", "o.mp4", "--system", "v3"], "'v3' is not one of", "reelmill export"),
        (["export", "p.json", "o.mp4", "--threads", "0"], "0 is not in the range", "reelmill export"),
        (["frame", "p.json", "o.png"], "missing option '--at'", "reelmill frame"),
        (["frame", "p.json", "o.png", "--at", "noon"], '"noon" is not a time', "reelmill frame"),
    ],
)
def test_wrong_command_lines(
    arguments: list[str], message: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert lines[-1] == f"hint: `{command} --help` lists what can be given"


def test_no_arguments_at_all_is_help_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: reelmill")


def test_control_characters_in_names_do_not_reach_the_terminal() -> None:
    block = error_block(SetupError("no", component="Media", file="a\x1b[2Jb\nerror: forged \udcff.mp4"))
    assert "\x1b" not in block
    assert r"a\x1b[2Jb" in block
    assert r"\udcff" in block
    assert sum(line.startswith("error:") for line in block.splitlines()) == 1


def test_messages_are_not_wrapped() -> None:
    name = "a long name " * 40 + ".json"
    done = subprocess.run(
        [*REELMILL, "validate", name], capture_output=True, text=True, env={**os.environ, "COLUMNS": "40"}, check=False
    )
    assert done.returncode == 2
    assert f"  file:           {name}" in done.stderr.splitlines()


def on_terminal(*arguments: str, **environment: str) -> str:
    """What a command prints where stdout and stderr are a terminal."""
    try:
        master, terminal = pty.openpty()
    except OSError:
        pytest.skip("this system has no pseudo-terminals to give, as a bare chroot")
    environment = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **environment}
    process = subprocess.Popen([*REELMILL, *arguments], stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    printed = b""
    try:
        while chunk := os.read(master, 4096):
            printed += chunk
    except OSError:  # how Linux tells that the other side is closed
        pass
    os.close(master)
    process.wait(60)
    return printed.decode()


def test_colour_on_a_terminal_and_only_there() -> None:
    assert "\x1b[31m" in on_terminal("validate", "nope.json")
    assert "\x1b" not in on_terminal("validate", "nope.json", NO_COLOR="1")
    assert "\x1b" not in on_terminal("validate", "nope.json", TERM="dumb")
    assert "\x1b" not in on_terminal("doctor", NO_COLOR="1")
    done = subprocess.run([*REELMILL, "validate", "nope.json"], capture_output=True, check=False)
    assert b"\x1b" not in done.stderr


def test_a_reader_of_stdout_who_leaves_is_met_with_silence() -> None:
    process = subprocess.Popen([*REELMILL, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_the_report_of_a_failure_has_the_fields_of_the_block(fail: Fail, tmp_path: Path) -> None:
    fail(broken_frame())
    report = tmp_path / "deep" / "report.json"
    assert main(["export", "p.json", "o.mp4", "-q", "--report", str(report)]) == 1
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["status"] == "error"
    assert told["error"] == {
        "component": "ClipDecoder",
        "clip": "opening",
        "composition": "card",
        "file": "media/beach.mp4",
        "file_hash": "abc",
        "output_frame": 375,
        "timeline_time": 12.5,
        "source_time": 1001 / 30000,
        "message": "the picture can't be decoded: invalid data",
        "suggestion": 'set "on_error": "conceal" on the media entry',
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("by nothing")])
def test_a_report_also_of_what_nobody_foresaw(fail: Fail, error: BaseException, tmp_path: Path) -> None:
    fail(error)
    report = tmp_path / "report.json"
    main(["export", "p.json", "o.mp4", "-q", "--report", str(report)])
    assert json.loads(report.read_text(encoding="utf-8"))["status"] == "error"


def test_a_report_that_cant_be_written_does_not_hide_the_first_error(
    fail: Fail, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(broken_frame())

    def full_disk(path: Path, report: dict[str, object]) -> None:
        raise RenderError("the report can't be written: No space left on device", component="Report")

    monkeypatch.setattr("reelmill.export.telling.report.write_report", full_disk)
    assert main(["export", "p.json", "o.mp4", "--report", str(tmp_path / "report.json")]) == 1
    err = capsys.readouterr().err
    assert "warning: the report can't be written" in err
    assert "error: the picture can't be decoded" in err


def test_every_error_is_an_export_error() -> None:
    assert all(issubclass(kind, ExportError) for kind in (SetupError, ProjectError, RenderError, Interrupted))
