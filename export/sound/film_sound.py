"""The sound of an export, mixed once and handed to every output that has sound.

In: the sound plan, the outputs with the ranges that they sound during. Out: a `SoundSource` for each. Owns the mix and
what is kept of it; opened and closed on the render thread, read by the threads of the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from reelmill.export.films.audio_encoding import AudioEncoding
from reelmill.export.films.film_sink import MixedSound
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.export.outputs.output_plan import PlannedOutput
from reelmill.export.sound.kept_sound import Heard, KeptMix
from reelmill.export.sound.loudness import LevelledSound
from reelmill.export.sound.shared_sound import SharedSound
from reelmill.export.sound.sound_mix import SoundMix, SoundStatistics
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.sound.sound_plan import SoundPlan
from reelmill.planner.tracing import Tracer


class FilmSound:
    """Use with `with`, round the outputs' threads."""

    def __init__(
        self,
        plan: SoundPlan,
        outputs: Sequence[PlannedOutput],
        opened: OpenedProject,
        options: ExportOptions,
        *,
        heard: Heard,
        checkpoint: Checkpoint,
        tracer: Tracer,
    ) -> None:
        """`outputs`: those that have sound. Starts to mix at once; where a loudness is wanted it hears all of it first,
        tells `heard`, and calls `checkpoint` while it waits for samples.

        Raises SetupError where it can't be mixed, or the loudness not be reached; RenderError.
        """
        # The loudness of a range is that of the film.
        mixed = range(plan.sample_count)
        if plan.loudness is None:
            mixed = range(min(each.samples.start for each in outputs), max(each.samples.stop for each in outputs))
        self._levelled: list[LevelledSound] = []
        self._kept: KeptMix | None = None
        self.sources: list[MixedSound]
        """In the order of the outputs."""
        with ExitStack() as stack:
            self._mix = SoundMix(
                plan,
                opened.timeline.media,
                opened.facts,
                first_sample=mixed.start,
                sample_count=len(mixed),
                workers=options.audio_workers,
                allow_network=options.allow_network,
                # Else the outputs' threads read, which end in another way.
                checkpoint=no_checkpoint if plan.loudness is None else checkpoint,
            )
            stack.callback(self._mix.close)
            if plan.loudness is not None:
                with tracer.span("mix sound"):
                    self.sources = self._level(plan, outputs, heard, stack)
            elif len(outputs) == 1:
                self.sources = [self._mix]
            else:
                shared = SharedSound(self._mix, channels=plan.channels)
                stack.callback(shared.close)
                self.sources = [
                    shared.reader(range(each.samples.start - mixed.start, each.samples.stop - mixed.start))
                    for each in outputs
                ]
            self._stack = stack.pop_all()

    def statistics(self) -> SoundStatistics:
        """Of mixing and decoding."""
        return self._mix.statistics()

    @property
    def levelling_seconds(self) -> float:
        """Busy time of bringing the sound to its loudness."""
        kept = self._kept.busy_seconds if self._kept is not None else 0.0
        return kept + sum(levelled.busy_seconds for levelled in self._levelled)

    def close(self) -> None:
        """Whoever still reads gets nothing more; a second call does nothing."""
        self._stack.close()

    def __enter__(self) -> FilmSound:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _level(
        self, plan: SoundPlan, outputs: Sequence[PlannedOutput], heard: Heard, stack: ExitStack
    ) -> list[MixedSound]:
        """The levels are found once for each way of encoding: what is measured is what a lossy codec makes of it."""
        self._kept = kept = KeptMix(self._mix, plan, heard)
        stack.callback(kept.close)
        found: dict[AudioEncoding | None, LevelledSound] = {}
        for each in outputs:
            assert each.settings is not None
            audio = each.settings.audio
            assert audio is not None
            codec = None if audio.bitrate is None else audio
            if codec in found:
                levelled = found[codec].again(each.samples)
            else:
                levelled = found[codec] = LevelledSound(kept, plan, audio, each.samples, heard)
            self._levelled.append(levelled)
        return list(self._levelled)
