"""Who may be ducked by whom, checked on the data of a project file, which may still be wrong anywhere.

In: the tracks of one composition. Out: problems. A track, or a clip on it, is ducked by another track of the same
composition; in a ring of tracks none could be heard first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reelmill.planner.errors import Problem
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.suggestion import did_you_mean
from reelmill.planner.timelines.nesting import cycles

Object = dict[str, Any]


def check_ducking(tracks: Sequence[tuple[str, Location, Object]]) -> Iterator[Problem]:
    """Every problem of the `duck` keys of some tracks, given with their ids and places, and of their clips."""
    hears: dict[str, list[str]] = {name: [] for name, _, _ in tracks}
    places: dict[tuple[str, str], Location] = {}
    for name, location, track in tracks:
        for place, other in _duckings(location, track):
            if other == name:
                hint = 'a track can be ducked by another one; "acompressor" in "filters" makes it even by itself'
                yield Problem(json_path(place), f'"{other[:100]}" is the track that is ducked', hint)
            elif other not in hears:
                hint = did_you_mean(other, hears) or "give the id of a track; without one they are track-1, track-2, …"
                yield Problem(json_path(place), f'"{other[:100]}" is no track of this composition', hint)
            else:
                hears[name].append(other)
                places.setdefault((name, other), place)
    for ring in cycles(hears):
        message = f"tracks are ducked by one another in a ring: {' → '.join(ring)}"
        yield Problem(json_path(places[ring[0], ring[1]]), message, "take one of these out")


def _duckings(location: Location, track: Object) -> Iterator[tuple[Location, str]]:
    """The tracks that a track and its clips are ducked by, with the place of their names."""
    clips = track.get("clips")
    owners = [(location, track)]
    owners += (((*location, "clips", i), clip) for i, clip in enumerate(clips if isinstance(clips, list) else ()))
    for place, owner in owners:
        audio = owner.get("audio") if isinstance(owner, dict) else None
        duck = audio.get("duck") if isinstance(audio, dict) else None
        by = duck.get("by") if isinstance(duck, dict) else None
        if isinstance(by, str):
            yield (*place, "audio", "duck", "by"), by
