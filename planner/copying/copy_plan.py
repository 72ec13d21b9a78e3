"""Which frames of a film are copied as packets and which are encoded, and why: a pure function.

In: runs of untouched frames (planner.untouched_runs), what is known of the packets of their files, and why a file does
not fit the output. Out: `Stretch`es that cover the film. A copied one begins with an IDR picture and ends where all
pictures decoded so far are all that were shown: nothing in it refers to anything outside of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reelmill.planner.copying.coded_video import CodedVideo
from reelmill.planner.copying.untouched_runs import UntouchedRun

MIN_COPIED_FRAMES = 8
"""To go over from encoding to copying and back costs two keyframes and a new encoder."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of the film that are all copied, or all encoded."""

    frames: range
    """Of the whole film; not empty."""
    media: str | None
    """Name of the entry whose packets are copied; None where frames are encoded."""
    first_packet: int
    """Position in decode order of the first packet that is copied; there are as many as frames."""
    delay: int
    """How many pictures at most are decoded before one that is shown before them."""
    why: str | None
    """Why the frames are encoded, for people; None where they are copied."""

    @property
    def copied(self) -> bool:
        return self.media is not None


def plan_copy(
    runs: Iterable[UntouchedRun], coded: Mapping[str, CodedVideo], misfits: Mapping[str, str]
) -> tuple[Stretch, ...]:
    """The stretches of a film, in order; neighbours that are encoded for one reason are one.

    `coded`: the packets of each media entry that a run shows and that is not among `misfits`, which says why others
    are not copied.
    """
    stretches: list[Stretch] = []
    for run in runs:
        for stretch in _of_run(run, coded, misfits):
            last = stretches[-1] if stretches else None
            if last is not None and not last.copied and last.why == stretch.why:
                stretches[-1] = _encoded(range(last.frames.start, stretch.frames.stop), stretch.why)
            else:
                stretches.append(stretch)
    return tuple(stretches)


def _encoded(frames: range, why: str | None) -> Stretch:
    return Stretch(frames, None, 0, 0, why)


def _of_run(run: UntouchedRun, coded: Mapping[str, CodedVideo], misfits: Mapping[str, str]) -> Iterator[Stretch]:
    if run.media is None:
        yield _encoded(run.frames, run.why)
        return
    video = coded.get(run.media)
    problem = misfits.get(run.media) or (None if video is None else video.problem)
    if video is None or problem is not None:
        yield _encoded(run.frames, f"{run.media} {problem}")
        return
    if len(run.frames) < MIN_COPIED_FRAMES:
        yield _encoded(
            run.frames, f"fewer than {MIN_COPIED_FRAMES} frames of {run.media} follow one another in its own order"
        )
        return
    done = run.frames.start
    for stretch in _copied(run, run.media, video):
        if done < stretch.frames.start:
            yield _encoded(range(done, stretch.frames.start), _before_entry(run.media))
        yield stretch
        done = stretch.frames.stop
    if done == run.frames.start:
        yield _encoded(run.frames, f"{run.media} has no {MIN_COPIED_FRAMES} frames here that begin with an IDR picture")
    elif done < run.frames.stop:
        yield _encoded(
            range(done, run.frames.stop), f"the cut lies between pictures of {run.media} that need later ones"
        )


def _before_entry(media: str) -> str:
    return f"the cut lies inside of a group of pictures of {media}"


def _copied(run: UntouchedRun, media: str, video: CodedVideo) -> Iterator[Stretch]:
    """What of a run can be copied. It is one stretch, but where packets in between put out nothing."""
    stop = run.first + len(run.frames)
    entries, order = video.entries, video.order
    entry = bisect_left(entries, run.first, key=lambda place: order[place])
    while entry < len(entries) and order[entries[entry]] < stop:
        first = entries[entry]
        count, delay = _closed(video, first, stop)
        if count >= MIN_COPIED_FRAMES:
            start = run.frames.start + order[first] - run.first
            yield Stretch(range(start, start + count), media, first, delay, None)
        entry = bisect_left(entries, first + max(count, 1))


def _closed(video: CodedVideo, first: int, stop: int) -> tuple[int, int]:
    """How many packets from an entry on are all the pictures shown from there to some position, and their delay.

    `stop`: the position in presentation order where the run ends.
    """
    order = video.order
    begin = highest = order[first]
    count = delay = reached = 0
    for decoded in range(len(order) - first):
        shown = order[first + decoded]
        if not begin <= shown < stop:
            break
        highest = max(highest, shown)
        reached = max(reached, decoded - (shown - begin))
        if highest - begin == decoded:
            count, delay = decoded + 1, reached
    return count, delay
