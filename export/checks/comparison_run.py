"""One side of a comparison: every frame rendered with one system, in a process of its own, and told as digests.

In: a RunJob. Out: messages through a pipe. The process is made for this: its memory is that of the system alone, and a
crash of a decoder or a driver takes nothing else along. Active: all of the child's main thread.
"""

from __future__ import annotations

import hashlib
import signal
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
import numpy.typing as npt

from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.outputs.views import readable_planes, sample_rows
from reelmill.export.rendering.picture_renderer import PictureRenderer
from reelmill.export.telling.report import ExportRecord, peak_memory_bytes
from reelmill.planner.colour import ColourTags
from reelmill.planner.errors import ExportError
from reelmill.planner.frame_plan import CompositionPlan
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.source_frames import Plane
from reelmill.planner.timelines.selection import System

DIGEST_BYTES = 16
PROGRESS_INTERVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RunJob:
    """What is rendered, and how. Travels to the child."""

    opened: OpenedProject
    options: ExportOptions
    system: System
    """Counts more than `options.system`."""
    frames: range
    """Output frames of the whole film."""
    pixel_format: PixelFormat
    colour: ColourTags
    size: tuple[int, int]
    expected: tuple[bytes, ...] = ()
    """Digests of the frames as the other system made them; the first one that differs is sent as a picture."""


@dataclass(frozen=True, slots=True)
class Planes:
    """A finished picture in the output's format: the samples of each plane, without padding."""

    format: PixelFormat
    width: int
    height: int
    data: tuple[bytes, ...]

    def arrays(self) -> list[npt.NDArray[np.uint8] | npt.NDArray[np.uint16]]:
        """Each plane: shape [height, width], or [height, width, components] for packed formats."""
        sample = np.dtype("u1" if self.format.bytes_per_sample == 1 else "<u2")
        components = max(len(self.format.components), 1)
        found = []
        for number, data in enumerate(self.data):
            width, height = self.format.plane_size(number, self.width, self.height)
            plane = np.frombuffer(data, sample).reshape(height, width, components)
            found.append(plane if components > 1 else plane[:, :, 0])
        return found


@dataclass(frozen=True, slots=True)
class SystemRunning:
    """So many frames are done."""

    frames: int


@dataclass(frozen=True, slots=True)
class Differing:
    """The first frame that is not what was expected."""

    frame: int
    """Of the whole film."""
    picture: Planes


@dataclass(frozen=True, slots=True)
class SystemRun:
    """What rendering with one system took."""

    system: System
    digests: tuple[bytes, ...]
    """Of each frame's samples, in order."""
    seconds: float
    """From opening the decoders to the last frame: decoding and compositing, and reading the samples for the digest."""
    decode_seconds: float
    """Busy time of all threads that decode."""
    composite_seconds: float
    peak_memory_bytes: int | None
    """Of the process, libraries included; None where the machine does not tell."""
    decoders_opened: int
    peak_open: int
    frames_decoded: int
    frames_requested: int
    seeks: int
    cache_hit_rate: float | None
    cache_peak_bytes: int


@dataclass(frozen=True, slots=True)
class SystemFailed:
    """An error that a user can meet."""

    error: ExportError


@dataclass(frozen=True, slots=True)
class SystemCrashed:
    """Any other exception."""

    message: str
    traceback: str


Message = SystemRunning | Differing | SystemRun | SystemFailed | SystemCrashed


def run_system(job: RunJob, pipe: Connection) -> None:
    """The child's main function: messages, the last of which is a SystemRun, Failed or Crashed."""
    # Ctrl-C reaches the whole group; the parent ends its children itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    last: Message
    try:
        last = _render(job, pipe)
    except BrokenPipeError:
        return
    except ExportError as error:
        last = SystemFailed(error)
    except Exception as error:
        last = SystemCrashed(f"{type(error).__name__}: {error}", traceback.format_exc())
    with suppress(BrokenPipeError):
        pipe.send(last)


def _render(job: RunJob, pipe: Connection) -> SystemRun:
    record = ExportRecord()
    digests: list[bytes] = []
    opened, fast = job.opened, job.options.fast_paths
    planner = ExportPlanner(opened.timeline, opened.facts, opened.drawn_sizes, job.frames, simplify=fast)
    started = told = time.perf_counter()
    with PictureRenderer(
        job.opened,
        planner,
        job.options,
        record,
        system=job.system,
    ) as renderer:
        view = PictureFormat(*job.size, job.pixel_format, job.colour)
        planes: tuple[Plane, ...] = ()
        shown: CompositionPlan | None = None
        differing = False
        for done, number in enumerate(job.frames):
            plan = planner.plan(number)
            try:
                renderer.begin(plan)
                if fast and plan.picture == shown:
                    digests.append(digests[-1])
                else:
                    (drawn,) = renderer.draw(plan.picture, [view])
                    planes = readable_planes(drawn)
                    digests.append(_digest(planes, job.pixel_format))
                    shown = plan.picture
            except ExportError as error:
                error.locate(output_frame=number, timeline_time=plan.time)
                raise
            if job.expected and not differing and digests[done] != job.expected[done]:
                differing = True
                samples = tuple(row.tobytes() for row in sample_rows(planes, job.pixel_format))
                pipe.send(Differing(number, Planes(job.pixel_format, *job.size, samples)))
            now = time.perf_counter()
            if now - told >= PROGRESS_INTERVAL_SECONDS:
                told = now
                pipe.send(SystemRunning(done + 1))
        seconds = time.perf_counter() - started
    decoders = record.decoders
    return SystemRun(
        system=job.system,
        digests=tuple(digests),
        seconds=seconds,
        decode_seconds=decoders.busy_seconds,
        composite_seconds=record.composite_seconds,
        peak_memory_bytes=peak_memory_bytes(),
        decoders_opened=decoders.opened,
        peak_open=decoders.peak_open,
        frames_decoded=decoders.frames_decoded,
        frames_requested=decoders.frames_requested,
        seeks=decoders.seeks,
        cache_hit_rate=decoders.cache.hit_rate,
        cache_peak_bytes=decoders.cache.peak_bytes,
    )


def _digest(planes: Sequence[Plane], pixel_format: PixelFormat) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for samples in sample_rows(planes, pixel_format):
        digest.update(np.ascontiguousarray(samples).data)
    return digest.digest()
