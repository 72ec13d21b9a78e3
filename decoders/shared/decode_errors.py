"""The errors of system V2: what a worker says of a file that it can't decode. Pure."""

from __future__ import annotations

from reelmill.planner.clock import format_time
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts

COMPONENT = "SharedDecoder"


def failed_twice(facts: MediaFacts, pts: int, error: RenderError) -> RenderError:
    """A frame can't be decoded, not by a decoder that was made anew either."""
    table = None if facts.video is None else facts.video.table
    return RenderError(
        f"the decoder failed twice at {source_time_text(facts, pts)}: {error.message}",
        component=COMPONENT,
        file=facts.path,
        file_hash=facts.file_hash,
        source_time=None if table is None else table.source_time(pts),
        suggestion=error.suggestion,
    )


def worker_died(facts: MediaFacts, death: BaseException) -> RenderError:
    """The thread of a file ended by something that no file should raise."""
    return RenderError(
        f"the thread that decodes the file died: {type(death).__name__}: {death}",
        component="Worker",
        file=facts.path,
        file_hash=facts.file_hash,
        suggestion="this should not happen; see the traceback with -v, and try --system v1",
    )


def source_time_text(facts: MediaFacts, pts: int) -> str:
    """The source time of a frame, for messages; a still has none but 0."""
    table = None if facts.video is None else facts.video.table
    return "0 s" if table is None else format_time(table.source_time(pts))
