"""From the plan of a frame to its finished picture in memory: decoders, compositor and readback behind one door.

Owns the frame source, the OpenGL context and the compositor; all on the render thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction

from compositor.context import GLContext
from compositor.nested import NestedCompRenderer
from compositor.output import PictureReader
from export.frame_source import open_frame_source
from export.job import ExportOptions
from export.pass_through import copy_planes, fits
from export.project import OpenedProject
from export.report import ExportRecord
from planner.colour import ColourTags
from planner.errors import ExportError
from planner.export_planner import ExportPlanner
from planner.frame_plan import CompositionPlan, FramePlan
from planner.frames import Frame, FrameRequest, WritablePlane
from planner.pixel_format import PixelFormat
from planner.selection import System
from planner.simplify import untouched

DRAFT_SCALE = Fraction(1, 2)


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
    ) -> None:
        """`size`: width and height of the pictures, pixels. Raises SetupError where there is no OpenGL."""
        self._opened = opened
        self._record = record
        self._format = pixel_format
        self._colour = colour
        self._size = size
        self._scale = DRAFT_SCALE if options.draft else Fraction(1)
        with ExitStack() as stack:
            self._source = open_frame_source(system, opened, planner, options)
            stack.callback(self._source.close)
            context = stack.enter_context(GLContext.create(options.renderer))
            record.renderer, record.renderer_kind = context.name, context.kind
            self._compositor = NestedCompRenderer(context, scale=self._scale)
            stack.callback(self._compositor.close)
            self._reader = PictureReader(context)
            stack.callback(self._reader.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> PictureRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._record.decoders = self._source.statistics()
        self._record.compositor = self._compositor.statistics
        self._stack.close()

    @property
    def warnings(self) -> list[str]:
        """Of the frame source."""
        return self._source.warnings

    def begin(self, plan: FramePlan) -> None:
        """Called once for each output frame, drawn or reused, in order."""
        self._source.begin(plan)

    def draw(self, picture: CompositionPlan, planes: Sequence[WritablePlane]) -> None:
        """Make the picture in `planes`: the source frame as it is where it fits, else composited.

        Raises RenderError, which knows the clip, its composition and its file.
        """
        request = untouched(picture) if self._scale == 1 else None
        if request is not None:
            frame = self._frame(request)
            if fits(frame, self._format, self._colour, *self._size):
                copy_planes(frame, planes)
                self._record.frames_passed_through += 1
                return
        waited = self._source.statistics().waited_seconds
        started = time.perf_counter()
        target = self._compositor.render(picture, self._frame)
        self._reader.read(target, self._format, self._colour, *self._size, planes)
        waited = self._source.statistics().waited_seconds - waited
        self._record.composite_seconds += time.perf_counter() - started - waited

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
