"""A profile of one export: when each thread did what, as a trace for Perfetto, and what bounds it all.

In: spans and levels that the stages of the export tell (planner.tracing), from any thread. Out: a file in Chrome's
trace event format, and a sentence. Spans are kept as numbers in arrays, 40 bytes each, so that long exports can be
profiled. Thread-safe while it is told things; read when the threads have ended.
"""

from __future__ import annotations

import json
import os
import threading
import time
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.export.outputs.text_file import check_text_path, write_text_file
from reelmill.export.telling.bottleneck import ENCODE_THREAD, RENDER_THREAD, ExportTime, ThreadTime, bottleneck
from reelmill.planner.errors import RenderError
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.tracing import Counter, Stage

STAGES: tuple[Stage, ...] = get_args(Stage)
COUNTERS: tuple[Counter, ...] = get_args(Counter)
_UNITS: dict[Counter, str] = {"encode queue": "pictures", "frame cache": "bytes"}
_NUMBER_OF = {name: number for number, name in enumerate((*STAGES, *COUNTERS))}
_NONE = -1
_FIELDS = 5
"""Of a span: stage, output frame, clip, begin, end."""
_HEAD = '{"otherData":{"reelmill":'
"""How a profile begins: what tells it from other files."""


class _Track:
    """What one thread told. Written by that thread alone."""

    __slots__ = ("clips", "levels", "name", "spans")

    def __init__(self, name: str) -> None:
        self.name = name
        self.spans = array("q")
        """Five numbers each, in the order in which they ended; nanoseconds of time.perf_counter_ns."""
        self.levels = array("q")
        """Three each: counter, time, value."""
        self.clips: dict[str, int] = {}

    def ordered(self) -> list[tuple[int, ...]]:
        """Its spans in the order in which they began, those that lie in another one after it."""
        spans = [tuple(self.spans[at : at + _FIELDS]) for at in range(0, len(self.spans), _FIELDS)]
        # Of two with the same times the one that ended last is the outer one; sorting keeps the order of equals.
        spans.reverse()
        spans.sort(key=lambda span: (span[3], -span[4]))
        return spans

    def own_seconds(self) -> dict[Stage, float]:
        """Time in each stage without what lies in spans within."""
        own: defaultdict[Stage, float] = defaultdict(float)
        around: list[tuple[int, ...]] = []
        for span in self.ordered():
            seconds = (span[4] - span[3]) / 1e9
            while around and around[-1][4] <= span[3]:
                around.pop()
            own[STAGES[span[0]]] += seconds
            if around:
                own[STAGES[around[-1][0]]] -= seconds
            around.append(span)
        return {stage: max(seconds, 0.0) for stage, seconds in own.items()}


class _Span:
    """One stretch of time of one thread."""

    __slots__ = ("_began", "_clip", "_frame", "_stage", "_track")

    def __init__(self, track: _Track, stage: int, frame: int, clip: int) -> None:
        self._track, self._stage, self._frame, self._clip = track, stage, frame, clip

    def __enter__(self) -> None:
        self._began = time.perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        now = time.perf_counter_ns()
        self._track.spans.extend((self._stage, self._frame, self._clip, self._began, now))


class Profile:
    """Implements planner.tracing.Tracer. The thread that makes it is the render thread."""

    enabled = True

    def __init__(self) -> None:
        """Time counts from now on."""
        self._began = time.perf_counter_ns()
        self._cpu_began = time.process_time()
        self._own = threading.local()
        self._tracks: list[_Track] = []
        self._registering = threading.Lock()
        self._register(RENDER_THREAD)

    def span(self, stage: Stage, frame: int | None = None, clip: str | None = None) -> AbstractContextManager[None]:
        """See Tracer."""
        track = self._track()
        return _Span(
            track,
            _NUMBER_OF[stage],
            _NONE if frame is None else frame,
            _NONE if clip is None else track.clips.setdefault(clip, len(track.clips)),
        )

    def level(self, counter: Counter, value: int) -> None:
        """See Tracer."""
        self._track().levels.extend((_NUMBER_OF[counter] - len(STAGES), time.perf_counter_ns(), value))

    def time(self) -> ExportTime:
        """The totals up to now."""
        wall = (time.perf_counter_ns() - self._began) / 1e9
        cpu = time.process_time() - self._cpu_began
        threads = tuple(ThreadTime(track.name, track.own_seconds()) for track in self._tracks)
        return ExportTime(wall, cpu, available_cores(), threads)

    def bottleneck(self) -> str:
        """What bounds the export, up to now, in one sentence."""
        return bottleneck(self.time())

    def lines(self, sentence: str | None) -> Iterator[str]:
        """The trace as JSON, piece by piece. `sentence`: the bottleneck, where one can be told."""
        yield f'{_HEAD}{_json(version("reelmill"))},"bottleneck":{_json(sentence)}}},\n'
        yield '"displayTimeUnit":"ms","traceEvents":[\n'
        process = os.getpid()
        yield _json({"ph": "M", "name": "process_name", "pid": process, "args": {"name": "reelmill export"}})
        for number, track in enumerate(self._tracks, 1):
            for event in self._events(track, f'"pid":{process},"tid":{number}'):
                yield f",\n{event}"
        yield "\n]}\n"

    def _events(self, track: _Track, where: str) -> Iterator[str]:
        """Put together by hand: a long film has a million of them."""
        order = {RENDER_THREAD: 0, ENCODE_THREAD: 1}.get(track.name, 2)
        yield f'{{"ph":"M","name":"thread_name",{where},"args":{{"name":{_json(track.name)}}}}}'
        yield f'{{"ph":"M","name":"thread_sort_index",{where},"args":{{"sort_index":{order}}}}}'
        heads = [f'"name":"{stage}","cat":"{"wait" if stage.startswith("wait") else "work"}"' for stage in STAGES]
        clips = [f'"clip":{_json(clip)}' for clip in track.clips]
        for stage, frame, clip, began, ended in track.ordered():
            told = ",".join(([] if frame == _NONE else [f'"frame":{frame}']) + ([] if clip == _NONE else [clips[clip]]))
            when = f'"ts":{self._microseconds(began)},"dur":{(ended - began) / 1000}'
            yield f'{{"ph":"X",{heads[stage]},{when},{where},"args":{{{told}}}}}'
        for at in range(0, len(track.levels), 3):
            counter, moment, value = track.levels[at : at + 3]
            what = f'"name":"{COUNTERS[counter]}","ts":{self._microseconds(moment)}'
            yield f'{{"ph":"C",{what},{where},"args":{{"{_UNITS[COUNTERS[counter]]}":{value}}}}}'

    def _microseconds(self, moment: int) -> float:
        return (moment - self._began) / 1000

    def _track(self) -> _Track:
        track: _Track | None = getattr(self._own, "track", None)
        return track or self._register(threading.current_thread().name)

    def _register(self, name: str) -> _Track:
        """Identifiers of threads are used again when one has ended, so each gets a number of its own."""
        track = self._own.track = _Track(name)
        with self._registering:
            self._tracks.append(track)
        return track


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def check_profile_path(path: Path, others: Iterable[Path]) -> None:
    """Find out before the export whether its profile can be written afterwards. Raises SetupError."""
    check_text_path(path, "profile", others=others, is_ours=_is_profile)


def _is_profile(path: Path) -> bool:
    with open_for_reading(path) as file:
        return file.read(len(_HEAD)) == _HEAD.encode()


def write_profile(path: Path, profile: Profile, sentence: str | None) -> None:
    """Write the trace, whole or not at all. Raises RenderError where the file can't be written."""
    try:
        write_text_file(path, profile.lines(sentence))
    except OSError as error:
        raise RenderError(
            f"the profile can't be written: {error.strerror}",
            component="Profile",
            file=str(path),
            suggestion="name a file in a folder that you may write to",
        ) from error
