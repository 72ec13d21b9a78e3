"""From the plan of a frame to its finished pictures in memory: decoders, compositor and readback behind one door.

In: a plan, and views (a pixel format, a colour and a size each) that are wanted of it. The frame's sources are decoded
once for all views, and what has to be composited as R'G'B' is composited once.

Owns the frame source, the OpenGL context and the compositor; all on the render thread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack

from av.video.frame import VideoFrame

from reelmill.compositor.nested import NestedCompRenderer
from reelmill.compositor.opengl.graphics import Graphics
from reelmill.compositor.output import PixelReader
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.decoders.video.reading import Reading
from reelmill.export.decoding_system import check_memory_limit, open_files_room, open_frame_source
from reelmill.export.films.encoders import tag_colours
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.outputs.views import ViewPicture, new_picture
from reelmill.export.rendering.pass_through import copy_planes, fits, shared_picture
from reelmill.export.rendering.plane_scaler import AreaScaler
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.errors import ExportError
from reelmill.planner.frame_plan import CompositionPlan, FramePlan, Layer
from reelmill.planner.hardware import SOFTWARE_DECODING, HardwareDecoding
from reelmill.planner.pictures.simplify import untouched
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.source_frames import DecodeStatistics, Frame, FrameRequest
from reelmill.planner.timelines.selection import System
from reelmill.planner.tracing import NO_TRACE, Tracer


class PictureRenderer:
    """Makes pictures; notes in the record what that cost."""

    def __init__(
        self,
        opened: OpenedProject,
        planner: ExportPlanner,
        options: ExportOptions,
        record: ExportRecord,
        *,
        system: System,
        hardware: HardwareDecoding = SOFTWARE_DECODING,
        tracer: Tracer = NO_TRACE,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        """`checkpoint` is called while source frames are waited for; it may raise.

        Raises SetupError where there is no OpenGL, or more files are open at once than may be.
        """
        self._opened = opened
        self._record = record
        self._scale = options.canvas_scale
        self._fast_paths = options.fast_paths
        self._tracer = tracer
        self._output_frame = 0
        self._waited_seconds = 0.0
        """For source frames, of the picture that is drawn."""
        with ExitStack() as stack:
            shared = opened.shared
            stills = shared.stills if shared else None
            if system == "v2":
                check_memory_limit(planner, options)
            room = stack.enter_context(open_files_room(system, opened, planner))
            self._source = open_frame_source(
                system,
                opened,
                planner,
                options,
                reading=Reading(options.allow_network, hardware, stills, tracer),
                most_files=room.files,
                checkpoint=checkpoint,
            )
            stack.callback(self._source.close)
            if shared is not None:
                graphics = shared.graphics(options.renderer)
            else:
                graphics = stack.enter_context(Graphics(options.renderer))
            self._context = context = graphics.context
            self._uploaded_before = context.upload_seconds
            record.renderer, record.renderer_kind = context.name, context.kind
            # On a software renderer libswscale makes pictures smaller for a fraction of what a shader costs there.
            scaler = AreaScaler() if options.fast_paths and context.kind == "software" else None
            self._compositor = NestedCompRenderer(
                context, scale=self._scale, scaler=scaler, shaders=graphics.shaders, tracer=tracer
            )
            stack.callback(self._compositor.close)
            self._reader = PixelReader(context, graphics.shaders)
            stack.callback(self._reader.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> PictureRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._record.decoders = self._source.statistics()
        self._record.compositor = self._compositor.statistics
        self._record.hand_over_seconds += self._context.upload_seconds - self._uploaded_before
        self._stack.close()

    @property
    def warnings(self) -> list[str]:
        """What the frame source and the compositor have to tell."""
        return [*self._source.warnings, *self._compositor.warnings]

    @property
    def decoding(self) -> DecodeStatistics:
        """The counters of the frame source so far."""
        return self._source.statistics()

    def begin(self, plan: FramePlan) -> None:
        """Called once for each output frame, drawn or reused, in order."""
        self._output_frame = plan.output_frame
        self._source.begin(plan)

    def draw(self, picture: CompositionPlan, views: Sequence[PictureFormat]) -> list[VideoFrame]:
        """The picture in each of several views: the source frame as it is where it fits, else composited.

        Nobody may change them. Raises RenderError, which knows the clip, its composition and its file.
        """
        made = self._pass_through(picture, views)
        left = {view: new_picture(view) for view in views if view not in made}
        if left:
            self._waited_seconds = 0.0
            started = time.perf_counter()
            with self._tracer.span("composite", self._output_frame):
                self._composite(picture, [memory for _, memory in left.values()])
            self._record.composite_seconds += time.perf_counter() - started - self._waited_seconds
            made.update((view, frame) for view, (frame, _) in left.items())
        else:
            self._record.frames_passed_through += 1
        return [made[view] for view in views]

    def _pass_through(
        self, picture: CompositionPlan, views: Sequence[PictureFormat]
    ) -> dict[PictureFormat, VideoFrame]:
        """An untouched frame, in the views that it fits."""
        request = untouched(picture) if self._fast_paths and self._scale == 1 else None
        if request is None:
            return {}
        try:
            frame = self._frame(request)
        except ExportError as error:
            error.locate(composition=_composition(picture))
            raise
        made = {}
        for view in views:
            if not fits(frame, view.pix_fmt, view.colour, view.width, view.height):
                continue
            with self._tracer.span("pass through", self._output_frame, request.clip):
                started = time.perf_counter()
                shown = shared_picture(frame)
                if shown is None:
                    shown, memory = new_picture(view)
                    copy_planes(frame, memory.planes)
                else:
                    tag_colours(shown, view.colour)
                made[view] = shown
                self._record.hand_over_seconds += time.perf_counter() - started
        return made

    def _composite(self, picture: CompositionPlan, views: Sequence[ViewPicture]) -> None:
        canvas = (math.ceil(picture.width * self._scale), math.ceil(picture.height * self._scale))
        on_planes = [view for view in views if self._fast_paths and _has_planes(view.format, canvas)]
        as_rgb = [view for view in views if view not in on_planes]
        for index, view in enumerate(on_planes):
            format_ = PlaneFormat(view.format.pix_fmt, view.format.colour)
            more = bool(as_rgb) or index + 1 < len(on_planes)
            if not self._compositor.draw_planes(picture, self._frame, format_, view.planes, more=more):
                as_rgb.append(view)
        if not as_rgb:
            return
        target = self._compositor.render(picture, self._frame)
        if self._tracer.enabled:
            self._context.finish()
        with self._tracer.span("readback", self._output_frame):
            for view in as_rgb:
                wanted = view.format
                self._reader.read(target, wanted.pix_fmt, wanted.colour, wanted.width, wanted.height, view.planes)

    def _frame(self, request: FrameRequest) -> Frame:
        started = time.perf_counter()
        try:
            return self._source.frame(request)
        except ExportError as error:
            facts = self._opened.facts[request.media]
            table = facts.video.table if facts.video else None
            error.locate(
                clip=request.clip,
                file=facts.path,
                file_hash=request.file_hash,
                source_time=table.source_time(request.pts) if table else None,
            )
            raise
        finally:
            self._waited_seconds += time.perf_counter() - started


def _composition(picture: CompositionPlan) -> str | None:
    """The composition that the one layer of an untouched picture lies in, for messages."""
    (layer,) = picture.layers
    return (layer.composition if isinstance(layer, Layer) else None) or picture.id


def _has_planes(view: PictureFormat, canvas: tuple[int, int]) -> bool:
    """Whether a view is made of luma and chroma, without alpha, and of the canvas' size."""
    return view.pix_fmt.model != "rgb" and not view.pix_fmt.alpha and (view.width, view.height) == canvas
