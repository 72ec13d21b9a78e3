"""Loudness, peaks, silences, waveform and conformed sound: against ffmpeg's filters and plain numpy."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reelmill.decoders.listening.sound_listening import ConformJob, Listened, ListenTask
from reelmill.decoders.listening.sound_silences import SilenceFinder
from reelmill.decoders.listening.sound_waveform import WaveformMeter
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_analysis import AnalysisRequest, ConformTarget, Silence
from reelmill.planner.timeline import Media
from tests.support.sounds import Samples, decode, encode, recording, sound_facts, write_wav


def listen(path: Path, request: AnalysisRequest, *jobs: ConformJob, gains: tuple[float, ...] | None = None) -> Listened:
    facts = sound_facts(path)
    return ListenTask(0, Media("sound", str(path)), facts, request, jobs, gains, None, allow_network=False).run()


def told_by_ffmpeg(path: Path, filters: str) -> str:
    """What filters print, to the microsecond of every time."""
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path), "-af", filters, "-f", "null", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def summary(text: str, name: str) -> float:
    """A figure of the summary that ebur128 prints at the end."""
    match = re.search(rf"{name}:\s+(-?[0-9.]+|-inf)", text[text.index("Summary:") :])
    assert match
    return float(match[1])


def loud_and_quiet(rate: int, channels: int) -> Samples:
    """20 s that get louder and softer, so that gates and range have something to do."""
    sound = recording(rate, 20, channels)
    level = np.interp(np.arange(len(sound)) / rate, [0, 4, 5, 9, 10, 15, 20], [0.02, 0.02, 0.9, 0.9, 0.1, 0.4, 0.0])
    return (sound * level[:, np.newaxis]).astype(np.float32)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("measures")
    stereo = write_wav(folder / "stereo.wav", loud_and_quiet(48000, 2), 48000)
    return {
        "stereo": encode(stereo, folder / "tagged.wav", "-af", "aformat=channel_layouts=stereo"),
        "mono, 44.1 kHz": encode(stereo, folder / "mono.flac", "-ac", "1", "-ar", "44100"),
        "5.1": encode(
            write_wav(folder / "six.wav", loud_and_quiet(48000, 6), 48000),
            folder / "six.flac",
            *("-af", "channelmap=channel_layout=5.1"),
        ),
        "aac": encode(stereo, folder / "stereo.m4a", "-c:a", "aac", "-b:a", "160k"),
        "8 kHz": encode(stereo, folder / "low.wav", "-ar", "8000"),
    }


@pytest.mark.parametrize("name", ["stereo", "mono, 44.1 kHz", "5.1", "aac", "8 kHz"])
def test_loudness_is_what_ebur128_tells(sounds: dict[str, Path], name: str) -> None:
    found = listen(sounds[name], AnalysisRequest()).loudness
    assert found is not None
    told = told_by_ffmpeg(sounds[name], "ebur128=peak=true+sample")
    assert found.integrated_lufs == pytest.approx(summary(told, "I"), abs=0.1)
    assert found.range_lu == pytest.approx(summary(told, "LRA"), abs=0.15)
    assert found.true_peak_dbtp == pytest.approx(summary(told, r"True peak:\s+Peak"), abs=0.1)
    assert found.sample_peak_dbfs == pytest.approx(summary(told, r"Sample peak:\s+Peak"), abs=0.1)


def test_loudness_over_time_is_what_ebur128_tells(sounds: dict[str, Path]) -> None:
    found = listen(sounds["stereo"], AnalysisRequest()).loudness
    assert found is not None
    assert found.step == Fraction(1, 10)
    lines = re.findall(r"M:\s*(-?[0-9.]+) S:\s*(-?[0-9.]+)", told_by_ffmpeg(sounds["stereo"], "ebur128"))
    assert len(lines) == len(found.momentary_lufs) == len(found.short_term_lufs) == 200
    assert found.momentary_lufs[:3] == (None,) * 3
    assert found.short_term_lufs[:29] == (None,) * 29
    momentary = [float(m) for m, _ in lines[3:]]
    short_term = [float(s) for _, s in lines[29:]]
    assert found.momentary_lufs[3:] == pytest.approx(momentary, abs=0.06)
    assert found.short_term_lufs[29:] == pytest.approx(short_term, abs=0.06)


def test_a_tone_has_the_loudness_and_the_peak_of_the_standard(tmp_path: Path) -> None:
    # EBU Tech 3341, case 1: a stereo sine of 1 kHz at −23 dBFS has −23.0 ± 0.1 LUFS.
    tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(20 * 48000) / 48000)
    loudness = listen(write_wav(tmp_path / "tone.wav", np.stack([tone, tone], 1), 48000), AnalysisRequest()).loudness
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert loudness.range_lu == pytest.approx(0, abs=0.1)
    # EBU Tech 3341, case 17: at a quarter of the rate and 45° no sample meets the crest, 3 dB above them.
    angle = 2 * np.pi * np.arange(48000) / 4 + np.pi / 4
    # Softly in and out, so that switching on and off makes no peak of its own.
    fade = np.clip(np.minimum(np.arange(48000), np.arange(48000)[::-1]) / 4800, 0, 1)
    crest = write_wav(tmp_path / "crest.wav", 0.5 * fade * np.sin(angle), 48000)
    loudness = listen(crest, AnalysisRequest()).loudness
    assert loudness is not None
    assert loudness.sample_peak_dbfs == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    # Case 17 asks for +0.2/−0.4 dB.
    assert 20 * np.log10(0.5) - 0.4 < (loudness.true_peak_dbtp or 0) < 20 * np.log10(0.5) + 0.2


def test_silence_has_no_loudness_and_no_peak(tmp_path: Path) -> None:
    found = listen(write_wav(tmp_path / "nothing.wav", np.zeros((48000, 2)), 48000), AnalysisRequest())
    assert found.loudness is not None
    assert found.loudness.integrated_lufs is None
    assert found.loudness.true_peak_dbtp is None
    assert found.loudness.sample_peak_dbfs is None
    assert found.silences == (Silence(Fraction(0), Fraction(1)),)


def test_a_sound_shorter_than_a_window_is_measured_as_far_as_it_goes(tmp_path: Path) -> None:
    found = listen(write_wav(tmp_path / "short.wav", recording(48000, 0.05), 48000), AnalysisRequest())
    assert found.samples == 2400
    assert found.loudness is not None
    assert found.loudness.integrated_lufs is None
    assert found.loudness.momentary_lufs == ()
    assert found.loudness.true_peak_dbtp is not None


@pytest.mark.parametrize(("threshold", "duration"), [(-60.0, "0.5"), (-40.0, "0.05"), (-30.0, "0.85")])
def test_silences_are_what_silencedetect_tells(tmp_path: Path, threshold: float, duration: str) -> None:
    sound = recording(44100, 12)
    for start, end, factor in (
        (0, 0.7, 0),
        (2, 3.5, 0.002),
        (5, 5.2, 0),
        (6.01, 6.03, 0),
        (8, 8.9, 0.01),
        (11.4, 12, 0),
    ):
        sound[round(start * 44100) : round(end * 44100)] *= factor
    sound[round(2.6 * 44100), 1] = 0.5  # one loud sample, in one channel
    path = write_wav(tmp_path / "pauses.wav", sound, 44100)
    request = AnalysisRequest(silence_threshold_db=threshold, silence_duration=Fraction(duration))
    found = listen(path, request).silences
    told = told_by_ffmpeg(path, f"aformat=sample_fmts=dbl,silencedetect=n={threshold}dB:d={duration}")
    starts = [float(t) for t in re.findall(r"silence_start: (-?[0-9.]+)", told)]
    ends = [float(t) for t in re.findall(r"silence_end: (-?[0-9.]+)", told)]
    assert found
    assert len(starts) == len(ends) == len(found)
    assert [float(s.start) for s in found] == pytest.approx(starts, abs=2 / 44100)
    assert [float(s.end) for s in found] == pytest.approx(ends, abs=2 / 44100)


@pytest.mark.parametrize("seed", range(20))
def test_silences_do_not_depend_on_the_blocks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.integers(0, 2, 60), rng.integers(1, 40, 60))
    samples = (loud * 0.5).astype(np.float32)[:, np.newaxis]
    finder = SilenceFinder(-60, 7)
    for part in np.split(samples, np.sort(rng.integers(0, len(samples), 25))):
        finder.add(part)
    expected, start = [], None
    for number, value in enumerate([*loud.tolist(), 1]):
        if not value and start is None:
            start = number
        elif value and start is not None:
            if number - start >= 7:
                expected.append(range(start, number))
            start = None
    assert finder.result() == expected


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_a_waveform_holds_the_extremes_of_each_bucket_whatever_the_blocks(size: int) -> None:
    rng = np.random.default_rng(size)
    samples = rng.normal(0, 0.3, (1234, 3)).astype(np.float32)
    meter = WaveformMeter(3, size)
    for part in np.split(samples, np.sort(rng.integers(0, len(samples), 30))):
        meter.add(part)
    found = meter.result()
    buckets = [samples[first : first + size] for first in range(0, len(samples), size)]
    assert np.array_equal(found.minimum, np.array([bucket.min(axis=0) for bucket in buckets]).T)
    assert np.array_equal(found.maximum, np.array([bucket.max(axis=0) for bucket in buckets]).T)


def test_a_waveform_of_nothing_has_no_buckets() -> None:
    assert WaveformMeter(2, 10).result().minimum == ((), ())


def test_several_rates_come_from_one_pass(sounds: dict[str, Path], tmp_path: Path) -> None:
    jobs = [
        ConformJob(ConformTarget(rate), str(tmp_path / f"{rate}.wav"), "named.wav") for rate in (48000, 16000, 22050)
    ]
    found = listen(sounds["stereo"], AnalysisRequest(measure=False, conform_format="f32"), *jobs)
    assert found.loudness is None
    assert found.waveform is None
    for job, written in zip(jobs, found.conformed, strict=True):
        rate = job.target.sample_rate
        ours = decode(Path(job.path), rate, 2)
        theirs = decode(sounds["stereo"], rate, 2)
        assert (written.path, written.sample_rate, written.channels) == ("named.wav", rate, 2)
        assert written.samples == len(ours) == pytest.approx(len(theirs), abs=1)
        # libswresample of another version, from 16-bit samples: the same filter, but for rounding.
        common = min(len(ours), len(theirs))
        assert np.abs(ours[:common] - theirs[:common]).max() < 2e-4
    assert np.array_equal(decode(tmp_path / "48000.wav", 48000, 2), decode(sounds["stereo"], 48000, 2))


@pytest.mark.parametrize(("form", "codec", "step"), [("s16", "pcm_s16le", 2**-15), ("s24", "pcm_s24le", 2**-23)])
def test_integer_samples_and_the_fold_to_mono(
    sounds: dict[str, Path], tmp_path: Path, form: str, codec: str, step: float
) -> None:
    job = ConformJob(ConformTarget(48000, mono=True), str(tmp_path / "mono.wav"), "mono.wav")
    request = AnalysisRequest(measure=False, conform_format="s16" if form == "s16" else "s24")
    listen(sounds["stereo"], request, job, gains=(0.5, 0.5))
    facts = sound_facts(Path(job.path)).audio
    assert facts is not None
    assert (facts.codec, facts.channels, facts.sample_rate) == (codec, 1, 48000)
    expected = decode(sounds["stereo"], 48000, 2).mean(axis=1)
    assert np.abs(decode(Path(job.path), 48000, 1)[:, 0] - expected).max() <= step


def test_damaged_sound_is_an_error_that_names_the_file(sounds: dict[str, Path], tmp_path: Path) -> None:
    data = bytearray(sounds["aac"].read_bytes())
    middle = len(data) // 2
    data[middle : middle + 5000] = bytes(5000)
    path = tmp_path / "damaged.m4a"
    path.write_bytes(data)
    facts = replace(sound_facts(sounds["aac"]), path=str(path))
    task = ListenTask(0, Media("sound", str(path)), facts, AnalysisRequest(), (), None, None, allow_network=False)
    with pytest.raises(RenderError, match="the sound is damaged at") as caught:
        task.run()
    assert caught.value.file == str(path)


def test_a_conformed_file_that_can_not_be_written_is_an_error(sounds: dict[str, Path]) -> None:
    job = ConformJob(ConformTarget(16000), "/dev/full", "out.wav")
    with pytest.raises(RenderError, match="the conformed sound can't be written: No space left") as caught:
        listen(sounds["stereo"], AnalysisRequest(measure=False), job)
    assert caught.value.file == "out.wav"
