"""Texts as long as they may be: laid out in linear time, and refused where they can't be drawn."""

from __future__ import annotations

import time

import pytest

from reelmill.compositor.contents.text import check_text, draw_text, text_size
from reelmill.compositor.drawing import fonts
from reelmill.compositor.drawing.text_layout import lay_out
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import SetupError
from reelmill.planner.limits import MAX_TEXT_LENGTH
from reelmill.planner.text_style import Outline

WHITE = (1.0, 1.0, 1.0, 1.0)
WORST_RATIO = 6
"""Of CPU time, four times the text for one: linear is 4, quadratic is 16."""


def text(content: str, size: float = 3, box_width: float | None = 50, outline: Outline | None = None) -> Text:
    return Text(content=content, size=size, color=WHITE, box_width=box_width, outline=outline)


@pytest.mark.parametrize("unit", ["x", "x\u00ad", "a\u0301\u0323", "ab ", "x\u200b"])
def test_time_grows_with_the_length(unit: str) -> None:
    lay_out(text(unit * 10))
    taken = [min(seconds(unit, length + trial) for trial in range(2)) for length in (2_000, 8_000)]
    assert taken[1] < WORST_RATIO * taken[0] + 0.05


@pytest.mark.parametrize("marks", [2_500])
def test_piled_up_marks_take_linear_time(marks: int) -> None:
    """Sorting them all would take 16 times as long for four times as many."""
    taken = [min(seconds("", 0, "a" + "\u0301\u0323" * (n + trial)) for trial in range(2)) for n in (marks, 4 * marks)]
    assert taken[1] < WORST_RATIO * taken[0] + 0.05


def seconds(unit: str, length: int, content: str = "") -> float:
    started = time.process_time()
    lay_out(text(content or unit * (length // len(unit))))
    return time.process_time() - started


def test_a_word_of_many_lines_is_broken_where_each_line_is_full() -> None:
    """All letters are equal, so all lines but the last are."""
    layout = lay_out(text("x" * 1_000))
    full = len(layout.runs[0].text)
    assert [len(run.text) for run in layout.runs] == [full] * (1_000 // full) + [1_000 % full] * (1_000 % full > 0)
    letter = lay_out(text("x", box_width=None)).width
    assert full == int(50 / letter)


def test_lengths_beyond_those_of_raqm_are_no_negative_ones() -> None:
    """99,999 letters are 44,599 ems, which Raqm's 32 bits don't hold."""
    longest = "x" * (MAX_TEXT_LENGTH - 1)
    letter = text_size(text("x", box_width=None))[0]
    assert lay_out(text(longest, box_width=None)).width == pytest.approx(len(longest) * letter, rel=1e-3)
    with pytest.raises(SetupError, match="the limit is 16384×16384"):
        check_text(text(longest, box_width=None))


def test_wide_outlines_are_drawn_with_fewer_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow refuses pictures of more than 2 × 16384² samples, which an outline of 7,000 pixels would be."""
    fat = text("x", size=40, box_width=None, outline=Outline(30, WHITE))
    usual = draw_text(fat).pixels.astype(int)
    monkeypatch.setattr(fonts, "_MAX_SAMPLES_OF_RUN", usual.size)
    fewer = draw_text(fat).pixels.astype(int)
    assert fewer.shape == usual.shape
    assert abs(fewer - usual).max() > 0
    assert abs(fewer - usual).mean() < 2
