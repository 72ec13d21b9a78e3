"""What people write who come from other programs, and what it is called here. Pure data and look-ups."""

from __future__ import annotations

import re

_BOX = 'a box behind each line is "outline": {"shape": "lines", "width": 10, "color": "#00000080"}'
_KEYS: dict[str, dict[str, str]] = {
    "Project": {
        "clips": 'clips stand on a track: "tracks": [{"clips": […]}]',
        "layers": 'layers are called "tracks" here, bottom to top',
        "output": 'files to write stand in "outputs": [{"path": "film.mp4"}]',
        "timeline": '"tracks" stand at the top of the project, or in a composition',
    },
    "Canvas": {
        "size": 'write "width" and "height"',
        "resolution": 'write "width" and "height"',
        "framerate": 'the frames a second are called "fps"',
        "frame_rate": 'the frames a second are called "fps"',
    },
    "Clip": {
        "end": 'write "duration": a clip lasts so long from its "start"',
        "length": 'write "duration"',
        "out": 'write "duration": a clip plays so long from its "in"',
        "trim": 'write "in" (source time at the start) and "duration"',
        "cut_from": 'write "in" (source time at the start) and "duration"',
        "cut_to": 'write "in" (source time at the start) and "duration"',
        "in_point": 'write "in"',
        "src": 'name the file under "media" of the project, and write that name: "media": "beach"',
        "path": 'name the file under "media" of the project, and write that name: "media": "beach"',
        "file": 'name the file under "media" of the project, and write that name: "media": "beach"',
        "image": 'pictures are media, too: name the file under "media" of the project',
        "video": 'name the file under "media" of the project, and write that name: "media": "beach"',
        "color": 'a clip of one colour is {"solid": "#rrggbb"}',
        "volume": 'write "audio": {"gain_db": -6}, in decibels; 0.5 is -6 dB',
        "gain": 'write "audio": {"gain_db": -6}, in decibels',
        "muted": 'write "audio": {"mute": true}',
        "reverse": 'write "speed": -1',
        "loop": 'write "after_end": "loop" and a "duration"',
        "x": 'write "transform": {"position": [x, y]}',
        "y": 'write "transform": {"position": [x, y]}',
        "rotate": 'write "transform": {"rotation": 90}',
        "z_index": "tracks are painted bottom to top: put the clip on a later track",
        "layer": "tracks are painted bottom to top: put the clip on a later track",
        "blur": 'write "effects": [{"type": "blur", "radius": 12}]',
        "saturation": 'write "effects": [{"type": "saturation", "amount": 0.5}]',
        "filter": 'effects of pictures stand in "effects", filters of sound in "audio": {"filters": …}',
        "filters": 'effects of pictures stand in "effects", filters of sound in "audio": {"filters": …}',
        "type": "a clip has no type: it is what it shows, media, composition, text, solid or shape",
        "fade": 'pictures fade by keyframes of "transform": {"opacity": …}, sound by "audio": {"fade_in": 1}',
        "fade_in": 'sound fades by "audio": {"fade_in": 1}, pictures by keyframes of "transform": {"opacity": …}',
        "fade_out": 'sound fades by "audio": {"fade_out": 1}, pictures by keyframes of "transform": {"opacity": …}',
    },
    "ClipAudio": {
        "volume": 'write "gain_db", in decibels: 0.5 is -6 dB, 0 dB leaves the sound as it is',
        "muted": 'write "mute"',
    },
    "Transition": {
        "duration": "a transition lasts as long as its clip overlaps the one before: let the clip start earlier",
        "name": 'write "type"',
    },
    "Transform": {
        "rotate": 'write "rotation", in degrees clockwise',
        "x": 'write "position": [x, y]',
        "y": 'write "position": [x, y]',
        "translate": 'write "position": [x, y], the place of the anchor on the canvas',
    },
    "Text": {
        "text": 'write "content"',
        "font_size": 'write "size", the pixels of one em',
        "font_family": 'write "font": the path of a font file',
        "fill": 'write "color"',
        "background": _BOX,
        "background_color": _BOX,
        "box": _BOX,
        "width": 'write "box_width"',
        "stroke": 'write "outline": {"width": 2, "color": "black"}',
    },
}
"""By the name of the object, then by the key in snake_case."""
_WORDS = {
    "crossfade": "dissolve",
    "cross_fade": "dissolve",
    "cross_dissolve": "dissolve",
    "fade_to_black": "fade",
    "slide": "push",
    "circle_open": "iris",
    "letterbox": "contain",
    "crop": "cover",
    "fit": "contain",
    "stretch": "fill",
    "freeze": "hold",
    "repeat": "loop",
    "lighter": "add",
    "linear_dodge": "add",
    "centre": "center",
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def hint_for_key(key: str, model: str) -> str | None:
    """What a key of another program is called in an object, by the name of its model; None where nobody knows."""
    return _KEYS.get(model, {}).get(_CAMEL.sub("_", key).replace("-", "_").lower())


def native_word(word: str) -> str | None:
    """What a value of another program is called; None where nobody knows."""
    return _WORDS.get(_CAMEL.sub("_", word).replace("-", "_").replace(" ", "_").lower())
