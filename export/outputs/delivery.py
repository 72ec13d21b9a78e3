"""All outputs of one export at work: opened together, handed each frame's picture, finished and put in place together.

In: planned outputs; then pictures by view, and the sound. Out: the files, and a record of each. Active through the
threads of its outputs; one thread calls, the render thread. The first failure of any output ends all of them, and what
is not in place is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from av.video.frame import VideoFrame

from reelmill.export.films.film_metadata import FilmMetadata
from reelmill.export.outputs.output_channel import OutputChannel, Surroundings
from reelmill.export.outputs.output_plan import PlannedOutput
from reelmill.export.outputs.output_thread import FirstFailure
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.outputs.views import choose_views, new_picture
from reelmill.export.telling.report import OutputRecord
from reelmill.planner.copying.copy_plan import Stretch
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.tracing import NO_TRACE, Tracer


class Delivery:
    """Use with `with`: what was not committed is removed, and every thread has ended."""

    def __init__(
        self,
        outputs: Sequence[PlannedOutput],
        metadata: Mapping[PlannedOutput, FilmMetadata],
        *,
        force: bool,
        checkpoint: Callable[[], None] = lambda: None,
        tracer: Tracer = NO_TRACE,
    ) -> None:
        """Opens every target and every encoder. `checkpoint` is called while a call waits; it may raise.

        Raises SetupError, with the output's path, where one can't be written.
        """
        self._failure = failure = FirstFailure()
        self._closed = False

        def look() -> None:
            checkpoint()
            failure.check()

        around = Surroundings(failure, look, tracer, force, alone=len(outputs) == 1)
        self.channels: list[OutputChannel] = []
        try:
            for planned in outputs:
                self.channels.append(_open(planned, metadata.get(planned), around))
        except BaseException:
            self.close()
            raise
        self._pictured = [channel for channel in self.channels if channel.planned.has_pictures]
        self._copied: dict[int, list[tuple[OutputChannel, Stretch]]] = {}
        """By first frame."""
        for channel in self._pictured:
            for stretch in channel.copied:
                self._copied.setdefault(stretch.frames.start, []).append((channel, stretch))
        self._views: dict[OutputChannel, PictureFormat] = {}
        if self._pictured:
            views = choose_views([channel.takes for channel in self._pictured], self._pictured[0].planned.canvas)
            self._views = dict(zip(self._pictured, views, strict=True))

    @property
    def drawn(self) -> FrameSet:
        """Frames of the timeline of which some output wants a picture."""
        return FrameSet.of(part for channel in self._pictured for part in channel.drawn.parts)

    @property
    def shown(self) -> FrameSet:
        """The same, and those that are copied."""
        copied = [stretch.frames for each in self._copied.values() for _, stretch in each]
        return FrameSet.of([*self.drawn.parts, *copied])

    def start(self) -> None:
        """Begin: after the sounds were handed out, before the first picture."""
        views = list(self._views.values())
        for channel in self.channels:
            view = self._views.get(channel)
            size = 1 if view is None else new_picture(view)[1].byte_count
            channel.start(view, size, shared=view is not None and views.count(view) > 1)

    def views(self, frame: int) -> list[PictureFormat]:
        """The views that a frame is wanted in, each once."""
        return list(dict.fromkeys(view for channel, view in self._views.items() if frame in channel.drawn))

    def copy(self, frame: int) -> None:
        """Hand over the stretches that are copied from a frame on. Raises the first error of any output."""
        for channel, stretch in self._copied.get(frame, ()):
            channel.copy(stretch)

    def write(self, frame: int, pictures: Mapping[PictureFormat, VideoFrame]) -> None:
        """Hand a frame to every output that wants it; waits for the slowest. Raises the first error of any output.

        The pictures must not be changed any more; the same ones may be written again and again.
        """
        for channel, view in self._views.items():
            if frame in channel.drawn:
                channel.write(pictures[view], frame)

    def finish(self) -> None:
        """Wait until everything is written. Raises the first error of any output."""
        for channel in self.channels:
            channel.end()
        for channel in self.channels:
            channel.wait()
        self._failure.check()

    def commit(self) -> None:
        """Put all outputs in place, one after the other. Raises RenderError.

        Where that fails midway, those that are in place already stay: each is complete. The error names them.
        """
        done: list[str] = []
        for channel in self.channels:
            try:
                channel.commit()
            except RenderError as error:
                if done:
                    error.message += f"; {', '.join(done)} {'is' if len(done) == 1 else 'are'} complete, and in place"
                raise
            done.append(channel.planned.output.path)

    def records(self) -> Iterator[OutputRecord]:
        """What came of each, after `commit`."""
        for channel in self.channels:
            yield channel.record()

    @property
    def frames_unwritten(self) -> int:
        """Frames of the timeline that were handed over and that some output has not encoded yet."""
        return max(each.frames_unwritten * each.planned.shown.frames.step for each in self.channels)

    @property
    def encode_seconds(self) -> float:
        """Busy time of all threads of the outputs."""
        return sum(channel.encode_seconds for channel in self.channels)

    def close(self) -> None:
        """End every thread, and remove what was not committed; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._failure.stop()
        for channel in self.channels:
            channel.cancel()
        # The first to come made the folders that others went into.
        for channel in reversed(self.channels):
            channel.close()

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(planned: PlannedOutput, metadata: FilmMetadata | None, around: Surroundings) -> OutputChannel:
    try:
        return OutputChannel(planned, metadata, around)
    except ExportError as error:
        error.locate(file=planned.output.path)
        raise
