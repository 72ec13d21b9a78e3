"""Exact time: the one module in which times are parsed, rounded and converted.

Seconds are `Fraction`s, frames and samples are integers, ranges are half-open. Floats are for people only.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

_RATIO = re.compile(r"^([+-]?\d+)/(\d+)$")
_FRAMES = re.compile(r"^([+-]?\d+)f$")
_TIMECODE = re.compile(r"^(\d{1,3}):(\d{2}):(\d{2})([:;])(\d{2,3})$")
_CLOCK = re.compile(r"^(?:(\d{1,3}):)?(\d{1,2}):(\d{2}(?:\.\d+)?)$")
_SECONDS = re.compile(r"^[+-]?\d+(\.\d+)?$")
MAX_SECONDS = 1_000_000
"""No time in a project may be farther from 0 than this (11 days)."""


class TimeError(ValueError):
    """A text is not a time; the message says what would be one."""


@dataclass(frozen=True, slots=True)
class Time:
    """A time as the user wrote it: seconds, or a count of frames of the root canvas."""

    seconds: Fraction | None = None
    frames: int | None = None
    timecode: str | None = None
    """`HH:MM:SS:FF` or `HH:MM:SS;FF`; its frame count depends on the canvas' rate."""

    def resolve(self, fps: Fraction) -> Fraction:
        """Seconds at the root canvas' rate. Raises TimeError for a timecode that this rate does not have."""
        if self.seconds is not None:
            return self.seconds
        frames = self.frames if self.frames is not None else timecode_frames(self.timecode or "", fps)
        return frames / fps


def parse_time(value: object) -> Time:
    """Read a time: a number of seconds, "N/D" seconds, "120f" frames, "1:30.5" or a timecode.

    Numbers arrive as int or Decimal, so 0.1 is 1/10 exactly. Raises TimeError.
    """
    time = _parse(value)
    if time.seconds is not None and abs(time.seconds) > MAX_SECONDS:
        raise TimeError(f"is beyond the limit of {MAX_SECONDS} seconds")
    return time


def _parse(value: object) -> Time:
    if isinstance(value, bool) or value is None:
        raise TimeError(f"{value!r} is not a time")
    if isinstance(value, int | Fraction):
        return Time(seconds=Fraction(value))
    if isinstance(value, Decimal):
        # Only what is not finite has an exponent that is no number.
        if not value.is_finite() or value.adjusted() > 12 or value.as_tuple().exponent < -30:  # type: ignore[operator]
            raise TimeError(f"{str(value)[:20]} is out of range, or has more than 30 decimals")
        return Time(seconds=Fraction(value))
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= 40:
            if match := _RATIO.match(text):
                if int(match[2]) == 0:
                    raise TimeError(f'"{text}" divides by zero')
                return Time(seconds=Fraction(int(match[1]), int(match[2])))
            if match := _FRAMES.match(text):
                if abs(int(match[1])) > MAX_SECONDS * 1000:
                    raise TimeError("is beyond the limit of frames")
                return Time(frames=int(match[1]))
            if _TIMECODE.match(text):
                return Time(timecode=text)
            if match := _CLOCK.match(text):
                return Time(seconds=_clock_seconds(text, match))
            if _SECONDS.match(text):
                return Time(seconds=Fraction(text))
        raise TimeError(
            f'"{text[:40]}" is not a time: write seconds (2.5), minutes ("1:30.5"), "N/D" seconds ("1001/30000"), '
            'frames ("120f") or a timecode ("00:01:02:12")'
        )
    raise TimeError(f"{type(value).__name__} is not a time")


def _clock_seconds(text: str, match: re.Match[str]) -> Fraction:
    """Seconds of `M:SS`, `H:MM:SS`, each with decimals. Raises TimeError."""
    hours, minutes, seconds = match[1], int(match[2]), Fraction(match[3])
    if seconds >= 60 or (hours is not None and minutes > 59):
        raise TimeError(f'"{text}" is not a time: minutes and seconds go to 59')
    return 3600 * int(hours or 0) + 60 * minutes + seconds


def timecode_frames(text: str, fps: Fraction) -> int:
    """The frame count that a timecode names, at the nominal rate (29.97 counts 30).

    `;` before the frames means drop frame: SMPTE ST 12-1 skips the first 2 counts of each minute at 30,
    4 at 60, but for each tenth minute. Raises TimeError.
    """
    match = _TIMECODE.match(text)
    if match is None:
        raise TimeError(f'"{text}" is not a timecode')
    hours, minutes, seconds, frames = int(match[1]), int(match[2]), int(match[3]), int(match[5])
    nominal = round_half_up(fps)
    if minutes > 59 or seconds > 59 or frames >= nominal:
        raise TimeError(f'"{text}" is not a timecode at {nominal} frames a second')
    count = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if match[4] == ";":
        if nominal not in (30, 60) or fps.denominator == 1:
            raise TimeError(f'"{text}" is drop frame, which only 29.97 and 59.94 frames a second have')
        dropped = nominal // 15
        if minutes % 10 and seconds == 0 and frames < dropped:
            raise TimeError(f'"{text}" is a timecode that drop frame skips')
        total = hours * 60 + minutes
        count -= dropped * (total - total // 10)
    return count


def drops_frames(fps: Fraction) -> bool:
    """Whether timecodes at this rate skip counts, so that they keep up with the time of day: at 29.97 and 59.94."""
    nominal = round_half_up(fps)
    return nominal in (30, 60) and abs(fps * Fraction(1001, 1000) - nominal) < Fraction(1, 100)


def timecode(frame: int, fps: Fraction) -> str:
    """`HH:MM:SS:FF` of a frame; drop frame (`HH:MM:SS;FF`) where the rate has it. `timecode_frames` reads it back.

    Raises TimeError at rates below 1/2, which have no timecodes.
    """
    nominal = round_half_up(fps)
    if nominal == 0:
        raise TimeError(f"there are no timecodes at {format_rate(fps)} frames a second")
    if drops_frames(fps):
        dropped = nominal // 15
        tens, rest = divmod(frame, 600 * nominal - 9 * dropped)
        # Counts go missing at the start of minutes 1 to 9 of each ten.
        minutes = max(rest - dropped, 0) // (60 * nominal - dropped)
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, nominal)
    digits = max(len(str(nominal - 1)), 2)
    last = f"{';' if drops_frames(fps) else ':'}{frames:0{digits}}"
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{last}"


def round_half_up(value: Fraction) -> int:
    """The nearest integer; a half goes up. Python's own round() goes to the even one."""
    return math.floor(value + Fraction(1, 2))


def frame_count(duration: Fraction, fps: Fraction) -> int:
    """Frames of a film: those n with n / fps < duration."""
    return math.ceil(duration * fps)


def frame_time(frame: int, fps: Fraction) -> Fraction:
    """The timeline time that output frame `frame` shows."""
    return frame / fps


def frames_in(start: Fraction, end: Fraction, fps: Fraction) -> range:
    """The frames n with start ≤ n / fps < end."""
    return range(math.ceil(start * fps), math.ceil(end * fps))


def sample_at(time: Fraction, sample_rate: int) -> int:
    """The sample that lies at a time: round(time × rate)."""
    return round_half_up(time * sample_rate)


def parse_rate(value: object) -> Fraction:
    """A frame rate: a number or "N/D". Raises TimeError."""
    time = parse_time(value)
    if time.seconds is None or not Fraction(1, 100) <= time.seconds <= 1000:
        raise TimeError('is not a frame rate from 0.01 to 1000 (write 25, 29.97 or "30000/1001")')
    return time.seconds


def format_rate(fps: Fraction) -> str:
    """For people: at most three decimals."""
    return f"{float(fps):.3f}".rstrip("0").rstrip(".")


def format_time(time: Fraction) -> str:
    """For people: seconds with at most six decimals."""
    text = f"{float(time):.6f}".rstrip("0").rstrip(".")
    return f"{text} s"
