"""Small project files for tests of the planner, and the facts of media that exist only on paper."""

from __future__ import annotations

import json
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelmill.planner.colour import VIDEO
from reelmill.planner.errors import Problem, ProjectError
from reelmill.planner.media import AudioFacts, MediaFacts, Orientation, VideoFacts
from reelmill.planner.project_file.loader import LoadedProject, load_document
from reelmill.planner.pts_table import PtsTable

Json = dict[str, Any]
BASE = Path("/films/spring")

CONTRACT = """\
{
  "version": 1,
  "name": "Spring promo",
  "variables": {"title": "Hello"},
  "tags": {"title": "Spring promo", "artist": "reelmill"},
  "canvas": {"width": 1920, "height": 1080, "fps": "30000/1001", "background": "#101418"},
  "audio": {"sample_rate": 48000, "channels": 2},
  "media": {
    "beach": {"path": "media/beach.mp4"},
    "logo":  {"path": "media/logo.png"},
    "music": {"path": "media/music.flac"}
  },
  "compositions": {
    "card": {
      "width": 960, "height": 540, "duration": 6,
      "tracks": [
        {"id": "bg", "clips": [
          {"id": "card-bg", "media": "beach", "start": 0, "duration": 6, "in": 12, "fit": "cover"}]},
        {"id": "text", "clips": [
          {"id": "card-title", "text": {"content": "${title}", "size": 72, "color": "#ffffff"},
           "start": 0.5, "duration": 5}]}
      ]
    }
  },
  "tracks": [
    {"id": "v1", "clips": [
      {"id": "opening", "media": "beach", "start": 0, "duration": 5, "in": 2.5},
      {"id": "second", "media": "beach", "start": 4, "duration": 6, "in": 30, "transition": {"type": "dissolve"}}
    ]},
    {"id": "v2", "clips": [
      {"id": "pip", "composition": "card", "start": 2, "duration": 6,
       "transform": {"position": [1400, 780], "scale": 0.4, "rotation": 0,
                     "opacity": {"keyframes": [{"time": 0, "value": 0, "easing": "ease_out"},
                                               {"time": 0.5, "value": 1}]}},
       "blend": "screen"}
    ]},
    {"id": "a1", "kind": "audio", "clips": [
      {"id": "bed", "media": "music", "start": 0, "duration": 10,
       "audio": {"gain_db": -6, "fade_in": 0.5, "fade_out": 2}}
    ]}
  ],
  "export": {"video": {"codec": "h264", "preset": "medium", "crf": 20}, "audio": {"codec": "aac", "bitrate": 192000}}
}
"""
"""A project that uses most of the format."""


def project(*clips: Json, **keys: Any) -> Json:
    """A project of one track at 25 frames a second, with media `beach` and `music`."""
    canvas = {"width": 640, "height": 360, "fps": 25}
    media = {"beach": {"path": "beach.mp4"}, "music": {"path": "music.flac"}, "logo": {"path": "logo.png"}}
    return {"version": 1, "canvas": canvas, "media": media, "tracks": [{"clips": list(clips)}], **keys}


def solid(**keys: Any) -> Json:
    return {"solid": "red", "duration": 1, **keys}


def load_data(data: object, *, allow_network: bool = False, **variables: str) -> LoadedProject:
    """The project of JSON data, written as text first."""
    return load_document(json.dumps(data), BASE, variables, allow_network=allow_network)


def problems_in(data: object, **variables: str) -> list[str]:
    """What is wrong with it, as people read it."""
    text = data if isinstance(data, str) else json.dumps(data)
    with pytest.raises(ProjectError) as caught:
        load_document(text, BASE, variables)
    return [str(problem) for problem in caught.value.problems]


def syntax_problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ProjectError) as caught:
        load_document(text, BASE, {})
    return caught.value.problems


def video_facts(name: str, frames: int, fps: Fraction = Fraction(25), audio: AudioFacts | None = None) -> MediaFacts:
    """A film of constant rate with one tick a frame."""
    table = PtsTable(1 / fps, array("q", range(frames)), frames, array("q", [0]))
    video = VideoFacts(0, "h264", 640, 360, Fraction(1), Orientation(), "yuv420p", False, False, VIDEO, fps, table)
    return MediaFacts(name, f"{BASE}/{name}", "video", name, video, audio)


def still_facts(name: str) -> MediaFacts:
    video = VideoFacts(0, "png", 640, 360, Fraction(1), Orientation(), "rgba", True, False, VIDEO, None, None)
    return MediaFacts(name, f"{BASE}/{name}", "still", name, video, None)


def sound_facts(name: str, duration: Fraction | int, start: Fraction | int = 0) -> MediaFacts:
    audio = AudioFacts(0, "flac", 48000, 2, "stereo", Fraction(start), Fraction(duration))
    return MediaFacts(name, f"{BASE}/{name}", "sound", name, None, audio)
