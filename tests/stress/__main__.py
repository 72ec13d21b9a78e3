"""`make test-stress`: renders whose locks sleep at random, for some minutes; threads that wait for ever are told.

    make test-stress STRESS="--seconds 1800"          half an hour, seeds from the clock
    make test-stress STRESS="--seed 77 --rounds 1"    one round again

Each round has a seed, prints it before it begins, renders a project as it is and once more with locks that sleep
(tests.stress.shaken_threads), and compares the files. A round that takes too long ends the program with the stack of
every thread. Threads are scheduled by the system, so a seed brings the same sleeps, and most often the same order.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import random
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from reelmill.export.api import batch, render
from reelmill.export.opening.job import ExportOptions, SilentListener, SystemChoice
from reelmill.export.opening.project import probe_file
from reelmill.export.pictures.picture_encoding import Png
from reelmill.export.pictures.picture_pipeline import PicturePipeline
from reelmill.export.rendering.session import export_film
from reelmill.export.sound.sound_analyses import AnalysisOptions, analyze_sounds
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import Output
from reelmill.planner.sound.sound_analysis import AnalysisRequest
from tests.stress.scenarios import FILES, OUTPUTS, anything, make_media, many_files, written
from tests.stress.shaken_threads import set_naps, shake

STRENGTHS = ((0.02, 0.03), (0.1, 0.01), (0.3, 0.003), (0.6, 0.001))
"""Chance of a sleep, and the longest, seconds."""
GRACE_SECONDS = 5.0
"""For threads that have been told to end."""


def _lacks_descriptors(error: SetupError) -> bool:
    """Compositions may show so many sounds at once that no room is left for them, which is said beforehand."""
    return "descriptors" in error.message


class Stop(BaseException):
    """Raised at a checkpoint."""


class Stopper(SilentListener):
    """Ends a render after so many checkpoints."""

    def __init__(self, after: int) -> None:
        self._left = after

    def checkpoint(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Stop


class Rounds:
    """All that a round may be. Files lie in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = make_media(folder)
        self.kinds: dict[str, Callable[[random.Random], None]] = {
            "many files": self._many_files,
            "anything": self._anything,
            "five outputs": self._five_outputs,
            "damaged": self._damaged,
            "interrupted": self._interrupted,
            "pictures": self._pictures,
            "processes": self._processes,
        }

    def _many_files(self, generator: random.Random) -> None:
        project = written(
            many_files(self._files, generator.randint(8, FILES), heard=generator.choice((0, 8))), self._folder
        )
        # V1 would need a descriptor for each.
        self._twice(project, generator, OUTPUTS[:1], system="v2")

    def _anything(self, generator: random.Random) -> None:
        self._twice(written(anything(self._files, generator), self._folder), generator, OUTPUTS[:1])

    def _five_outputs(self, generator: random.Random) -> None:
        self._twice(written(anything(self._files, generator), self._folder), generator, OUTPUTS)

    def _damaged(self, generator: random.Random) -> None:
        project = written(anything(self._files, generator, damaged=True), self._folder)
        try:
            self._render(project, _options(generator), OUTPUTS)
        except RenderError:
            return
        except SetupError as error:
            if _lacks_descriptors(error):
                return
            raise
        raise AssertionError("a damaged file was rendered")

    def _interrupted(self, generator: random.Random) -> None:
        project = written(anything(self._files, generator), self._folder)
        stopper = Stopper(generator.choice((0, 3, 10, 30, 60)))
        try:
            export_film(project, self._outputs("stopped", OUTPUTS), _options(generator), stopper)
        except (Stop, SetupError) as ended:
            if not isinstance(ended, Stop) and not _lacks_descriptors(ended):
                raise
            left = [path.name for path in (self._folder / "stopped").glob("*")]
            assert not left, f"left: {left}"
        else:
            self._remove("stopped")

    def _pictures(self, generator: random.Random) -> None:
        pictures = [np.full((8 + n, 16, 4), 10 * n, np.uint8) for n in range(20)]
        with PicturePipeline(1) as one:
            expected = one.encode(pictures, Png())
        with PicturePipeline(generator.randint(2, 5)) as several, ThreadPoolExecutor(3) as callers:
            found = list(callers.map(lambda _: several.encode(pictures, Png()), range(6)))
        assert all(each == expected for each in found)

    def _processes(self, generator: random.Random) -> None:
        paths = [str(self._folder / name) for name in generator.sample(self._files, 3)]
        request = AnalysisRequest(pitch=False)
        analyzed = analyze_sounds([(p, probe_file(p)) for p in paths], AnalysisOptions(request, workers=2))
        assert all(not isinstance(each, Exception) for each in analyzed)
        project = written(many_files(self._files, 3), self._folder)
        jobs = [{"project": str(project), "output": str(self._folder / f"batch-{n}.mp4")} for n in range(3)]
        assert not batch(jobs, processes=2, options=ExportOptions(force=True)).failures

    def _twice(
        self, project: Path, generator: random.Random, names: tuple[str, ...], system: SystemChoice | None = None
    ) -> None:
        """Render with sleeps, then without; the files must be the same."""
        options = _options(generator)
        options = options if system is None else replace(options, system=system)
        try:
            shaken = self._render(project, options, names)
        except SetupError as error:
            if _lacks_descriptors(error):
                return
            raise
        set_naps(0, 0, 0)
        assert shaken == self._render(project, options, names), "other files than without sleeps"

    def _render(self, project: Path, options: ExportOptions, names: tuple[str, ...]) -> dict[str, str]:
        try:
            render(project, self._outputs("made", names), options=options)
            made = sorted(path for path in (self._folder / "made").rglob("*") if path.is_file())
            return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}
        finally:
            self._remove("made")

    def _outputs(self, folder: str, names: tuple[str, ...]) -> list[Output]:
        return [Output(str(self._folder / folder / name)) for name in names]

    def _remove(self, folder: str) -> None:
        for path in sorted((self._folder / folder).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def _options(generator: random.Random) -> ExportOptions:
    return ExportOptions(
        system=generator.choice(("v1", "v2", "v2")),
        cache_bytes=generator.choice((10**5, 10**6, 500 * 10**6)),
        audio_workers=generator.choice((None, 1, 3)),
        force=True,
    )


def main() -> int:
    """Run rounds for a time, or so many; 0 where nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rounds", type=int, help="so many instead of a time")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round; each has one more")
    parser.add_argument("--kind", help="only such rounds, such as `many files`")
    parser.add_argument("--descriptors", type=int, default=64, help="how many files this process may hold open")
    parser.add_argument("--limit", type=float, default=120, help="seconds for a round until it counts as hanging")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (asked.descriptors, asked.descriptors))
    with tempfile.TemporaryDirectory() as folder:
        return _run(Rounds(Path(folder)), asked)


def _run(rounds: Rounds, asked: argparse.Namespace) -> int:
    # What is loaded late is loaded by now, and can be shaken.
    rounds.kinds["five outputs"](random.Random(0))
    rounds.kinds["pictures"](random.Random(0))
    shake()
    kinds = [asked.kind] if asked.kind else list(rounds.kinds)
    weights = [1 if kind == "processes" else 6 for kind in kinds]
    done: Counter[str] = Counter()
    began, seed = time.monotonic(), asked.seed
    while done.total() < asked.rounds if asked.rounds else time.monotonic() - began < asked.seconds:
        generator = random.Random(seed)
        (kind,) = generator.choices(kinds, weights)
        print(f"seed {seed}: {kind}", flush=True)
        faulthandler.dump_traceback_later(asked.limit, exit=True)
        set_naps(seed, *generator.choice(STRENGTHS))
        try:
            rounds.kinds[kind](generator)
            _check_threads()
        except BaseException:
            print(f"seed {seed} failed: {kind}", file=sys.stderr)
            raise
        finally:
            set_naps(0, 0, 0)
            faulthandler.cancel_dump_traceback_later()
        done[kind] += 1
        seed += 1
    print(f"{done.total()} rounds without a hang in {time.monotonic() - began:.0f} s: {dict(done)}")
    return 0


def _check_threads() -> None:
    """None is left."""
    limit = time.monotonic() + GRACE_SECONDS
    while (left := set(threading.enumerate()) - {threading.main_thread()}) and time.monotonic() < limit:
        time.sleep(0.01)
    assert not left, f"threads are left: {left}"


if __name__ == "__main__":
    sys.exit(main())
