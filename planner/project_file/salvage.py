"""What is left of a faulty project, so that its media can be checked although some of its keys are wrong.

In: the data of a project, the places of its faults. Out: a project without its faulty parts, and whether the times of
its clips are still those that the author wrote. Clips keep their index: of a faulty one only its content is
kept, or one that is switched off takes its place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from reelmill.planner.contents.catalogue import CONTENTS
from reelmill.planner.document.project_model import ProjectModel
from reelmill.planner.fields.places import FieldContext
from reelmill.planner.json_path import Location, location_of
from reelmill.planner.project_file.rules import check_rules

_ROUNDS = 10
"""A part that is taken out may be missed by others, which are taken out in the next round."""
_NO_CLIP = {"solid": "black", "duration": 1, "enabled": False}
_TIMELESS = {"audio", "variables", "checks", "export", "markers", "name", "outputs", "subtitles", "tags"}
"""Keys of a project that do not change when a clip is shown."""


def salvaged(
    data: dict[str, Any], faults: Sequence[Location], context_of: Callable[[dict[str, Any]], FieldContext]
) -> tuple[ProjectModel | None, bool]:
    """The project without the parts in which the faults lie, or None where it can't do without them; and whether its
    times hold. `context_of` tells which names a project defines."""
    rest, times_hold = copy.deepcopy(data), True
    for _ in range(_ROUNDS):
        for fault in sorted(faults, key=len):
            times_hold &= bool(fault) and fault[0] in _TIMELESS
            if not _take_out(rest, fault):
                return None, False
        try:
            project = ProjectModel.model_validate(rest, context=context_of(rest))
        except ValidationError as error:
            faults = faults_in(error)
            continue
        faults = [location_of(problem.path) for problem in check_rules(rest)]
        if not faults:
            return project, times_hold
    return None, False


def faults_in(error: ValidationError) -> list[Location]:
    """Where the errors of a model lie."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [detail["loc"] for detail in details]


def _take_out(data: dict[str, Any], fault: Location) -> bool:
    """Take out the smallest part that may be missing. False where the project can't do without it."""
    for depth, step in enumerate(fault):
        if step == "clips" and len(fault) > depth + 1:
            return _mend_clip(data, fault[: depth + 2], fault[depth + 2 :])
    if len(fault) > 1 and fault[0] in ("media", "compositions"):
        return _delete(data, fault[:2])
    return bool(fault) and fault[0] not in ("canvas", "tracks", "version") and _delete(data, fault[:1])


def _mend_clip(data: dict[str, Any], place: Location, fault: Location) -> bool:
    """Leave of a clip what it shows, or nothing where the fault lies there."""
    holder = _at(data, place[:-1])
    index = place[-1]
    if not isinstance(holder, list) or not isinstance(index, int) or index >= len(holder):
        return False
    clip = holder[index]
    content = {key: clip[key] for key in CONTENTS if key in clip} if isinstance(clip, dict) else {}
    rest = {**content, "duration": 1}
    is_usable = len(content) == 1 and fault[:1] != tuple(content) and clip != rest
    holder[index] = rest if is_usable else dict(_NO_CLIP)
    return True


def _delete(data: dict[str, Any], place: Location) -> bool:
    holder = _at(data, place[:-1])
    if isinstance(holder, dict):
        holder.pop(place[-1], None)
    return isinstance(holder, dict)


def _at(data: Any, place: Location) -> object:
    for step in place:
        is_index = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if not is_index and not (isinstance(data, dict) and step in data):
            return None
        data = data[step]
    return data
