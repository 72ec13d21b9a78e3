"""The project that `reelmill init` writes: small, without media, explained by its own `metadata` notes."""

from __future__ import annotations


def starter_project() -> str:
    """The JSON text of a project that renders as it is: text, solids, shapes, keyframes, nesting, a transition."""
    return _STARTER


_STARTER = """\
{
  "metadata": {"note": "6 seconds of film, bottom track first. \\"metadata\\" may stand on any object; it is ignored."},
  "version": 1,
  "name": "My first film",
  "variables": {"title": "Hello, reelmill", "accent": "#ffb000"},
  "canvas": {"width": 1280, "height": 720, "fps": 30, "background": "#101418"},
  "media": {},
  "compositions": {
    "badge": {
      "metadata": {"note": "A composition is a canvas of its own, which clips show like one picture."},
      "width": 320, "height": 320, "duration": 6,
      "tracks": [
        {"id": "disc", "clips": [
          {"id": "disc", "start": 0, "duration": 6,
           "shape": {"type": "ellipse", "size": [280, 280], "stroke": {"width": 16, "color": "${accent}"}}}
        ]},
        {"id": "square", "clips": [
          {"id": "square", "start": 0, "duration": 6,
           "shape": {"type": "rectangle", "size": [120, 120], "fill": "${accent}", "radius": 16},
           "transform": {"rotation": {"keyframes": [
             {"time": 0, "value": 0, "easing": "ease_in_out"},
             {"time": 6, "value": 360}
           ]}}}
        ]}
      ]
    }
  },
  "tracks": [
    {"id": "background", "clips": [
      {"id": "night", "solid": "#1d2b53", "start": 0, "duration": 3.5},
      {"id": "day", "solid": "#29adff", "start": 2.5, "duration": 3.5,
       "transition": {"type": "wipe", "direction": "right", "easing": "ease_in_out"},
       "metadata": {"note": "It overlaps the clip before it by a second: that second is the transition."}}
    ]},
    {"id": "badge", "clips": [
      {"id": "badge", "composition": "badge", "start": 0, "duration": 6,
       "transform": {"position": [640, 250], "scale": 0.9}}
    ]},
    {"id": "title", "clips": [
      {"id": "title", "start": 0.5, "duration": 5,
       "metadata": {"note": "reelmill export project.json film.mp4 --set title=Goodbye"},
       "text": {"content": "${title}", "size": 96, "align": "center",
                "shadow": {"offset": [0, 4], "blur": 6, "color": "#00000080"}},
       "transform": {
         "position": {"keyframes": [
           {"time": 0, "value": [640, 600], "easing": "ease_out"},
           {"time": 0.8, "value": [640, 540]}
         ]},
         "opacity": {"keyframes": [
           {"time": 0, "value": 0}, {"time": 0.8, "value": 1},
           {"time": 4.2, "value": 1}, {"time": 5, "value": 0}
         ]}
       }}
    ]}
  ]
}
"""
