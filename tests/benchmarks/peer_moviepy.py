"""A scene with MoviePy 2: `python -m tests.benchmarks.peer_moviepy SCENE OUTPUT THREADS`, SCENE a pickled Scene.

Runs in an environment of its own, in which reelmill is not installed. Formulated for speed: a reader for each clip,
asked for the size that is shown, so that ffmpeg scales; opaque backgrounds where the scene has them.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

from moviepy import ColorClip, CompositeVideoClip, ImageClip, VideoFileClip, concatenate_videoclips, vfx

from tests.benchmarks.scene import FPS, Bar, Layer, Lettering, Photo, Scene, Stage, Video

BT709 = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]


def clip(layer: Layer) -> Any:
    """A layer's picture at its size and with its opacity, from time 0."""
    width, height = layer.box[2:]
    seconds = layer.frames / FPS
    match layer.source:
        case Video(file, at):
            size = None if (width, height) == (file.width, file.height) else (width, height)
            reader = VideoFileClip(str(file.path), audio=False, target_resolution=size, resize_algorithm="area")
            made = reader.subclipped(at / FPS, (at + layer.frames) / FPS)
        case Photo(file, grows_to):
            fitted = width / file.width
            growth = (grows_to - 1) / seconds
            picture = ImageClip(str(file.path), duration=seconds).with_fps(FPS)
            grown = picture.with_effects([vfx.Resize(lambda t: fitted * (1 + growth * t))]).with_position("center")
            made = CompositeVideoClip([grown], size=(width, height), bg_color=(0, 0, 0)).with_duration(seconds)
        case Lettering() as text:
            made = ImageClip(str(text.file.path), duration=seconds)
        case Bar(grey):
            made = ColorClip((width, height), color=(grey, grey, grey), duration=seconds)
        case Stage() as inner:
            made = composite(inner).with_duration(seconds)
            if (inner.width, inner.height) != (width, height):
                made = made.resized((width, height))
    return made if layer.opacity == 1 else made.with_opacity(layer.opacity)


def composite(stage: Stage) -> Any:
    """A stage's picture."""
    size = (stage.width, stage.height)
    parts = [clip(layer) for layer in stage.base]
    if any(layer.dissolve for layer in stage.base):
        placed = []
        for layer, part in zip(stage.base, parts, strict=True):
            fade = [vfx.CrossFadeIn(layer.dissolve / FPS)] if layer.dissolve else []
            placed.append(part.with_start(layer.start / FPS).with_effects(fade))
    else:
        placed = [concatenate_videoclips(parts, method="chain")] if parts else []
        if placed and not stage.over:
            return placed[0]
    for layer in stage.over:
        placed.append(clip(layer).with_start(layer.start / FPS).with_position(layer.box[:2]))
    grey = (stage.grey, stage.grey, stage.grey)
    return CompositeVideoClip(placed, size=size, bg_color=grey).with_duration(stage.frames / FPS)


def main() -> None:
    source, output, threads = sys.argv[1:]
    scene: Scene = pickle.loads(Path(source).read_bytes())
    composite(scene.stage).write_videofile(
        output,
        fps=FPS,
        codec="libx264",
        preset="veryfast",
        audio=False,
        threads=int(threads),
        pixel_format="yuv420p",
        logger=None,
        ffmpeg_params=["-crf", "23", "-vf", "scale=out_color_matrix=bt709:out_range=tv", *BT709],
    )


if __name__ == "__main__":
    main()
