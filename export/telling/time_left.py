"""The time that is left of an export, from its plan and from how its stages have got on. Passive; render thread."""

from __future__ import annotations

from functools import cached_property

from reelmill.export.outputs.delivery import Delivery
from reelmill.export.outputs.output_costs import estimate_export
from reelmill.export.outputs.output_plan import OutputPlan
from reelmill.export.rendering.picture_renderer import PictureRenderer
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.scheduling.estimate import Estimate, Progressed, StageSeconds
from reelmill.planner.scheduling.export_planner import ExportPlanner


class TimeLeftEstimate:
    """Implements export.meter.TimeLeft."""

    def __init__(
        self,
        planner: ExportPlanner,
        plan: OutputPlan,
        delivery: Delivery,
        renderer: PictureRenderer,
        record: ExportRecord,
    ) -> None:
        self._planner, self._plan, self._delivery = planner, plan, delivery
        self._renderer, self._record = renderer, record

    def __call__(self, output_frame: int, elapsed_seconds: float) -> float:
        decoding = self._renderer.decoding
        record = self._record
        busy = StageSeconds(
            decoding.busy_seconds,
            record.composite_seconds + record.hand_over_seconds,
            self._delivery.encode_seconds,
        )
        done = Progressed(
            output_frame=output_frame,
            elapsed_seconds=elapsed_seconds,
            busy=busy,
            frames_decoded=decoding.frames_decoded,
            frames_unwritten=self._delivery.frames_unwritten,
        )
        return self._estimate.time_left(done)

    @cached_property
    def _estimate(self) -> Estimate:
        """Made when somebody wants to know."""
        return estimate_export(self._planner, self._plan, shared=self._record.system == "v2")
