"""Hypothesis: small random projects over real files, and their pictures: what a film of them would hold.

Files carry frame numbers and textures; there are B-frames, variable rate, alpha, a still, and one file under two names.
Projects nest up to three deep, share files, overlap, play at all speeds, and blend.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

from reelmill.export.opening.film_range import frames_asked
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import open_project
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.outputs.views import readable_planes, sample_rows
from reelmill.export.rendering.picture_renderer import PictureRenderer
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.colour import SRGB
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.timelines.selection import System
from tests.support.clips import ffmpeg, shared_folder

Project = dict[str, Any]
Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 64, 48
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0")
SOURCES: dict[str, tuple[str, ...]] = {
    "gop.mp4": ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2", *X264, "-g", "12"),
    "long.mkv": ("-f", "lavfi", "-i", "mandelbrot=s=96x64:r=24", "-t", "2", *X264, "-g", "250"),
    "variable.mp4": (
        *("-f", "lavfi", "-i", "testsrc=s=64x48:r=30:d=1.5", "-vf", "settb=1/90000,setpts=N*3000+mod(N*N\\,7)*400"),
        *("-vsync", "passthrough", "-enc_time_base", "1/90000", *X264, "-g", "20"),
    ),
    "alpha.mov": (
        *("-f", "lavfi", "-i", "testsrc2=s=48x48:r=25:d=1,format=yuva444p"),
        *("-vf", "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='5*X'", "-c:v", "qtrle", "-pix_fmt", "argb"),
    ),
    "still.png": ("-f", "lavfi", "-i", "smptebars=s=64x48", "-frames:v", "1", "-pix_fmt", "rgb24"),
}
MODES = ("multiply", "screen", "overlay", "darken", "lighten", "hard_light", "difference", "exclusion", "add")
WIDE_MODES = ("color_burn", "hue", "luminosity")
SPEEDS = ("1", "1", "1", "1/2", "2", "-1", "-5/3", "0")


def source_files(factory: pytest.TempPathFactory) -> Path:
    """The folder that the projects' files lie in; made once a session."""
    folder = shared_folder(factory) / "random-projects"
    folder.mkdir(exist_ok=True)
    make_sources(folder)
    return folder


def make_sources(folder: Path) -> None:
    """Make the files that are not yet in the folder. Several processes may do so at once."""
    for name, arguments in SOURCES.items():
        if not (folder / name).exists():
            made = folder / f"{os.getpid()}-{name}"
            ffmpeg(*arguments, made)
            made.replace(folder / name)


@st.composite
def projects(draw: st.DrawFn, *, modes: tuple[str, ...] = MODES + WIDE_MODES) -> Project:
    """A project of about a second; files are named as `source_files` makes them."""
    media = {name: {"path": name} for name in SOURCES} | {"again": {"path": "gop.mp4"}}
    compositions: dict[str, Any] = {}
    for name in ("leaf", "card", "scene")[: draw(st.integers(0, 3))]:
        width, height = draw(st.sampled_from(((WIDTH, HEIGHT), (WIDTH, HEIGHT), (32, 24), (80, 60))))
        compositions[name] = {
            "width": width,
            "height": height,
            **({"background": draw(st.sampled_from(("#204060", "#20406080")))} if draw(_one_in(4)) else {}),
            "tracks": draw(_tracks(f"{name}-", tuple(compositions), modes)),
        }
    return {
        "version": 1,
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": draw(st.sampled_from((10, 12, "15000/1001")))},
        "media": media,
        "compositions": compositions,
        "tracks": draw(_tracks("", tuple(compositions), modes)),
    }


def _one_in(count: int) -> st.SearchStrategy[bool]:
    return st.integers(1, count).map(lambda n: n == count)


@st.composite
def _tracks(draw: st.DrawFn, prefix: str, compositions: tuple[str, ...], modes: tuple[str, ...]) -> list[Any]:
    tracks = []
    for number in range(draw(st.integers(1, 3))):
        clips: list[Any] = []
        start, end, free = draw(st.integers(0, 3)), 0, 0
        for index in range(draw(st.integers(1, 3))):
            length = draw(st.integers(2, 9))
            if index:
                start = max(end + draw(st.integers(-3, 2)), clips[-1]["start"] + 1, free)
                free = end
            end = max(start + length, end + 1)
            clip = {
                "id": f"{prefix}{number}.{index}",
                "start": start,
                "duration": end - start,
                **draw(_content(compositions)),
                **draw(_looks(modes)),
            }
            if index and start < free:
                clip["transition"] = draw(_transition())
            clips.append(clip)
        for clip in clips:  # they were tenths of a second
            clip["start"], clip["duration"] = f"{clip['start']}/10", f"{clip['duration']}/10"
        track: dict[str, Any] = {"id": f"{prefix}{number}", "clips": clips}
        if draw(_one_in(8)):
            track["opacity"] = 0.6
        tracks.append(track)
    return tracks


@st.composite
def _content(draw: st.DrawFn, compositions: tuple[str, ...]) -> Project:
    kind = draw(st.sampled_from(("media", "media", "media", "composition", "composition", "solid", "shape", "text")))
    if kind == "composition" and not compositions:
        kind = "media"
    match kind:
        case "solid":
            return {"solid": draw(st.sampled_from(("#804020", "#80402080", "white")))}
        case "shape":
            return {"shape": {"type": "rectangle", "size": [30, 20], "fill": "#40c08090", "radius": 4}}
        case "text":
            return {"text": {"content": "Aé", "size": draw(st.sampled_from((14, 30))), "color": "#ffd040"}}
    played = {
        "in": f"{draw(st.integers(0, 12))}/10",
        "speed": draw(st.sampled_from(SPEEDS)),
        "after_end": draw(st.sampled_from(("hold", "loop", "blank"))),
    }
    if kind == "composition":
        return {"composition": draw(st.sampled_from(compositions)), **played}
    name = draw(st.sampled_from((*SOURCES, "again", "gop.mp4")))
    fitted = {"fit": draw(st.sampled_from(("contain", "cover", "fill", "none")))} if draw(st.booleans()) else {}
    return {"media": name, **fitted, **({} if name == "still.png" else played)}


@st.composite
def _looks(draw: st.DrawFn, modes: tuple[str, ...]) -> Project:
    """Mostly none: a clip that just lies there is what short cuts are for."""
    looks: Project = {}
    transform: dict[str, Any] = {}
    if draw(_one_in(4)):
        transform["position"] = [draw(st.integers(0, WIDTH)), draw(st.sampled_from((12, 24, 24.5, 30.25)))]
    if draw(_one_in(4)):
        transform["scale"] = draw(st.sampled_from((0.5, 1.3, [-1, 1], 0.37)))
    if draw(_one_in(6)):
        transform["rotation"] = draw(st.sampled_from((90, 17, 180)))
    if draw(_one_in(4)):
        keyframes = [{"time": 0, "value": 0.2}, {"time": "1/2", "value": 1}]
        transform["opacity"] = draw(st.sampled_from((0.5, {"keyframes": keyframes})))
    if transform:
        looks["transform"] = transform
    if draw(_one_in(5)) and modes:
        looks["blend"] = draw(st.sampled_from(modes))
    if draw(_one_in(8)):
        looks["crop"] = {"left": 0.25}
    if draw(_one_in(6)):
        looks["effects"] = draw(st.lists(_effect(), min_size=1, max_size=2))
    return looks


@st.composite
def _effect(draw: st.DrawFn) -> Project:
    if draw(st.booleans()):
        return {"type": "saturation", "amount": draw(st.sampled_from((0, 0.5, 1.5)))}
    keyframes = [{"time": 0, "value": 0}, {"time": "1/2", "value": 6}]
    radius = draw(st.sampled_from((1.5, [4, 0], {"keyframes": keyframes})))
    return {"type": "blur", "radius": radius, "edges": draw(st.sampled_from(("extend", "transparent")))}


@st.composite
def _transition(draw: st.DrawFn) -> Project:
    kind = draw(st.sampled_from(("dissolve", "dissolve", "fade", "wipe", "push", "iris")))
    return {"type": kind, **({"direction": "up"} if kind in ("wipe", "push") and draw(st.booleans()) else {})}


def written(project: Project, folder: Path) -> Path:
    """The project file, beside its media."""
    path = folder / f"project-{os.getpid()}.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


def pictures(
    path: Path,
    system: System = "v1",
    options: ExportOptions | None = None,
    *,
    pixel_format: str = "rgba",
    started: Callable[[PictureRenderer], None] = lambda renderer: None,
) -> tuple[Pixels, ExportRecord]:
    """Every frame of the film before any encoder: shape [frames, bytes of the frame's planes], and the record."""
    options = options or ExportOptions()
    opened = open_project(path, options)
    frames = frames_asked(opened.timeline, options.range)
    size = (opened.timeline.root.width, opened.timeline.root.height)
    format_ = PIXEL_FORMATS[pixel_format]
    record, found = ExportRecord(), []
    planner = ExportPlanner(
        opened.timeline,
        opened.facts,
        opened.drawn_sizes,
        frames,
        simplify=options.fast_paths,
        scale=options.canvas_scale,
    )
    view = PictureFormat(*size, format_, SRGB)
    with PictureRenderer(opened, planner, options, record, system=system) as renderer:
        started(renderer)
        for number in frames:
            plan = planner.plan(number)
            renderer.begin(plan)
            (drawn,) = renderer.draw(plan.picture, [view])
            found.append(b"".join(rows.tobytes() for rows in sample_rows(readable_planes(drawn), format_)))
    return np.stack([np.frombuffer(each, np.uint8) for each in found]), record
