"""Nested compositions with nothing special about them are painted straight on the canvas that shows them.

In: a plan without hidden layers. Out: one with fewer compositions in it, and the same pixels but for the rounding that
an intermediate picture brings (docs/reference/compositing.md). Pure: what is flattened depends on the plan alone,
never on the frames around it, so that a frame is the same whichever range it is rendered in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

from reelmill.planner.contents.solid import Solid
from reelmill.planner.frame_plan import (
    WHOLE,
    Affine,
    CompositionPlan,
    EffectedPicture,
    Layer,
    PictureSource,
    TransitionLayer,
    sides_of,
)
from reelmill.planner.pictures.hidden_layers import covers, fills, visible_layers
from reelmill.planner.pictures.shared_plans import Layers, SharedPlans
from reelmill.planner.timeline import Blend

MAGNIFYING: frozenset[Blend] = frozenset(("color_dodge", "color_burn", "hue", "saturation", "color", "luminosity"))
"""Modes that make all of their canvas take 32-bit floats: they stay where they are."""
_CANVAS_WIDE = ("wipe", "push", "iris")
"""Transitions that move across their canvas."""
_FRINGE_PX = 1.0
"""By which a turned picture may reach over its corners: antialiasing."""


def flattened(plan: CompositionPlan, plans: SharedPlans, scale: Fraction = Fraction(1)) -> CompositionPlan:
    """The plan with the layers of nested compositions in place of these, where that changes nothing and is cheaper.

    `scale`: target pixels for a canvas pixel, which decide whether pictures lie pixel on pixel.
    """
    if not any(side.nested is not None for layer in plan.layers for side in sides_of(layer)):
        return plan
    return _Flattening(plan, plans, float(scale)).composition(plan)


class _Flattening:
    """Of one plan, deepest compositions first, each once."""

    def __init__(self, plan: CompositionPlan, plans: SharedPlans, scale: float) -> None:
        self._plans = plans
        self._scale = scale
        self._times_shown = _times_shown(plan)
        self._done: dict[int, CompositionPlan] = {}
        """What became of each composition, by its identity."""
        self._moving: dict[int, bool] = {}

    def composition(self, plan: CompositionPlan) -> CompositionPlan:
        done = self._done.get(id(plan))
        if done is not None:
            return done
        layers: list[Layer | TransitionLayer] = []
        for layer in plan.layers:
            if isinstance(layer, TransitionLayer):
                layers.append(
                    replace(layer, before=self._side(layer.before, plan), after=self._side(layer.after, plan))
                )
            else:
                layers += self._layer(layer, plan)
        result = replace(plan, layers=tuple(layers))
        result = _on_background(replace(result, layers=visible_layers(result)))
        self._done[id(plan)] = result = self._plans.shared(result)
        return result

    def _layer(self, layer: Layer, canvas: CompositionPlan) -> Layers:
        """What is painted in place of a layer."""
        if isinstance(layer.source, EffectedPicture):
            return (layer.with_nested(self.composition(layer.source.plan)),)
        if not isinstance(layer.source, CompositionPlan):
            return (layer,)
        nested = self.composition(layer.source)
        inner = _inner_layers(layer, nested, canvas, self._scale)
        if inner is None or not self._worth(layer.source, nested, inner, canvas):
            return (replace(layer, source=nested),)
        return inner

    def _side(self, side: Layer | None, canvas: CompositionPlan) -> Layer | None:
        """The same for a layer in a transition, which stays one layer."""
        if side is None or side.nested is None:
            return side
        match self._layer(side, canvas):
            case ():
                return None
            case (Layer() as alone,):
                return alone
            case _:
                return side.with_nested(self.composition(side.nested))

    def _worth(self, shown: CompositionPlan, nested: CompositionPlan, inner: Layers, canvas: CompositionPlan) -> bool:
        """Whether painting the layers is cheaper than painting them once, keeping that, and painting what was kept.

        It is where the composition is shown once and changes with every frame: it would be kept for nothing. Where it
        stands still the layers may take no more area than the composition does.
        """
        if self._times_shown[id(shown)] > 1:
            return False
        area = sum(_box(side).area_within(canvas) for layer in inner for side in sides_of(layer))
        return self._moves(nested) or area <= _Box(0, 0, nested.width, nested.height).area_within(canvas)

    def _moves(self, plan: CompositionPlan) -> bool:
        """Whether the picture may be expected to differ from frame to frame. Animated texts and stills don't count."""
        moves = self._moving.get(id(plan))
        if moves is None:
            moves = self._moving[id(plan)] = any(
                isinstance(item, TransitionLayer)
                or (isinstance(item.source, PictureSource) and not item.source.still)
                or (item.nested is not None and self._moves(item.nested))
                for item in plan.layers
            )
        return moves


@dataclass(frozen=True, slots=True)
class _Box:
    """An upright rectangle, canvas pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def area_within(self, canvas: CompositionPlan) -> float:
        width = min(self.right, canvas.width) - max(self.left, 0)
        height = min(self.bottom, canvas.height) - max(self.top, 0)
        return max(width, 0) * max(height, 0)


def _inner_layers(layer: Layer, nested: CompositionPlan, canvas: CompositionPlan, scale: float) -> Layers | None:
    """The layers that paint what the composition paints; None where no layers do."""
    offset = _pixel_offset(layer, nested, scale)
    if offset is None:
        return None
    inner = [_moved(each, nested, *offset) for each in _with_background(nested)]
    if not all(_unclipped(each, nested, canvas, *offset) for each in inner):
        return None
    if len(inner) <= 1:
        # Over nothing every blend mode gives the layer itself.
        return tuple(replace(each, opacity=each.opacity * layer.opacity, blend=layer.blend) for each in inner)
    if layer.opacity < 1 or layer.blend != "normal":
        return None
    isolated = nested.background[3] < 1 and not fills(nested.layers[0], nested)
    modes = {each.blend for each in inner[1:]}
    if isolated and modes != {"normal"}:
        return None
    if modes & MAGNIFYING and not any(each.blend in MAGNIFYING for each in canvas.layers):
        return None
    return (replace(inner[0], blend="normal"), *inner[1:])


def _pixel_offset(layer: Layer, nested: CompositionPlan, scale: float) -> tuple[float, float] | None:
    """How far the composition's canvas is moved; None where it is not shown whole and pixel on pixel."""
    matrix, size = layer.matrix, (nested.width, nested.height)
    if layer.part != WHOLE or (layer.width, layer.height) != size:
        return None
    if (matrix.a, matrix.b, matrix.c, matrix.d) != (1, 0, 0, 1):
        return None
    if not all((length * scale).is_integer() for length in (matrix.e, matrix.f, *map(float, size))):
        return None
    return matrix.e, matrix.f


def _with_background(nested: CompositionPlan) -> Layers:
    """The composition's layers over nothing: its background is one of them where it can be seen."""
    if nested.background[3] == 0 or (nested.layers and covers(nested.layers[0], nested)):
        return nested.layers
    solid = Solid(nested.background)
    instance = (f"the background of {nested.id}",)
    background = Layer(instance, solid, WHOLE, nested.width, nested.height, Affine(), 1.0, "normal")
    return (background, *nested.layers)


def _on_background(plan: CompositionPlan) -> CompositionPlan:
    """A solid over all of the canvas, with nothing below it, is the canvas' background."""
    match plan.layers:
        case (Layer(source=Solid(color)) as bottom, *above) if covers(bottom, plan):
            return replace(plan, background=color, layers=tuple(above))
    return plan


def _moved(item: Layer | TransitionLayer, nested: CompositionPlan, x: float, y: float) -> Layer | TransitionLayer:
    """The item on a canvas on which the composition's begins at (x, y)."""
    if isinstance(item, Layer):
        return _moved_layer(item, nested, x, y)
    before, after = (None if side is None else _moved_layer(side, nested, x, y) for side in (item.before, item.after))
    return replace(item, before=before, after=after)


def _moved_layer(layer: Layer, nested: CompositionPlan, x: float, y: float) -> Layer:
    matrix = replace(layer.matrix, e=layer.matrix.e + x, f=layer.matrix.f + y)
    return replace(layer, matrix=matrix, composition=layer.composition or nested.id)


def _unclipped(
    item: Layer | TransitionLayer, nested: CompositionPlan, canvas: CompositionPlan, x: float, y: float
) -> bool:
    """Whether the composition's edges cut nothing off that would show on the canvas."""
    whole = (x, y) == (0, 0) and (nested.width, nested.height) == (canvas.width, canvas.height)
    if whole:
        return True
    if isinstance(item, TransitionLayer) and item.type in _CANVAS_WIDE:
        return False
    clip = _Box(x, y, x + nested.width, y + nested.height)
    covered = (clip.left <= 0, clip.top <= 0, clip.right >= canvas.width, clip.bottom >= canvas.height)
    if all(covered):
        return True
    for side in sides_of(item):
        if not side.stays_in_box:
            return False
        box = _box(side)
        inside = (
            *(box.left >= clip.left, box.top >= clip.top),
            *(box.right <= clip.right, box.bottom <= clip.bottom),
        )
        if not all(each or beyond for each, beyond in zip(inside, covered, strict=True)):
            return False
    return True


def _box(layer: Layer) -> _Box:
    """Where the layer's nominal picture lies, antialiased corners of turned ones included."""
    corners = [layer.matrix.apply(x, y) for x in (0, layer.width) for y in (0, layer.height)]
    across, down = zip(*corners, strict=True)
    fringe = _FRINGE_PX if layer.matrix.b or layer.matrix.c else 0.0
    return _Box(min(across) - fringe, min(down) - fringe, max(across) + fringe, max(down) + fringe)


def _times_shown(plan: CompositionPlan) -> Counter[int]:
    """How many layers show each composition, by its identity."""
    shown: Counter[int] = Counter()
    waiting = [plan]
    while waiting:
        for item in waiting.pop().layers:
            for side in sides_of(item):
                if side.nested is not None:
                    shown[id(side.nested)] += 1
                    if shown[id(side.nested)] == 1:
                        waiting.append(side.nested)
    return shown
