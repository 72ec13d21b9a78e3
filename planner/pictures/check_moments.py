"""Which frames of a film are worth a look: chosen from what changes on screen.

In: a resolved timeline, facts, sizes of texts, moments as the user wrote them. Out: numbers of output frames, with the
reasons in words. Pure. The rule `auto` looks at every frame's plan instead of calculating with clips: so speeds, loops
and nested compositions need no arithmetic of their own, and what is never visible is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reelmill.planner.checks import Auto, CheckMoment, Every, MomentChoice, moment_text
from reelmill.planner.clock import Time, frame_count
from reelmill.planner.content import Drawing
from reelmill.planner.frame_plan import CompositionPlan, TransitionLayer, sides_of
from reelmill.planner.media import MediaFacts
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.source_frames import InstancePath
from reelmill.planner.timeline import Timeline

MAX_REASONS = 3
"""Told of one frame."""
_Shown = InstancePath | tuple[InstancePath, InstancePath]
"""A clip, or the two of a transition."""


@dataclass(slots=True)
class _Run:
    """Frames in a row in which a clip, or a transition, is shown: its first."""

    first: int
    last: int
    over: bool = False


def choose_moments(
    timeline: Timeline,
    facts: Mapping[str, MediaFacts],
    drawn_sizes: Mapping[Drawing, tuple[float, float]],
    moments: Iterable[CheckMoment],
) -> MomentChoice:
    """The frames that these moments name. Raises TimeError for a timecode that the canvas' rate does not have."""
    count = frame_count(timeline.duration, timeline.fps)
    reasons: dict[int, list[str]] = {}
    outside: dict[int, str] = {}

    def note(frame: int, reason: str | None = None) -> None:
        if 0 <= frame < count:
            found = reasons.setdefault(frame, [])
            if reason is not None and reason not in found:
                found.append(reason)

    for moment in moments:
        match moment:
            case Auto():
                for frame, reason in _changes(FramePlanner(timeline, facts, drawn_sizes), count):
                    note(frame, reason)
            case Every():
                for frame in (*range(0, count, moment.frames), count - 1):
                    note(frame)
            case Time():
                frame = int(moment.resolve(timeline.fps) * timeline.fps // 1)
                note(frame, f"at {moment_text(moment)}")
                if frame >= count:
                    outside[frame] = moment_text(moment)
    return MomentChoice({frame: _told(reasons[frame]) for frame in sorted(reasons)}, outside)


def _told(reasons: Sequence[str]) -> tuple[str, ...]:
    """Without the neighbours of a cut where the frame is the first or last of a clip itself: the other half says it."""
    if any(not reason.startswith(("before ", "after ")) for reason in reasons):
        reasons = [reason for reason in reasons if not reason.startswith(("before ", "after "))]
    if len(reasons) > MAX_REASONS:
        return (*reasons[: MAX_REASONS - 1], f"{len(reasons) - MAX_REASONS + 1} more")
    return tuple(reasons)


def _changes(planner: FramePlanner, count: int) -> Iterator[tuple[int, str]]:
    """First and last frame, both sides of the first and last frame of each clip, middles of clips and transitions."""
    if count:
        yield 0, "first frame"
        yield count - 1, "last frame"
    runs: dict[_Shown, _Run] = {}
    for number in range(count):
        # In the order of painting: a set's would change from run to run.
        shown = dict.fromkeys(_shown(planner.plan(number).picture))
        for each in shown:
            run = runs.get(each)
            if run is None:
                runs[each] = _Run(number, number)
            elif not run.over:
                run.last = number
        for each, run in runs.items():
            run.over = run.over or each not in shown
    for each, run in runs.items():
        middle = (run.first + run.last) // 2
        if _is_transition(each):
            yield middle, f"middle of {_name(each[0])} → {_name(each[1])}"
            continue
        name = _name(each)
        yield run.first, f"first of {name}"
        yield middle, f"middle of {name}"
        yield run.last, f"last of {name}"
        yield run.first - 1, f"before {name}"
        yield run.last + 1, f"after {name}"


def _is_transition(shown: _Shown) -> bool:
    return bool(shown) and isinstance(shown[0], tuple)


def _name(path: object) -> str:
    return "/".join(path) if isinstance(path, tuple) else str(path)


def _shown(picture: CompositionPlan) -> Iterator[_Shown]:
    """The clips on screen, nested ones included, and the transitions."""
    waiting, seen = [picture], {id(picture)}
    while waiting:
        for layer in waiting.pop().layers:
            if isinstance(layer, TransitionLayer) and layer.before is not None and layer.after is not None:
                yield layer.before.instance, layer.after.instance
            for each in sides_of(layer):
                yield each.instance
                # A composition that is shown several times at one moment is one object.
                if each.nested is not None and id(each.nested) not in seen:
                    seen.add(id(each.nested))
                    waiting.append(each.nested)
