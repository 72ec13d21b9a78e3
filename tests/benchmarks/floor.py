"""The floor of a scene: CPU seconds of decoding what must be decoded, and of encoding the film, over the cores.

Both are measured with ffmpeg's command line. Decoding: of each file the stretches from the keyframe before a needed
frame to that frame, each once, to nothing. Encoding: the film's frames, from a file of raw pictures. Nothing can be
faster that decodes all of that and encodes with the same libraries, however it composites; nothing composites for
nothing either. (Lead-ins can be shorter: reelmill leaves out what no other frame is predicted from.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measure, peer_ffmpeg
from tests.benchmarks.footage import TAGS, X264
from tests.benchmarks.scene import FPS, File, Scene, Stage, Video, files


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a file that are decoded without a seek."""

    file: File
    first: int
    """The first needed; decoding begins at the keyframe before it."""
    end: int
    """After the last."""

    @property
    def keyframe(self) -> int:
        return self.first // self.file.gop * self.file.gop


def stretches(stage: Stage) -> list[Stretch]:
    """What must be decoded: stretches of a file that overlap, lead-ins included, are one."""
    needed = defaultdict(list)
    for found in _uses(stage, stage.frames):
        needed[found.file].append(found)
    merged: list[Stretch] = []
    for uses in needed.values():
        uses.sort(key=lambda use: (use.keyframe, use.first))
        last = uses[0]
        for use in uses[1:]:
            if use.keyframe < last.end:
                last = Stretch(use.file, last.first, max(last.end, use.end))
            else:
                merged.append(last)
                last = use
        merged.append(last)
    return merged


def frames_to_decode(stage: Stage) -> int:
    """Frames of video, lead-ins included."""
    return sum(found.end - found.keyframe for found in stretches(stage))


def _uses(stage: Stage, frames: int) -> Iterator[Stretch]:
    """Each use of a video file in the first frames of a stage."""
    for layer in stage.layers:
        shown = min(layer.end, frames) - layer.start
        if shown <= 0:
            continue
        if isinstance(layer.source, Video):
            at = layer.source.at
            yield Stretch(layer.source.file, at, at + shown)
        elif isinstance(layer.source, Stage):
            yield from _uses(layer.source, shown)


def decode_command(stage: Stage) -> list[str]:
    """Decodes all that must be decoded, to nothing."""
    inputs, outputs = [], []
    for found in stretches(stage):
        times = ["-ss", f"{found.first / FPS:.6f}", "-t", f"{(found.end - found.first) / FPS:.6f}"]
        inputs += [*times, "-i", str(found.file.path)]
    inputs += [part for file in files(stage) if file.is_still for part in ("-i", str(file.path))]
    for number in range(inputs.count("-i")):
        outputs += ["-map", f"{number}:v", "-fps_mode", "passthrough", "-f", "null", "-"]
    return ["ffmpeg", "-nostdin", "-v", "error", *inputs, *outputs]


def write_raw(scene: Scene, path: Path) -> None:
    """The film's frames as ffmpeg's graph makes them, raw: 3 MB a frame at 1080p."""
    measure.run([*peer_ffmpeg.graph(scene), "-pix_fmt", "yuv420p", "-f", "rawvideo", str(path)])


def encode_command(scene: Scene, raw: Path, output: Path) -> list[str]:
    size = f"{scene.stage.width}x{scene.stage.height}"
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(FPS), "-i", str(raw)]
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", *source, *X264, *TAGS, str(output)]


def floor_seconds(decode_cpu: float, encode_cpu: float, cores: int) -> float:
    return (decode_cpu + encode_cpu) / cores
