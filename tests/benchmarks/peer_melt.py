"""A scene as an MLT project, and the command of melt that renders it.

Formulated for speed: the composite transition, which stays in YUV, and as many frames at a time as there are cores.
MLT has one size for everything; a nested stage of another size is laid out in the film's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from reelmill.export.films.video_encoding import DEFAULT_THREADS
from tests.benchmarks.scene import FPS, Bar, Box, Layer, Lettering, Photo, Scene, Stage, Video


def command(scene: Scene, source: Path, output: Path) -> list[str]:
    """Writes the MLT project to `source`; the command renders it to `output`."""
    source.write_bytes(ElementTree.tostring(document(scene), xml_declaration=True, encoding="utf-8"))
    encoding = ["vcodec=libx264", "preset=veryfast", "crf=23", "pix_fmt=yuv420p", "an=1"]
    cores = len(os.sched_getaffinity(0))
    consumer = ["-consumer", f"avformat:{output}", *encoding, f"threads={DEFAULT_THREADS}", f"real_time=-{cores}"]
    return ["melt", "-silent", str(source), *consumer]


def document(scene: Scene) -> Element:
    stage = scene.stage
    root = Element("mlt", producer="film")
    rate = {"frame_rate_num": str(FPS), "frame_rate_den": "1", "progressive": "1", "colorspace": "709"}
    shape = {"sample_aspect_num": "1", "sample_aspect_den": "1", "display_aspect_num": "16", "display_aspect_den": "9"}
    SubElement(root, "profile", {"width": str(stage.width), "height": str(stage.height), **rate, **shape})
    _Document(root, stage.width).stage(stage)
    return root


@dataclass
class _Document:
    """MLT's objects, each written before the ones that use it."""

    root: Element
    width: int
    """Of the profile."""
    made: int = 0

    def new(self, kind: str, name: str = "", **attributes: str) -> Element:
        self.made += 1
        return SubElement(self.root, kind, {"id": name or f"{kind}{self.made}", **attributes})

    def producer(self, layer: Layer) -> tuple[str, int]:
        """The id of a layer's source, and the frame of it that is shown first."""
        match layer.source:
            case Stage() as inner:
                return self.stage(inner), 0
            case Bar(grey):
                return self._colour(grey, layer.frames), 0
            case Video(file, at):
                return self._producer(str(file.path.resolve()), file.frames), at
            case Photo(file):
                return self._producer(str(file.path.resolve()), layer.frames), 0
            case Lettering() as text:
                return self._producer(str(text.file.path.resolve()), layer.frames), 0

    def _producer(self, resource: str, frames: int, **more: str) -> str:
        made = self.new("producer", **{"in": "0", "out": str(frames - 1)})
        _set(made, resource=resource, length=frames, **more)
        return made.attrib["id"]

    def _colour(self, grey: int, frames: int) -> str:
        return self._producer(f"#ff{f'{grey:02x}' * 3}", frames, mlt_service="color")

    def stage(self, stage: Stage) -> str:
        """A tractor: a track of the background's colour, below one for the base and one for each layer."""
        tracks = [self._playlist([(stage.frames, self._colour(stage.grey, stage.frames), 0)])]
        mixes: list[dict[str, object]] = []
        if stage.base:
            tracks.append(self._base(stage))
            grows = any(isinstance(layer.source, Photo) for layer in stage.base)
            for layer in stage.base if grows else (Layer(stage, 0, stage.frames, stage.box),):
                mixes.append(
                    {"b_track": 1, "in": layer.start, "out": layer.end - 1, "geometry": self._geometry(layer, stage)}
                )
        for layer in stage.over:
            source, at = self.producer(layer)
            tracks.append(self._playlist([(layer.start, "", 0), (layer.frames, source, at)]))
            ends = {"in": layer.start, "out": layer.end - 1}
            mixes.append({"b_track": len(tracks) - 1, **ends, "geometry": self._geometry(layer, stage)})
        tractor = self.new("tractor", stage.name, **{"in": "0", "out": str(stage.frames - 1)})
        multitrack = SubElement(tractor, "multitrack")
        for track in tracks:
            SubElement(multitrack, "track", producer=track)
        for mix in mixes:
            transition = SubElement(tractor, "transition", {"in": str(mix.pop("in")), "out": str(mix.pop("out"))})
            _set(transition, a_track=0, mlt_service="composite", fill=1, distort=1, progressive=1, **mix)
        return stage.name

    def _base(self, stage: Stage) -> str:
        """The base's clips, with a tractor of its own for each dissolve."""
        entries = []
        made = [self.producer(layer) for layer in stage.base]
        for n, layer in enumerate(stage.base):
            source, at = made[n]
            following = stage.base[n + 1].dissolve if n + 1 < len(stage.base) else 0
            if layer.dissolve:
                before, began = made[n - 1]
                tail = began + layer.start - stage.base[n - 1].start
                entries.append((layer.dissolve, self._dissolve((before, tail), (source, at), layer.dissolve), 0))
            entries.append((layer.frames - layer.dissolve - following, source, at + layer.dissolve))
        return self._playlist(entries)

    def _dissolve(self, before: tuple[str, int], after: tuple[str, int], frames: int) -> str:
        tracks = [self._playlist([(frames, *clip)]) for clip in (before, after)]
        tractor = self.new("tractor", **{"in": "0", "out": str(frames - 1)})
        multitrack = SubElement(tractor, "multitrack")
        for track in tracks:
            SubElement(multitrack, "track", producer=track)
        transition = SubElement(tractor, "transition", {"in": "0", "out": str(frames - 1)})
        _set(transition, a_track=0, b_track=1, mlt_service="luma")
        return tractor.attrib["id"]

    def _playlist(self, entries: list[tuple[int, str, int]]) -> str:
        """Entries of (frames, producer or nothing, first frame)."""
        made = self.new("playlist")
        for frames, source, at in entries:
            if frames and source:
                SubElement(made, "entry", {"producer": source, "in": str(at), "out": str(at + frames - 1)})
            elif frames:
                SubElement(made, "blank", length=str(frames))
        return made.attrib["id"]

    def _geometry(self, layer: Layer, stage: Stage) -> str:
        """Where a layer lies, in the film's pixels."""
        ratio = self.width // stage.width
        opacity = f"{layer.opacity:g}"
        if isinstance(layer.source, Photo):
            grown = _grown(layer.box, layer.source.grows_to)
            return f"0={_place(layer.box, 1)}:1;{layer.frames}={_place(grown, 1)}:1"
        return f"{_place(layer.box, ratio)}:{opacity}"


def _grown(box: Box, scale: float) -> Box:
    x, y, width, height = box
    grown = round(width * scale), round(height * scale)
    return x - (grown[0] - width) // 2, y - (grown[1] - height) // 2, *grown


def _place(box: Box, ratio: int) -> str:
    x, y, width, height = (ratio * length for length in box)
    return f"{x}/{y}:{width}x{height}"


def _set(element: Element, **properties: object) -> None:
    for name, value in properties.items():
        SubElement(element, "property", name=name).text = str(value)
