"""`reelmill probe --analyze`: what is printed, written and returned, and how it is stopped."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelmill.cli.main import main
from tests.support.sounds import Samples, recording, write_wav

Printed = pytest.CaptureFixture[str]
RATE = 44100


def tone_and_pause() -> Samples:
    """2 s of A4 at −20 dBFS, 1 s of nothing, 1 s of noise."""
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    noise = np.random.default_rng(2).normal(0, 0.05, RATE)
    return np.repeat(np.concatenate([tone, np.zeros(RATE), noise])[:, np.newaxis], 2, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("voice") / "voice.wav", tone_and_pause(), RATE)


def test_json_holds_all_that_was_measured(voice: Path, capsys: Printed) -> None:
    assert main(["probe", str(voice), "--analyze", "--json", "--analysis-workers", "0", "--buckets", "400"]) == 0
    [answer] = json.loads(capsys.readouterr().out)
    assert answer["audio"]["sample_rate"] == RATE
    found = answer["analysis"]
    assert found["samples"] == 4 * RATE
    assert found["duration_seconds"] == 4
    # Two channels of a sine at −20 dBFS: EBU Tech 3341 defines −20 LUFS so, but for the filter's 0.03 dB at 440 Hz
    # against 1 kHz; the noise is louder.
    momentary = found["loudness"]["momentary_lufs"]
    assert momentary[10] == pytest.approx(-20.4, abs=0.7)
    assert found["loudness"]["sample_peak_dbfs"] == pytest.approx(
        20 * np.log10(np.abs(tone_and_pause()).max()), abs=0.01
    )
    assert found["silences"] == [{"start_seconds": 2.0, "end_seconds": 3.0}]
    assert found["waveform"]["samples_per_bucket"] == RATE // 100
    [left, right] = found["waveform"]["channels"]
    assert left == right
    assert len(left["minimum"]) == len(left["maximum"]) == 400
    assert left["maximum"][50] == pytest.approx(0.1, abs=1e-3)
    frequencies = found["pitch"]["frequencies_hz"]
    assert found["pitch"]["step_seconds"] == pytest.approx(512 / 22050)
    assert len(frequencies) == len(found["pitch"]["voiced_probabilities"]) == 1 + 4 * 22050 // 512
    assert frequencies[10:70] == pytest.approx([440] * 60, rel=0.006)
    assert frequencies[95:120] == [None] * 25


def test_a_table_tells_the_main_figures(voice: Path, capsys: Printed) -> None:
    assert main(["probe", str(voice), "--analyze", "--analysis-workers", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(voice)
    told = {line.split()[0]: line for line in lines[1:]}
    assert "LUFS integrated" in told["loudness"]
    assert "dBTP true peak" in told["peak"]
    assert told["silence"].endswith("1 stretch, 1 s in all: 2.000..3.000")
    assert "(A4)" in told["pitch"]
    assert "hash" in told


def test_conformed_files_and_the_picture_are_written(voice: Path, tmp_path: Path, capsys: Printed) -> None:
    picture = tmp_path / "pictures" / "voice.png"
    arguments = ["probe", str(voice), "--waveform", str(picture), "--conform", "48000,16000:mono", "--no-pitch"]
    assert main([*arguments, "--out-dir", str(tmp_path / "out"), "--conform-format", "s16"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["voice-16000Hz-mono.wav", "voice-48000Hz.wav"]
    with Image.open(picture) as image:
        assert image.width == 1600
    out = capsys.readouterr().out
    assert f"{tmp_path / 'out' / 'voice-16000Hz-mono.wav'}, 16000 Hz, mono, 64000 samples" in out
    assert "loudness" in out
    assert "pitch" not in out


def test_conforming_alone_measures_nothing(voice: Path, tmp_path: Path, capsys: Printed) -> None:
    arguments = ["probe", str(voice), "--conform", "8000", "--out-dir", str(tmp_path), "--analysis-workers", "0"]
    assert main([*arguments, "--json"]) == 0
    [answer] = json.loads(capsys.readouterr().out)
    found = answer["analysis"]
    assert (found["loudness"], found["silences"], found["waveform"], found["pitch"]) == (None,) * 4
    assert found["conformed"] == [
        {"path": str(tmp_path / "voice-8000Hz.wav"), "sample_rate": 8000, "channels": 2, "samples": 32000}
    ]


def test_all_files_are_told_of_also_where_one_fails(voice: Path, tmp_path: Path, capsys: Printed) -> None:
    arguments = ["probe", str(tmp_path / "gone.wav"), str(voice), "--analyze", "--no-pitch", "--analysis-workers", "0"]
    assert main([*arguments, "--json"]) == 2
    printed = capsys.readouterr()
    gone, found = json.loads(printed.out)
    assert gone["error"]["message"] == "the file does not exist"
    assert found["analysis"]["samples"] == 4 * RATE
    assert "the file does not exist" in printed.err


def test_without_librosa_pitch_is_refused_and_nothing_else(
    voice: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["probe", str(voice), "--analyze"]) == 2
    assert "hint: install it: `pip install 'reelmill[analysis]'`" in capsys.readouterr().err
    assert main(["probe", str(voice), "--analyze", "--no-pitch", "--analysis-workers", "0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out-dir", "x"], "--out-dir does nothing without --conform"),
        (["--no-pitch"], "--no-pitch does nothing without --analyze or --waveform"),
        (["--analysis-workers", "2"], "--analysis-workers does nothing without --analyze or --waveform or --conform"),
        (["--analyze", "--no-pitch", "--pitch-range", "70..700"], "--pitch-range does nothing with --no-pitch"),
        (["--conform", "48000,900"], '"900" is not a sample rate'),
        (["--conform", "48000,48000"], "names a rate twice"),
        (["--analyze", "--pitch-range", "20..700"], '"20..700" is not a range of pitch'),
        (["--analyze", "--pitch-range", "400..401"], '"400..401" is not a range of pitch'),
        (["--analyze", "--silence-threshold", "3"], '"3" is not a threshold'),
        (["--analyze", "--silence-duration", "0"], '"0" is not a duration'),
        (["--analyze", "--buckets", "0"], "0 is not in the range"),
    ],
)
def test_options_that_can_not_be_meant_are_refused(
    voice: Path, arguments: list[str], message: str, capsys: Printed
) -> None:
    assert main(["probe", str(voice), *arguments]) == 2
    assert message in capsys.readouterr().err


def children_of(process_id: int) -> set[int]:
    """Descendants that are no zombies."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {process_id}} - found:
        found |= more
    return found


def wait_until_gone(processes: set[int]) -> None:
    limit = time.monotonic() + 30
    while any((Path("/proc") / str(p)).exists() for p in processes):
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("workers", [3, 0])
def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path, workers: int) -> None:
    source = write_wav(tmp_path / "long.wav", np.tile(recording(8000, 20, 1), (60, 1)), 8000)
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "reelmill", "probe", str(source), "--analyze", "--conform", "48000"]
    with subprocess.Popen(
        [*command, "--out-dir", str(out), "--analysis-workers", str(workers)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        process_group=0,
    ) as run:
        limit = time.monotonic() + 60
        # The folder is there when the first task begins; besides the workers runs a process of multiprocessing's own.
        while not (out.exists() and list(out.iterdir()) and len(children_of(run.pid)) >= (workers and workers + 1)):
            assert time.monotonic() < limit
            assert run.poll() is None
            time.sleep(0.05)
        children = children_of(run.pid)
        os.killpg(run.pid, signal.SIGINT)
        _, told = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    wait_until_gone(children)
    assert not out.exists()
    assert not list(temporary.iterdir())
