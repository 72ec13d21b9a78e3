"""Which system an export is given, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal

import pytest

from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.solid import Solid
from reelmill.planner.scheduling.clip_uses import clip_uses, decode_sources
from reelmill.planner.scheduling.file_usage import sharing
from reelmill.planner.timeline import Clip, Composition, Track
from reelmill.planner.timelines.selection import Complexity, complexity, select_export_system
from tests.support.timelines import media_clip, timeline, video


@pytest.mark.parametrize(
    ("unique_files", "nested_clips", "compositions", "shared", "system", "reason"),
    [
        # The matrix: 3 clips of 3 files; 10 of 5; 10 of 8 with two compositions; 15 of 10; 30 of 20.
        (
            3,
            0,
            0,
            1.0,
            "v1",
            "3 unique files (≤ 3) and no nested composition; each frame is shown by 1.00 clips (< 1.6)",
        ),
        (
            5,
            0,
            0,
            1.5,
            "v1",
            "5 unique files (≤ 8) and 0 nested clips (≤ 5); each frame is shown by 1.50 clips (< 1.6)",
        ),
        (
            8,
            5,
            2,
            1.0,
            "v1",
            "8 unique files (≤ 8) and 5 nested clips (≤ 5); each frame is shown by 1.00 clips (< 1.6)",
        ),
        (10, 9, 3, 1.0, "v2", "10 unique files (> 8) and 9 nested clips (> 5); each frame is shown by 1.00 clips"),
        (20, 30, 10, 1.25, "v2", "20 unique files (> 8) and 30 nested clips (> 5); each frame is shown by 1.25 clips"),
        # Either limit alone, and both edges of each.
        (0, 0, 0, None, "v1", "0 unique files (≤ 3) and no nested composition"),
        (1, 0, 0, None, "v1", "1 unique file (≤ 3) and no nested composition"),
        (1, 1, 1, None, "v1", "1 unique file (≤ 8) and 1 nested clip (≤ 5)"),
        (9, 0, 0, None, "v2", "9 unique files (> 8)"),
        (8, 6, 1, None, "v2", "6 nested clips (> 5)"),
        # What clips share decides where the limits would not.
        (
            1,
            0,
            0,
            1.59,
            "v1",
            "1 unique file (≤ 3) and no nested composition; each frame is shown by 1.59 clips (< 1.6)",
        ),
        (1, 0, 0, 1.6, "v2", "each frame is shown by 1.60 clips (≥ 1.6)"),
        (9, 0, 0, 2.5, "v2", "9 unique files (> 8); each frame is shown by 2.50 clips (≥ 1.6)"),
    ],
)
def test_the_choice(
    unique_files: int,
    nested_clips: int,
    compositions: int,
    shared: float | None,
    system: Literal["v1", "v2"],
    reason: str,
) -> None:
    found = Complexity(unique_files, nested_clips, compositions)
    assert select_export_system(found, shared, "auto") == (system, reason)
    forced: tuple[Literal["v1", "v2"], ...] = ("v1", "v2")
    for asked in forced:
        assert select_export_system(found, shared, asked) == (asked, f"asked for with --system {asked}")


def test_how_many_clips_show_a_frame() -> None:
    """Seconds of 30 frames: 0–4, 1–5 and, twice as fast, every second frame of 2–4; a still and a repeated file."""
    facts = {name: video(name, 300) for name in ("a", "b")}
    assert facts["b"].video is not None
    facts["still"] = replace(facts["b"], kind="still", video=replace(facts["b"].video, table=None), file_hash="still")
    clips = [
        media_clip("1", "a", "0", "4"),
        media_clip("2", "a", "0", "4", "1"),
        media_clip("3", "a", "0", "1", "2", speed=Fraction(2)),
        media_clip("4", "still", "0", "8"),
    ]
    line = timeline(*(Track(clip.id, (clip,)) for clip in clips))
    assert sharing(clip_uses(line, decode_sources({}, facts), range(240))) == (120 + 120 + 30) / 150
    line = timeline(Track("loop", (media_clip("1", "b", "0", "30", after_end="loop"),)))
    assert sharing(clip_uses(line, decode_sources({}, facts), range(900))) == 1
    assert sharing(clip_uses(timeline(Track("v", tuple(clips[3:]))), decode_sources({}, facts), range(240))) is None


def test_what_is_counted() -> None:
    """One file under two names once, video in a composition shown twice once; nothing switched off, unseen or heard."""
    shown_twice = Composition(
        "card",
        320,
        180,
        (
            Track("t", (media_clip("x", "a", "0", "1"), Clip("s", Solid((0, 0, 0, 1)), Fraction(1), Fraction(1)))),
            Track("off", (media_clip("y", "d", "0", "1"),), enabled=False),
        ),
        duration=Fraction(2),
    )
    unreached = replace(shown_twice, id="unreached")
    clips = [Clip(f"c{i}", CompositionContent("card"), Fraction(2 * i), Fraction(2), Fraction(0)) for i in (0, 1)]
    line = timeline(
        Track("v", (*clips, media_clip("b", "b", "4", "1"), media_clip("c", "c", "5", "1", enabled=False))),
        Track("a", (media_clip("m", "music", "0", "5"),), kind="audio"),
        compositions={"card": shown_twice, "unreached": unreached},
    )
    facts = {name: video(name, 300) for name in ("a", "b", "c", "d", "music")}
    assert complexity(line, facts) == Complexity(unique_files=2, nested_clips=1, compositions=1)
    facts["b"] = replace(facts["b"], file_hash=facts["a"].file_hash)
    assert complexity(line, facts).unique_files == 1
