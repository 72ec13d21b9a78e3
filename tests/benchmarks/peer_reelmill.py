"""A scene as a project of reelmill, and the commands that export it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import footage
from tests.benchmarks.scene import FPS, Bar, Layer, Lettering, Photo, Scene, Stage, Video, files, stages, walk


def project(scene: Scene) -> dict[str, Any]:
    """The project file's content; media are named by absolute paths."""
    stage = scene.stage
    return {
        "version": 1,
        "name": scene.title,
        "canvas": {
            "width": stage.width,
            "height": stage.height,
            "fps": FPS,
            "duration": f"{stage.frames}f",
            "background": _grey(stage.grey),
        },
        "media": {file.name: {"path": str(file.path.resolve())} for file in files(stage)},
        "compositions": {inner.name: _composition(inner) for inner in stages(stage)},
        "tracks": _tracks(stage),
        "export": {"video": {"codec": "h264", "preset": "veryfast", "crf": 23, "pix_fmt": "yuv420p"}},
    }


def command(scene: Scene, source: Path, output: Path, *options: str) -> list[str]:
    """Writes the project to `source`; the command exports it to `output`."""
    source.write_text(json.dumps(project(scene), indent=1))
    return [sys.executable, "-m", "reelmill", "export", str(source), str(output), "--force", "-q", *options]


def draw_letterings(scene: Scene) -> None:
    """Make the files with which other tools show the scene's text, by drawing each on a black canvas."""
    for layer in walk(scene.stage):
        text = layer.source
        if not isinstance(text, Lettering) or text.file.path.exists():
            continue
        drawn, source = text.file.path.with_suffix(".drawn.png"), text.file.path.with_suffix(".json")
        stage = Stage("title", 1920, 1080, 1, (), (Layer(text, 0, 1, layer.box),))
        source.write_text(json.dumps(project(Scene("title", "title", stage))))
        frame = [sys.executable, "-m", "reelmill", "frame", str(source), "--at", "0", str(drawn), "--force"]
        subprocess.run(frame, check=True)
        footage.lettering(text.file.path, drawn, layer.box)


def _composition(stage: Stage) -> dict[str, Any]:
    background = {"background": _grey(stage.grey)} if stage.grey else {}
    size = {"width": stage.width, "height": stage.height, "duration": f"{stage.frames}f"}
    return {**size, **background, "tracks": _tracks(stage)}


def _tracks(stage: Stage) -> list[dict[str, Any]]:
    tracks = [[_clip(layer, stage) for layer in stage.base]] if stage.base else []
    tracks += [[_clip(layer, stage)] for layer in stage.over]
    return [{"clips": clips} for clips in tracks]


def _clip(layer: Layer, stage: Stage) -> dict[str, Any]:
    x, y, width, height = layer.box
    clip: dict[str, Any] = {"start": f"{layer.start}f", "duration": f"{layer.frames}f"}
    transform: dict[str, Any] = {}
    if layer.box != stage.box:
        transform["position"] = [x + width / 2, y + height / 2]
    if layer.opacity != 1:
        transform["opacity"] = layer.opacity
    match layer.source:
        case Video(file, at):
            clip |= {"media": file.name, "in": f"{at}f"}
            transform |= _scale(width, stage.width)
        case Photo(file, grows_to):
            clip["media"] = file.name
            ends = [{"time": 0, "value": 1}, {"time": f"{layer.frames}f", "value": grows_to}]
            transform["scale"] = {"keyframes": ends}
        case Lettering(content, size):
            clip["text"] = {"content": content, "size": size, "box_width": width, "line_height": height / size}
        case Bar(grey):
            clip["shape"] = {"type": "rectangle", "size": [width, height], "fill": _grey(grey)}
        case Stage() as inner:
            clip["composition"] = inner.name
            transform |= _scale(width, inner.width)
    if layer.dissolve:
        clip["transition"] = {"type": "dissolve"}
    return {**clip, **({"transform": transform} if transform else {})}


def _scale(width: int, own: int) -> dict[str, float]:
    return {} if width == own else {"scale": width / own}


def _grey(grey: int) -> str:
    return f"#{grey:02x}{grey:02x}{grey:02x}"
