"""What bounds an export, in one sentence, from the time that each of its threads spent in each stage.

In: a profile's totals. Out: text. The render thread tells it: what it waits for, or does itself, most of the time is
what the export waits for. Passive; plain functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelmill.planner.tracing import Stage

RENDER_THREAD = "render"
ENCODE_THREAD = "encode"
"""Of several outputs each has one, and the output's name follows."""
DECODE_THREADS = "decode "
"""How the names of threads that decode begin; the file's name follows."""
BUSY_CORES = 0.9
"""Of the time of all cores: from here on threads take time from each other, whatever they wait for."""

_DRAWING: tuple[Stage, ...] = ("composite", "upload", "readback", "pass through", "frame")
_DECODING: tuple[Stage, ...] = ("decode", "open decoder")
_ENCODING: tuple[Stage, ...] = ("encode", "mux")
_REST: dict[tuple[Stage, ...], str] = {
    ("plan",): "planning",
    ("mix sound",): "measuring the loudness of the sound",
    ("open",): "opening and checking the project",
    ("finish", "hash"): "completing the file",
}
_WORDS: dict[Stage, str] = {"pass through": "copying untouched frames", "frame": "handing over"}


@dataclass(frozen=True, slots=True)
class ThreadTime:
    """One thread."""

    name: str
    seconds: Mapping[Stage, float]
    """In each stage, without what lies in stages within it."""

    def of(self, *stages: Stage) -> float:
        """Seconds in these stages together."""
        return sum(self.seconds.get(stage, 0.0) for stage in stages)


@dataclass(frozen=True, slots=True)
class ExportTime:
    """A whole export."""

    wall_seconds: float
    cpu_seconds: float
    """Of all threads of the process, those of libraries included."""
    cores: int
    """That the process may use."""
    threads: tuple[ThreadTime, ...]

    def named(self, name: str) -> ThreadTime:
        """The thread of that name; one that did nothing where there is none."""
        return next((thread for thread in self.threads if thread.name == name), ThreadTime(name, {}))

    @property
    def encoder(self) -> ThreadTime:
        """The busiest of the threads that encode, one for each output."""
        encoders = [thread for thread in self.threads if thread.name.split(" ")[0] == ENCODE_THREAD]
        return max(encoders, key=lambda thread: thread.of(*_ENCODING), default=ThreadTime(ENCODE_THREAD, {}))


def bottleneck(time: ExportTime) -> str:
    """The sentence."""
    render, encode = time.named(RENDER_THREAD), time.encoder
    reasons = [
        (render.of("wait for room", "wait for encoder"), _of_encoder(time, render, encode)),
        (render.of("wait for frame", *_DECODING), _of_decoders(time, render)),
        (render.of(*_DRAWING), _of_drawing(time, render, encode)),
        *(
            (render.of(*stages), f"{what} bounds this export: it took {_share(render.of(*stages), time)} of the time")
            for stages, what in _REST.items()
        ),
    ]
    reason = max(reasons)[1]
    used = time.cpu_seconds / (time.wall_seconds * time.cores) if time.wall_seconds else 0.0
    if used < BUSY_CORES:
        return reason
    cores = f"all {time.cores} cores were" if time.cores > 1 else "the only core was"
    return f"{reason}; {cores} busy {min(used, 1):.0%} of it, so that every stage slows the others down"


def _of_encoder(time: ExportTime, render: ThreadTime, encode: ThreadTime) -> str:
    waited, mixed = render.of("wait for room", "wait for encoder"), encode.of("mix sound")
    busy = encode.of(*_ENCODING) + mixed
    what = "mixing sound" if mixed > encode.of(*_ENCODING) else "encoding"
    mixing = f" ({_share(mixed, time)} with sound to mix)" if mixed >= 0.1 * busy > 0 else ""
    return (
        f"{what} bounds this export: {_which(encode)} was busy {_share(busy, time)} of the time{mixing}, "
        f"and the render thread waited {_share(waited, time)} of it for room in its queue or for its end"
    )


def _of_decoders(time: ExportTime, render: ThreadTime) -> str:
    decoders = [thread for thread in time.threads if thread.name.startswith(DECODE_THREADS)]
    busiest = max(decoders, key=lambda thread: thread.of(*_DECODING), default=ThreadTime(DECODE_THREADS, {}))
    name = busiest.name.removeprefix(DECODE_THREADS)
    which = (
        "the decode thread" if len(decoders) == 1 else f"the busiest of {len(decoders)} decode threads, that of {name},"
    )
    return (
        "decoding bounds this export: the render thread waited "
        f"{_share(render.of('wait for frame'), time)} of the time for frames, "
        f"and {which} decoded {_share(busiest.of(*_DECODING), time)} of it"
    )


def _of_drawing(time: ExportTime, render: ThreadTime, encode: ThreadTime) -> str:
    parts = sorted((stage for stage in _DRAWING if render.of(stage)), key=render.of, reverse=True)
    told = ", ".join(f"{_WORDS.get(stage, stage)} {_share(render.of(stage), time)}" for stage in parts[:3])
    return (
        f"compositing bounds this export: it took {_share(render.of(*_DRAWING), time)} of the time ({told}), "
        f"and {_which(encode)} waited {_share(encode.of('wait for picture'), time)} of it for pictures"
    )


def _which(encode: ThreadTime) -> str:
    output = encode.name.removeprefix(ENCODE_THREAD).strip()
    return f"the busiest encode thread, that of {output}," if output else "the encode thread"


def _share(seconds: float, time: ExportTime) -> str:
    return f"{seconds / time.wall_seconds:.0%}" if time.wall_seconds else "0%"
