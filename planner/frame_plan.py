"""What one output frame is made of: pure data, a function of the timeline and the frame's number.

Equal plans have equal pixels, whichever clips and compositions show them: equality is all that reuse needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from reelmill.planner.colour import Colour
from reelmill.planner.content import Drawing
from reelmill.planner.effect import EffectPlan
from reelmill.planner.source_frames import FrameRequest, InstancePath
from reelmill.planner.timeline import Blend, Direction, TransitionType


@dataclass(frozen=True, slots=True)
class Affine:
    """x' = a·x + c·y + e, y' = b·x + d·y + f (the order of SVG's matrix())."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def apply(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f


@dataclass(frozen=True, slots=True)
class Rect:
    """A part of the source picture, in fractions of its displayed width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


WHOLE = Rect()


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A frame of a media file."""

    request: FrameRequest
    opaque: bool
    """The file has no alpha."""
    still: bool = field(default=False, compare=False)
    """The file is one picture. It goes without saying where the requests are equal."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One picture, and where it lies on its canvas."""

    instance: InstancePath = field(compare=False)
    """The clip, for messages and statistics; equal layers have equal pixels whoever shows them."""
    source: Source
    part: Rect
    """What of the source (as displayed) is shown: crop, and what `cover` cuts off."""
    width: float
    """Of the fitted picture, before the transform, canvas pixels. `part` fills it."""
    height: float
    matrix: Affine
    """From pixels of the fitted picture (0…width, 0…height) to canvas pixels."""
    opacity: float
    blend: Blend
    zooms: bool = False
    """What it shows stays the same while its size changes from frame to frame."""
    composition: str | None = field(default=None, compare=False)
    """For messages: the composition that the clip lies in, where that was flattened into another one."""

    @property
    def nested(self) -> CompositionPlan | None:
        """The composition that the layer shows, also through effects."""
        match self.source:
            case CompositionPlan() as plan:
                return plan
            case EffectedPicture(plan=plan):
                return plan
        return None

    def with_nested(self, plan: CompositionPlan) -> Layer:
        """The layer with another composition in place of the one that it shows."""
        if isinstance(self.source, EffectedPicture):
            return replace(self, source=replace(self.source, plan=plan))
        return replace(self, source=plan)

    @property
    def has_opaque_picture(self) -> bool:
        """Every pixel of the picture is opaque, whatever the opacity of the layer. False where nobody knows."""
        match self.source:
            case PictureSource(opaque=opaque) | EffectedPicture(opaque=opaque):
                return opaque
            case CompositionPlan(background=color):
                return color[3] == 1
            case Drawing() as drawing:
                return drawing.opaque
        return False

    @property
    def stays_in_box(self) -> bool:
        """The layer paints nothing outside of its fitted picture, as outlines, shadows and strokes do."""
        return not isinstance(self.source, Drawing) or self.source.stays_in_box

    @property
    def is_one_picture(self) -> bool:
        """What it shows is the same in every frame: a drawing, or a still."""
        source = self.source
        if isinstance(source, Drawing):
            return source.has_pixels and source.is_still
        return isinstance(source, PictureSource) and source.still

    @property
    def is_plain(self) -> bool:
        """The layer paints its picture over what lies below, without mixing."""
        return self.has_opaque_picture and self.opacity == 1 and self.blend == "normal"


@dataclass(frozen=True, slots=True)
class TransitionLayer:
    """Two overlapping clips of a track. Each is rendered alone on a transparent canvas, then the two are mixed."""

    type: TransitionType
    direction: Direction
    color: Colour
    progress: float
    """Eased, 0 (all `before`) to 1 (all `after`); an easing may overshoot."""
    before: Layer | None
    """Painted with blend normal; None where the clip shows nothing now (`after_end: blank`)."""
    after: Layer | None
    opacity: float
    """Of the track."""
    blend: Blend
    """The later clip's."""

    @property
    def instances(self) -> tuple[InstancePath, ...]:
        """The clips that are shown."""
        return tuple(side.instance for side in (self.before, self.after) if side is not None)


def sides_of(item: Layer | TransitionLayer) -> tuple[Layer, ...]:
    """The layers that an item of a canvas consists of."""
    if isinstance(item, Layer):
        return (item,)
    return tuple(side for side in (item.before, item.after) if side is not None)


@dataclass(frozen=True, slots=True)
class CompositionPlan:
    """A canvas and what is painted on it, bottom to top."""

    id: str | None = field(compare=False)
    """None for the root. For messages only, like a layer's instance."""
    width: int
    """Nominal canvas pixels, the unit of `Layer.matrix`; the target may be smaller (draft)."""
    height: int
    background: Colour
    layers: tuple[Layer | TransitionLayer, ...]
    _hash: int = field(init=False, repr=False, compare=False)
    """Computed once: a composition may be reached by very many paths."""

    def __post_init__(self) -> None:
        content = hash((self.width, self.height, self.background, self.layers))
        object.__setattr__(self, "_hash", content)

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class EffectedPicture:
    """A finished composition with effects. The picture of a clip is a composition of one layer here."""

    plan: CompositionPlan
    effects: tuple[EffectPlan, ...]
    """In order. Lengths are pixels of the plan's canvas."""
    opaque: bool
    """Every pixel of the result is opaque."""


Source = PictureSource | CompositionPlan | EffectedPicture | Drawing
"""What a layer can show."""


@dataclass(frozen=True, slots=True)
class FramePlan:
    """One output frame."""

    output_frame: int
    """n of the whole film."""
    time: Fraction
    """n / fps, seconds."""
    picture: CompositionPlan
    active: frozenset[InstancePath]
    """Every media clip on screen now, hidden ones included: decoders of others can be closed. Of a composition that
    is shown several times at one moment, the clips of the first: its frames serve all."""
