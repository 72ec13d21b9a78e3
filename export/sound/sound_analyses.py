"""The sound of files, measured and conformed: many files, several analyses of each, in a pool of processes.

In: probed files, what is asked for. Out: a `SoundAnalysis` or the error of each file; conformed files and a picture
under their names. What can be refused is refused before anything is decoded. Each file is decoded once; its pitch, the
heavy part, is then looked for in stretches, so that one long file keeps all processes busy. Active: owns the processes,
none of which outlives the call.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reelmill.decoders.listening.analysis_pool import TaskRunner, task_runner
from reelmill.decoders.listening.analysis_worker import AnalysisTask
from reelmill.decoders.listening.sound_listening import ConformJob, Listened, ListenTask
from reelmill.decoders.listening.sound_pitch import (
    PitchStretch,
    PitchTask,
    pitch_frame_count,
    require_librosa,
    stretches,
)
from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.export.outputs.output_file import OutputFile
from reelmill.export.pictures.picture_formats import check_picture_path
from reelmill.export.pictures.picture_writer import write_picture
from reelmill.export.sound.panning import UnknownLayoutError, stereo_matrix
from reelmill.export.sound.waveform_picture import draw_sounds
from reelmill.planner.errors import ExportError, SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.sound.sound_analysis import (
    MOST_ANALYSIS_WORKERS,
    PITCH_RATE,
    AnalysisRequest,
    ConformTarget,
    Pitch,
    SoundAnalysis,
)
from reelmill.planner.timeline import Media


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """How `analyze_sounds` works."""

    request: AnalysisRequest = AnalysisRequest()
    folder: Path = Path()
    """Where conformed files go; made where it is missing."""
    picture: Path | None = None
    """Where a picture of all that was measured goes."""
    workers: int | None = None
    """Processes; 0 works in this one, None is one for each core, at most MOST_ANALYSIS_WORKERS."""
    force: bool = False
    """Replace files that exist."""
    allow_network: bool = False


class AnalysisListener(Protocol):
    """Hears how it goes on; called on the thread that asked."""

    def progressed(self, done: int, total: int) -> None:
        """So many steps of about so many are done."""

    def checkpoint(self) -> None:
        """Called several times a second while processes work. May raise (KeyboardInterrupt, say) to end that."""


class SilentAnalysisListener:
    """Hears nothing."""

    def progressed(self, done: int, total: int) -> None:
        pass

    def checkpoint(self) -> None:
        pass


def conformed_name(path: str, target: ConformTarget) -> str:
    """The name of a conformed file: `beach.mp4` at 48000 Hz is `beach-48000Hz.wav`, folded down `…-mono.wav`."""
    return f"{Path(path).stem}-{target.sample_rate}Hz{'-mono' if target.mono else ''}.wav"


def analyze_sounds(
    files: Sequence[tuple[str, MediaFacts]], options: AnalysisOptions, listener: AnalysisListener | None = None
) -> list[SoundAnalysis | ExportError]:
    """What was found of each file (its name for people, its facts), in their order.

    A file whose own fault it is has its error in the list, and its conformed files are not written. Raises SetupError
    for what is wrong with the request or the machine, RenderError where a process dies.
    """
    listener = listener or SilentAnalysisListener()
    _check(files, options)
    if not files:
        return []
    with ExitStack() as stack:
        run = _Run(files, options, listener, stack)
        workers = options.workers
        if workers is None:
            workers = min(MOST_ANALYSIS_WORKERS, available_cores())
        with task_runner(min(workers, max(run.steps, 1)), listener.checkpoint) as runner:
            run.work(runner)
    if options.picture is not None:
        _draw(options.picture, files, run.answers, force=options.force)
    return run.answers


def _check(files: Sequence[tuple[str, MediaFacts]], options: AnalysisOptions) -> None:
    request = options.request
    if request.pitch:
        require_librosa()
    if options.picture is not None:
        check_picture_path(options.picture, has_alpha=False)
        _check_target(options.picture, force=options.force)
    sources: dict[Path, str] = {}
    for name, facts in files if request.conform else ():
        for target in request.conform:
            path = _conform_path(facts, target, options)
            if path in sources:
                raise SetupError(
                    f"{path} would be written twice: from {sources[path]} and from {name}",
                    component="Conform",
                    file=name,
                    suggestion="conform files of one name in several runs, each into a folder of its own",
                )
            sources[path] = name
            _check_target(path, force=options.force)


def _check_target(path: Path, *, force: bool) -> None:
    with OutputFile(path, force=force):
        pass


def _conform_path(facts: MediaFacts, target: ConformTarget, options: AnalysisOptions) -> Path:
    return options.folder / conformed_name(facts.path, target)


@dataclass(slots=True)
class _File:
    """One file under way."""

    number: int
    name: str
    facts: MediaFacts
    outputs: list[OutputFile] = field(default_factory=list)
    pitch_path: Path | None = None
    listened: Listened | None = None
    stretches_left: int = 0
    found: list[PitchStretch] = field(default_factory=list)


class _Run:
    """All files of one call."""

    def __init__(
        self,
        files: Sequence[tuple[str, MediaFacts]],
        options: AnalysisOptions,
        listener: AnalysisListener,
        stack: ExitStack,
    ) -> None:
        """`stack` outlives the run: temporary files and unfinished outputs go with it."""
        self._options, self._listener, self._stack = options, listener, stack
        self._files = [_File(number, name, facts) for number, (name, facts) in enumerate(files)]
        self._answers: dict[int, SoundAnalysis | ExportError] = {}
        self._folder = self._temporary_folder() if options.request.pitch else None
        self._done = 0
        self.steps = sum(1 + self._stretch_estimate(facts) for _, facts in files)
        """About how many tasks there will be."""

    @property
    def answers(self) -> list[SoundAnalysis | ExportError]:
        """In the order of the files; complete after `work`."""
        return [self._answers[number] for number in range(len(self._files))]

    def work(self, runner: TaskRunner) -> None:
        for task, answer in runner.results(self._tasks()):
            assert isinstance(task, ListenTask | PitchTask)
            file = self._files[task.number]
            if isinstance(answer, ExportError):
                self._fail(file, answer)
            elif isinstance(answer, Listened):
                file.listened = answer
                for stretch in self._pitch_tasks(file, answer):
                    file.stretches_left += 1
                    runner.add(stretch)
            else:
                assert isinstance(answer, PitchStretch)
                file.found.append(answer)
                file.stretches_left -= 1
            if file.stretches_left == 0 and file.number not in self._answers:
                self._finish(file)
            self._done += 1
            self._listener.progressed(min(self._done, self.steps), self.steps)

    def _tasks(self) -> Iterator[AnalysisTask]:
        """The first task of each file, made when there is a process for it: then its outputs are opened."""
        for file in self._files:
            try:
                task = self._listen_task(file)
            except ExportError as error:
                self._fail(file, error)
            else:
                yield task

    def _listen_task(self, file: _File) -> ListenTask:
        request, audio = self._options.request, file.facts.audio
        if audio is None:
            raise SetupError(
                "the file has no sound to analyze",
                component="Media",
                file=file.name,
                suggestion="leave the file out, or leave out what is asked for of its sound",
            )
        mono_gains = None
        if any(target.mono for target in request.conform):
            try:
                mono_gains = tuple(float(gain) for gain in stereo_matrix(audio.layout).mean(axis=0))
            except UnknownLayoutError as error:
                raise SetupError(
                    str(error), component="Conform", file=file.name, suggestion="leave out :mono to keep the channels"
                ) from error
        jobs = []
        for target in request.conform:
            path = _conform_path(file.facts, target, self._options)
            output = self._stack.enter_context(OutputFile(path, force=self._options.force))
            file.outputs.append(output)
            jobs.append(ConformJob(target, str(output.path), str(path)))
        if self._folder is not None:
            file.pitch_path = self._folder / f"{file.number}.f32"
        return ListenTask(
            number=file.number,
            media=Media(file.name, file.facts.path),
            facts=file.facts,
            request=request,
            conform=tuple(jobs),
            mono_gains=mono_gains,
            pitch_path=None if file.pitch_path is None else str(file.pitch_path),
            allow_network=self._options.allow_network,
        )

    def _pitch_tasks(self, file: _File, listened: Listened) -> Iterator[PitchTask]:
        if file.pitch_path is None:
            return
        total = pitch_frame_count(listened.pitch_samples)
        for frames in stretches(total):
            yield PitchTask(
                number=file.number,
                file=file.facts.path,
                samples_path=str(file.pitch_path),
                first_frame=frames.start,
                frames=len(frames),
                total_frames=total,
                pitch_range=self._options.request.pitch_range,
            )

    def _finish(self, file: _File) -> None:
        listened, audio = file.listened, file.facts.audio
        assert listened is not None
        assert audio is not None
        try:
            for output in file.outputs:
                output.commit()
        except ExportError as error:
            self._fail(file, error)
            return
        found = sorted(file.found, key=lambda stretch: stretch.first_frame)
        self._forget(file)
        self._answers[file.number] = SoundAnalysis(
            sample_rate=audio.sample_rate,
            start=audio.start,
            samples=listened.samples,
            loudness=listened.loudness,
            silences=listened.silences,
            waveform=listened.waveform,
            pitch=Pitch(
                tuple(f for stretch in found for f in stretch.frequencies),
                tuple(p for stretch in found for p in stretch.probabilities),
            )
            if self._options.request.pitch
            else None,
            conformed=listened.conformed,
        )

    def _fail(self, file: _File, error: ExportError) -> None:
        """The first error of a file is its answer."""
        for output in file.outputs:
            output.discard()
        self._forget(file)
        self._answers.setdefault(file.number, error)

    def _forget(self, file: _File) -> None:
        """The samples of a file that is done need not wait for the others."""
        if file.pitch_path is not None:
            with suppress(OSError):
                file.pitch_path.unlink(missing_ok=True)
        file.outputs.clear()
        file.found = []

    def _stretch_estimate(self, facts: MediaFacts) -> int:
        if facts.audio is None or not self._options.request.pitch:
            return 0
        return len(stretches(pitch_frame_count(int(facts.audio.duration * PITCH_RATE))))

    def _temporary_folder(self) -> Path:
        try:
            return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="reelmill-")))
        except OSError as error:
            raise SetupError(
                f"no temporary folder can be made: {error.strerror}",
                component="Pitch",
                suggestion="set TMPDIR to a folder that you may write to",
            ) from error


def _draw(
    path: Path, files: Sequence[tuple[str, MediaFacts]], answers: Sequence[SoundAnalysis | ExportError], *, force: bool
) -> None:
    sounds = [
        (name, answer) for (name, _), answer in zip(files, answers, strict=True) if isinstance(answer, SoundAnalysis)
    ]
    if not sounds:
        return
    with OutputFile(path, force=force) as target:
        write_picture(target.path, draw_sounds(sounds))
        target.commit()
