"""Small timelines and facts for tests of planning; no file behind them."""

from __future__ import annotations

from array import array
from fractions import Fraction

from reelmill.planner.colour import ColourTags
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.media import AudioFacts, MediaFacts, Orientation, VideoFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.timeline import Clip, Composition, Media, Timeline, Track


def table(frames: int, fps: Fraction | int = 30, first_pts: int = 0) -> PtsTable:
    """A table of constant rate, one tick a frame."""
    pts = array("q", range(first_pts, first_pts + frames))
    return PtsTable(1 / Fraction(fps), pts, first_pts + frames, pts[:1])


def video(
    name: str,
    frames: int,
    fps: Fraction | int = 30,
    size: tuple[int, int] = (1920, 1080),
    *,
    alpha: bool = False,
    sound_seconds: Fraction | None = None,
) -> MediaFacts:
    """Facts of a video file, with stereo sound of 48 kHz where a length is given."""
    facts = VideoFacts(
        stream=0,
        codec="h264",
        width=size[0],
        height=size[1],
        sample_aspect_ratio=Fraction(1),
        orientation=Orientation(),
        pix_fmt="yuva420p" if alpha else "yuv420p",
        has_alpha=alpha,
        interlaced=False,
        colour=ColourTags(),
        frame_rate=Fraction(fps),
        table=table(frames, fps),
    )
    sound = None
    if sound_seconds is not None:
        sound = AudioFacts(0, "aac", 48000, 2, "stereo", Fraction(0), sound_seconds)
    return MediaFacts(name, f"/media/{name}.mp4", "video", f"hash-{name}", facts, sound)


def media_clip(name: str, media: str, start: str, duration: str, in_point: str = "0", **more: object) -> Clip:
    """A clip of a file; times as fractions in text."""
    return Clip(name, MediaContent(media), Fraction(start), Fraction(duration), Fraction(in_point), **more)  # type: ignore[arg-type]


def timeline(
    *tracks: Track,
    fps: Fraction | int = 30,
    size: tuple[int, int] = (1920, 1080),
    compositions: dict[str, Composition] | None = None,
    media: dict[str, Media] | None = None,
) -> Timeline:
    """A resolved timeline; its duration is the end of the last clip."""
    duration = max((clip.end for track in tracks for clip in track.clips), default=Fraction(0))
    root = Composition(None, size[0], size[1], tracks, (0.0, 0.0, 0.0, 1.0), duration)
    return Timeline(None, Fraction(fps), root, compositions or {}, media or {})
