"""Which of a project's tags a container keeps. Pure tables, from what ffprobe reads of files with every tag."""

from __future__ import annotations

from collections.abc import Mapping

_ITUNES = """
    title artist album album_artist composer date creation_time comment description synopsis genre copyright grouping
    lyrics show episode_id episode_sort season_number network keywords track disc location media_type hd_video
    compilation gapless_playback
"""
_QUICKTIME = "title artist album date creation_time comment genre copyright location make model"
_RIFF = "title artist album date comment genre copyright language encoded_by track"
_SERVICE = "title service_name service_provider"
SEGMENTS = "segments"
"""In place of a muxer: a playlist, whose segments players don't ask for tags."""
_KEPT = {
    muxer: frozenset(names.split())
    for muxer, names in (
        ("mp4", _ITUNES),
        ("ipod", _ITUNES),
        ("mov", _QUICKTIME),
        ("wav", _RIFF),
        ("mpegts", _SERVICE),
        (SEGMENTS, ""),
    )
}
"""By muxer, or `SEGMENTS`; those that are not here keep everything."""
_OWN = "encoder"
"""Written by every muxer itself."""
TRACK_LANGUAGE = "language"
"""A tag that is also written to the tracks, where films have it."""


def tags_lost(tags: Mapping[str, str], muxer: str, *, has_tracks: bool) -> list[str]:
    """The names of tags that a file of that muxer does not keep. `has_tracks`: the language goes to its tracks."""
    kept = _KEPT.get(muxer)
    return [
        name
        for name in tags
        if name.lower() == _OWN
        or (kept is not None and name.lower() not in kept and not (has_tracks and name.lower() == TRACK_LANGUAGE))
    ]
