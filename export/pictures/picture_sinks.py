"""Targets and sinks of picture outputs, by kind: numbered pictures, animations, posters, contact sheets.

In: what was asked for, and which frames of the timeline it shows. Out: where it is put, and a sink, ready for the first
picture. Plain functions; the render thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reelmill.export.films.film_targets import FileTarget
from reelmill.export.outputs.output_folder import OutputFolder
from reelmill.export.outputs.output_target import OutputTarget
from reelmill.export.outputs.picture_sink import PictureSink, ShownFrames
from reelmill.export.pictures.apng_animation import ApngAnimation
from reelmill.export.pictures.contact_sheet import ContactSheet
from reelmill.export.pictures.gif_animation import GifAnimation
from reelmill.export.pictures.picture_formats import ANIMATION_SUFFIXES, picture_format
from reelmill.export.pictures.picture_names import PictureNames, check_single
from reelmill.export.pictures.picture_sequence import PictureSequence
from reelmill.export.pictures.poster import Poster, poster_number
from reelmill.export.pictures.webp_animation import WebPAnimation
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import Output


def open_picture_target(output: Output, *, force: bool) -> OutputTarget:
    """Where those outputs are put when they are complete. Raises SetupError where it can't be written."""
    if output.kind == "pictures":
        return OutputFolder(_names(output), force=force)
    check_single(Path(output.path))
    return FileTarget(Path(output.path), force=force)


def _names(output: Output) -> PictureNames:
    pattern = Path(output.path)
    picture_format(pattern)
    return PictureNames(pattern, start_number=output.pictures.start_number or 0)


def open_picture_sink(
    output: Output,
    destination: Path,
    shown: ShownFrames,
    canvas: tuple[int, int],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> PictureSink:
    """The sink of an output whose kind is `pictures`, `animation`, `poster` or `sheet`.

    `destination`: the target's, a file or, for numbered pictures, a folder.
    `canvas`: width and height of the film's pictures, for outputs without a size of their own.
    `stopped` tells, on whatever thread, that what is written is not wanted any more.
    Raises SetupError for what the format can't hold, settings that it does not have, and what can't be written.
    """
    target = Path(output.path)
    size = output.size or canvas
    match output.kind:
        case "pictures":
            names = _names(output)
            return PictureSequence(destination, names, shown, size=size, alpha=output.alpha, settings=output.pictures)
        case "poster":
            at = None if output.pictures.at is None else output.pictures.at.resolve(shown.timeline_fps)
            number = poster_number(shown, at)
            return Poster(destination, target, number, size=size, alpha=output.alpha, settings=output.pictures)
        case "sheet":
            return ContactSheet(destination, target, shown, canvas=canvas, size=output.size, settings=output.pictures)
        case "animation":
            return _open_animation(output, destination, shown, size, stopped)
    raise ValueError(output.kind)


def _open_animation(
    output: Output, destination: Path, shown: ShownFrames, size: tuple[int, int], stopped: Callable[[], bool]
) -> PictureSink:
    target, alpha, settings = Path(output.path), output.alpha, output.animation
    match target.suffix.lower():
        case ".gif":
            return GifAnimation(destination, target, shown, size=size, alpha=alpha, settings=settings, stopped=stopped)
        case ".webp":
            return WebPAnimation(destination, target, shown, size=size, alpha=alpha, settings=settings)
        case ".png" | ".apng":
            return ApngAnimation(destination, target, shown, size=size, alpha=alpha, settings=settings)
    raise _refused(target, f"animations are written as {', '.join(ANIMATION_SUFFIXES)}", f"name it {target.stem}.gif")


def _refused(target: Path, why: str, suggestion: str) -> SetupError:
    return SetupError(f"{target.name}: {why}", component="Output", file=str(target), suggestion=suggestion)
