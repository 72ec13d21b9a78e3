"""The files that a film is made of, by the project alone: no medium is opened for it. Plain functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reelmill.planner.number_pattern import is_sequence, split_pattern
from reelmill.planner.project_file.loader import list_media_used
from reelmill.planner.timeline import Timeline
from reelmill.planner.timelines.walk import reachable_clips


def files_of(timeline: Timeline) -> Iterator[Path]:
    """The media, subtitles and fonts that a film is made of; of an image sequence every file that there is."""
    for name in sorted(list_media_used(timeline)):
        path = Path(timeline.media[name].path)
        if is_sequence(str(path)) and not path.is_file():
            yield from _numbered(path)
        else:
            yield path
    for subtitles in timeline.subtitles:
        yield from map(Path, (subtitles.path, *subtitles.fonts))
    for _, _, clip in reachable_clips(timeline):
        yield from map(Path, clip.content.files)


def _numbered(pattern: Path) -> Iterator[Path]:
    texts, _ = split_pattern(pattern.name)
    name = re.compile("[0-9]+".join(map(re.escape, texts)))
    if pattern.parent.is_dir():
        yield from sorted(path for path in pattern.parent.iterdir() if name.fullmatch(path.name))
