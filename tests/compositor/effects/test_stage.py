"""Effects by OpenGL's shaders and by numpy, on textures of both depths; and an effect that a stranger adds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.compositor.effects.stage import EffectStage
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.shader_library import ShaderLibrary
from reelmill.compositor.opengl.surfaces import Dtype, Surface, SurfacePool
from reelmill.planner.effect import EffectPlan
from reelmill.planner.effects.blur import BlurPlan
from reelmill.planner.effects.saturation import SaturationPlan
from tests.support.effect_reference import blurred, saturated

WIDTH, HEIGHT = 61, 40
CODE = 1 / 255
Pixels = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def context() -> Iterator[GLContext]:
    with GLContext.create("auto") as made:
        yield made


@pytest.fixture(params=[True, False], ids=["memory", "shaders"])
def stage(context: GLContext, request: pytest.FixtureRequest) -> Iterator[EffectStage]:
    pool, shaders = SurfacePool(context), ShaderLibrary(context)
    made = EffectStage(pool, shaders, in_memory=request.param)
    yield made
    assert pool.count >= len(pool._taken)
    pool.release()
    shaders.release()


def premultiplied() -> Pixels:
    """Noise with alpha, [height, width, 4]."""
    pixels = np.random.default_rng(5).random((HEIGHT, WIDTH, 4))
    pixels[..., :3] *= pixels[..., 3:]
    return pixels


def surface_of(stage: EffectStage, pixels: Pixels, dtype: Dtype) -> Surface:
    surface = stage._pool.take(WIDTH, HEIGHT, 4, dtype, what="the test")
    kind = np.float16 if dtype == "f2" else np.float32
    surface.write(np.ascontiguousarray(pixels, dtype=kind).data.cast("B"))
    return surface


def shown(stage: EffectStage, surface: Surface) -> Pixels:
    return stage.in_planes(surface).transpose(1, 2, 0).astype(np.float64)


@pytest.mark.parametrize("dtype", ["f2", "f4"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("radius", [(0.8, 0.8), (3.0, 0.0), (0.0, 5.0), (12.0, 7.0)])
def test_blur(stage: EffectStage, radius: tuple[float, float], scale: float, dtype: Dtype) -> None:
    source = surface_of(stage, premultiplied(), dtype)
    result = stage.apply([BlurPlan(radius=radius)], source, scale)
    expected = blurred(premultiplied(), (radius[0] * scale, radius[1] * scale))
    assert np.abs(shown(stage, result) - expected).max() < CODE
    assert np.abs(shown(stage, source) - premultiplied()).max() < CODE, "the picture that came in stays"


@pytest.mark.parametrize("amount", [0.0, 0.5, 2.5])
def test_saturation_and_mix(stage: EffectStage, amount: float) -> None:
    effects: list[EffectPlan] = [SaturationPlan(amount=amount), BlurPlan(radius=(2.0, 2.0), mix=0.25)]
    result = shown(stage, stage.apply(effects, surface_of(stage, premultiplied(), "f4"), 1.0))
    coloured = premultiplied()
    coloured[..., :3] = saturated(coloured[..., :3], amount)
    expected = coloured + 0.25 * (blurred(coloured, (2, 2)) - coloured)
    assert np.abs(result - expected).max() < CODE


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertPlan(EffectPlan):
    """What CONTRIBUTING.md tells to write for a new effect, without a row in the catalogue."""

    type: ClassVar[str] = "toy_invert"


def test_an_effect_that_a_stranger_adds(stage: EffectStage, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_surface(stage: EffectStage, _effect: Any, source: Surface, _scale: float) -> Surface:
        planes = stage.in_planes(source)
        planes[:3] = planes[3] - planes[:3]
        return stage.as_surface(planes, source)

    module = ModuleType("reelmill.compositor.effects.toy_invert")
    module.on_surface = on_surface  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    result = shown(stage, stage.apply([InvertPlan(mix=0.5)], surface_of(stage, premultiplied(), "f4"), 1.0))
    pixels = premultiplied()
    inverted = pixels.copy()
    inverted[..., :3] = pixels[..., 3:] - pixels[..., :3]
    assert np.abs(result - (pixels + inverted) / 2).max() < 1e-5
