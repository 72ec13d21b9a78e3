"""What is known of a media file before rendering: the facts that planning needs. Pure data, made in decoders/."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from reelmill.planner.colour import ColourTags
from reelmill.planner.pts_table import PtsTable

MediaKind = Literal["video", "still", "animation", "sequence", "sound"]


@dataclass(frozen=True, slots=True)
class Orientation:
    """How the stored picture is turned for display: mirrored first, then turned clockwise."""

    quarter_turns: Literal[0, 1, 2, 3] = 0
    """Clockwise."""
    mirrored: bool = False
    """Left and right exchanged, before the turn."""


@dataclass(frozen=True, slots=True)
class SizeChange:
    """From one frame on, the frames of a stream have another size, or pixels of another shape."""

    first_pts: int
    """Of that frame."""
    width: int
    """Stored samples."""
    height: int
    sample_aspect_ratio: Fraction


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """The chosen video stream, or a still picture."""

    stream: int
    """Index among the file's video streams (attached pictures left out)."""
    codec: str
    width: int
    """Stored samples of the first frame."""
    height: int
    sample_aspect_ratio: Fraction
    """Of the first frame."""
    orientation: Orientation
    pix_fmt: str
    """As the decoder hands it over (planner.pixel_format)."""
    has_alpha: bool
    interlaced: bool
    """Flagged so by the stream; single frames may differ."""
    colour: ColourTags
    frame_rate: Fraction | None
    """Average frames a second, for people; None for stills."""
    table: PtsTable | None
    """None for stills, which have no end."""

    size_changes: tuple[SizeChange, ...] = ()
    """Ascending; empty for nearly all files."""

    @property
    def display_size(self) -> tuple[Fraction, Fraction]:
        """Width and height of the first frame in square pixels, after sample aspect ratio and rotation."""
        return self._displayed(self.width, self.height, self.sample_aspect_ratio)

    def display_size_at(self, pts: int) -> tuple[Fraction, Fraction]:
        """The same of the frame with this pts."""
        change = next((each for each in reversed(self.size_changes) if each.first_pts <= pts), None)
        if change is None:
            return self.display_size
        return self._displayed(change.width, change.height, change.sample_aspect_ratio)

    @property
    def largest(self) -> tuple[int, int]:
        """Width and height of the largest frame, stored samples."""
        sizes = [(self.width, self.height), *((each.width, each.height) for each in self.size_changes)]
        return max(sizes, key=lambda size: size[0] * size[1])

    def _displayed(self, stored_width: int, stored_height: int, ratio: Fraction) -> tuple[Fraction, Fraction]:
        width = stored_width * ratio if ratio > 1 else Fraction(stored_width)
        height = Fraction(stored_height) if ratio >= 1 else stored_height / ratio
        return (height, width) if self.orientation.quarter_turns % 2 else (width, height)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """The chosen audio stream."""

    stream: int
    """Index among the file's audio streams."""
    codec: str
    sample_rate: int
    """The highest, where it changes on the way."""
    channels: int
    layout: str
    """libav's name of the channel layout, such as `stereo` or `5.1`; the widest, where it changes on the way."""
    start: Fraction
    """Seconds from source time 0 to the first sample; negative where sound begins before the picture."""
    duration: Fraction
    """Seconds from `start` to the end of the last sample."""
    parts: tuple[tuple[int, int], ...] = ()
    """First byte and end of each file in it, where several were joined end to end; else none."""

    @property
    def end(self) -> Fraction:
        """Seconds from source time 0."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class SoundProblem:
    """Why the chosen sound of a file can't be decoded. It is an error where that sound is heard."""

    message: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """One media entry of a project, probed."""

    media: str
    """Name of the entry in the project."""
    path: str
    """Absolute; for an image sequence the pattern."""
    kind: MediaKind
    file_hash: str
    """Hash of size and sampled blocks; equal for one file under two paths."""
    video: VideoFacts | None
    audio: AudioFacts | None
    sound_problem: SoundProblem | None = None
    """Given where there is sound, but `audio` is None."""

    def end(self, *, sound_only: bool) -> Fraction | None:
        """Source time at which the media end; None for what has no end (stills)."""
        if self.video is not None and not sound_only:
            return None if self.video.table is None else self.video.table.duration
        return None if self.audio is None else self.audio.end
