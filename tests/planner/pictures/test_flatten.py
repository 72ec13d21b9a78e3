"""Flattening, rule by rule: which nested compositions are painted straight on the canvas that shows them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from reelmill.compositor.blend_modes import BLEND_MODES
from reelmill.planner.colour import BLACK, TRANSPARENT, Colour
from reelmill.planner.contents.solid import Solid
from reelmill.planner.contents.text import Text
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer, PictureSource, Rect, TransitionLayer
from reelmill.planner.pictures.flatten import MAGNIFYING, flattened
from reelmill.planner.pictures.shared_plans import SharedPlans
from reelmill.planner.pictures.simplify import simplified, untouched
from reelmill.planner.source_frames import FrameRequest

WIDTH, HEIGHT = 64, 48
RED: Colour = (1.0, 0.0, 0.0, 1.0)


def picture(name: str, size: tuple[float, float] = (WIDTH, HEIGHT), *, still: bool = False, **more: Any) -> Layer:
    """An opaque film of the canvas' size, unless told otherwise."""
    source = PictureSource(FrameRequest(name, f"hash-{name}", 0, (name,)), opaque=True, still=still)
    return replace(Layer((name,), source, WHOLE, *size, Affine(), 1.0, "normal"), **more)


def small(name: str, x: float = 4, y: float = 6, **more: Any) -> Layer:
    return picture(name, (10, 8), **{"matrix": Affine(e=x, f=y), **more})


def canvas(
    *layers: Layer | TransitionLayer,
    name: str | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    background: Colour | None = None,
) -> CompositionPlan:
    if background is None:
        background = BLACK if name is None else TRANSPARENT
    return CompositionPlan(name, *size, background, layers)


def shown(plan: CompositionPlan, x: float = 0, y: float = 0, **more: Any) -> Layer:
    """A clip of a composition."""
    layer = Layer((f"clip-{plan.id}",), plan, WHOLE, plan.width, plan.height, Affine(e=x, f=y), 1.0, "normal")
    return replace(layer, **more)


def dissolve(before: Layer | None, after: Layer | None, **more: Any) -> TransitionLayer:
    return replace(TransitionLayer("dissolve", "right", BLACK, 0.5, before, after, 1.0, "normal"), **more)


def flat(plan: CompositionPlan, scale: Fraction = Fraction(1)) -> CompositionPlan:
    return flattened(plan, SharedPlans(), scale)


def test_layers_take_the_place_of_their_composition_in_order() -> None:
    inner = canvas(small("b"), small("c", 20), name="inner")
    outer = canvas(small("a"), shown(inner), small("d"), name="outer")
    plan = canvas(picture("below"), shown(outer), small("top"))
    assert flat(plan).layers == (picture("below"), small("a"), small("b"), small("c", 20), small("d"), small("top"))


def test_for_messages_layers_keep_the_composition_that_they_lie_in() -> None:
    inner = canvas(small("b"), name="inner")
    plan = flat(canvas(shown(canvas(small("a"), shown(inner), name="outer")), small("top")))
    assert [(layer.composition, layer.instance) for layer in plan.layers if isinstance(layer, Layer)] == [
        ("outer", ("a",)),
        ("inner", ("b",)),
        (None, ("top",)),
    ]


def test_a_film_in_compositions_is_untouched() -> None:
    plan = canvas(picture("m"), name="c0")
    for level in range(1, 10):
        plan = canvas(shown(plan), name=f"c{level}")
    request = untouched(simplified(canvas(shown(plan)), SharedPlans()))
    assert request is not None
    assert request.media == "m"


def test_nothing_is_left_of_an_empty_composition() -> None:
    empty = canvas(name="empty")
    assert flat(canvas(picture("m"), shown(empty))).layers == (picture("m"),)
    assert flat(canvas(dissolve(shown(empty), picture("m")))).layers == (dissolve(None, picture("m")),)


def test_what_a_flattened_layer_hides_is_dropped() -> None:
    scene = canvas(picture("m"), small("a"), name="scene")
    assert simplified(canvas(picture("below"), shown(scene)), SharedPlans()).layers == (picture("m"), small("a"))


def test_a_visible_background_becomes_a_layer_or_that_of_the_canvas() -> None:
    red = canvas(small("a"), name="red", background=RED)
    assert flat(canvas(picture("below"), shown(red))) == canvas(small("a"), background=RED)
    veil = canvas(small("a"), name="veil", background=(1.0, 0.0, 0.0, 0.5))
    below, solid, above = flat(canvas(picture("below"), shown(veil))).layers
    assert (below, above) == (picture("below"), small("a"))
    assert isinstance(solid, Layer)
    assert (solid.source, solid.width, solid.height) == (Solid((1.0, 0.0, 0.0, 0.5)), WIDTH, HEIGHT)
    hidden = canvas(picture("m"), name="hidden", background=RED)
    assert flat(canvas(picture("below"), small("x"), shown(hidden))).layers == (picture("m"),)


def test_a_composition_moved_by_whole_pixels_moves_its_layers() -> None:
    card = canvas(picture("m", (30, 20)), small("a"), name="card", size=(30, 20))
    got = flat(canvas(picture("below"), shown(card, 5, 7)))
    assert got.layers == (
        picture("below"),
        picture("m", (30, 20), matrix=Affine(e=5, f=7)),
        small("a", 4 + 5, 6 + 7),
    )


@pytest.mark.parametrize(
    "how",
    [
        {"matrix": Affine(e=0.5)},
        {"matrix": Affine(a=0.5, d=0.5)},
        {"matrix": Affine(a=-1, e=WIDTH)},
        {"matrix": Affine(a=0, b=1, c=-1, d=0, e=WIDTH)},
        {"part": Rect(left=0.25), "width": WIDTH * 0.75},
        {"width": 2 * WIDTH, "height": 2 * HEIGHT},
    ],
    ids=["half a pixel", "scaled", "mirrored", "turned", "cropped", "fitted"],
)
def test_a_composition_that_is_resampled_stays(how: dict[str, Any]) -> None:
    plan = canvas(picture("below"), shown(canvas(picture("m"), name="card"), **how))
    assert flat(plan) == plan


def test_in_a_draft_pixels_are_those_of_the_draft() -> None:
    card = canvas(picture("m", (30, 20)), name="card", size=(30, 20))
    half = Fraction(1, 2)
    assert len(flat(canvas(picture("below"), shown(card, 4, 6)), half).layers) == 2
    assert flat(canvas(picture("below"), shown(card, 4, 6)), half).layers[1] != shown(card, 4, 6)
    assert flat(canvas(picture("below"), shown(card, 5, 6)), half).layers[1] == shown(card, 5, 6)
    odd = canvas(picture("m", (31, 20)), name="odd", size=(31, 20))
    assert flat(canvas(picture("below"), shown(odd, 4, 6)), half).layers[1] == shown(odd, 4, 6)


@pytest.mark.parametrize(
    ("layer", "cut"),
    [
        (small("a", 0, 0), False),
        (small("a", 20, 12), False),
        (small("a", 21, 12), True),
        (small("a", -1, 0), True),
        (small("a", 5, 5, matrix=Affine(0.8, 0.6, -0.6, 0.8, 10, 5)), False),
        (small("a", 5, 5, matrix=Affine(0.8, 0.6, -0.6, 0.8, 10, 0)), True),
        (Layer(("t",), Text("A", 4, BLACK), WHOLE, 4, 4, Affine(e=9, f=9), 1.0, "normal"), True),
        (dissolve(small("a"), small("b", 20, 12)), False),
        (dissolve(small("a"), small("b", 21, 12)), True),
        (dissolve(small("a"), small("b"), type="wipe"), True),
    ],
    ids=[
        *("corner", "other corner", "beyond right", "beyond left", "turned", "turned at the edge", "text reaches out"),
        *("dissolve", "dissolve beyond", "wipe"),
    ],
)
def test_what_a_smaller_canvas_may_cut_stays(layer: Layer | TransitionLayer, cut: bool) -> None:
    card = canvas(layer, name="card", size=(30, 20))
    got = flat(canvas(picture("below"), shown(card, 3, 3)))
    assert (got.layers[1] == shown(card, 3, 3)) == cut
    # A canvas that reaches over all of the parent's cuts nothing that would be seen there.
    whole = canvas(layer, name="whole")
    assert flat(canvas(picture("below"), shown(whole))).layers == (picture("below"), layer)
    if isinstance(layer, Layer):
        large = canvas(layer, name="large", size=(WIDTH + 20, HEIGHT + 10))
        moved = replace(layer, matrix=replace(layer.matrix, e=layer.matrix.e - 10, f=layer.matrix.f - 5))
        assert flat(canvas(picture("below"), shown(large, -10, -5))).layers == (picture("below"), moved)


def test_edges_off_the_canvas_cut_nothing() -> None:
    """A card in the corner: its layer hangs out where nobody sees, or where the card's edge would cut it."""
    card = canvas(small("a", -3, 5), name="card", size=(30, 20))
    assert flat(canvas(picture("m"), shown(card, 0, 9))).layers == (picture("m"), small("a", -3, 14))
    assert flat(canvas(picture("m"), shown(card, 1, 9))).layers == (picture("m"), shown(card, 1, 9))


@pytest.mark.parametrize("how", [{"opacity": 0.5}, {"blend": "multiply"}], ids=str)
def test_faded_or_blended_only_a_single_layer_is_flattened(how: dict[str, Any]) -> None:
    one = canvas(small("a", opacity=0.5, blend="screen"), name="one")
    # Over nothing every blend mode gives the layer itself.
    opacity, blend = how.get("opacity", 1.0) * 0.5, how.get("blend", "normal")
    assert flat(canvas(picture("m"), shown(one, **how))).layers[1] == small("a", opacity=opacity, blend=blend)
    two = canvas(small("a"), small("b"), name="two")
    assert flat(canvas(picture("m"), shown(two, **how))).layers[1] == shown(two, **how)
    mixed = canvas(dissolve(small("a"), small("b"), opacity=0.5), name="mixed")
    assert flat(canvas(picture("m"), shown(mixed, **how))).layers[1] == dissolve(
        small("a"), small("b"), opacity=opacity, blend=blend
    )


def test_blending_inside_needs_an_opaque_bottom() -> None:
    """In a group of its own a layer meets what is below it in the group alone."""
    glow = small("glow", blend="screen")
    group = canvas(small("a"), glow, name="group")
    assert flat(canvas(picture("m"), shown(group))).layers[1] == shown(group)
    assert flat(canvas(small("x"), shown(canvas(picture("m"), glow, name="film")))).layers == (picture("m"), glow)
    scene = canvas(small("a"), glow, name="scene", background=RED)
    assert flat(canvas(small("x"), shown(scene))) == canvas(small("a"), glow, background=RED)
    lowest = canvas(small("a", blend="screen"), small("b"), name="lowest")
    assert flat(canvas(picture("m"), shown(lowest))).layers == (picture("m"), small("a"), small("b"))


def test_modes_that_need_32_bits_don_t_spread() -> None:
    hue = small("hue", blend="hue")
    scene = canvas(picture("m"), hue, name="scene")
    assert flat(canvas(small("x"), shown(scene))).layers[1] == shown(scene)
    burned = small("x", blend="color_burn")
    assert flat(canvas(shown(scene), burned)).layers == (picture("m"), hue, burned)
    assert {name for name, mode in BLEND_MODES.items() if mode.wide} == MAGNIFYING


def test_a_transition_keeps_two_layers() -> None:
    one, two = canvas(picture("m"), name="one"), canvas(small("a"), small("b"), name="two")
    before = shown(one, opacity=0.5)
    assert flat(canvas(dissolve(before, shown(two)))).layers == (dissolve(picture("m", opacity=0.5), shown(two)),)
    faded = canvas(dissolve(picture("m"), picture("n")), name="faded")
    assert flat(canvas(dissolve(shown(one), shown(faded)))).layers == (dissolve(picture("m"), shown(faded)),)


def test_what_is_shown_twice_is_rendered_once() -> None:
    card = canvas(picture("m"), small("a"), name="card")
    again = shown(card, matrix=Affine(a=0.5, d=0.5))
    plan = canvas(shown(card), again)
    assert flat(plan) == plan
    # It may be flattened into what is shown twice.
    outer = canvas(shown(card), name="outer")
    kept = canvas(picture("m"), small("a"), name="outer")
    got = flat(canvas(shown(outer), shown(outer, matrix=Affine(a=0.5, d=0.5))))
    assert got == canvas(shown(kept), shown(kept, matrix=Affine(a=0.5, d=0.5)))


def test_what_stands_still_is_kept_where_its_layers_are_larger_than_it() -> None:
    stills = canvas(picture("s", still=True), small("t", still=True), name="stills")
    assert flat(canvas(small("m"), shown(stills))).layers[1] == shown(stills)
    titles = canvas(small("t", still=True), small("u", 20, still=True), name="titles")
    assert flat(canvas(picture("m"), shown(titles))).layers[1:] == titles.layers
    films = canvas(picture("s", still=True), small("t"), name="films")
    assert flat(canvas(small("m"), shown(films))).layers == films.layers


def test_work_grows_with_compositions_not_with_paths() -> None:
    plan = canvas(picture("m"), small("a"), name="c0")
    for level in range(1, 60):
        plan = canvas(shown(plan), shown(plan, opacity=0.5), name=f"c{level}")
    shared = SharedPlans()
    once = flattened(canvas(shown(plan)), shared)
    shared.next_frame()
    assert flattened(canvas(shown(plan)), shared) is once
