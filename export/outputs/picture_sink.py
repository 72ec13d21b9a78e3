"""What an output's pictures go into: an encoder with its muxer, a folder of pictures, an animation, a sheet.

A sink is passive. It is made on the render thread, before the first frame, and refuses what can't work there
(SetupError); from then on it is used by its output's own thread, and by no other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from av.video.frame import VideoFrame

from reelmill.planner.colour import ColourTags
from reelmill.planner.pixel_format import PixelFormat


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The pictures that a sink takes."""

    width: int
    """Pixels."""
    height: int
    pix_fmt: PixelFormat
    """Straight alpha where it has alpha; else the picture is over the canvas' background, or black."""
    colour: ColourTags


@dataclass(frozen=True, slots=True)
class ShownFrames:
    """Which frames of the timeline an output shows: its picture k is frame `frames[k]`."""

    frames: range
    """Frames of the timeline; the step is the output's fps divisor."""
    timeline_fps: Fraction
    """Frames a second of the root canvas."""

    @property
    def fps(self) -> Fraction:
        """Pictures a second of the output."""
        return self.timeline_fps / self.frames.step


class PictureSink(Protocol):
    """Takes the finished pictures of one output, in order."""

    @property
    def takes(self) -> PictureFormat: ...

    @property
    def wanted(self) -> Collection[int] | None:
        """Numbers (from 0) of the pictures that have to be written; the others need not even be made. None for all."""

    def write(self, frame: VideoFrame, number: int) -> None:
        """Picture `number` of this output, counted from 0. The frame is not changed, and may come again.

        Raises RenderError.
        """

    def finish(self) -> None:
        """All pictures came: complete what is written. Raises RenderError."""

    def abort(self) -> None:
        """Stop, in any state; what was written is not complete. After `finish`, or again, does nothing."""
