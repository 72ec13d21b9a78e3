"""Analysing files: what is written and what is not, whose error is whose, and one process against several."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.decoders.listening.analysis_pool import AnalysisPool
from reelmill.decoders.listening.sound_listening import ListenTask
from reelmill.decoders.listening.sound_pitch import PitchTask
from reelmill.export.opening.project import probe_file
from reelmill.export.sound import sound_analyses as sound_analysis
from reelmill.export.sound.panning import UnknownLayoutError
from reelmill.export.sound.sound_analyses import AnalysisOptions, analyze_sounds, conformed_name
from reelmill.planner.errors import ExportError, RenderError, SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.sound.sound_analysis import AnalysisRequest, ConformTarget, SoundAnalysis
from tests.support.sounds import decode, encode, recording, write_wav

CONFORM = (ConformTarget(48000), ConformTarget(16000, mono=True), ConformTarget(22050))
QUICK = AnalysisRequest(pitch=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for number in range(3):
        write_wav(folder / f"take{number}.wav", recording(44100, 2 + number, seed=number), 44100)
    encode(folder / "take0.wav", folder / "whole.m4a", "-c:a", "aac")
    data = bytearray((folder / "whole.m4a").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (folder / "damaged.m4a").write_bytes(data)
    return folder


def probed(*paths: Path) -> list[tuple[str, MediaFacts]]:
    return [(path.name, probe_file(str(path))) for path in paths]


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


class Listener:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def progressed(self, done: int, total: int) -> None:
        self.steps.append((done, total))

    def checkpoint(self) -> None:
        pass


def test_processes_find_what_one_process_finds(folder: Path, tmp_path: Path) -> None:
    files = probed(*(folder / f"take{n}.wav" for n in range(3)))
    heard = Listener()
    answers: dict[int, Sequence[SoundAnalysis | ExportError]] = {}
    for workers in (0, 2):
        options = AnalysisOptions(AnalysisRequest(conform=CONFORM), tmp_path / str(workers), workers=workers)
        answers[workers] = analyze_sounds(files, options, heard)
    for here, there, (_, facts) in zip(answers[0], answers[2], files, strict=True):
        assert isinstance(here, SoundAnalysis)
        assert isinstance(there, SoundAnalysis)
        assert here.loudness == there.loudness
        assert here.silences == there.silences
        assert here.waveform == there.waveform
        assert here.pitch == there.pitch
        assert facts.audio is not None
        assert here.duration == facts.audio.duration
        assert [(Path(w.path).name, w.sample_rate, w.channels, w.samples) for w in here.conformed] == [
            (Path(w.path).name, w.sample_rate, w.channels, w.samples) for w in there.conformed
        ]
    names = listing(tmp_path / "0")
    assert names == listing(tmp_path / "2")
    assert len(names) == 9
    assert all((tmp_path / "0" / name).read_bytes() == (tmp_path / "2" / name).read_bytes() for name in names)
    assert heard.steps == [(n, 6) for n in range(1, 7)] * 2


def test_conformed_files_have_clear_names_and_the_right_sound(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    options = AnalysisOptions(AnalysisRequest(measure=False, pitch=False, conform=CONFORM), target, workers=0)
    analyze_sounds(probed(folder / "take0.wav"), options)
    assert listing(target) == ["take0-16000Hz-mono.wav", "take0-22050Hz.wav", "take0-48000Hz.wav"]
    mono = decode(target / "take0-16000Hz-mono.wav", 16000, 1)
    expected = decode(folder / "take0.wav", 16000, 2).mean(axis=1, keepdims=True)
    assert len(mono) == pytest.approx(len(expected), abs=1)
    common = min(len(mono), len(expected))
    assert np.abs(mono[:common] - expected[:common]).max() < 2e-4


def test_a_damaged_file_has_its_error_and_writes_nothing_while_the_others_go_on(folder: Path, tmp_path: Path) -> None:
    files = probed(folder / "take0.wav", folder / "damaged.m4a", folder / "take1.wav")
    request = AnalysisRequest(pitch=False, conform=(ConformTarget(16000),))
    first, damaged, last = analyze_sounds(files, AnalysisOptions(request, tmp_path, workers=2))
    assert isinstance(first, SoundAnalysis)
    assert isinstance(last, SoundAnalysis)
    assert isinstance(damaged, RenderError)
    assert damaged.file == str(folder / "damaged.m4a")
    assert listing(tmp_path) == ["take0-16000Hz.wav", "take1-16000Hz.wav"]


def test_a_file_without_sound_has_its_error(tmp_path: Path) -> None:
    picture = tmp_path / "picture.mp4"
    source = ("-f", "lavfi", "-i", "color=red:s=64x36:d=0.2")
    subprocess.run(["ffmpeg", "-v", "error", *source, "-pix_fmt", "yuv420p", picture], check=True)
    [answer] = analyze_sounds(probed(picture), AnalysisOptions(QUICK, workers=0))
    assert isinstance(answer, SetupError)
    assert answer.message == "the file has no sound to analyze"


def test_times_are_source_times(folder: Path, tmp_path: Path) -> None:
    """Sound that begins half a second after the picture, as `in` of a clip counts."""
    path = tmp_path / "late.mkv"
    silent_first = np.concatenate([np.zeros((22050, 2)), recording(44100, 1)])
    sound = write_wav(tmp_path / "sound.wav", silent_first, 44100)
    sources = ("-f", "lavfi", "-i", "color=red:s=64x36:d=2:r=10", "-itsoffset", "0.5", "-i", sound)
    subprocess.run(["ffmpeg", "-v", "error", *sources, "-c:v", "mpeg4", "-c:a", "pcm_s16le", path], check=True)
    [answer] = analyze_sounds(probed(path), AnalysisOptions(QUICK, workers=0))
    assert isinstance(answer, SoundAnalysis)
    assert answer.start == pytest.approx(0.5)
    assert answer.silences is not None
    [silence] = answer.silences
    assert (float(silence.start), float(silence.end)) == pytest.approx((0.5, 1.0), abs=1e-3)


@pytest.mark.parametrize("force", [False, True])
def test_what_exists_is_kept_unless_told(folder: Path, tmp_path: Path, force: bool) -> None:
    there = tmp_path / "take0-16000Hz.wav"
    there.write_bytes(b"mine")
    request = AnalysisRequest(measure=False, pitch=False, conform=(ConformTarget(16000),))
    options = AnalysisOptions(request, tmp_path, workers=0, force=force)
    if force:
        analyze_sounds(probed(folder / "take0.wav"), options)
        assert there.read_bytes()[:4] == b"RIFF"
    else:
        with pytest.raises(SetupError, match="exists already"):
            analyze_sounds(probed(folder / "take0.wav"), options)
        assert there.read_bytes() == b"mine"
    assert listing(tmp_path) == [there.name]


def test_two_files_that_would_have_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    encode(folder / "take0.wav", tmp_path / "take0.flac")
    files = probed(folder / "take0.wav", tmp_path / "take0.flac")
    options = AnalysisOptions(AnalysisRequest(pitch=False, conform=CONFORM), tmp_path / "out", workers=0)
    with pytest.raises(SetupError, match=r"would be written twice: from take0\.wav and from take0\.flac"):
        analyze_sounds(files, options)
    assert not (tmp_path / "out").exists()


def test_a_picture_of_another_kind_is_refused_first(folder: Path, tmp_path: Path) -> None:
    options = AnalysisOptions(QUICK, picture=tmp_path / "out.bmp", workers=0)
    with pytest.raises(SetupError, match="pictures are written as"):
        analyze_sounds(probed(folder / "take0.wav"), options)


@pytest.mark.parametrize(("kind", "analysis"), [(ListenTask, "loudness, silences and waveform"), (PitchTask, "pitch")])
def test_a_killed_process_is_an_error_and_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type, analysis: str
) -> None:
    pools: list[AnalysisPool] = []
    send = AnalysisPool._send

    def kill_after(pool: AnalysisPool, worker: Any, task: Any) -> None:
        pools.append(pool)
        send(pool, worker, task)
        if isinstance(task, kind):
            os.kill(worker.process.pid, signal.SIGKILL)

    monkeypatch.setattr(AnalysisPool, "_send", kill_after)
    request = AnalysisRequest(conform=(ConformTarget(16000),))
    options = AnalysisOptions(request, tmp_path / "out", tmp_path / "picture.png", workers=2)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(RenderError, match="ended by signal 9") as caught:
        analyze_sounds(probed(folder / "take0.wav"), options)
    assert analysis in caught.value.message
    assert caught.value.file == str(folder / "take0.wav")
    assert pools[0].process_ids == ()
    assert listing(tmp_path) == []


def test_an_unknown_layout_can_not_be_folded_down(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(layout: str) -> Any:
        raise UnknownLayoutError(f'the channel layout "{layout}" has channels that no rule folds down')

    monkeypatch.setattr(sound_analysis, "stereo_matrix", refuse)
    options = AnalysisOptions(AnalysisRequest(measure=False, pitch=False, conform=CONFORM), tmp_path, workers=0)
    [answer] = analyze_sounds(probed(folder / "take0.wav"), options)
    assert isinstance(answer, SetupError)
    assert "no rule folds down" in answer.message
    assert answer.suggestion == "leave out :mono to keep the channels"
    assert listing(tmp_path) == []


def test_names_of_conformed_files() -> None:
    assert conformed_name("/a/beach.day.mp4", ConformTarget(16000, mono=True)) == "beach.day-16000Hz-mono.wav"
