"""What a render check looks at and how far a picture or sound may be from the stored one: as the user wrote it.

In: texts of the command line or of a project's `checks`. Out: frozen data. Nothing is rendered or compared here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from reelmill.planner.clock import Time, TimeError, parse_time
from reelmill.planner.suggestion import did_you_mean

MAX_EVERY: Final = 1_000_000
"""Frames from one moment to the next at most."""


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many-th frame, from the first on, and the last."""

    frames: int


@dataclass(frozen=True, slots=True)
class Auto:
    """Where things change: see planner.check_moments."""


CheckMoment = Time | Every | Auto
"""One frame, or a rule that names several."""


def parse_moment(value: object) -> CheckMoment:
    """`auto`, `every:N`, or a time of planner.clock that is not negative. Raises TimeError."""
    text = value.strip() if isinstance(value, str) else ""
    if text == "auto":
        return Auto()
    if match := re.fullmatch(r"every:([0-9]{1,9})", text):
        if not 1 <= int(match[1]) <= MAX_EVERY:
            raise TimeError(f'"{text}": the number of frames must be 1 to {MAX_EVERY}')
        return Every(int(match[1]))
    try:
        time = parse_time(value)
    except TimeError as error:
        raise TimeError(f'{error}, or "every:30", or "auto"') from error
    if (time.seconds or 0) < 0 or (time.frames or 0) < 0:
        raise TimeError(f"{value} lies before the film")
    return time


def parse_moments(text: str) -> tuple[CheckMoment, ...]:
    """Moments with commas between them. Raises TimeError."""
    return tuple(parse_moment(part) for part in text.split(","))


def moment_text(moment: CheckMoment) -> str:
    """As `parse_moment` reads it."""
    match moment:
        case Auto():
            return "auto"
        case Every():
            return f"every:{moment.frames}"
        case Time():
            return str(moment.seconds) if moment.frames is None and moment.timecode is None else _counted(moment)


def _counted(time: Time) -> str:
    return f"{time.frames}f" if time.frames is not None else str(time.timecode)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a render may be from the stored one. All must hold. The defaults are exact for pictures."""

    name: str = "exact"
    """For people."""
    largest: int = 0
    """Code values (of 255) by which a pixel may differ; farther ones count as different."""
    share: float = 0.0
    """Of the pixels that may be different, 0…1."""
    ssim: float | None = None
    """The least structural similarity of any tile of the picture, 0…1; None leaves it out."""
    colour: float | None = None
    """The most by which the mean colours of any tile may lie apart, code values; None leaves it out."""
    level_db: float = 0.1
    """Between the levels of any stretch of 100 ms."""
    envelope: float = 0.02
    """Distance between the courses of the level, measured each millisecond, share of the louder one."""
    spectrum_db: float = 0.5
    """Between the spectra of any stretch of 100 ms, mean over third octaves weighted by what is heard."""
    offset_seconds: float = 0.001
    """By which the sound may be early or late."""

    @property
    def exact(self) -> bool:
        """Whether pictures must be the same bit by bit."""
        return self.largest == 0 and self.share == 0


EXACT: Final = Tolerance()
RENDERER: Final = Tolerance("renderer", largest=2, share=0.0005)
"""What another OpenGL renderer may round differently (docs/guide/check.md has the measurements)."""
ENCODER: Final = Tolerance(
    "encoder",
    largest=255,
    ssim=0.85,
    colour=3.0,
    level_db=0.4,
    envelope=0.15,
    spectrum_db=3.0,
    offset_seconds=0.003,
)
"""What a lossy encoder may change: single pixels by any amount, but neither structure nor mean colour."""
PRESETS: Final[Mapping[str, Tolerance]] = {each.name: each for each in (EXACT, RENDERER, ENCODER)}


class ToleranceError(ValueError):
    """A text is not a tolerance; the message says what would be one."""


@dataclass(frozen=True, slots=True)
class _Setting:
    field: str
    unit: str
    high: float
    scale: float = 1.0
    """From the unit to what the field holds."""


_SETTINGS: Final[Mapping[str, _Setting]] = {
    "largest": _Setting("largest", "", 255),
    "share": _Setting("share", "", 1),
    "ssim": _Setting("ssim", "", 1),
    "colour": _Setting("colour", "", 255),
    "level": _Setting("level_db", "dB", 100),
    "envelope": _Setting("envelope", "", 2),
    "spectrum": _Setting("spectrum_db", "dB", 100),
    "offset": _Setting("offset_seconds", "ms", 1000, 1e-3),
}
_FORM = (
    "write exact, renderer or encoder, or the largest difference and the share of pixels that may pass it (2:0.1%); "
    f"further settings follow with commas: {', '.join(f'{name}=…' for name in _SETTINGS)}"
)


def parse_tolerance(text: str) -> Tolerance:
    """A preset or `LARGEST[:SHARE]`, then settings such as `ssim=0.95`, `level=0.5`. Raises ToleranceError."""
    first, *settings = [part.strip() for part in text.split(",")]
    if "=" in first:
        settings.insert(0, first)
        found = EXACT
    elif first in PRESETS:
        found = PRESETS[first]
    else:
        found = _plain(first)
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or name not in _SETTINGS:
            hint = did_you_mean(name, _SETTINGS)
            raise ToleranceError(f'"{setting}" is no setting of a tolerance{f" ({hint})" if hint else ""}: {_FORM}')
        found = _changed(found, _SETTINGS[name], value)
    return found if not settings and first in PRESETS else replace(found, name=text.strip())


def _changed(tolerance: Tolerance, setting: _Setting, value: str) -> Tolerance:
    number = _number(value, setting)
    change: dict[str, Any] = {setting.field: int(number) if setting.field == "largest" else number * setting.scale}
    return replace(tolerance, **change)


def _plain(text: str) -> Tolerance:
    largest, colon, share = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,3}", largest):
        hint = did_you_mean(text, PRESETS)
        raise ToleranceError(f'"{text}" is no tolerance{f" ({hint})" if hint else ""}: {_FORM}')
    return Tolerance(
        largest=int(_number(largest, _SETTINGS["largest"])),
        share=_number(share, _SETTINGS["share"]) if colon else 0.0,
    )


def _number(text: str, setting: _Setting) -> float:
    match = re.fullmatch(rf"\s*+([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?)\s*+(%|{setting.unit})?\s*+", text, re.IGNORECASE)
    percent = match is not None and match[2] == "%"
    if match is None or (percent and setting.unit) or (setting.field == "largest" and not match[1].isdigit()):
        raise ToleranceError(f'"{text}" is no value for a tolerance: {_FORM}')
    number = float(match[1]) / (100 if percent else 1)
    if number > setting.high:
        raise ToleranceError(f'"{text}" is out of range: it must be 0 to {setting.high:g}')
    return number


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """`checks` of a project; what is None is left to the command line, or to the defaults."""

    frames: tuple[CheckMoment, ...] | None = None
    tolerance: Tolerance | None = None


def moments_text(moments: Iterable[CheckMoment]) -> str:
    """As `parse_moments` reads it."""
    return ",".join(moment_text(moment) for moment in moments)


@dataclass(frozen=True, slots=True)
class MomentChoice:
    """The frames that are looked at, and why."""

    frames: Mapping[int, tuple[str, ...]]
    """Output frames, ascending, with what each shows: "first of opening", …"""
    outside: Mapping[int, str] = field(default_factory=dict)
    """Moments that lie behind the end of the film: frame, and how the moment was written."""
