"""Renders what a check looks at: some frames of a film as 8-bit RGB, in one pass in their order, and all of its sound.

In: an opened project. Out: pictures one after the other, a fingerprint. The render thread is the caller's.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt

from reelmill.compositor.opengl.context import GLContext
from reelmill.export.checks.sound_fingerprint import FingerprintMaker, SoundFingerprint
from reelmill.export.films.codecs import settings_of_project
from reelmill.export.opening.job import ExportOptions, Renderer
from reelmill.export.opening.project import OpenedProject
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.rendering.picture_renderer import PictureRenderer
from reelmill.export.sound.loudness import LevelledSound
from reelmill.export.sound.sound_mix import SoundMix
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.colour import SRGB
from reelmill.planner.errors import ExportError
from reelmill.planner.frame_plan import CompositionPlan
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.process.waiting import Checkpoint
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.sound.sound_plan import SoundPlan
from reelmill.planner.timelines.selection import System

_BLOCK_SAMPLES = 1 << 15

Pixels = npt.NDArray[np.uint8]


def moments_planner(opened: OpenedProject, frames: Iterable[int], options: ExportOptions) -> ExportPlanner:
    """Plans these frames, ascending, and decodes nothing for those between. Raises SetupError."""
    return ExportPlanner(
        opened.timeline,
        opened.facts,
        opened.drawn_sizes,
        FrameSet.of(runs(frames)),
        simplify=options.fast_paths,
        scale=options.canvas_scale,
    )


def runs(frames: Iterable[int]) -> list[range]:
    """Ascending numbers as ranges without gaps."""
    found: list[range] = []
    for frame in frames:
        if found and found[-1].stop == frame:
            found[-1] = range(found[-1].start, frame + 1)
        else:
            found.append(range(frame, frame + 1))
    return found


def render_frames(
    opened: OpenedProject,
    frames: Sequence[int],
    options: ExportOptions,
    system: System,
    record: ExportRecord,
    checkpoint: Checkpoint,
) -> Generator[tuple[int, Pixels]]:
    """Each of the frames, ascending, with its picture: shape [height, width, 3], or 4 (straight alpha) where the
    canvas is not opaque. The record knows the renderer before the first one comes.

    Equal pictures are one array, which nobody may change. Decoders and OpenGL are open until the end, or until the
    generator is closed. Raises SetupError, RenderError.
    """
    root = opened.timeline.root
    planner = moments_planner(opened, frames, options)
    components = 3 if root.background[3] == 1 else 4
    view = PictureFormat(root.width, root.height, PIXEL_FORMATS["rgba"], SRGB)
    with PictureRenderer(
        opened,
        planner,
        options,
        record,
        system=system,
        checkpoint=checkpoint,
    ) as renderer:
        shown: CompositionPlan | None = None
        pixels: Pixels | None = None
        for number in frames:
            checkpoint()
            plan = planner.plan(number)
            try:
                renderer.begin(plan)
                if pixels is None or not options.fast_paths or plan.picture != shown:
                    (drawn,) = renderer.draw(plan.picture, [view])
                    pixels, shown = np.ascontiguousarray(drawn.to_ndarray()[:, :, :components]), plan.picture
            except ExportError as error:
                error.locate(output_frame=number, timeline_time=plan.time)
                raise
            yield number, pixels


def renderer_name(renderer: Renderer) -> str:
    """Of the OpenGL renderer that would be used. Raises SetupError."""
    with GLContext.create(renderer) as context:
        return context.name


def has_sound(opened: OpenedProject) -> bool:
    """Whether anything in the project sounds."""
    return bool(plan_sound(opened.timeline, opened.facts).cues)


def listen(opened: OpenedProject, options: ExportOptions, checkpoint: Checkpoint) -> SoundFingerprint | None:
    """The fingerprint of all of the sound, as an export would hand it to the encoder; None where there is none.

    Raises SetupError, RenderError.
    """
    plan = plan_sound(opened.timeline, opened.facts)
    if not plan.cues:
        return None
    with ExitStack() as stack:
        sound: SoundMix | LevelledSound
        sound = mix = SoundMix(
            plan,
            opened.timeline.media,
            opened.facts,
            first_sample=0,
            sample_count=plan.sample_count,
            workers=options.audio_workers,
            allow_network=options.allow_network,
            checkpoint=checkpoint,
        )
        stack.callback(mix.close)
        if plan.loudness is not None:
            sound = _levelled(mix, plan, opened, checkpoint)
            stack.callback(sound.close)
        maker = FingerprintMaker(plan.sample_rate, plan.channels)
        while len(samples := sound.read(_BLOCK_SAMPLES)):
            checkpoint()
            maker.add(samples)
        return maker.finish()


def _levelled(mix: SoundMix, plan: SoundPlan, opened: OpenedProject, checkpoint: Checkpoint) -> LevelledSound:
    """At the film's loudness, which is that of what the project's own codec makes of it."""
    settings = settings_of_project(opened.timeline, has_sound=True)
    assert settings.audio is not None
    return LevelledSound(mix, plan, settings.audio, range(plan.sample_count), lambda _: checkpoint())
