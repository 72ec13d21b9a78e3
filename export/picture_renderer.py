"""From the plan of a frame to its finished picture in memory: decoders, compositor and readback behind one door.

Owns the frame source, the OpenGL context and the compositor; all on the render thread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack

from compositor.context import GLContext
from compositor.nested import NestedCompRenderer
from compositor.output import PictureReader
from compositor.plane_canvas import PlaneFormat
from export.frame_source import open_frame_source
from export.job import ExportOptions
from export.pass_through import copy_planes, fits
from export.plane_scaler import AreaScaler
from export.project import OpenedProject
from export.report import ExportRecord
from planner.colour import ColourTags
from planner.errors import ExportError
from planner.export_planner import ExportPlanner
from planner.frame_plan import CompositionPlan, FramePlan
from planner.frames import Frame, FrameRequest, WritablePlane
from planner.hardware import SOFTWARE_DECODING, HardwareDecoding
from planner.pixel_format import PixelFormat
from planner.selection import System
from planner.simplify import untouched
from planner.tracing import NO_TRACE, Tracer


class PictureRenderer:
    """Makes pictures of one pixel format, colour and size; notes in the record what that cost."""

    def __init__(
        self,
        opened: OpenedProject,
        planner: ExportPlanner,
        options: ExportOptions,
        record: ExportRecord,
        *,
        system: System,
        pixel_format: PixelFormat,
        colour: ColourTags,
        size: tuple[int, int],
        hardware: HardwareDecoding = SOFTWARE_DECODING,
        tracer: Tracer = NO_TRACE,
    ) -> None:
        """`size`: width and height of the pictures, pixels. Raises SetupError where there is no OpenGL."""
        self._opened = opened
        self._record = record
        self._format = pixel_format
        self._colour = colour
        self._planes = PlaneFormat(pixel_format, colour)
        self._size = size
        self._scale = options.canvas_scale
        self._fast_paths = options.fast_paths
        self._tracer = tracer
        self._output_frame = 0
        with ExitStack() as stack:
            self._source = open_frame_source(system, opened, planner, options, hardware=hardware, tracer=tracer)
            stack.callback(self._source.close)
            self._context = context = stack.enter_context(GLContext.create(options.renderer))
            record.renderer, record.renderer_kind = context.name, context.kind
            # On a software renderer libswscale makes pictures smaller for a fraction of what a shader costs there.
            scaler = AreaScaler() if options.fast_paths and context.kind == "software" else None
            self._compositor = NestedCompRenderer(context, scale=self._scale, scaler=scaler, tracer=tracer)
            stack.callback(self._compositor.close)
            self._reader = PictureReader(context)
            stack.callback(self._reader.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> PictureRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._record.decoders = self._source.statistics()
        self._record.compositor = self._compositor.statistics
        self._record.hand_over_seconds += self._context.upload_seconds
        self._stack.close()

    @property
    def warnings(self) -> list[str]:
        """Of the frame source."""
        return self._source.warnings

    def begin(self, plan: FramePlan) -> None:
        """Called once for each output frame, drawn or reused, in order."""
        self._output_frame = plan.output_frame
        self._source.begin(plan)

    def draw(self, picture: CompositionPlan, planes: Sequence[WritablePlane]) -> None:
        """Make the picture in `planes`: the source frame as it is where it fits, else composited.

        Raises RenderError, which knows the clip, its composition and its file.
        """
        request = untouched(picture) if self._fast_paths and self._scale == 1 else None
        if request is not None:
            frame = self._frame(request)
            if fits(frame, self._format, self._colour, *self._size):
                with self._tracer.span("pass through", self._output_frame, request.clip):
                    started = time.perf_counter()
                    copy_planes(frame, planes)
                    self._record.hand_over_seconds += time.perf_counter() - started
                self._record.frames_passed_through += 1
                return
        waited = self._source.statistics().waited_seconds
        started = time.perf_counter()
        with self._tracer.span("composite", self._output_frame):
            self._composite(picture, planes)
        waited = self._source.statistics().waited_seconds - waited
        self._record.composite_seconds += time.perf_counter() - started - waited

    def _composite(self, picture: CompositionPlan, planes: Sequence[WritablePlane]) -> None:
        if self._on_planes(picture) and self._compositor.draw_planes(picture, self._frame, self._planes, planes):
            return
        target = self._compositor.render(picture, self._frame)
        if self._tracer.enabled:
            self._context.finish()
        with self._tracer.span("readback", self._output_frame):
            self._reader.read(target, self._format, self._colour, *self._size, planes)

    def _on_planes(self, picture: CompositionPlan) -> bool:
        """Whether the output is made of luma and chroma, without alpha, and of the canvas' size."""
        size = (math.ceil(picture.width * self._scale), math.ceil(picture.height * self._scale))
        return self._fast_paths and self._format.model != "rgb" and not self._format.alpha and size == self._size

    def _frame(self, request: FrameRequest) -> Frame:
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
