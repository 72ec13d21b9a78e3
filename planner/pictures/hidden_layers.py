"""What of a canvas nobody sees: layers below an opaque one of the canvas' size. Pure functions."""

from __future__ import annotations

from reelmill.planner.frame_plan import CompositionPlan, Layer, TransitionLayer
from reelmill.planner.pictures.shared_plans import Layers, SharedPlans, rebuilt


def without_hidden(plan: CompositionPlan, plans: SharedPlans | None = None) -> CompositionPlan:
    """Drop the layers that an opaque layer of the canvas' size hides, in nested compositions too.

    What is dropped is never decoded. A composition that is one object in several layers stays one.
    """
    return rebuilt(plan, visible_layers, plans or SharedPlans())


def visible_layers(plan: CompositionPlan) -> Layers:
    """The layers from the uppermost one on that hides all below it."""
    for index in range(len(plan.layers) - 1, 0, -1):
        if covers(plan.layers[index], plan):
            return plan.layers[index:]
    return plan.layers


def covers(layer: Layer | TransitionLayer, plan: CompositionPlan) -> bool:
    """Whether nothing below the layer can be seen, the canvas' background included."""
    return layer.blend == "normal" and fills(layer, plan)


def fills(layer: Layer | TransitionLayer, plan: CompositionPlan) -> bool:
    """Whether the layer's picture is opaque and reaches over all of the canvas; turned pictures don't count."""
    if layer.opacity < 1:
        return False
    if isinstance(layer, TransitionLayer):
        return (
            layer.before is not None
            and layer.after is not None
            and 0 <= layer.progress <= 1
            and layer.color[3] == 1
            and fills(layer.before, plan)
            and fills(layer.after, plan)
        )
    matrix = layer.matrix
    if matrix.b or matrix.c or not layer.has_opaque_picture:
        return False
    x0, y0 = matrix.apply(0, 0)
    x1, y1 = matrix.apply(layer.width, layer.height)
    return min(x0, x1) <= 0 and min(y0, y1) <= 0 and max(x0, x1) >= plan.width and max(y0, y1) >= plan.height
