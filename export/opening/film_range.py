"""The part of a film that is asked for, in frames and in samples."""

from __future__ import annotations

from fractions import Fraction

from reelmill.planner.clock import Time, TimeError, format_time, frame_count, frames_in, sample_at
from reelmill.planner.errors import SetupError
from reelmill.planner.timeline import Timeline


def frames_asked(timeline: Timeline, asked: tuple[Time, Time] | None) -> range:
    """The output frames to be rendered, numbered in the whole film; all of them where no range is given.

    `asked`: START and END of `--range`. Raises SetupError where no frame lies between them.
    """
    film_frames = frame_count(timeline.duration, timeline.fps)
    if film_frames == 0:
        raise SetupError(
            "the timeline is empty: it lasts 0 s",
            component="Project",
            suggestion='add a clip, or give "canvas" a "duration"',
        )
    if asked is None:
        return range(film_frames)
    inside = frames_between(timeline, asked, "--range")
    frames = range(max(inside.start, 0), min(inside.stop, film_frames))
    if not frames:
        start, end = (time_asked(timeline, t, "--range") for t in asked)
        raise SetupError(
            f"no frame lies in the range from {format_time(start)} to {format_time(end)}; "
            f"the film lasts {format_time(timeline.duration)}",
            component="Project",
            suggestion="give --range START..END with START before END, inside of the film",
        )
    return frames


def frames_between(timeline: Timeline, asked: tuple[Time, Time], flag: str) -> range:
    """The frames n with start ≤ n / fps < end, whether the film has them or not. Raises SetupError."""
    start, end = (time_asked(timeline, t, flag) for t in asked)
    return frames_in(start, end, timeline.fps)


def time_asked(timeline: Timeline, time: Time, flag: str) -> Fraction:
    """Seconds of a time on the command line. Raises SetupError for a timecode that the canvas' rate does not have."""
    try:
        return time.resolve(timeline.fps)
    except TimeError as error:
        raise SetupError(
            f"{flag}: {error}",
            component="Project",
            suggestion=f"the canvas has {float(timeline.fps):g} frames a second; seconds and frames (120f) always work",
        ) from error


def samples_of(timeline: Timeline, frames: range) -> range:
    """The samples that sound while those frames are on screen, numbered in the whole film."""
    rate, fps = timeline.sample_rate, timeline.fps
    film_frames = frame_count(timeline.duration, fps)
    end = timeline.duration if frames.stop == film_frames else frames.stop / fps
    return range(sample_at(frames.start / fps, rate), sample_at(end, rate))
