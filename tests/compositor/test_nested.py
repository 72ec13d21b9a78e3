"""Nested compositions: what is rendered, what is kept, what is asked for, what is released, and how it fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import moderngl
import numpy as np
import pytest

from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.rgb_painter import Painter
from reelmill.planner.colour import VIDEO
from reelmill.planner.contents.solid import Solid
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer
from reelmill.planner.source_frames import Frame, FrameRequest
from reelmill.planner.timeline import Blend
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import (
    IDENTITY,
    Stage,
    canvas,
    layer,
    noise,
    premultiplied,
    rgb_frame,
    rgba_frame,
    straight,
)


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def nested(
    plan: CompositionPlan, clip: str, matrix: Affine = IDENTITY, *, opacity: float = 1.0, blend: Blend = "normal"
) -> Layer:
    inside = tuple(replace(item, instance=(clip, *item.instance)) for item in plan.layers if isinstance(item, Layer))
    return Layer((clip,), replace(plan, layers=inside), WHOLE, plan.width, plan.height, matrix, opacity, blend)


def test_a_composition_is_painted_on_its_own_canvas_and_treated_like_one_picture(gl: GLContext) -> None:
    below, a, b = noise(1, 20, 20), noise(2, 12, 12, alpha=True), noise(3, 12, 12, alpha=True)
    stage = Stage(gl, {"below": rgb_frame(below), "a": rgba_frame(a), "b": rgba_frame(b)})
    card = canvas(
        12, 12, layer("a", 12, 12, opaque=False), layer("b", 12, 12, opaque=False, blend="multiply"), name="card"
    )
    plan = canvas(20, 20, layer("below", 20, 20), nested(card, "pip", Affine(e=4, f=5), opacity=0.5, blend="screen"))
    got = stage.picture(plan)
    stage.close()
    inner = reference.blend(premultiplied(straight(a)), premultiplied(straight(b)), "multiply")
    source = np.zeros((20, 20, 4))
    source[5:17, 4:16] = inner * 0.5
    assert np.abs(got - reference.blend(straight(below), source, "screen")).max() <= 0.5 / 255


def test_three_levels_deep(gl: GLContext) -> None:
    pixels = noise(4, 8, 8)
    stage = Stage(gl, {"a": rgb_frame(pixels)})
    one = canvas(10, 10, layer("a", 8, 8, Affine(e=1, f=1)), name="one")
    two = canvas(12, 12, nested(one, "x", Affine(e=1, f=0)), name="two")
    got = stage.picture(canvas(16, 16, nested(two, "y", Affine(e=0, f=3))))
    stage.close()
    expected = np.zeros((16, 16, 4))
    expected[4:12, 2:10] = straight(pixels)
    assert np.array_equal(np.round(got * 255), np.round(expected * 255))
    assert stage.renderer.statistics.nested_rendered == 2


def test_equal_compositions_are_rendered_once_and_kept_while_they_stay_equal(gl: GLContext) -> None:
    stage = Stage(gl, {"a": rgb_frame(noise(5, 8, 8))})
    card = canvas(8, 8, layer("a", 8, 8), name="card")
    twice = canvas(20, 8, nested(card, "left"), nested(card, "right", Affine(e=10)))
    first = stage.picture(twice)
    statistics = stage.renderer.statistics
    assert (statistics.nested_rendered, statistics.nested_reused, len(stage.asked)) == (1, 1, 1)
    assert np.array_equal(first[:, :8], first[:, 10:18])
    again = stage.picture(twice)
    assert (statistics.nested_rendered, statistics.nested_reused, len(stage.asked)) == (1, 3, 1)
    assert np.array_equal(first, again)
    later = canvas(8, 8, layer("a", 8, 8, pts=1), name="card")
    stage.picture(canvas(20, 8, nested(later, "left"), nested(card, "right")))
    assert (statistics.nested_rendered, statistics.nested_reused, len(stage.asked)) == (2, 4, 2)
    assert statistics.frames_composited == 3
    stage.close()


def test_frames_are_uploaded_again_only_when_they_change(gl: GLContext) -> None:
    stage = Stage(gl, {"still": rgb_frame(noise(1, 8, 8)), "video": rgb_frame(noise(2, 8, 8))})
    for pts in range(5):
        stage.render(canvas(8, 8, layer("still", 8, 8), layer("video", 4, 4, pts=pts)))
    stage.close()
    assert [request.media for request in stage.asked].count("still") == 1
    assert [request.pts for request in stage.asked if request.media == "video"] == [0, 1, 2, 3, 4]


def test_a_composition_under_a_wide_blend_mode_is_rendered_wide(gl: GLContext) -> None:
    stage = Stage(gl, {"a": rgba_frame(noise(5, 8, 8, alpha=True)), "b": rgba_frame(noise(6, 8, 8, alpha=True))})
    card = canvas(8, 8, layer("a", 8, 8, opaque=False), name="card")
    assert stage.render(canvas(8, 8, nested(card, "c"))).texture.dtype == "f2"
    plan = canvas(8, 8, layer("b", 8, 8, opaque=False), nested(card, "c", blend="color_burn"))
    target = stage.render(plan)
    assert target.texture.dtype == "f4"
    got = np.frombuffer(target.texture.read(), np.float32).reshape(8, 8, 4)
    source, below = (premultiplied(straight(noise(seed, 8, 8, alpha=True))) for seed in (5, 6))
    assert np.abs(got - reference.blend(below, source, "color_burn")).max() <= 0.01 / 255
    stage.close()


def test_nothing_leaks_over_200_frames(gl: GLContext) -> None:
    frames = {"v": rgb_frame(noise(1, 40, 60)), "w": rgba_frame(noise(2, 40, 60, alpha=True))}
    stage = Stage(gl, frames)
    counts = []
    for pts in range(200):
        size = 20 + pts % 40
        card = canvas(30, 30, layer("w", size, size, opaque=False, pts=pts), name="card")
        plan = canvas(
            64,
            64,
            layer("v", 64, 64, pts=pts),
            nested(card, "c", Affine(e=pts % 7), blend="multiply" if pts % 3 else "hue"),
        )
        stage.read(plan, "yuv420p", VIDEO, (64, 64))
        counts.append(stage.renderer.surface_count)
    assert max(counts[100:]) <= max(counts[:100])
    assert max(counts) < 40
    stage.close()
    assert stage.renderer.surface_count == 0
    stage.close()
    assert gl.gl.error == "GL_NO_ERROR"


def test_errors_say_which_clip_in_which_composition(gl: GLContext) -> None:
    def fail(request: FrameRequest) -> Frame:
        raise RenderError("the file is damaged", component="ClipDecoder")

    stage = Stage(gl)
    card = canvas(8, 8, layer("a", 8, 8), name="card")
    with pytest.raises(RenderError, match="the file is damaged") as caught:
        stage.renderer.render(canvas(20, 8, nested(card, "pip")), fail)
    stage.close()
    assert (caught.value.clip, caught.value.composition, caught.value.component) == ("a", "card", "ClipDecoder")


def test_a_picture_larger_than_opengl_holds(gl: GLContext) -> None:
    width = gl.max_texture_size + 1
    stage = Stage(gl, {"wide": rgb_frame(np.zeros((1, width, 3), np.uint8))})
    with pytest.raises(ExportError, match=f"{width}×1; .* at most {gl.max_texture_size}") as caught:
        stage.render(canvas(8, 8, layer("wide", 8, 8)))
    assert caught.value.clip == "wide"
    solid = Layer(("s",), Solid((1, 1, 1, 1)), WHOLE, 8, 8, Affine(), 1.0, "normal")
    with pytest.raises(ExportError, match=f"composition big needs a texture of {width}×8") as caught:
        stage.render(canvas(8, 8, nested(canvas(width, 8, solid, name="big"), "pip")))
    assert caught.value.clip == "pip"
    stage.close()


def test_an_opengl_error_names_the_composition_that_it_happened_in(
    gl: GLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(gl, {"a": rgba_frame(noise(5, 8, 8, alpha=True))})
    inner = canvas(8, 8, layer("a", 8, 8, opaque=False), name="inner")
    outer = canvas(8, 8, nested(inner, "card"), name="outer")
    paint = Painter.paint

    def flagged(self: Painter, *arguments: object) -> None:
        paint(self, *arguments)  # type: ignore[arg-type]
        gl.gl.viewport = (0, 0, -1, -1)  # GL_INVALID_VALUE

    def raised(*_: object) -> None:
        raise moderngl.Error("out of memory")

    for broken, message in ((flagged, "GL_INVALID_VALUE while rendering composition inner"), (raised, "out of memory")):
        monkeypatch.setattr(Painter, "paint", broken)
        with pytest.raises(RenderError, match=message) as caught:
            stage.render(canvas(8, 8, nested(outer, "pip")))
        error = caught.value
        assert (error.component, error.composition, error.clip) == ("NestedRenderer", "inner", "card")
    stage.close()


def test_slow_compositions_are_warned_of_by_name_without_what_they_wait_for(
    gl: GLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing takes its time when it is waited for: OpenGL works in the background."""
    stage = Stage(gl, {"a": rgba_frame(noise(5, 8, 8, alpha=True))})
    clock = [0.0]
    queued = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    paint, finish = Painter.paint, GLContext.finish

    def lazily(self: Painter, *arguments: object) -> None:
        queued[0] += next(seconds)
        paint(self, *arguments)  # type: ignore[arg-type]

    def finished(self: GLContext) -> None:
        clock[0] += queued[0]
        queued[0] = 0.0
        finish(self)

    def frame(request: FrameRequest) -> Frame:
        clock[0] += 10
        return stage.frames[request.media]

    monkeypatch.setattr(Painter, "paint", lazily)
    monkeypatch.setattr(GLContext, "finish", finished)
    # Deepest first: inner, outer, the canvas. Shaders are compiled for the first frame, which does not count.
    for pts, each in enumerate([(9, 9, 1), (0.2, 0.05, 1), (0.3, 0.09, 1), (0.09, 0.15, 1), *[(9, 9, 1)] * 5]):
        seconds = iter(each)
        inner = canvas(8, 8, layer("a", 8, 8, opaque=False, pts=pts), name="inner")
        outer = canvas(8, 8, nested(inner, "card"), name="outer")
        stage.renderer.render(canvas(8, 8, nested(outer, "pip")), frame)
    (warning,) = stage.renderer.warnings
    assert "composition inner took more than 100 ms to render in 2 of 3 frames" in warning
    assert "300 ms at most" in warning
    stage.close()
