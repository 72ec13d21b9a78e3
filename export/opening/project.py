"""From a project file to all that an export needs to know of it: resolved timeline, facts, text sizes.

Every problem of the file and of its media is found here, before anything is rendered, and reported at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path

from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.shared_resources import SharedResources
from reelmill.planner.clock import frame_count
from reelmill.planner.content import Drawing
from reelmill.planner.errors import Problem, Problems, ProjectError, SetupError
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.media import MediaFacts
from reelmill.planner.process.thread_pool import ThreadPool
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint, wait_until
from reelmill.planner.project_file.loader import FaultyProject, list_media_used, load_checked
from reelmill.planner.scheduling.clip_uses import clip_uses, decode_sources
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.scheduling.file_usage import sharing
from reelmill.planner.subtitles import CueSheet
from reelmill.planner.timeline import Media, Subtitles, Timeline
from reelmill.planner.timelines.markers import find_marker_problems
from reelmill.planner.timelines.resolve import find_problems, resolve
from reelmill.planner.timelines.selection import System, complexity, select_export_system
from reelmill.planner.timelines.walk import reachable_clips


@dataclass(frozen=True, slots=True)
class OpenedProject:
    """A project whose every question is answered."""

    timeline: Timeline
    """Resolved."""
    facts: dict[str, MediaFacts]
    """Of the media that the timeline shows, by name."""
    drawn_sizes: dict[Drawing, tuple[float, float]]
    """Nominal width and height, pixels."""
    warnings: tuple[str, ...]
    shared: SharedResources | None = None
    """What it has in common with other renders of this process."""
    subtitles: tuple[tuple[Subtitles, CueSheet], ...] = ()
    """Every entry of `subtitles` with its file. The timeline shows those that are burnt in."""


def open_project(
    path: Path,
    options: ExportOptions,
    shared: SharedResources | None = None,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    checkpoint: Checkpoint = no_checkpoint,
) -> OpenedProject:
    """Load, probe, measure and resolve. `shared`: what this process keeps from one project to the next.

    `meanwhile` is called once, while other threads probe the project's files mostly without Python's lock;
    `checkpoint` between the steps, and while files are waited for. It may raise.

    Raises ProjectError with all problems, SetupError for a project file that can't be read.
    """
    loaded = load_checked(path, options.variables, allow_network=options.allow_network, text=options.project_text)
    checkpoint()
    if isinstance(loaded, FaultyProject):
        raise _with_media_problems(loaded, path, options, checkpoint)
    facts, problems = _probe(loaded.timeline, options, shared, meanwhile, checkpoint)
    drawn_sizes = _check_drawings(loaded.timeline, problems, checkpoint)
    checkpoint()
    problems.extend(_check_filters(loaded.timeline))
    subtitles, unreadable = _read_subtitles(loaded.timeline)
    checkpoint()
    problems.extend(unreadable)
    problems.extend(find_marker_problems(loaded.timeline.markers, loaded.timeline.root.duration))
    problems.extend(find_problems(loaded.timeline, facts))
    if problems:
        raise ProjectError(loaded.origins.problems(problems), file=str(path))
    resolved = resolve(loaded.timeline, facts)
    timeline, film = resolved.timeline, resolved.timeline.duration
    problems.extend(find_marker_problems(timeline.markers, film))
    warnings = [*loaded.warnings, *map(loaded.origins.text, resolved.warnings)]
    if subtitles:
        from reelmill.export.subtitles.project_subtitles import burn_project_subtitles, subtitle_warnings

        burnt = burn_project_subtitles(timeline, subtitles)
        timeline = burnt.timeline
        drawn_sizes |= burnt.drawn_sizes
        problems.extend(burnt.problems)
        warnings += map(loaded.origins.text, (*subtitle_warnings(subtitles, film), *burnt.warnings))
    if problems:
        raise ProjectError(loaded.origins.problems(problems), file=str(path))
    return OpenedProject(timeline, facts, drawn_sizes, tuple(warnings), shared, subtitles)


def _with_media_problems(
    faulty: FaultyProject, path: Path, options: ExportOptions, checkpoint: Checkpoint
) -> ProjectError:
    """The problems of a project file, and those of what it names as far as that can be told beside them."""
    timeline = faulty.timeline
    if timeline is not None:
        facts, problems = _probe(timeline, options, None, lambda: None, checkpoint)
        _check_drawings(timeline, problems, checkpoint)
        problems.extend(_check_filters(timeline))
        problems.extend(_read_subtitles(timeline)[1])
        if faulty.times_hold:
            problems.extend(find_problems(timeline, facts))
        faulty.problems.extend(problems)
    return faulty.error(str(path))


def _read_subtitles(timeline: Timeline) -> tuple[tuple[tuple[Subtitles, CueSheet], ...], list[Problem]]:
    if not timeline.subtitles:
        return (), []
    from reelmill.export.subtitles.project_subtitles import read_project_subtitles

    return read_project_subtitles(timeline)


def _probe(
    timeline: Timeline,
    options: ExportOptions,
    shared: SharedResources | None,
    meanwhile: Callable[[], object],
    checkpoint: Checkpoint,
) -> tuple[dict[str, MediaFacts], Problems]:
    from reelmill.decoders.files.file_hash import told_apart
    from reelmill.decoders.probe import probe
    from reelmill.decoders.shared.decode_slots import available_cores
    from reelmill.decoders.shared.heap import probing

    find_out = probe if shared is None else shared.probes.probe

    def look(name: str) -> MediaFacts | Problem:
        try:
            return find_out(timeline.media[name], allow_network=options.allow_network)
        except SetupError as error:
            path = timeline.media[name].path
            return Problem(f"$.media.{name}", f"{path}: {error.message}", error.suggestion)

    names = sorted(list_media_used(timeline))
    with probing():
        pool = ThreadPool(available_cores(), thread_name_prefix="probe")
        try:
            looked = [pool.submit(look, name) for name in names]
            meanwhile()
            wait_until(lambda seconds: not wait(looked, seconds).not_done, checkpoint)
            found = {name: each.result() for name, each in zip(names, looked, strict=True)}
        finally:
            # Nobody waits for a file that is large, or on a slow disk, once all is to end.
            pool.shutdown(wait=False, cancel_futures=True)
    facts = {name: each for name, each in found.items() if isinstance(each, MediaFacts)}
    return told_apart(facts), Problems(each for each in found.values() if isinstance(each, Problem))


def _check_drawings(
    timeline: Timeline, problems: Problems, checkpoint: Checkpoint
) -> dict[Drawing, tuple[float, float]]:
    """The sizes of all drawings; what is wrong with one joins the problems."""
    from reelmill.compositor.contents.drawer import drawer_of

    sizes: dict[Drawing, tuple[float, float]] = {}
    for _, _, clip in reachable_clips(timeline):
        drawing = clip.content
        if not isinstance(drawing, Drawing) or not drawing.has_pixels:
            continue
        checkpoint()
        drawer = drawer_of(drawing.kind)
        try:
            drawer.check(drawing)
            sizes[drawing] = drawer.size(drawing)
        except SetupError as error:
            message = error.message if error.file is None else f"{error.file}: {error.message}"
            problems.add(Problem(f"{clip.path}.{drawing.kind}", message, error.suggestion))
    return sizes


def _check_filters(timeline: Timeline) -> list[Problem]:
    """Chains of filters that are not taken, of the film and of the tracks and clips that it shows."""
    chains = {"$": timeline.master.filters}
    for _, track, clip in reachable_clips(timeline):
        chains |= {track.path: track.audio.filters, clip.path: clip.audio.filters}
    given = {f"{path}.audio.filters": chain for path, chain in chains.items() if chain is not None}
    if not given:
        return []
    from reelmill.export.sound.panning import bus_layout
    from reelmill.export.sound.sound_filters import find_faults

    faults = find_faults(given.values(), bus_layout(timeline.channels), timeline.sample_rate)
    return [Problem(path, str(faults[chain]), faults[chain].hint) for path, chain in given.items() if chain in faults]


def planner_for(opened: OpenedProject, frames: FrameSet | range, options: ExportOptions) -> ExportPlanner:
    """The planner of an export that makes pictures of some frames. Raises SetupError."""
    return ExportPlanner(
        opened.timeline,
        opened.facts,
        opened.drawn_sizes,
        frames,
        simplify=options.fast_paths,
        scale=options.canvas_scale,
    )


def choose_system(opened: OpenedProject, options: ExportOptions) -> tuple[System, str]:
    """The decoding system and its reason: those of the whole film, whatever part of it is asked for.

    Raises SetupError for a timeline that shows clips too often to be planned ahead.
    """
    timeline = opened.timeline
    shared = None
    if options.system == "auto":
        frames = range(frame_count(timeline.duration, timeline.fps))
        shared = sharing(clip_uses(timeline, decode_sources(timeline.media, opened.facts), frames))
    return select_export_system(complexity(timeline, opened.facts), shared, options.system)


def probe_file(path: str, *, allow_network: bool = False) -> MediaFacts:
    """The facts of one file, image sequence or address, outside of any project. Raises SetupError."""
    from reelmill.decoders.files.container import is_address
    from reelmill.decoders.probe import probe

    where = path if is_address(path) else str(Path(path).absolute())
    return probe(Media(path, where), allow_network=allow_network)
