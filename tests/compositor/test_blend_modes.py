"""The 17 blend modes against a numpy reference written from the specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest

from reelmill.compositor.blend_modes import BLEND_MODES
from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.colour import SRGB, VIDEO
from reelmill.planner.timeline import Blend
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import (
    Stage,
    canvas,
    layer,
    make_frame,
    noise,
    premultiplied,
    rgb_frame,
    rgba_frame,
    straight,
)

SIZE = 48


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def test_every_mode_has_a_row() -> None:
    assert set(BLEND_MODES) == set(get_args(Blend))


@pytest.mark.parametrize("mode", get_args(Blend))
@pytest.mark.parametrize("backdrop_alpha", [False, True])
@pytest.mark.parametrize("opacity", [1.0, 0.6])
def test_blend_mode(gl: GLContext, mode: Blend, backdrop_alpha: bool, opacity: float) -> None:
    below, above = noise(1, SIZE, SIZE, alpha=backdrop_alpha), noise(2, SIZE, SIZE, alpha=True)
    below[:8, :, :3] = np.arange(8)[:, None, None] * 36  # greys, black and white meet every colour of the source
    above[:, :4, :3] = np.array([0, 255, 1, 254])[None, :, None]
    frames = {"below": rgba_frame(below) if backdrop_alpha else rgb_frame(below), "above": rgba_frame(above)}
    stage = Stage(gl, frames)
    plan = canvas(
        SIZE,
        SIZE,
        layer("below", SIZE, SIZE, opaque=not backdrop_alpha),
        layer("above", SIZE, SIZE, opaque=False, blend=mode, opacity=opacity),
    )
    source = premultiplied(straight(above)) * opacity
    expected = reference.blend(premultiplied(straight(below)), source, mode)
    got = stage.picture(plan)
    if mode != "add":  # its sums pass 1, where a 16-bit float has one bit less
        assert np.abs(got - expected).max() <= 0.35 / 255
    got_codes = stage.read(plan, "rgba", SRGB, (SIZE, SIZE))[0].astype(int)
    stage.close()
    alpha = expected[..., 3:]
    with np.errstate(divide="ignore", invalid="ignore"):
        color = np.where(alpha > 0, expected[..., :3] / alpha, 0)
    codes = np.clip(np.dstack([color, alpha]), 0, 1) * 255
    visible = (alpha >= 0.25)[..., 0] | (alpha == 0)[..., 0]
    assert np.abs(got_codes - codes)[visible].max() <= 1


def test_an_empty_backdrop_takes_the_source_as_it_is(gl: GLContext) -> None:
    above = noise(5, 8, 8, alpha=True)
    stage = Stage(gl, {"above": rgba_frame(above)})
    got = stage.picture(canvas(8, 8, layer("above", 8, 8, opaque=False, blend="multiply")))
    stage.close()
    assert np.abs(got - premultiplied(straight(above))).max() <= 0.25 / 255


@pytest.mark.parametrize("mode", ["hue", "saturation", "color", "luminosity"])
def test_greys_of_yuv_have_no_hue(gl: GLContext, mode: Blend) -> None:
    """Their R', G' and B' differ by rounding, which must not become a colour."""
    levels = np.tile(np.arange(256), (4, 1))
    gray = [levels, np.full((4, 256), 128), np.full((4, 256), 128)]
    above = make_frame("yuv444p", gray, VIDEO, width=256, height=4)
    below = [levels[:, ::-1], *gray[1:]]
    stage = Stage(gl, {"above": above, "below": make_frame("yuv444p", below, VIDEO, width=256, height=4)})
    got = stage.picture(canvas(256, 4, layer("below", 256, 4), layer("above", 256, 4, blend=mode)))
    stage.close()
    assert np.all(np.isfinite(got))
    color = got[..., :3]
    assert (color.max(axis=-1) - color.min(axis=-1)).max() < 1e-3
