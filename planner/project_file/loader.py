"""From a project file to a `Timeline`, or to every problem in it at once.

In: a path or a text, and the values that are given to variables. Out: frozen data (planner.timeline)
in which only what the media decide is still open; planner.resolve fills that in. Opens no media.

The steps: JSON (planner.syntax), variables and repeats (planner.template), counts, fields (planner.document), rules
between fields (planner.rules) and nesting; then the timeline is built (planner.build).
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from reelmill.planner import limits
from reelmill.planner.document.project_model import ProjectModel, TrackModel
from reelmill.planner.errors import Problem, Problems, ProjectError, SetupError
from reelmill.planner.fields.kinds import read_rate
from reelmill.planner.fields.places import FieldContext
from reelmill.planner.json_path import Location, json_path, location_of
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.project_file import rules
from reelmill.planner.project_file.build import build_timeline
from reelmill.planner.project_file.document_problems import problems_of
from reelmill.planner.project_file.salvage import faults_in, salvaged
from reelmill.planner.templates.origins import Origins
from reelmill.planner.templates.syntax import parse_json
from reelmill.planner.templates.template import Expansion, expand
from reelmill.planner.timeline import Timeline
from reelmill.planner.timelines.nesting import cycles, deepest_chain, instances
from reelmill.planner.timelines.resolve import clips_needed, compositions_reached

_NTSC = {
    Fraction(decimals): ratio
    for ratio, several in {
        "24000/1001": ("23.976", "23.98"),
        "30000/1001": ("29.97",),
        "48000/1001": ("47.952", "47.95"),
        "60000/1001": ("59.94",),
        "120000/1001": ("119.88",),
    }.items()
    for decimals in several
}
"""What people write for the rates of NTSC, and what those are."""


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project file without a problem of its own."""

    timeline: Timeline
    """Times that depend on media are still open (planner.resolve). Its paths are those of the expanded template."""
    warnings: tuple[str, ...]
    origins: Origins = field(default_factory=Origins)
    """From these paths to those of the file, for problems that are found later."""
    unused: Mapping[str, str | None] = field(default_factory=dict)
    """Variables of a list of jobs that the project does not use, each with a hint."""


@dataclass(frozen=True, slots=True)
class FaultyProject:
    """A project file with problems, and what can still be checked of it."""

    problems: Problems
    """With the paths of the expanded template. Others may be added."""
    origins: Origins
    timeline: Timeline | None
    """Without the faulty parts; None where too much is wrong."""
    times_hold: bool
    """The clips of this timeline are shown when the author wants them to be, so that times can be checked."""

    def error(self, file: str | None = None) -> ProjectError:
        """All problems, with the paths of the file."""
        ordered = Problems(sorted(self.problems, key=_in_order))
        ordered.more += self.problems.more
        return ProjectError(self.origins.problems(ordered), file=file)


def load(path: Path, variables: Mapping[str, object], *, allow_network: bool = False) -> LoadedProject:
    """Read a project file. Raises SetupError where it can't be read, ProjectError with all problems in it."""
    loaded = load_checked(path, variables, allow_network=allow_network)
    if isinstance(loaded, FaultyProject):
        raise loaded.error(str(path))
    return loaded


def load_checked(
    path: Path, variables: Mapping[str, object], *, allow_network: bool = False, text: str | None = None
) -> LoadedProject | FaultyProject:
    """Read a project file, and keep what can be used of one with problems.

    Raises SetupError where the file can't be read, ProjectError where it is no JSON. `text`: what would stand in the
    file, where there is none.
    """
    given, base_dir = _read(path) if text is None else text, path.absolute().parent
    try:
        loaded = _load_text(given, base_dir, variables, allow_network=allow_network)
    except ProjectError as error:
        error.locate(file=str(path))
        raise
    if text is None:
        loaded.origins.source = given
    return loaded


def load_document(
    text: str, base_dir: Path, variables: Mapping[str, object], *, allow_network: bool = False
) -> LoadedProject:
    """Read the text of a project whose relative paths begin in `base_dir`. Raises ProjectError."""
    loaded = _load_text(text, base_dir, variables, allow_network=allow_network)
    if isinstance(loaded, FaultyProject):
        raise loaded.error()
    return loaded


def _load_text(
    text: str, base_dir: Path, variables: Mapping[str, object], *, allow_network: bool
) -> LoadedProject | FaultyProject:
    with _no_collection():
        data = parse_json(text)
        if not isinstance(data, dict):
            raise ProjectError([Problem("$", "a project is an object: { … }")])
        expansion = expand(data, variables, folder=base_dir)
        return _load(expansion, base_dir, allow_network)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keeps the collector of reference cycles from walking, again and again, a million new objects that have none.

    Halves the time of large projects: 3 MB of JSON with 10,000 clips took 1.8 s of CPU with it and 0.9 s without.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _load(expansion: Expansion, base_dir: Path, allow_network: bool) -> LoadedProject | FaultyProject:
    """The timeline of a template that was filled in."""
    data, problems, origins = expansion.data, expansion.problems, expansion.origins
    filled_in = not problems
    if too_many := _check_counts(data):
        problems.extend(too_many)
        return FaultyProject(problems, origins, None, times_hold=False)
    context = _context(data, base_dir, allow_network)
    project, faults = None, list[Location]()
    try:
        project = ProjectModel.model_validate(data, context=context)
    except ValidationError as error:
        known = {problem.path for problem in problems}
        problems.extend(problem for problem in problems_of(error) if problem.path not in known)
        problems.more += context.unlisted.count
        faults = faults_in(error)
    broken, tangled = list(rules.check_rules(data)), list(_check_nesting(data))
    problems.extend([*broken, *tangled])
    if not problems and project is not None:
        warnings = (*_warn_rates(project), *_warn_transitions(project))
        told = tuple(map(origins.text, warnings))
        return LoadedProject(build_timeline(project, context), told, origins, expansion.unused)
    if not filled_in or tangled or problems.more:
        return FaultyProject(problems, origins, None, times_hold=False)
    faults += [location_of(problem.path) for problem in broken]
    rest, times_hold = salvaged(data, faults, lambda rest: _context(rest, base_dir, allow_network))
    return FaultyProject(problems, origins, None if rest is None else build_timeline(rest, context), times_hold)


def list_media_used(timeline: Timeline) -> set[str]:
    """Names of the media that a render needs: those of enabled clips that the root reaches, through compositions.

    A clip that is switched off keeps its place, so its media count where only they tell when the next clip starts.
    """
    reached = compositions_reached(timeline)
    canvases = [timeline.root, *(timeline.compositions[name] for name in reached)]
    return {
        media
        for canvas in canvases
        for track in canvas.tracks
        for clip in clips_needed(track)
        if (media := clip.content.media_shown) is not None
    }


def _in_order(problem: Problem) -> list[str | tuple[int, str]]:
    """By path, numbers by value: what concerns one clip stands together."""
    parts = re.split(r"([0-9]+)", problem.path)
    # A name may hold more digits than Python makes an integer of.
    return [(len(part.lstrip("0")), part) if index % 2 else part for index, part in enumerate(parts)]


def _read(path: Path) -> str:
    """The file's text. Raises SetupError."""

    def refused(message: str, suggestion: str | None = None) -> SetupError:
        return SetupError(message, component="Project", file=str(path), suggestion=suggestion)

    try:
        with open_for_reading(path, stream=True) as file:
            content = file.read(limits.MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise refused("the project file does not exist", "`reelmill init` makes one to start from") from error
    except IsADirectoryError as error:
        inside = path / "project.json"
        hint = f"did you mean {inside}?" if inside.is_file() else "give the project file inside"
        raise refused("the project is a folder, not a file", hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise refused(f"the project file can't be read: {reason}") from error
    if len(content) > limits.MAX_FILE_BYTES:
        raise refused(f"the project file has more than {limits.MAX_FILE_BYTES // 2**20} MiB, which is the limit")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        raise refused(f"the project file is not UTF-8 text (byte {error.start + 1})", hint) from error


def _check_counts(data: dict[str, Any]) -> list[Problem]:
    """Counts that would only cost time and memory further on."""
    tracks = clips = 0
    for location, owner in rules.canvases(data):
        tracks += _length(owner.get("tracks"))
        clips += sum(_length(track.get("clips")) for _, track in rules.tracks(location, owner))
    counts = [
        ("tracks", tracks, limits.MAX_TRACKS),
        ("clips", clips, limits.MAX_CLIPS),
        ("media", _length(data.get("media")), limits.MAX_MEDIA),
        ("compositions", _length(data.get("compositions")), limits.MAX_COMPOSITIONS),
    ]
    return [Problem("$", f"{count} {what}; {most} is the limit") for what, count, most in counts if count > most]


def _length(section: object) -> int:
    return len(section) if isinstance(section, dict | list) else 0


def _context(data: dict[str, Any], base_dir: Path, allow_network: bool) -> FieldContext:
    """What single fields need. A rate that can't be read is a problem of its own; 30 stands for it until then."""
    canvas = data.get("canvas")
    try:
        fps = read_rate(canvas.get("fps") if isinstance(canvas, dict) else None)
    except PydanticCustomError:
        fps = Fraction(30)
    media, compositions = (data.get(section, {}) for section in ("media", "compositions"))
    return FieldContext(
        fps=fps,
        media=media if isinstance(media, dict) else None,
        compositions=compositions if isinstance(compositions, dict) else None,
        base_dir=base_dir,
        allow_network=allow_network,
    )


def _check_nesting(data: dict[str, Any]) -> list[Problem]:
    """Cycles of compositions; where there are none, depth and the number of instances."""
    shown: dict[str | None, list[str]] = {}
    counts: dict[str | None, int] = {}
    places: dict[tuple[str | None, str], Location] = {}
    known = {location[-1] for location, _ in rules.canvases(data) if location}
    for location, owner in rules.canvases(data):
        name = str(location[-1]) if location else None
        inner = shown.setdefault(name, [])
        counts[name] = 0
        for track_location, track in rules.tracks(location, owner):
            for clip_location, clip in rules.clips(track_location, track):
                counts[name] += 1
                if isinstance(composition := clip.get("composition"), str) and composition in known:
                    inner.append(composition)
                    places.setdefault((name, composition), clip_location)
    roots = shown.pop(None)
    children = {str(name): inner for name, inner in shown.items()}
    if loops := cycles(children):
        return [
            Problem(
                json_path((*places[loop[0], loop[1]], "composition")),
                f"compositions contain one another without end: {' → '.join(loop)}",
                "take one of these clips out",
            )
            for loop in loops
        ]
    depth = len(deepest_chain(children, children))
    if depth > limits.MAX_NESTING:
        return [Problem("$.compositions", f"compositions nest {depth} deep; {limits.MAX_NESTING} is the limit")]
    clips = counts[None] + instances(children, {str(name): n for name, n in counts.items()}, roots)
    if clips > limits.MAX_INSTANCES:
        message = f"nesting makes {clips} clips of this; {limits.MAX_INSTANCES} is the limit"
        return [Problem("$.tracks", message)]
    return []


def _warn_rates(project: ProjectModel) -> Iterable[str]:
    rates: dict[Location, Fraction] = {("canvas", "fps"): project.canvas.fps}
    rates |= {("media", name, "fps"): entry.fps for name, entry in project.media.items() if entry.fps is not None}
    for location, fps in rates.items():
        if ratio := _NTSC.get(fps):
            written = f"{float(fps):g}"
            yield f'{json_path(location)}: {written} is taken as exactly {written}; the rate of NTSC is "{ratio}"'


def _warn_transitions(project: ProjectModel) -> Iterable[str]:
    """Keys of a transition that its type does not use."""
    canvases: list[tuple[Location, list[TrackModel]]] = [(("tracks",), project.tracks)]
    canvases += [(("compositions", name, "tracks"), c.tracks) for name, c in project.compositions.items()]
    for location, tracks in canvases:
        for t, track in enumerate(tracks):
            for c, clip in enumerate(track.clips):
                if clip.transition is None:
                    continue
                kind, given = clip.transition.type, clip.transition.model_fields_set
                for key, users in (("direction", ("wipe", "push")), ("color", ("fade",))):
                    if key in given and kind not in users:
                        path = json_path((*location, t, "clips", c, "transition", key))
                        yield f"{path}: without effect on the transition {kind}; it is for {' and '.join(users)}"
