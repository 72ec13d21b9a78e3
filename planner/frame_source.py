"""What serves source frames while rendering: the interface that both decoding systems implement."""

from __future__ import annotations

from typing import Protocol

from reelmill.planner.frame_plan import FramePlan
from reelmill.planner.source_frames import DecodeStatistics, Frame, FrameRequest


class FrameSource(Protocol):
    """Serves exact source frames: V1 (one decoder per clip) or V2 (shared decoders). Used on the render thread."""

    def begin(self, plan: FramePlan) -> None:
        """Called once before the requests of an output frame; clips that are not active any more may be closed."""

    def frame(self, request: FrameRequest) -> Frame:
        """The frame asked for, exactly. Raises RenderError."""

    def statistics(self) -> DecodeStatistics:
        """The counters so far."""

    @property
    def warnings(self) -> list[str]:
        """What people should know of the frames served so far, such as damage that was concealed."""

    def close(self) -> None:
        """Closes every decoder; a second call does nothing."""
