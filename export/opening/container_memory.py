"""The memory that a container lets this process have, and what an export makes of it before it starts.

In: the control groups of Linux, the outputs, the limits that were asked for. Out: limits that fit, and warnings with
the numbers. Where a container's limit is passed the kernel ends the process without a word, so the frame cache is made
smaller in time. Plain functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from reelmill.export.opening.job import ExportOptions
from reelmill.export.outputs.output_plan import PlannedOutput

_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60
"""The first version writes a number beyond this where there is none."""
_BASE_BYTES = 180 * 10**6
"""A render of small pictures in all: Python, libav, OpenGL in software, fonts (measured: 184 MB at 320×180)."""
_FRAMES_HELD = 190
"""Pictures that decoders, queues and an encoder hold for one film (measured with h264 at preset medium: 200 at 720p,
185 at 1080p, 160 at 2160p)."""
_FEWEST_CACHE_BYTES = 32 * 10**6
_BYTES_PER_PIXEL = 1.5


def memory_limit_bytes(groups: Path = _GROUPS, mount: Path = _MOUNT) -> int | None:
    """The lowest limit of this process' control groups and of all above them; None without one, and off Linux."""
    found = []
    for place in _places(groups, mount):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):
                found.append(int((place / name).read_text(encoding="ascii")))
    return min((limit for limit in found if limit < _NO_LIMIT), default=None)


def fitted(
    options: ExportOptions,
    outputs: Sequence[PlannedOutput],
    *,
    holds: Callable[[int], bool] | None,
    limit_bytes: int | None,
) -> tuple[ExportOptions, list[str]]:
    """The options with a frame cache that fits into the container, and what to warn of.

    `holds`: whether a cache of so many bytes holds what one output frame shows; None for a render without a cache.
    """
    if limit_bytes is None:
        return options, []
    each_bytes = limit_bytes // options.processes
    pixels = [each.size[0] * each.size[1] for each in outputs if each.kind in ("film", "hls")]
    needed = _BASE_BYTES + int(sum(pixels) * _BYTES_PER_PIXEL) * _FRAMES_HELD
    room = max(each_bytes - needed, _FEWEST_CACHE_BYTES)
    warnings = []
    if needed + (_FEWEST_CACHE_BYTES if holds else 0) > each_bytes:
        warnings.append(
            f"this container may use {_megabytes(limit_bytes)} of memory, and the export needs about "
            f"{_megabytes(needed * options.processes)}: the system may end it without a word. Allow it more, or lower "
            "--size or --preset, or use --draft" + (", or a smaller --jobs" if options.processes > 1 else "")
        )
    if holds is None or options.memory_limit_bytes <= room:
        return options, warnings
    options = replace(options, cache_bytes=min(options.cache_bytes, room))
    if holds(room):
        asked = _megabytes(options.memory_limit_bytes)
        options = replace(options, memory_limit_bytes=room)
        warnings.append(
            f"the frame cache may take {_megabytes(room)}, not {asked}: this container may use "
            f"{_megabytes(limit_bytes)} of memory"
        )
    return options, warnings


def _places(groups: Path, mount: Path) -> Iterator[Path]:
    """The folders of this process' groups in both versions, and of all above them."""
    try:
        lines = groups.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = mount / "memory" if controllers else mount
        # Inside a container the path may be that outside of it: then only the top is there.
        inside = PurePosixPath(path.lstrip("/"))
        yield from (top / part for part in (inside, *inside.parents))


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
