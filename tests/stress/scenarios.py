"""What the stress harness renders: many tiny files, nesting, sound, five outputs, damage, and interruptions.

In: a random number generator. Out: projects as JSON, beside their media. Pure but for the files that it makes.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.support.clips import ffmpeg

Json = dict[str, Any]
FILES = 40
SIZE = 64
OUTPUTS = ("film.mp4", "sound.wav", "frames/%03d.png", "small.gif", "poster.jpg")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0", "-g", "12")
_SPEEDS = (1, 1, 1, 1, 2, "2/3", -1, 0)


def make_media(folder: Path, count: int = FILES) -> list[str]:
    """Tiny films with sound, no two of them alike, and one that is damaged in the middle. Returns the whole ones."""
    names = [f"{number:02}.mp4" for number in range(count)]
    for number, name in enumerate(names):
        if (folder / name).exists():
            continue
        picture = f"testsrc2=s={SIZE}x48:r=25:d=1.2,hue=h={9 * number}"
        tone = f"sine=f={200 + 20 * number}:r=48000:d=1.2"
        made = folder / f"made-{name}"
        ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *_X264, "-c:a", "aac", made)
        made.replace(folder / name)
    data = bytearray((folder / names[0]).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    (folder / "damaged.mp4").write_bytes(data)
    return names


def many_files(files: list[str], count: int, frames: int = 6, *, heard: int = 8) -> Json:
    """So many files on screen at once, in a grid; some of them are heard, each of which takes one more descriptor."""
    tracks = [
        {
            "id": f"t{number}",
            "clips": [
                {
                    "media": files[number % len(files)],
                    "duration": f"{frames}f",
                    "audio": {"mute": number >= heard},
                    "transform": {"position": [8 * (number % 8), 8 * (number // 8)], "scale": 0.2},
                }
            ],
        }
        for number in range(count)
    ]
    return _project(files, tracks)


def anything(
    files: list[str], generator: random.Random, *, damaged: bool = False, compositions: int | None = None
) -> Json:
    """Tracks of clips at all speeds, compositions in compositions, files that are shown and heard several times.

    `compositions`: so many, at most three; None for any number.
    """
    depth = generator.randint(0, 3) if compositions is None else compositions
    used = generator.sample(files, generator.randint(1, 12)) + (["damaged.mp4"] if damaged else [])
    nested: dict[str, Any] = {}
    for name in ("leaf", "card", "scene")[:depth]:
        nested[name] = {"width": SIZE, "height": 48, "tracks": _tracks(used, list(nested), generator, name)}
    tracks = _tracks(used, list(nested), generator, "root")
    if damaged:
        tracks.append({"id": "damage", "clips": [{"media": "damaged.mp4", "duration": 1.1}]})
    tracks += [{**track, "id": f"a{track['id']}", "kind": "audio"} for track in _tracks(used, [], generator, "sound")]
    # All clips may have drawn a speed of 0, which is silent, and one output is sound alone.
    tracks.append({"id": "heard", "kind": "audio", "clips": [{"media": used[0], "duration": "4f"}]})
    return _project([*used], tracks, compositions=nested)


def _tracks(files: list[str], compositions: list[str], generator: random.Random, prefix: str) -> list[Json]:
    tracks = []
    for number in range(generator.randint(1, 4)):
        clips = []
        for _ in range(generator.randint(1, 4)):
            clip: Json = {"duration": f"{generator.randint(1, 8)}f", "after_end": "loop"}
            if compositions and generator.random() < 0.4:
                clip["composition"] = generator.choice(compositions)
            else:
                clip["media"] = generator.choice(files)
                clip["in"] = f"{generator.randint(0, 20)}f"
            clip["speed"] = generator.choice(_SPEEDS)
            if generator.random() < 0.3:
                clip["transform"] = {"scale": 0.5}
            clips.append(clip)
        tracks.append({"id": f"{prefix}{number}", "clips": clips})
    return tracks


def _project(files: list[str], tracks: list[Json], **more: Any) -> Json:
    return {
        "version": 1,
        "canvas": {"width": SIZE, "height": 48, "fps": 25},
        "media": {name: {"path": name} for name in files},
        "tracks": tracks,
        "export": {"video": {"preset": "ultrafast"}},
        **more,
    }


def written(project: Json, folder: Path) -> Path:
    """The project's file, beside its media."""
    path = folder / "project.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    return path
