"""One output of an export at work: its target, its sink, its thread, and the frames that it is handed.

In: frames of the timeline as pictures of one view, in order, on the render thread. Out: a finished output, put in place
by `commit`. Owns target, sink and thread; closed in every state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from reelmill.export.films.film_metadata import FilmMetadata
from reelmill.export.films.film_sink import FilmSink, MixedSound
from reelmill.export.films.film_targets import open_target
from reelmill.export.outputs.output_plan import PlannedOutput
from reelmill.export.outputs.output_target import OutputTarget
from reelmill.export.outputs.output_thread import FirstFailure, OutputThread
from reelmill.export.outputs.picture_fitter import PictureFitter
from reelmill.export.outputs.picture_sink import PictureFormat, PictureSink, ShownFrames
from reelmill.export.sound.shared_sound import SharedSoundReader
from reelmill.export.sound.sound_mix import SoundMix
from reelmill.export.telling.bottleneck import ENCODE_THREAD
from reelmill.export.telling.report import OutputRecord
from reelmill.planner.copying.copy_plan import Stretch
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.tracing import Tracer

INSIDE_LEFT = 0.75
"""Of the work of encoding a picture: what is left of it, on average, for those that the encoder looks ahead at."""


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What the outputs of one export have in common."""

    failure: FirstFailure
    checkpoint: Callable[[], None]
    """Called while the render thread waits; it may raise."""
    tracer: Tracer
    force: bool
    alone: bool
    """There is no other output."""


class OutputChannel:
    """One output. The render thread calls."""

    def __init__(self, planned: PlannedOutput, metadata: FilmMetadata | None, around: Surroundings) -> None:
        """Opens target and sink. `metadata`: of a film or a sound file. Raises SetupError."""
        self.planned = planned
        self._around = around
        self._thread: OutputThread | None = None
        self._fitter: PictureFitter | None = None
        self._sound: MixedSound | None = None
        self._committed = False
        with ExitStack() as stack:
            self._target = stack.enter_context(_open_target(planned, force=around.force))
            if planned.settings is not None:
                copying = planned.copying
                self.film: FilmSink | None = FilmSink(
                    self._target.destination,
                    planned.settings,
                    target=planned.path,
                    metadata=metadata,
                    splice=copying.splice if copying else None,
                    stopped=lambda: around.failure.stopped,
                    tracer=around.tracer,
                )
                self._sink: PictureSink = self.film
            else:
                self.film = None
                place = self._target.destination
                assert isinstance(place, Path), "pictures go into files"
                from reelmill.export.pictures.picture_sinks import (
                    open_picture_sink,
                )  # loads Pillow, which a film does not need

                self._sink = open_picture_sink(
                    planned.output,
                    place,
                    planned.shown,
                    planned.canvas,
                    stopped=lambda: around.failure.stopped,
                )
            stack.callback(self._sink.abort)
            self.drawn = FrameSet.of(_drawn(self._sink, planned))
            """Frames of the timeline of which it wants pictures."""
            self._stack = stack.pop_all()

    @property
    def takes(self) -> PictureFormat:
        """The pictures that its sink takes."""
        return self._sink.takes

    @property
    def frames(self) -> int:
        """Pictures of the output."""
        return len(self.drawn) + sum(len(stretch.frames) for stretch in self.copied)

    @property
    def copied(self) -> tuple[Stretch, ...]:
        """Stretches that are copied instead."""
        return self.planned.copying.copied if self.planned.copying is not None else ()

    def start(self, view: PictureFormat | None, picture_bytes: int, *, shared: bool) -> None:
        """Begin to work. `view`: what pictures are made from; `shared`: with other outputs; None for sound alone."""
        if view is not None:
            self._fitter = PictureFitter(view, self._sink.takes, shared=shared)
        name = self.planned.path.name
        self._thread = OutputThread(
            self._sink,
            self._around.failure,
            name=ENCODE_THREAD if self._around.alone else f"{ENCODE_THREAD} {name}",
            output=self.planned.output.path,
            picture_bytes=picture_bytes,
            checkpoint=self._around.checkpoint,
            tracer=self._around.tracer,
        )
        if view is None:
            # All of it is in the end; other outputs must not have to wait for that with their sound.
            self._thread.end()

    def play(self, sound: MixedSound) -> None:
        """The sound that goes with the pictures; before `start`."""
        assert self.film is not None
        self._sound = sound
        self.film.play(sound)

    def write(self, frame: VideoFrame, number: int) -> None:
        """Hand over the picture of frame `number` of the timeline, one of `drawn`; waits for room."""
        assert self._thread is not None
        place = self.planned.shown.frames.index(number)
        self._thread.submit(lambda: self._write(frame, place))

    def copy(self, stretch: Stretch) -> None:
        """Hand over a stretch that is copied; waits for room."""
        assert self._thread is not None
        assert self.planned.copying is not None
        assert self.film is not None
        film, run = self.film, self.planned.copying.run(stretch)
        self._thread.submit(lambda: film.copy(run))

    @property
    def frames_unwritten(self) -> int:
        """Pictures that were handed over and are still to be encoded; those inside the encoder count in part."""
        queued = self._thread.queued if self._thread is not None else 0
        return queued + (round(INSIDE_LEFT * self.film.frames_inside) if self.film is not None else 0)

    def end(self) -> None:
        """No more pictures come."""
        assert self._thread is not None
        if self.planned.has_pictures:
            self._thread.end()

    def wait(self) -> None:
        """Wait until everything is written."""
        assert self._thread is not None
        self._thread.wait()

    def commit(self) -> None:
        """Put the finished output in place. Raises RenderError."""
        self._target.commit()
        self._committed = True

    def record(self) -> OutputRecord:
        """What came of it."""
        written, copying = self._target.written(), self.planned.copying
        return OutputRecord(
            path=self.planned.output.path,
            kind=self.planned.kind,
            bytes=written.byte_count,
            sha256=written.sha256,
            frames=self.frames,
            encode_seconds=self.encode_seconds,
            copied=copying.parts if copying is not None and copying.asked else None,
        )

    @property
    def encode_seconds(self) -> float:
        """Busy time of its thread: scaling, encoding, muxing, without waiting for sound."""
        busy = self._thread.busy_seconds if self._thread is not None else 0.0
        return busy - self.film.sound_seconds if self.film is not None else busy

    def cancel(self) -> None:
        """After `Failure.stop`: let go of the thread wherever it waits for somebody else."""
        if not self._committed:
            self._target.cancel()
        if isinstance(self._sound, SharedSoundReader | SoundMix):
            self._sound.cancel()

    def close(self) -> None:
        """End the thread, and remove what was not committed; after `Failure.stop`, or `wait`. A second call is none."""
        if self._thread is not None:
            self._thread.join()
        self._stack.close()

    def _write(self, frame: VideoFrame, place: int) -> None:
        assert self._fitter is not None
        self._sink.write(self._fitter.fit(frame), place)


def _open_target(planned: PlannedOutput, *, force: bool) -> OutputTarget:
    if planned.settings is not None:
        return open_target(planned.output.path, planned.settings, force=force)
    from reelmill.export.pictures.picture_sinks import open_picture_target

    return open_picture_target(planned.output, force=force)


def _drawn(sink: PictureSink, planned: PlannedOutput) -> Iterator[range]:
    """Frames of the timeline of which the sink wants pictures, and which are not copied: ascending, apart."""
    if not planned.has_pictures:
        return
    if planned.copying is not None:
        yield from (stretch.frames for stretch in planned.copying.stretches if not stretch.copied)
        return
    yield from _runs(sink, planned.shown)


def _runs(sink: PictureSink, shown: ShownFrames) -> Iterator[range]:
    begin: int | None = None
    for place in range(len(shown.frames) + 1):
        wanted = place < len(shown.frames) and (sink.wanted is None or place in sink.wanted)
        if wanted and begin is None:
            begin = place
        elif not wanted and begin is not None:
            yield shown.frames[begin:place]
            begin = None
