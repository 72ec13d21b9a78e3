"""A scene with movis: `python -m tests.benchmarks.peer_movis SCENE OUTPUT THREADS`, SCENE a pickled Scene.

Runs in an environment of its own, in which reelmill is not installed.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import movis as mv

from tests.benchmarks.scene import FPS, Bar, Layer, Lettering, Photo, Scene, Stage, Video

BT709 = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
GRACE = 1e-4
"""Seconds by which a video runs ahead: movis rounds a time in floats down to a frame."""


def composition(stage: Stage) -> Any:
    """A stage."""
    seconds = stage.frames / FPS
    made = mv.layer.Composition(size=(stage.width, stage.height), duration=seconds)
    grey = (stage.grey, stage.grey, stage.grey)
    made.add_layer(mv.layer.Rectangle(size=(stage.width, stage.height), color=grey, duration=seconds))
    for layer in stage.layers:
        _add(made, layer)
    return made


def _add(made: Any, layer: Layer) -> None:
    x, y, width, height = layer.box
    at, ahead, own = 0.0, 0.0, (width, height)
    match layer.source:
        case Video(file, first):
            shown: Any = mv.layer.Video(str(file.path), audio=False)
            at, ahead, own = first / FPS, GRACE, (file.width, file.height)
        case Photo(file):
            shown, own = mv.layer.Image(str(file.path)), (file.width, file.height)
        case Lettering() as text:
            shown = mv.layer.Image(str(text.file.path))
        case Bar(grey):
            shown = mv.layer.Rectangle(size=(width, height), color=(grey, grey, grey))
        case Stage() as inner:
            shown, own = composition(inner), (inner.width, inner.height)
    item = made.add_layer(
        shown,
        position=(x + width / 2, y + height / 2),
        scale=width / own[0],
        opacity=layer.opacity,
        offset=layer.start / FPS - at - ahead,
        start_time=at + ahead,
        end_time=at + ahead + layer.frames / FPS,
    )
    if isinstance(layer.source, Photo):
        fitted = width / own[0]
        growth = item.scale.enable_motion()
        growth.extend(keyframes=[0.0, layer.frames / FPS], values=[fitted, fitted * layer.source.grows_to])
    if layer.dissolve:
        item.opacity.enable_motion().extend(keyframes=[at, at + layer.dissolve / FPS], values=[0.0, 1.0])


def main() -> None:
    source, output, threads = sys.argv[1:]
    scene: Scene = pickle.loads(Path(source).read_bytes())
    encoding = ["-preset", "veryfast", "-crf", "23", "-threads", threads]
    encoding += ["-vf", "scale=out_color_matrix=bt709:out_range=tv", *BT709]
    composition(scene.stage).write_video(output, fps=FPS, codec="libx264", output_params=encoding, audio=False)


if __name__ == "__main__":
    main()
