"""What comes out of the encoder, for a check: the project exported to a temporary film, and opened as a project itself.

In: a project. Out: a project whose only clip is that film, so that its frames and its sound are read as exactly as any
other media. Owns the temporary folder; used with `with`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reelmill.export.films.codecs import natural_output
from reelmill.export.opening.job import ExportOptions, SilentListener
from reelmill.export.opening.project import OpenedProject, open_project, probe_file
from reelmill.export.rendering.session import export_film
from reelmill.planner.clock import frame_count
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.pixel_format import PIXEL_FORMATS

Pixels = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.float32]

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""BT.709's."""


def as_film_shows(pixels: Pixels, pix_fmt: str) -> Pixels:
    """A composited picture as a film of a pixel format shows it where the encoder takes nothing away: shape
    [height, width, 3]. So what is compared with it is the encoder's work alone, not that chroma is subsampled.
    """
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.uint16)
        pixels = ((pixels[:, :, :3] * alpha + 127) // 255).astype(np.uint8)
    form = PIXEL_FORMATS[pix_fmt]
    if form.model != "yuv":
        return pixels
    step = 1 << (form.bits - 8)
    rgb = pixels.astype(np.float32) / 255
    luma = rgb @ _LUMA
    blue, red = ((rgb[:, :, place] - luma) / (2 - 2 * _LUMA[place]) for place in (2, 0))
    luma = np.round(luma * 219 * step) / (219 * step)
    blue, red = (_subsampled(each, 224 * step, form.log2_chroma_w, form.log2_chroma_h) for each in (blue, red))
    shown = np.empty_like(rgb)
    shown[:, :, 0] = luma + red * (2 - 2 * _LUMA[0])
    shown[:, :, 2] = luma + blue * (2 - 2 * _LUMA[2])
    shown[:, :, 1] = (luma - _LUMA[0] * shown[:, :, 0] - _LUMA[2] * shown[:, :, 2]) / _LUMA[1]
    return np.round(shown.clip(0, 1) * 255).astype(np.uint8)


def _subsampled(chroma: Reals, codes: int, log2_width: int, log2_height: int) -> Reals:
    """Averaged over the pixels that share a sample, in whole codes, and spread over them again."""
    height, width = chroma.shape
    across, down = 1 << log2_width, 1 << log2_height
    padded = np.pad(chroma, [(0, -height % down), (0, -width % across)], mode="edge")
    means = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across).mean(axis=(1, 3))
    coded = np.round(means * codes) / codes
    spread = coded.repeat(down, axis=0).repeat(across, axis=1)[:height, :width]
    return np.asarray(spread, np.float32)


class _Stoppable(SilentListener):
    def __init__(self, checkpoint: Callable[[], None]) -> None:
        self._checkpoint = checkpoint

    def checkpoint(self) -> None:
        self._checkpoint()


@contextmanager
def encoded_film(
    path: Path, opened: OpenedProject, options: ExportOptions, checkpoint: Callable[[], None]
) -> Iterator[OpenedProject]:
    """Export and open the film. Raises SetupError, RenderError."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="reelmill-check-")
    except OSError as error:
        raise SetupError(
            f"no temporary folder can be made for the film: {error.strerror}",
            component="Check",
            suggestion="set TMPDIR to a folder that you may write to",
        ) from error
    with folder as name:
        film = Path(name) / natural_output(opened.timeline.video, opened.timeline.audio).name
        export_film(path, film, replace(options, force=True), _Stoppable(checkpoint))
        project = Path(name) / "film.json"
        project.write_text(json.dumps(_project_of(film, opened)), encoding="utf-8")
        yield open_project(project, ExportOptions(renderer=options.renderer))


def _project_of(film: Path, opened: OpenedProject) -> dict[str, object]:
    """A project that shows the film, and as many frames as the film has."""
    timeline = opened.timeline
    video = probe_file(str(film)).video
    if video is None or video.table is None:
        raise RenderError("the exported film has no pictures", component="Check", file=str(film))
    frames = len(video.table.pts)
    whole = frames == frame_count(timeline.duration, timeline.fps)
    # Its own duration may be rounded by the container; sound ends where the project's does.
    duration = str(timeline.duration) if whole else f"{frames}f"
    clip = {"media": "film", "duration": f"{frames}f", "after_end": "hold", "fit": "none"}
    return {
        "version": 1,
        "canvas": {"width": video.width, "height": video.height, "fps": str(timeline.fps), "duration": duration},
        "audio": {"sample_rate": timeline.sample_rate, "channels": timeline.channels},
        "media": {"film": {"path": film.name}},
        "tracks": [{"clips": [clip]}],
    }
