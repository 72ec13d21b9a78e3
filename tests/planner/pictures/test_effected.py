"""How large a picture is made for its effects."""

from __future__ import annotations

import pytest

from reelmill.planner.contents.solid import Solid
from reelmill.planner.effect import EffectPlan
from reelmill.planner.effects.blur import BlurPlan
from reelmill.planner.frame_plan import WHOLE, Affine, EffectedPicture, Layer
from reelmill.planner.pictures.effected import with_effects

CANVAS = (200, 100)
SOFT = BlurPlan(radius=(4.0, 2.0), edges="transparent")
VAST = BlurPlan(radius=(1000.0, 1000.0), edges="transparent")


def planned(matrix: Affine, *effects: EffectPlan) -> tuple[EffectedPicture, Layer]:
    """A picture of 50×40 with effects."""
    layer = Layer(("clip",), Solid((1.0, 0.0, 0.0, 1.0)), WHOLE, 50.0, 40.0, matrix, 1.0, "normal")
    made = with_effects(layer, effects, CANVAS)
    assert isinstance(made.source, EffectedPicture)
    return made.source, made


@pytest.mark.parametrize(
    ("matrix", "effects", "size"),
    [
        (Affine(e=80, f=30), [BlurPlan(radius=(9.0, 9.0))], (50, 40)),
        # Three deviations, and a pixel that stays transparent.
        (Affine(e=80, f=30), [SOFT], (50 + 2 * 13, 40 + 2 * 7)),
        (Affine(e=80, f=30), [SOFT, SOFT], (50 + 2 * 25, 40 + 2 * 13)),
        # Never farther than the canvas reaches.
        (Affine(e=80, f=30), [VAST], (50 + 81 + 71, 40 + 31 + 31)),
        (Affine(e=-10, f=-10), [VAST], (50 + 1 + 161, 40 + 1 + 71)),
        (Affine(a=0, b=1, c=-1, d=0, e=120, f=20), [VAST], (50 + 21 + 31, 40 + 81 + 81)),
    ],
)
def test_it_grows_as_far_as_effects_are_seen(matrix: Affine, effects: list[EffectPlan], size: tuple[int, int]) -> None:
    source, layer = planned(matrix, *effects)
    assert (source.plan.width, source.plan.height) == size
    assert (layer.width, layer.height) == size
    (inner,) = source.plan.layers
    assert isinstance(inner, Layer)
    # The picture lies where it lay before.
    assert layer.matrix.apply(inner.matrix.e, inner.matrix.f) == matrix.apply(0, 0)
    assert source.opaque == (effects[0].reach == (0, 0))


def test_a_magnified_picture_has_more_pixels_and_longer_lengths() -> None:
    source, layer = planned(Affine(a=3, d=3), BlurPlan(radius=(2.0, 1.0)))
    assert (source.plan.width, source.plan.height) == (200, 160)
    assert (layer.width, layer.height) == (50, 40)
    (effect,) = source.effects
    assert isinstance(effect, BlurPlan)
    assert effect.radius == (8.0, 4.0)
