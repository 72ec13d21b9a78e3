"""What the outputs of an export cost, for the estimate of its time. Pure functions; light.

In: planned outputs, and the planner of the pictures that they show. Out: an `Estimate`.
"""

from __future__ import annotations

from collections.abc import Iterable

from reelmill.export.outputs.output_plan import OutputPlan, PlannedOutput
from reelmill.planner.scheduling.estimate import Estimate
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.scheduling.stage_costs import SOUND_SECONDS, encode_seconds


def estimate_export(planner: ExportPlanner, plan: OutputPlan, *, shared: bool) -> Estimate:
    """How long an export to these outputs takes. `shared`: by system V2."""
    fps = plan.outputs[0].shown.timeline_fps
    return planner.estimate(
        encode_seconds=_encode_seconds(plan.outputs, planner.schedule.total_frames),
        sound_seconds=SOUND_SECONDS / float(fps) if plan.sound is not None else 0.0,
        shared=shared,
    )


def _encode_seconds(outputs: Iterable[PlannedOutput], frames: int) -> float:
    """Seconds of one core that all outputs together take, spread over so many frames of the timeline."""
    total = 0.0
    for each in outputs:
        video = each.settings.video if each.settings is not None else None
        if video is not None:
            preset = dict(video.options).get("preset")
            total += each.frames * encode_seconds(video.codec, preset, video.width, video.height)
        elif each.has_pictures:
            total += each.frames * encode_seconds(each.kind, None, *each.size)
    return total / max(frames, 1)
