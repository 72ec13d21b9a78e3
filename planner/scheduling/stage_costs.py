"""What the stages of an export cost, in seconds of one core: constants and the work that a plan tells.

In: a planned picture, facts of a file, the settings of an encoder. Out: seconds. Measured by `make bench-estimate` on a
server with software OpenGL; other machines differ by a factor, which an export's own speed corrects. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from reelmill.planner.frame_plan import CompositionPlan, Layer, PictureSource, TransitionLayer, sides_of
from reelmill.planner.media import VideoFacts
from reelmill.planner.pictures.simplify import untouched

START_SECONDS = 0.7
"""Loading libraries, opening OpenGL, closing files."""
FILE_SECONDS = 0.03
"""Probing one file, and opening it again."""
SOUND_SECONDS = 0.012
"""Decoding, mixing and encoding a second of sound with few clips."""

_DECODE_SECONDS = {"h264": 0.0028, "hevc": 0.0042, "vp9": 0.0036, "vp8": 0.003, "av1": 0.005, "mpeg2video": 0.002}
_OTHER_DECODING = 0.005
"""For a megapixel, by codec."""

_PASSED_SECONDS = 0.0002
_CANVAS_SECONDS = 0.0008
_COPIED_SECONDS = 0.0008
_FILTERED_SECONDS = 0.0030
_READ_SECONDS = 0.0006
_BLENDED_SECONDS = 0.0014
"""For a megapixel in memory: a frame that goes through, a canvas that is begun, a layer that lies on whole pixels, one
that is filtered, what of the source is read for that, and laying over what is below."""
_TURNED_SECONDS = 0.006
_RGB_CANVAS_SECONDS = 0.008
_RGB_LAYER_SECONDS = 0.006
"""For a megapixel on OpenGL, with reading back: a turned layer on planes; a canvas of R'G'B', and a layer on it."""
_LAYER_SECONDS = 0.0002
_PLAN_SECONDS = 0.0008
"""For each layer and each frame, whatever their size."""

_ENCODE_SECONDS = {
    "h264": 0.030,
    "hevc": 0.150,
    "vp9": 0.120,
    "vp8": 0.060,
    "av1": 0.060,
    "prores": 0.020,
    "ffv1": 0.020,
    "mpeg4": 0.010,
    "gif": 0.030,
}
_OTHER_ENCODING = 0.025
"""For a megapixel, by codec, at the preset `medium` where there are some."""
_PRESETS = {
    "ultrafast": 0.17,
    "superfast": 0.25,
    "veryfast": 0.38,
    "faster": 0.6,
    "fast": 0.8,
    "slow": 1.6,
    "slower": 3.0,
    "veryslow": 5.5,
}
"""Times `medium`: x264 and x265."""
STILL_ENCODING = 0.4
"""Of the time to encode a picture that moves: one that is equal to the picture before."""


def decode_seconds(video: VideoFacts) -> float:
    """One frame of a file."""
    return _DECODE_SECONDS.get(video.codec, _OTHER_DECODING) * video.width * video.height / 1e6


def encode_seconds(codec: str, preset: str | None, width: int, height: int) -> float:
    """One picture of a film or an animation; `codec` by the name that people choose."""
    hardware = "_" in codec and codec not in _ENCODE_SECONDS
    each = 0.002 if hardware else _ENCODE_SECONDS.get(codec, _OTHER_ENCODING)
    return each * _PRESETS.get(preset or "", 1.0) * width * height / 1e6


def draw_seconds(picture: CompositionPlan, scale: float = 1.0) -> float:
    """Planning and compositing one picture. `scale`: target pixels for a canvas pixel."""
    if untouched(picture) is not None and scale == 1:
        return _PLAN_SECONDS + _PASSED_SECONDS * picture.width * picture.height / 1e6
    area = scale * scale / 1e6
    rgb = any(_needs_rgb(item) for each in _compositions(picture, set()) for item in each.layers)
    seconds = _PLAN_SECONDS
    for each in _compositions(picture, set()):
        canvas = each.width * each.height * area
        seconds += canvas * (_RGB_CANVAS_SECONDS if rgb else _CANVAS_SECONDS)
        seconds += sum(_layer_seconds(layer, each, area, rgb=rgb) for item in each.layers for layer in sides_of(item))
    return seconds


def _layer_seconds(layer: Layer, canvas: CompositionPlan, area: float, *, rgb: bool) -> float:
    shown = _shown_px(layer, canvas) * area
    if rgb:
        return _LAYER_SECONDS + shown * _RGB_LAYER_SECONDS
    matrix = layer.matrix
    if matrix.b or matrix.c:
        return _LAYER_SECONDS + shown * _TURNED_SECONDS
    scaled = (matrix.a, matrix.d) != (1, 1) or not (matrix.e.is_integer() and matrix.f.is_integer())
    seconds = _LAYER_SECONDS + shown * (_FILTERED_SECONDS if scaled else _COPIED_SECONDS)
    if scaled:
        seconds += _READ_SECONDS * layer.width * layer.height / 1e6
    if layer.opacity < 1 or not (isinstance(layer.source, PictureSource) and layer.source.opaque):
        seconds += shown * _BLENDED_SECONDS
    return seconds


def _needs_rgb(item: Layer | TransitionLayer) -> bool:
    """Whether a layer can't be composited on luma and chroma, as far as its plan tells."""
    return item.blend != "normal" or (isinstance(item, TransitionLayer) and item.type != "dissolve")


def _shown_px(layer: Layer, canvas: CompositionPlan) -> float:
    """Canvas pixels that a layer covers: the box around it, cut to the canvas."""
    corners = [layer.matrix.apply(x, y) for x in (0.0, layer.width) for y in (0.0, layer.height)]
    across, down = [x for x, _ in corners], [y for _, y in corners]
    width = min(max(across), canvas.width) - max(min(across), 0)
    height = min(max(down), canvas.height) - max(min(down), 0)
    return max(width, 0.0) * max(height, 0.0)


def _compositions(picture: CompositionPlan, seen: set[int]) -> Iterator[CompositionPlan]:
    """A picture and every composition in it, each once."""
    if id(picture) in seen:
        return
    seen.add(id(picture))
    yield picture
    for item in picture.layers:
        for layer in sides_of(item):
            if layer.nested is not None:
                yield from _compositions(layer.nested, seen)
