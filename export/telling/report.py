"""The report of an export (docs/reference/report.md): one JSON object for scripts, for success and failure alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelmill.export.outputs.text_file import check_text_path, write_text_file
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.process.regular_files import read_whole
from reelmill.planner.source_frames import DecodeStatistics

if TYPE_CHECKING:
    from reelmill.compositor.opengl.statistics import CompositorStatistics
    from reelmill.export.films.copying import CopyPart
    from reelmill.export.sound.sound_mix import SoundStatistics
    from reelmill.planner.outputs import OutputKind


@dataclass(slots=True)
class OutputRecord:
    """One finished output."""

    path: str
    kind: OutputKind
    bytes: int
    """Of all its files."""
    sha256: str
    frames: int
    encode_seconds: float
    """Busy time of its thread: scaling, encoding, muxing."""
    copied: tuple[CopyPart, ...] | None = None
    """Of a film: the stretches that are copied or encoded; None where copying was not asked for."""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "path": self.path,
            "kind": self.kind,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "frames": self.frames,
            "encode_seconds": round(self.encode_seconds, 6),
            "copied": None if self.copied is None else _copied(self.copied),
        }


@dataclass(slots=True)
class ExportRecord:
    """What an export notes down while it runs. Passive; filled in by the session."""

    warnings: list[str] = field(default_factory=list)
    system: str | None = None
    system_reason: str | None = None
    renderer: str | None = None
    renderer_kind: str | None = None
    hwaccel: str | None = None
    hwaccel_reason: str | None = None
    frames: int = 0
    duration_seconds: float = 0.0
    wall_seconds: float = 0.0
    plan_seconds: float = 0.0
    composite_seconds: float = 0.0
    sound: SoundStatistics | None = None
    """None for an output without sound."""
    levelling_seconds: float = 0.0
    """Busy time of bringing the sound to its loudness."""
    encode_seconds: float = 0.0
    frames_passed_through: int = 0
    frames_reused: int = 0
    hand_over_seconds: float = 0.0
    """Of the render thread: copying decoded frames to OpenGL or to the encoder. Decoders copy to the cache."""
    copied: tuple[CopyPart, ...] | None = None
    """The stretches of the first film that are copied or encoded, in order; None where copying was not asked for."""
    decoders: DecodeStatistics = field(default_factory=DecodeStatistics)
    compositor: CompositorStatistics | None = None
    bottleneck: str | None = None
    """What bounded the export, where it was profiled."""
    outputs: list[OutputRecord] = field(default_factory=list)

    def as_dict(self, error: ExportError | None = None) -> dict[str, Any]:
        """The report."""
        decoders = self.decoders
        cache = decoders.cache
        compositor = self.compositor
        wall = self.wall_seconds
        audio_seconds = self.levelling_seconds + (self.sound.busy_seconds if self.sound else 0.0)
        return {
            "reelmill": version("reelmill"),
            "status": "ok" if error is None else "error",
            "error": None if error is None else error.as_dict(),
            "warnings": self.warnings,
            "system": self.system,
            "system_reason": self.system_reason,
            "renderer": self.renderer,
            "renderer_kind": self.renderer_kind,
            "hwaccel": self.hwaccel,
            "hwaccel_reason": self.hwaccel_reason,
            "frames": self.frames,
            "duration_seconds": self.duration_seconds,
            "wall_seconds": round(wall, 6),
            "realtime_factor": round(self.duration_seconds / wall, 4) if wall else None,
            "peak_memory_bytes": peak_memory_bytes(),
            "stages": {
                "plan": {"seconds": round(self.plan_seconds, 6)},
                "decode": {"seconds": round(decoders.busy_seconds, 6)},
                "composite": {"seconds": round(self.composite_seconds, 6)},
                "audio": {"seconds": round(audio_seconds, 6)},
                "encode": {"seconds": round(self.encode_seconds, 6)},
            },
            "bottleneck": self.bottleneck,
            "decoders": {
                "unique_files": decoders.unique_files,
                "workers": decoders.workers,
                "opened": decoders.opened,
                "peak_open": decoders.peak_open,
                "frames_decoded": decoders.frames_decoded,
                "frames_requested": decoders.frames_requested,
                "waited_seconds": round(decoders.waited_seconds, 6),
                "planned_redecodes": decoders.planned_redecodes,
                "seeks": decoders.seeks,
            },
            "audio": None if self.sound is None else _audio(self.sound),
            "cache": {
                "hits": cache.hits,
                "misses": cache.misses,
                "hit_rate": None if cache.hit_rate is None else round(cache.hit_rate, 4),
                "peak_bytes": cache.peak_bytes,
                "evictions": cache.evictions,
                "per_file": {
                    file_hash: {"frames": each.frames, "peak_bytes": each.peak_bytes}
                    for file_hash, each in cache.per_file.items()
                },
            },
            "compositor": {
                "frames_composited": 0 if compositor is None else compositor.frames_composited,
                "frames_on_planes": 0 if compositor is None else compositor.frames_on_planes,
                "frames_passed_through": self.frames_passed_through,
                "frames_reused": self.frames_reused,
                "nested_rendered": 0 if compositor is None else compositor.nested_rendered,
                "nested_reused": 0 if compositor is None else compositor.nested_reused,
            },
            "copied": None if self.copied is None else _copied(self.copied),
            "outputs": [output.as_dict() for output in self.outputs],
        }


def _copied(parts: tuple[CopyPart, ...]) -> dict[str, Any]:
    return {
        "frames": sum(part.frames for part in parts if part.copied),
        "stretches": [part.as_dict() for part in parts],
    }


def _audio(sound: SoundStatistics) -> dict[str, Any]:
    decoding = sound.decoding
    return {
        "workers": decoding.workers,
        "cues": decoding.cues,
        "chunks": decoding.chunks,
        "utilisation": round(decoding.utilisation, 4),
        "peak_queue_depth": decoding.peak_queue_depth,
        "starved": decoding.starved,
        "starved_seconds": round(decoding.starved_seconds, 6),
        "opened": decoding.opened,
        "peak_open": decoding.peak_open,
        "decode_seconds": round(decoding.busy_seconds, 6),
        "mix_seconds": round(sound.mix_seconds, 6),
        "encoder_waited_seconds": round(sound.encoder_waited_seconds, 6),
    }


def peak_memory_bytes() -> int | None:
    """The most memory this process has held so far; None where the system does not tell (Windows).

    On Linux as the kernel counts it for this program: what getrusage tells begins with what the parent held.
    """
    with suppress(OSError, ValueError, StopIteration):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def failure_report(error: ExportError, record: ExportRecord | None = None) -> dict[str, Any]:
    """The report of an export that failed, with what was known by then."""
    return (record or ExportRecord()).as_dict(error)


def check_report_path(path: Path, others: Iterable[Path]) -> None:
    """Find out before the export whether its report can be written afterwards. Raises SetupError."""
    check_text_path(path, "report", others=others, is_ours=_is_report)


def _is_report(path: Path) -> bool:
    try:
        return "reelmill" in json.loads(read_whole(path))
    except TypeError:
        return False


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write the report as JSON, whole or not at all. Raises RenderError where the file can't be written."""
    try:
        write_text_file(path, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RenderError(
            f"the report can't be written: {error.strerror}",
            component="Report",
            file=str(path),
            suggestion="name a file in a folder that you may write to",
        ) from error
