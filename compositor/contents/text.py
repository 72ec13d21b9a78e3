"""Text pictures: letters with outline and shadow, drawn by the processor.

In: a `Text` of the timeline. Out: a `DrawnPicture`, or what is wrong with the text, found before rendering. Lines
and runs are placed by compositor.text_layout, glyphs drawn by compositor.fonts. One thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from reelmill.compositor.contents.drawer import Drawer
from reelmill.compositor.drawing.drawn_picture import MAX_SIDE_PX, DrawnPicture
from reelmill.compositor.drawing.fonts import Bar, DrawnRun, Mask, draw_run, require_layout, run_extent
from reelmill.compositor.drawing.text_layout import LineExtent, TextLayout, TextRun, lay_out
from reelmill.planner.colour import Colour
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.text_style import Outline, Shadow

BLUR_REACH = 3.5
"""Standard deviations after which a shadow ends: less than half of 1/255 is left."""
_OVERHANG_EMS = 8
"""More than any letter reaches out of its line, stacks of accents included."""
_BAND_ROWS = 256
"""Rows that are worked on at a time, so that large pictures don't take many times their memory."""
_Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def check_text(text: Text) -> None:
    """Raises SetupError where the text can't be drawn: no layout library, a bad font, a missing glyph, too large.

    Outline and shadow count: what passes can be drawn at scale 1.
    """
    require_layout()
    layout = lay_out(text)
    if max(layout.width, layout.height) > MAX_SIDE_PX:
        raise SetupError(
            f"the text is {math.ceil(layout.width)}×{math.ceil(layout.height)} pixels; "
            f"the limit is {MAX_SIDE_PX}×{MAX_SIDE_PX}",
            component="Text",
            suggestion='make "size" smaller, or wrap the text with "box_width"',
        )
    # Measuring what letters cover takes longer than all of the layout.
    if max(layout.width, layout.height) + _overhang(text) > MAX_SIDE_PX:
        _check_drawn_size(_drawn_box(text, layout), SetupError)


def text_size(text: Text) -> tuple[float, float]:
    """Nominal width and height in pixels: the box's width or the longest line's advance, lines × line height.

    Raises SetupError like check_text.
    """
    require_layout()
    layout = lay_out(text)
    return layout.width, layout.height


def draw_text(text: Text, scale: float = 1.0) -> DrawnPicture:
    """Draw a text `scale` times as large as it is.

    Outline and shadow may reach outside of the nominal size, and so may letters. Raises SetupError like check_text,
    and RenderError for a scale that makes the picture too large.
    """
    require_layout()
    layout = lay_out(text)
    size = (layout.width * scale, layout.height * scale)
    coloured = _runs(text, layout, scale, 0.0)
    letters = [run for _, run in coloured]
    outline = text.outline
    if outline is not None and outline.width == 0 and outline.shape == "letters":
        outline = None
    solid = letters if outline is None else _outlined(text, layout, scale, outline)
    box = _union([(0, 0, math.ceil(size[0]), math.ceil(size[1])), *map(_extent, letters), *map(_extent, solid)])
    shadow = None
    if text.shadow is not None and solid:
        shadow, shadow_box = _cast(text.shadow, solid, scale)
        box = _union([box, shadow_box])
        shadow = _padded(shadow, shadow_box, box)
    _check_drawn_size(box, RenderError)
    inks, letter_mask = _by_colour(coloured, box)
    solid_mask = letter_mask if outline is None else np.maximum(_assemble(solid, box), letter_mask)
    height, width = letter_mask.shape
    pixels = np.empty((height, width, 4), np.uint8)
    for rows in _bands(height):
        inked = _inked(inks, letter_mask.shape, rows)
        if outline is not None:
            # The outline is what the fat letters have more than the letters: the two share the pixels of the edge.
            inked += _premultiplied(outline.color) * _coverage(solid_mask[rows] - letter_mask[rows])
        if shadow is not None and text.shadow is not None:
            under = _premultiplied(text.shadow.color) * shadow[rows, :, None]
            inked += under * (1 - inked[:, :, 3:])
        pixels[rows] = np.rint(np.minimum(inked, 1) * 255)
    return DrawnPicture(pixels, (box[0], box[1]), size)


def _outlined(text: Text, layout: TextLayout, scale: float, outline: Outline) -> list[DrawnRun]:
    """What letters and outline cover together: fat letters, or boxes."""
    if outline.shape == "letters":
        return [run for _, run in _runs(text, layout, scale, outline.width)]
    return [_filled_box(extent, scale) for extent in _line_boxes(layout, outline.width)]


def _line_boxes(layout: TextLayout, margin: float) -> list[LineExtent]:
    """The lines, larger by a margin on every side."""
    return [
        LineExtent(line.left - margin, line.top - margin, line.right + margin, line.bottom + margin)
        for line in layout.lines
    ]


def _filled_box(extent: LineExtent, scale: float) -> DrawnRun:
    """A rectangle, with the share of each pixel that it covers."""
    sides = [(extent.left * scale, extent.right * scale), (extent.top * scale, extent.bottom * scale)]
    starts, shares = [], []
    for low, high in sides:
        pixels = np.arange(math.floor(low), math.ceil(high))
        starts.append(int(pixels[0]))
        shares.append(np.minimum(pixels + 1, high) - np.maximum(pixels, low))
    return DrawnRun(np.rint(np.outer(shares[1], shares[0]) * 255).astype(np.uint8), starts[0], starts[1])


def _by_colour(letters: Iterable[tuple[Colour, DrawnRun]], box: _Box) -> tuple[list[tuple[Colour, Mask]], Mask]:
    """The letters of each colour, and of all; where letters overlap, those of the earlier colour are seen."""
    runs: dict[Colour, list[DrawnRun]] = {}
    for colour, run in letters:
        runs.setdefault(colour, []).append(run)
    every = _assemble((), box)
    inks: list[tuple[Colour, Mask]] = []
    for colour, drawn in runs.items():
        together = np.maximum(every, _assemble(drawn, box))
        inks.append((colour, together - every))
        every = together
    return inks, every


def _inked(inks: list[tuple[Colour, Mask]], shape: tuple[int, int], rows: slice) -> NDArray[np.float32]:
    """Premultiplied letters, [rows, width, 4]."""
    if not inks:
        return np.zeros((*shape, 4), np.float32)[rows]
    inked = _premultiplied(inks[0][0]) * _coverage(inks[0][1][rows])
    for colour, mask in inks[1:]:
        inked += _premultiplied(colour) * _coverage(mask[rows])
    return inked


def _runs(text: Text, layout: TextLayout, scale: float, stroke: float) -> list[tuple[Colour, DrawnRun]]:
    drawn: list[tuple[Colour, DrawnRun]] = []
    for run in layout.runs:
        x, y = run.x * scale, run.baseline * scale
        inked = draw_run(run.font, run.text, run.direction, text.size * scale, x, y, stroke * scale)
        if inked is not None:
            drawn.append((run.ink.color, inked))
        for bar in _bars(run):
            drawn.append((run.ink.color, _filled_box(_bar_extent(run, bar, text.size, stroke), scale)))
    return drawn


def _bars(run: TextRun) -> list[Bar]:
    """The lines under and through a run's letters."""
    asked = ((run.ink.underline, run.font.underline), (run.ink.strikeout, run.font.strikeout))
    return [bar for is_asked, bar in asked if is_asked and run.advance > 0]


def _bar_extent(run: TextRun, bar: Bar, size: float, margin: float) -> LineExtent:
    """Where a bar lies, larger by a margin on every side; pixels at scale 1."""
    middle = run.baseline - bar.height * size
    half = bar.thickness * size / 2 + margin
    return LineExtent(run.x - margin, middle - half, run.x + run.advance + margin, middle + half)


def _overhang(text: Text) -> float:
    """Pixels that letters, outline and shadow may at most reach out of a text, two sides together."""
    reach = _OVERHANG_EMS * text.size + (text.outline.width if text.outline is not None else 0.0)
    if text.shadow is not None:
        reach += max(map(abs, text.shadow.offset)) + _reach(text.shadow.blur)
    return 2 * reach


def _drawn_box(text: Text, layout: TextLayout) -> _Box:
    """What draw_text covers at scale 1, without drawing anything."""
    stroke = text.outline.width if text.outline is not None else 0.0
    boxes = [(0, 0, math.ceil(layout.width), math.ceil(layout.height))]
    boxed = text.outline is not None and text.outline.shape == "lines"
    extents = (
        run_extent(run.font, run.text, run.direction, text.size, run.x, run.baseline, 0 if boxed else stroke)
        for run in layout.runs
    )
    solid = [extent for extent in extents if extent is not None]
    boxes_drawn = _line_boxes(layout, stroke) if boxed else []
    margin = 0.0 if boxed else stroke
    boxes_drawn += [_bar_extent(run, bar, text.size, margin) for run in layout.runs for bar in _bars(run)]
    for box in boxes_drawn:
        solid.append((math.floor(box.left), math.floor(box.top), math.ceil(box.right), math.ceil(box.bottom)))
    if text.shadow is not None and solid:
        boxes.append(_shadow_box(text.shadow, _union(solid), 1.0))
    return _union([*boxes, *solid])


def _extent(run: DrawnRun) -> _Box:
    height, width = run.mask.shape
    return run.left, run.top, run.left + width, run.top + height


def _union(boxes: Iterable[_Box]) -> _Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    # At least one pixel, though the text may be empty.
    return min(lefts), min(tops), max(*rights, 1), max(*bottoms, 1)


def _assemble(runs: Iterable[DrawnRun], box: _Box) -> Mask:
    """One mask of all runs; where they overlap, the stronger one."""
    mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    for run in runs:
        left, top, right, bottom = _extent(run)
        part = mask[top - box[1] : bottom - box[1], left - box[0] : right - box[0]]
        np.maximum(part, run.mask, out=part)
    return mask


def _cast(shadow: Shadow, solid: list[DrawnRun], scale: float) -> tuple[NDArray[np.float32], _Box]:
    """The shadow's coverage, 0…1, and where it lies."""
    offset_x, offset_y = shadow.offset[0] * scale, shadow.offset[1] * scale
    whole_x, whole_y = math.floor(offset_x), math.floor(offset_y)
    sigma = shadow.blur * scale
    reach = _reach(sigma)
    solid_box = _union(map(_extent, solid))
    box = _shadow_box(shadow, solid_box, scale)
    _check_drawn_size(box, RenderError)
    silhouette = np.pad(_assemble(solid, solid_box), reach).astype(np.float32) / np.float32(255)
    across = _filtered(silhouette, _gaussian(sigma, offset_x - whole_x, reach))
    down = _filtered(across.T, _gaussian(sigma, offset_y - whole_y, reach)).T
    return np.clip(down, 0, 1), box


def _shadow_box(shadow: Shadow, solid: _Box, scale: float) -> _Box:
    """Where the shadow of what lies in a box lies."""
    x, y = math.floor(shadow.offset[0] * scale), math.floor(shadow.offset[1] * scale)
    reach = _reach(shadow.blur * scale)
    return solid[0] + x - reach, solid[1] + y - reach, solid[2] + x + reach, solid[3] + y + reach


def _reach(sigma: float) -> int:
    return math.ceil(BLUR_REACH * sigma) + 1


def _gaussian(sigma: float, shift: float, reach: int) -> NDArray[np.float64]:
    """Weights at −reach…reach of a Gaussian about `shift` (0…1); a linear shift where it is narrower than a pixel."""
    x = np.arange(-reach, reach + 1) - shift
    weights = np.exp(-0.5 * (x / sigma) ** 2) if sigma >= 0.5 else np.maximum(1 - np.abs(x), 0)
    return np.asarray(weights / weights.sum())


def _filtered(mask: NDArray[np.float32], kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Each row convolved with a kernel of odd length; outside of the mask is nothing."""
    width, reach = mask.shape[1], len(kernel) // 2
    length = width + 2 * reach
    spectrum = np.fft.rfft(kernel, length)
    result = np.empty(mask.shape, np.float32)
    for rows in _bands(len(mask)):
        full = np.fft.irfft(np.fft.rfft(mask[rows], length) * spectrum, length)
        result[rows] = full[:, reach : reach + width]
    return result


def _padded(mask: NDArray[np.float32], inner: _Box, outer: _Box) -> NDArray[np.float32]:
    return np.pad(mask, ((inner[1] - outer[1], outer[3] - inner[3]), (inner[0] - outer[0], outer[2] - inner[2])))


def _bands(rows: int) -> Iterator[slice]:
    return (slice(start, start + _BAND_ROWS) for start in range(0, rows, _BAND_ROWS))


def _premultiplied(colour: Colour) -> NDArray[np.float32]:
    red, green, blue, alpha = colour
    return np.array([red * alpha, green * alpha, blue * alpha, alpha], np.float32)


def _coverage(mask: Mask) -> NDArray[np.float32]:
    """[rows, width, 1], 0…1."""
    return mask.astype(np.float32)[:, :, None] / np.float32(255)


def _check_drawn_size(box: _Box, failure: type[SetupError] | type[RenderError]) -> None:
    width, height = box[2] - box[0], box[3] - box[1]
    if max(width, height) > MAX_SIDE_PX:
        raise failure(
            f"the text with outline and shadow would be a picture of {width}×{height} pixels; "
            f"the limit is {MAX_SIDE_PX}×{MAX_SIDE_PX}",
            component="Text",
            suggestion='make "size", "scale", the outline or the shadow smaller',
        )


DRAWER = Drawer(check_text, text_size, draw_text)
