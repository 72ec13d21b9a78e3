"""A scene as a command of ffmpeg, in the fastest honest formulation that was found.

Seeks in each input (`-ss`, `-t`) rather than decoding from its start; pictures scaled once, straight to the size they
are shown at, by area, like reelmill's; opacity as one look-up in the alpha plane (colorchannelmixer, the usual way,
would go through RGB); rectangles drawn once (drawbox blends chroma four times over); a frame round a picture by pad;
overlays in YUV.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.footage import TAGS, X264
from tests.benchmarks.scene import FPS, Bar, Box, Layer, Lettering, Photo, Scene, Stage, Video, files


def command(scene: Scene, output: Path, *, one_input: bool = False) -> list[str]:
    """With `one_input`, the scene's one file is read once from its start and cut by filters."""
    return [*graph(scene, one_input=one_input), *X264, *TAGS, str(output)]


def graph(scene: Scene, *, one_input: bool = False) -> list[str]:
    """The command up to its encoder."""
    made = _Graph()
    last = made.cut_one_input(scene.stage) if one_input else made.stage(scene.stage)
    found = ["-filter_complex", ";".join(made.parts), "-map", f"[{last}]"]
    if not made.parts:
        found = ["-map", last]
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", *made.inputs, *found]


def seconds(frames: int) -> str:
    """A multiple of a tenth of a second, exactly."""
    assert frames % 3 == 0, f"{frames} frames are no tenths of a second"
    return f"{frames // FPS}.{frames % FPS // 3}"


@dataclass
class _Graph:
    """Inputs and filters; a label names a stream, an input's as `0:v`."""

    inputs: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    labels: int = 0

    def add_input(self, *arguments: str) -> str:
        self.inputs += [*arguments]
        return f"{self.inputs.count('-i') - 1}:v"

    def chain(self, sources: list[str], *filters: str) -> str:
        """Filters one after the other; the label of what comes out."""
        if not filters:
            return sources[0]
        self.labels += 1
        heads = "".join(f"[{source}]" for source in sources)
        self.parts.append(f"{heads}{','.join(filters)}[v{self.labels}]")
        return f"v{self.labels}"

    def stage(self, stage: Stage) -> str:
        over = list(stage.over)
        if stage.base:
            last = self.base(stage)
        elif over and self.covers(over[0], stage):
            first = over.pop(0)
            x, y, _, _ = first.box
            whole = first.box == stage.box
            pad = [] if whole else [f"pad={stage.width}:{stage.height}:{x}:{y}:0x{f'{stage.grey:02x}' * 3}"]
            last = self.chain([self.picture(first)], *pad)
        else:
            colour = f"color=0x{f'{stage.grey:02x}' * 3}:s={stage.width}x{stage.height}:r={FPS}"
            last = self.chain([], f"{colour}:d={seconds(stage.frames)}")
        for layer in over:
            last = self.overlay(last, layer)
        return last

    def covers(self, layer: Layer, stage: Stage) -> bool:
        opaque = isinstance(layer.source, Video | Stage) and layer.opacity == 1
        return opaque and layer.start == 0 and layer.end >= stage.frames

    def base(self, stage: Stage) -> str:
        shown = [self.picture(layer) for layer in stage.base]
        if len(shown) == 1:
            return shown[0]
        if not any(layer.dissolve for layer in stage.base):
            return self.chain(shown, f"concat=n={len(shown)}:v=1:a=0")
        last = shown[0]
        for layer, label in zip(stage.base[1:], shown[1:], strict=True):
            assert layer.dissolve, "a base has dissolves everywhere or nowhere"
            times = f"duration={seconds(layer.dissolve)}:offset={seconds(layer.start)}"
            last = self.chain([last, label], f"xfade=transition=fade:{times}")
        return last

    def picture(self, layer: Layer) -> str:
        """A layer's picture at its size and with its opacity, from time 0."""
        _, _, width, height = layer.box
        filters = []
        match layer.source:
            case Video(file, at):
                cut = [] if at == 0 else ["-ss", seconds(at)]
                label = self.add_input(*cut, "-t", seconds(layer.frames), "-i", str(file.path))
                filters += _scale((file.width, file.height), layer.box)
            case Stage() as inner:
                label = self.stage(inner)
                filters += _scale((inner.width, inner.height), layer.box)
            case Photo(file, grows_to):
                label = self.add_input("-i", str(file.path))
                zoom = f"zoompan=z='1+{grows_to - 1:.4f}*on/{layer.frames}'"
                place = "x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2'"
                filters += [
                    "scale=in_range=full:out_range=tv:out_color_matrix=bt709",
                    f"{zoom}:{place}:d={layer.frames}:s={width}x{height}:fps={FPS}",
                ]
            case Lettering() as text:
                label = self.add_input("-i", str(text.file.path))
            case Bar(grey):
                label = self.chain([], f"color=0x{f'{grey:02x}' * 3}:s={width}x{height}:r={FPS}:d={1 / FPS:.4f}")
        if layer.opacity != 1:
            filters += ["format=yuva420p", f"lutyuv=a={round(layer.opacity * 255)}"]
        return self.chain([label], *filters)

    def overlay(self, under: str, layer: Layer) -> str:
        x, y, _, _ = layer.box
        once = f"enable='gte(t,{seconds(layer.start)})*lt(t,{seconds(layer.end)})'"
        upper = self.picture(layer)
        if isinstance(layer.source, Lettering | Bar):
            return self.chain([under, upper], f"overlay={x}:{y}:{once}")
        if layer.start:
            upper = self.chain([upper], f"setpts=PTS+{seconds(layer.start)}/TB")
        return self.chain([under, upper], f"overlay={x}:{y}:eof_action=pass")

    def cut_one_input(self, stage: Stage) -> str:
        (file,) = files(stage)
        label = self.add_input("-i", str(file.path))
        count = len(stage.base)
        copies = [f"c{n}" for n in range(count)]
        self.parts.append(f"[{label}]split={count}{''.join(f'[{copy}]' for copy in copies)}")
        parts = []
        for layer, copy in zip(stage.base, copies, strict=True):
            assert isinstance(layer.source, Video)
            at = layer.source.at
            parts.append(
                self.chain([copy], f"trim=start_frame={at}:end_frame={at + layer.frames}", "setpts=PTS-STARTPTS")
            )
        return self.chain(parts, f"concat=n={count}:v=1:a=0")


def _scale(own: tuple[int, int], box: Box) -> list[str]:
    return [] if own == box[2:] else [f"scale={box[2]}:{box[3]}:flags=area"]
