"""Which system an export is given, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal

import pytest

from planner.selection import Complexity, complexity, select_export_system
from planner.timeline import Clip, Composition, CompositionContent, Solid, Track
from tests.timelines import media_clip, timeline, video


@pytest.mark.parametrize(
    ("unique_files", "nested_clips", "compositions", "system", "reason"),
    [
        # The matrix: 3 clips of 3 files; 10 of 5; 10 of 8 with two compositions; 15 of 10; 30 of 20.
        (3, 0, 0, "v1", "3 unique files (≤ 3) and no nested composition"),
        (5, 0, 0, "v1", "5 unique files (≤ 8) and 0 nested clips (≤ 5)"),
        (8, 5, 2, "v1", "8 unique files (≤ 8) and 5 nested clips (≤ 5)"),
        (10, 9, 3, "v2", "10 unique files (> 8) and 9 nested clips (> 5)"),
        (20, 30, 10, "v2", "20 unique files (> 8) and 30 nested clips (> 5)"),
        # Either limit alone, and both edges of each.
        (0, 0, 0, "v1", "0 unique files (≤ 3) and no nested composition"),
        (1, 0, 0, "v1", "1 unique file (≤ 3) and no nested composition"),
        (1, 1, 1, "v1", "1 unique file (≤ 8) and 1 nested clip (≤ 5)"),
        (9, 0, 0, "v2", "9 unique files (> 8)"),
        (8, 6, 1, "v2", "6 nested clips (> 5)"),
    ],
)
def test_the_choice(
    unique_files: int, nested_clips: int, compositions: int, system: Literal["v1", "v2"], reason: str
) -> None:
    assert select_export_system(unique_files, nested_clips, compositions, "auto") == (system, reason)
    for asked in ("v1", "v2"):
        forced = select_export_system(unique_files, nested_clips, compositions, asked)
        assert forced == (asked, f"asked for with --system {asked}")


def test_what_is_counted() -> None:
    """One file under two names once, clips of a composition shown twice once; nothing switched off, unseen or heard."""
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
    assert complexity(line, facts) == Complexity(unique_files=2, nested_clips=2, compositions=1)
    facts["b"] = replace(facts["b"], file_hash=facts["a"].file_hash)
    assert complexity(line, facts).unique_files == 1
