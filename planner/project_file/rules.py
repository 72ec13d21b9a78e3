"""What spans several fields of a project file, checked on its data: so that it is found beside other problems.

In: the JSON data with variables replaced, which may still be wrong anywhere. Out: problems. What depends on times
that only the media tell (order, overlaps, ends) is checked by planner.resolve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from reelmill.planner.contents.catalogue import CONTENTS
from reelmill.planner.errors import Problem
from reelmill.planner.fields.places import FILL
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.number_pattern import is_sequence
from reelmill.planner.project_file.ducking_rules import check_ducking
from reelmill.planner.templates.variables import NAME

Object = dict[str, Any]


def check_rules(data: Object) -> Iterator[Problem]:
    """Every problem between fields: contents of clips, ids, media, shapes, crops."""
    yield from _check_variables(data)
    yield from _check_media(data)
    for location, owner in canvases(data):
        yield from _check_ids(location, owner)
        named = [(track_id(int(at[-1]), _text(track.get("id"))), at, track) for at, track in tracks(location, owner)]
        yield from check_ducking(named)
        for track_location, track in tracks(location, owner):
            yield from _check_fill(track_location, track)
            for clip_location, clip in clips(track_location, track):
                yield from _check_clip(clip_location, clip, str(track.get("kind")))


def canvases(data: Object) -> Iterator[tuple[Location, Object]]:
    """The root and each composition."""
    yield (), data
    compositions = data.get("compositions")
    if isinstance(compositions, dict):
        for name, composition in compositions.items():
            if isinstance(composition, dict):
                yield ("compositions", name), composition


def tracks(location: Location, owner: Object) -> Iterator[tuple[Location, Object]]:
    """The tracks of the root or of a composition."""
    yield from _objects((*location, "tracks"), owner.get("tracks"))


def clips(location: Location, track: Object) -> Iterator[tuple[Location, Object]]:
    """The clips of a track."""
    yield from _objects((*location, "clips"), track.get("clips"))


def _objects(location: Location, items: object) -> Iterator[tuple[Location, Object]]:
    if isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield (*location, index), item


def track_id(index: int, track_name: str | None) -> str:
    """What a track is called: its id, else its number from 1."""
    return track_name or f"track-{index + 1}"


def clip_id(track: str, index: int, clip_name: str | None) -> str:
    """What a clip is called: its id, else its track's and its index."""
    return clip_name or f"{track}[{index}]"


def _check_ids(location: Location, owner: Object) -> Iterator[Problem]:
    track_ids: dict[str, Location] = {}
    clip_ids: dict[str, Location] = {}
    for track_location, track in tracks(location, owner):
        name = track_id(int(track_location[-1]), _text(track.get("id")))
        yield from _taken(track_ids, name, track_location, "track")
        for clip_location, clip in clips(track_location, track):
            clip_name = clip_id(name, int(clip_location[-1]), _text(clip.get("id")))
            yield from _taken(clip_ids, clip_name, clip_location, "clip")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _taken(seen: dict[str, Location], name: str, location: Location, what: str) -> Iterator[Problem]:
    first = seen.setdefault(name, location)
    if first is not location:
        message = f'"{name[:100]}" is already the id of the {what} at {json_path(first)}'
        yield Problem(json_path((*location, "id")), message, f"give each {what} of a composition an id of its own")


def _check_clip(location: Location, clip: Object, track_kind: str) -> Iterator[Problem]:
    path = json_path(location)
    given = [key for key in CONTENTS if key in clip]
    if not given:
        yield Problem(path, "the clip shows nothing", f"give it one of {', '.join(CONTENTS)}")
    elif len(given) > 1:
        named = f"{', '.join(given[:-1])} and {given[-1]}"
        yield Problem(path, f"the clip has {named}; it can show one of them", "use a clip for each")
    elif track_kind == "audio" and not CONTENTS[given[0]].can_sound:
        message = f"a {given[0]} has no sound, and this is an audio track"
        yield Problem(path, message, 'put it on a track of "kind": "video"')
    elif not CONTENTS[given[0]].has_end and "duration" not in clip:
        yield Problem(path, f"a {given[0]} has no end of its own", 'give the clip a "duration"')
    for key in given:
        if isinstance(clip[key], dict):
            yield from CONTENTS[key].check(clip[key], (*location, key))
    crop = clip.get("crop")
    if isinstance(crop, dict):
        yield from _check_crop((*location, "crop"), crop)


def _check_fill(location: Location, track: Object) -> Iterator[Problem]:
    for clip_location, clip in [*clips(location, track)][:-1]:
        if clip.get("duration") == FILL:
            message = f'"{FILL}" is for the last clip of a track'
            yield Problem(json_path((*clip_location, "duration")), message, "write a time, or use a track of its own")


def _check_crop(location: Location, crop: Object) -> Iterator[Problem]:
    for one, other in (("left", "right"), ("top", "bottom")):
        values = [crop.get(one, 0), crop.get(other, 0)]
        numbers = [v for v in values if isinstance(v, int | Decimal) and not isinstance(v, bool) and 0 <= v <= 1]
        if len(numbers) == 2 and sum(numbers) >= 1:
            yield Problem(json_path(location), f'"{one}" and "{other}" together cut off the whole picture')


def _check_variables(data: Object) -> Iterator[Problem]:
    variables = data.get("variables")
    for name in variables if isinstance(variables, dict) else ():
        if not re.fullmatch(NAME, name):
            hint = "use letters, digits, _ . - and begin with a letter"
            yield Problem(json_path(("variables", name)), "this can't be the name of a variable", hint)


def _check_media(data: Object) -> Iterator[Problem]:
    media = data.get("media")
    for name, entry in media.items() if isinstance(media, dict) else ():
        path = entry.get("path") if isinstance(entry, dict) else None
        if isinstance(path, str) and not is_sequence(path):
            for key in ("fps", "start_number"):
                if key in entry:
                    hint = 'give a path such as "shots/%04d.png"'
                    message = f'"{key}" is for image sequences, and the path has no number pattern'
                    yield Problem(json_path(("media", name, key)), message, hint)
