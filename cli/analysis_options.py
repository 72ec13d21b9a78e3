"""The options of `reelmill probe` that measure and conform sound: flags → `AnalysisOptions`, or what is wrong."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from reelmill.cli.parameters import PATH, Parsed
from reelmill.planner.sound.sound_analysis import PITCH_LIMITS, AnalysisRequest, ConformTarget, SampleFormat

if TYPE_CHECKING:
    from reelmill.export.sound.sound_analyses import AnalysisOptions

MAX_WORKERS = 64
_RATES = range(1000, 768_001)


def parse_conform(text: str) -> tuple[ConformTarget, ...]:
    """`RATE[:mono],…` in Hz."""
    targets = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,6})(:mono)?\s*", part)
        if match is None or int(match[1]) not in _RATES:
            raise ValueError(
                f'"{part.strip()}" is not a sample rate: write {_RATES.start} to {_RATES.stop - 1} Hz, several with '
                "commas, and :mono to fold down to one channel, such as 48000,16000:mono"
            )
        targets.append(ConformTarget(int(match[1]), mono=match[2] is not None))
    if len(set(targets)) < len(targets):
        raise ValueError(f'"{text}" names a rate twice')
    return tuple(targets)


def parse_pitch_range(text: str) -> tuple[float, float]:
    """`LOW..HIGH` in Hz."""
    match = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]{1,6})?)\.\.([0-9]{1,5}(?:\.[0-9]{1,6})?)", text.strip())
    low, high = (float(side) for side in match.groups()) if match else (0.0, 0.0)
    if not (PITCH_LIMITS[0] <= low < high <= PITCH_LIMITS[1] and high >= low * 2 ** (1 / 12)):
        raise ValueError(
            f'"{text}" is not a range of pitch: write LOW..HIGH in Hz, such as 65..2093, from '
            f"{PITCH_LIMITS[0]:g} to {PITCH_LIMITS[1]:g}, a semitone at least"
        )
    return low, high


def parse_threshold(text: str) -> float:
    """dBFS below 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -200 <= value < 0:
        raise ValueError(f'"{text}" is not a threshold: write dB below full scale, such as -60')
    return value


def parse_duration(text: str) -> Fraction:
    """Seconds above 0."""
    try:
        value = Fraction(text.strip()) if len(text) <= 20 and "e" not in text.lower() else Fraction(0)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise ValueError(f'"{text}" is not a duration: write seconds above 0, such as 0.5')
    return value


_OPTIONS = (
    click.option("--analyze", is_flag=True, help="Measure the sound: loudness, peaks, silences, waveform, pitch."),
    click.option("--no-pitch", is_flag=True, help="Leave out the pitch, which takes the most time, and librosa."),
    click.option(
        "--silence-threshold",
        type=Parsed("db", parse_threshold),
        default="-60",
        metavar="DB",
        help="Silence is below this level, in dB of full scale.",
    ),
    click.option(
        "--silence-duration",
        type=Parsed("seconds", parse_duration),
        default="0.5",
        metavar="SECONDS",
        help="Shorter silences are not told.",
    ),
    click.option(
        "--buckets",
        type=click.IntRange(1, 1_000_000),
        default=1200,
        metavar="N",
        help="How many buckets the waveform has, about.",
    ),
    click.option(
        "--pitch-range",
        type=Parsed("range", parse_pitch_range),
        default="65..2093",
        metavar="LOW..HIGH",
        help="Where pitch is looked for, in Hz.",
    ),
    click.option(
        "--waveform",
        type=PATH,
        metavar="FILE",
        help="Draw waveform, loudness and pitch into a picture; implies --analyze.",
    ),
    click.option(
        "--conform",
        type=Parsed("rates", parse_conform),
        metavar="RATES",
        help="Write the sound as WAV files of these rates, such as 48000,16000:mono.",
    ),
    click.option(
        "--conform-format",
        type=click.Choice(["f32", "s24", "s16"]),
        default="f32",
        help="Their samples: 32-bit float, or integers of 24 or 16 bits.",
    ),
    click.option("--out-dir", type=PATH, default=".", metavar="DIR", help="The folder of the WAV files."),
    click.option("--force", is_flag=True, help="Replace files that exist."),
    click.option(
        "--analysis-workers",
        type=click.IntRange(0, MAX_WORKERS),
        metavar="N",
        help="Processes that do the work (one for each core, at most 3); 0 does it in this one.",
    ),
)
_TRIGGERS = ("analyze", "waveform", "conform")
_NEEDS = {
    "conform_format": ("conform",),
    "out_dir": ("conform",),
    "force": ("waveform", "conform"),
    "analysis_workers": _TRIGGERS,
    **dict.fromkeys(
        ("no_pitch", "silence_threshold", "silence_duration", "buckets", "pitch_range"), ("analyze", "waveform")
    ),
}
"""What must be given, too, one of them at least."""


def analysis_options(command: Any) -> Any:
    """All of these options, in the order of the help page."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_analysis(context: click.Context, flags: dict[str, Any], *, allow_network: bool) -> AnalysisOptions | None:
    """What is asked for; None where nothing is. Raises UsageError for options that would do nothing."""
    for name, needed in _NEEDS.items():
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and not any(flags[other] for other in needed):
            spelled = " or ".join(f"--{other}" for other in needed)
            raise click.UsageError(f"--{name.replace('_', '-')} does nothing without {spelled}", context)
    if not any(flags[name] for name in _TRIGGERS):
        return None
    if flags["no_pitch"] and context.get_parameter_source("pitch_range") is not ParameterSource.DEFAULT:
        raise click.UsageError("--pitch-range does nothing with --no-pitch", context)
    from reelmill.export.sound.sound_analyses import AnalysisOptions

    measure = bool(flags["analyze"] or flags["waveform"])
    request = AnalysisRequest(
        measure=measure,
        pitch=measure and not flags["no_pitch"],
        silence_threshold_db=flags["silence_threshold"],
        silence_duration=flags["silence_duration"],
        waveform_buckets=flags["buckets"],
        pitch_range=flags["pitch_range"],
        conform=flags["conform"] or (),
        conform_format=cast(SampleFormat, flags["conform_format"]),
    )
    return AnalysisOptions(
        request=request,
        folder=cast(Path, flags["out_dir"]),
        picture=flags["waveform"],
        workers=flags["analysis_workers"],
        force=flags["force"],
        allow_network=allow_network,
    )
