"""Chapters of a film, as containers hold them.

In: the chapters of an output. Out: what libav is given, or nothing where a container has none. Passive; plain
functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from av.container import OutputContainer

from reelmill.export.films.tags import SEGMENTS
from reelmill.planner.clock import round_half_up
from reelmill.planner.timelines.markers import Chapter

if TYPE_CHECKING:
    from av.container.core import Chapter as ContainerChapter  # known to its type stub alone

_UNITS = 10**9
"""Of a second: what Matroska counts in. The others round to milliseconds."""
_WITHOUT = ("mpegts", "wav", "flac", SEGMENTS)
_OGG = ("ogg", "opus")
_CONTIGUOUS = ("mp4", "mov", "ipod", *_OGG)
"""A chapter lasts until the next one there, and mp4's first one begins with the film: gaps get chapters of no name."""


def takes_chapters(muxer: str) -> bool:
    """Whether files of that muxer, or `SEGMENTS`, have chapters."""
    return muxer not in _WITHOUT


def set_chapters(container: OutputContainer, chapters: Sequence[Chapter], muxer: str, duration: Fraction) -> None:
    """Give a container that has its tags and is not started yet its chapters. `duration`: of the output, seconds."""
    if chapters and muxer in _CONTIGUOUS:
        chapters = list(_without_gaps(chapters, duration))
    if chapters and muxer in _OGG and not container.metadata:
        # libav writes chapters of Ogg as comments, and where there is no other comment it forgets them.
        container.metadata["encoded_by"] = "reelmill"
    container.set_chapters([_for_libav(number, chapter) for number, chapter in enumerate(chapters, 1)])


def _without_gaps(chapters: Iterable[Chapter], duration: Fraction) -> Iterable[Chapter]:
    time = Fraction(0)
    for chapter in chapters:
        if chapter.start > time:
            yield Chapter("", time, chapter.start)
        yield chapter
        time = chapter.end
    if time < duration:
        yield Chapter("", time, duration)


def _for_libav(number: int, chapter: Chapter) -> ContainerChapter:
    return {
        "id": number,
        "start": round_half_up(chapter.start * _UNITS),
        "end": round_half_up(chapter.end * _UNITS),
        "time_base": Fraction(1, _UNITS),
        "metadata": {"title": chapter.title},
    }
