"""Hypothesis: small random timelines with everything that decides which source frame is shown when."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from reelmill.planner.content import Content
from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.media import MediaFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.timeline import AfterEnd, Clip, Composition, Timeline, Track
from tests.support.timelines import timeline, video

FPS = (Fraction(24), Fraction(25), Fraction(30), Fraction(30000, 1001))
SPEEDS = tuple(Fraction(s) for s in ("1", "1/2", "2", "-1", "-3/2", "0", "7/3", "11"))
AFTER_END: tuple[AfterEnd, ...] = ("error", "hold", "loop", "blank")


@dataclass(frozen=True, slots=True)
class Film:
    """A timeline and the facts of its files."""

    timeline: Timeline
    facts: dict[str, MediaFacts]


@st.composite
def files(draw: st.DrawFn) -> dict[str, MediaFacts]:
    """Up to three media entries: of constant and variable rate, a still, two entries of one file."""
    facts = {}
    for name in ("a", "b")[: draw(st.integers(1, 2))]:
        found = video(name, draw(st.integers(1, 90)), draw(st.sampled_from(FPS)))
        if draw(st.booleans()):
            assert found.video is not None
            found = replace(found, video=replace(found.video, table=draw(_variable())))
        facts[name] = found
    if draw(st.booleans()):
        facts["again"] = replace(facts["a"], media="again")
    if draw(st.booleans()):
        still = video("still", 1)
        assert still.video is not None
        facts["still"] = replace(still, kind="still", video=replace(still.video, table=None, frame_rate=None))
    return facts


@st.composite
def _variable(draw: st.DrawFn) -> PtsTable:
    """Milliseconds, as Matroska has them; the first frame is not at 0."""
    gaps = draw(st.lists(st.sampled_from((33, 34, 17, 100, 400)), min_size=1, max_size=40))
    pts = array("q", [draw(st.integers(-50, 50))])
    for gap in gaps[1:]:
        pts.append(pts[-1] + gap)
    keyframes = array("q", sorted({pts[0], *draw(st.sets(st.sampled_from(list(pts)), max_size=4))}))
    return PtsTable(Fraction(1, 1000), pts, pts[-1] + gaps[0], keyframes)


@st.composite
def _tracks(draw: st.DrawFn, prefix: str, contents: list[Content]) -> tuple[Track, ...]:
    tracks = []
    for number in range(draw(st.integers(1, 2))):
        clips: list[Clip] = []
        for index in range(draw(st.integers(1, 3))):
            gap = Fraction(draw(st.integers(-6, 6)), 10)
            start = clips[-1].end + gap if clips else Fraction(draw(st.integers(0, 5)), 10)
            duration = Fraction(draw(st.integers(1, 25)), 10)
            if clips:
                first_free = clips[-2].end if len(clips) > 1 else Fraction(0)
                start = max(start, clips[-1].start + Fraction(1, 10), first_free)
                duration = max(duration, clips[-1].end + Fraction(1, 10) - start)
            clips.append(
                Clip(
                    f"{prefix}{number}.{index}",
                    draw(st.sampled_from(contents)),
                    start,
                    duration,
                    Fraction(draw(st.integers(-2, 30)), 10),
                    draw(st.sampled_from(SPEEDS)),
                    after_end=draw(st.sampled_from(AFTER_END)),
                    enabled=draw(st.integers(0, 9)) > 0,
                )
            )
        tracks.append(Track(f"{prefix}{number}", tuple(clips), enabled=draw(st.integers(0, 9)) > 0))
    return tuple(tracks)


@st.composite
def films(draw: st.DrawFn, *, alpha: bool = True) -> Film:
    """A film of a few seconds, nested up to two deep. With `alpha` no picture hides another."""
    facts = {name: replace(each) for name, each in draw(files()).items()}
    if alpha:
        for name, each in facts.items():
            assert each.video is not None
            facts[name] = replace(each, video=replace(each.video, has_alpha=True, pix_fmt="yuva420p"))
    media: list[Content] = [MediaContent(name) for name in facts]
    contents, compositions = list(media), {}
    for name in ("inner", "outer")[: draw(st.integers(0, 2))]:
        tracks = draw(_tracks(f"{name}-", contents))
        end = max(clip.end for track in tracks for clip in track.clips)
        duration = draw(st.sampled_from((end, end / 2, end + 1, Fraction(1, 7))))
        compositions[name] = Composition(name, 320, 180, tracks, duration=duration)
        contents += [CompositionContent(name)] * 2
    return Film(
        timeline(*draw(_tracks("", contents)), fps=draw(st.sampled_from(FPS)), compositions=compositions), facts
    )
