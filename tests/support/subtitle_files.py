"""Files of subtitles for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reelmill.export.subtitles.subtitle_file import read_subtitles
from reelmill.planner.subtitles import CueSheet
from reelmill.planner.timeline import Subtitles

STYLE_FORMAT = (
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, "
    "MarginV, Encoding"
)
EVENT_FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


def ass_style(
    name: str = "Default",
    font: str = "DejaVu Sans",
    size: float = 24,
    *,
    color: str = "&H00FFFFFF",
    outline_color: str = "&H000000FF",
    back_color: str = "&H00000000",
    outline: float = 0,
    shadow: float = 0,
    align: int = 2,
    margins: tuple[int, int, int] = (20, 30, 15),
    more: str = "0,0,0,0,100,100,0,0,1",
) -> str:
    """A line of a style. `more`: bold to BorderStyle."""
    left, right, vertical = margins
    colours = f"{color},&H000000FF,{outline_color},{back_color}"
    return f"Style: {name},{font},{size:g},{colours},{more},{outline:g},{shadow:g},{align},{left},{right},{vertical},1"


def dialogue(
    text: str, start: str = "0:00:00.00", end: str = "0:00:05.00", style: str = "Default", more: str = ""
) -> str:
    """A line of a cue. `more`: name, margins and effect."""
    return f"Dialogue: 0,{start},{end},{style},{more or ',0,0,0,'},{text}"


def ass_text(
    events: Sequence[str],
    styles: Sequence[str] = (ass_style(),),
    size: tuple[int, int] = (384, 288),
    info: str = "ScaledBorderAndShadow: yes",
) -> str:
    """A whole file."""
    head = f"[Script Info]\nScriptType: v4.00+\nPlayResX: {size[0]}\nPlayResY: {size[1]}\n{info}\n"
    return "\n".join([head, "[V4+ Styles]", STYLE_FORMAT, *styles, "", "[Events]", EVENT_FORMAT, *events, ""])


def read(folder: Path, name: str, content: str | bytes, **keys: Any) -> CueSheet:
    """What is read of a file with that content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_subtitles(Subtitles(str(path), **keys))
