"""What the animated formats have in common: settings that can't be, and what a foreign error means. Plain functions."""

from __future__ import annotations

from pathlib import Path

from reelmill.export.films.movie_file import DISK_FULL
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import AnimationSettings

_MAX_LOOPS = 65535
_RANGES = {"colors": (2, 256), "loop": (0, _MAX_LOOPS), "quality": (0, 100)}
_OF_GIF = ("palette", "colors", "dither")


def check_animation(
    target: Path, format_name: str, longest_side_px: int, size: tuple[int, int], settings: AnimationSettings
) -> None:
    """Raises SetupError for settings and a size (width and height, pixels) that the format does not have."""
    strange = set(_OF_GIF if format_name != "GIF" else ()) | {"quality" if format_name != "WebP" else ""}
    for name in (*_OF_GIF, "loop", "quality"):
        value = getattr(settings, name)
        if value is None:
            continue
        if name in strange:
            raise _refused(target, f"{format_name} has no {name}", f"leave out {name}")
        low, high = _RANGES.get(name, (0, 0))
        if isinstance(value, int) and not low <= value <= high:
            raise _refused(target, f"{name} is {value}", f"give {low} to {high}")
    if max(size) > longest_side_px:
        raise _refused(
            target,
            f"{format_name} holds {longest_side_px} pixels a side, and the pictures are {size[0]}×{size[1]}",
            "give the output a smaller size",
        )


def unopened(error: Exception, target: Path) -> SetupError:
    """What it means that a file could not be opened for writing."""
    return _refused(target, f"it can't be written: {os_reason(error)}", "name a file in a folder that you may write to")


def encoding_failed(error: Exception, target: Path) -> RenderError:
    """What it means that a picture could not be added to a file."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        message, suggestion = f"no space left while {target.name} was written", "free some space, or take another disk"
    else:
        message = f"{target.name} can't be written: {os_reason(error)}"
        suggestion = "see whether its folder is still there, or give the output a smaller size"
    return RenderError(message, component="Encoder", file=str(target), suggestion=suggestion)


def os_reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _refused(target: Path, why: str, suggestion: str) -> SetupError:
    return SetupError(f"{target.name}: {why}", component="Output", file=str(target), suggestion=suggestion)
