"""One project under check: which frames, rendered once, held against what is stored or stored anew.

In: a project file, the store of its goldens, options. Out: a ProjectResult. One use; the render thread is the caller's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reelmill.export.checks.check_compare import compare_film, compare_frame, compare_sound, explain
from reelmill.export.checks.check_film import as_film_shows, encoded_film
from reelmill.export.checks.check_job import CheckListener, CheckOptions
from reelmill.export.checks.check_render import has_sound, listen, moments_planner, render_frames, renderer_name
from reelmill.export.checks.check_result import FrameResult, ProjectResult, ShownPictures, SoundResult
from reelmill.export.checks.golden_keys import content_keys, media_hashes, versions
from reelmill.export.checks.golden_manifest import FilmFacts, Manifest, StoredFrame
from reelmill.export.checks.golden_store import GoldenStore, GoldenUpdate
from reelmill.export.checks.picture_comparison import shown_pictures, thumbnail
from reelmill.export.opening.project import OpenedProject, choose_system, open_project
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.checks import (
    ENCODER,
    EXACT,
    RENDERER,
    Auto,
    CheckMoment,
    MomentChoice,
    Tolerance,
    moments_text,
    parse_moments,
)
from reelmill.planner.clock import TimeError, format_time, frame_count, sample_at
from reelmill.planner.errors import SetupError
from reelmill.planner.pictures.check_moments import choose_moments
from reelmill.planner.process.regular_files import read_whole

MAX_SHOWN = 100
"""Frames of a project of which pictures are kept for a page: those that differ, the first ones."""
MAX_SHOWN_BYTES = 100 * 10**6
"""Of the pictures of all projects; a browser opens no page much larger."""
_FILM = "film"
"""The name of the encoded film among its project's media."""

Pixels = npt.NDArray[np.uint8]


@dataclass(slots=True)
class PictureRoom:
    """For the pictures of all projects of a check."""

    left_bytes: int = MAX_SHOWN_BYTES

    def take(self, pictures: ShownPictures) -> ShownPictures:
        """The pictures, which take up room."""
        for each in (pictures.expected, pictures.actual, pictures.difference):
            self.left_bytes -= len(each or b"")
        return pictures


class ProjectCheck:
    """Opens the project, and exports it where its film is looked at; then `update` or `compare` is called once."""

    def __init__(
        self,
        path: Path,
        store: GoldenStore,
        options: CheckOptions,
        listener: CheckListener,
        room: PictureRoom,
        stack: ExitStack,
    ) -> None:
        """`stack` outlives the check: the temporary film goes with it. Raises SetupError, RenderError."""
        self._path, self._store, self._options, self._listener, self._room = path, store, options, listener, room
        self._stored = store.load()
        self._project = open_project(path, options.export, checkpoint=listener.checkpoint)
        self._system, _ = choose_system(self._project, options.export)
        self._asked = self._moments()
        self._choice = self._choose()
        self._record = ExportRecord()
        if self._stored is not None and self._stored.pictures == "encoded" and not (options.encoded or options.update):
            raise SetupError(
                "the goldens of this project were stored with --encoded",
                component="Golden",
                file=str(store.folder),
                suggestion="compare what comes out of the encoder, too (--encoded), or store the goldens anew",
            )
        listener.checkpoint()
        self._looked_at: OpenedProject = self._project
        if options.encoded:
            film = encoded_film(path, self._project, options.export, listener.checkpoint)
            self._looked_at = stack.enter_context(film)
        self._film = _film_facts(self._looked_at)

    def update(self) -> ProjectResult:
        """Render, and store it. Raises SetupError, RenderError; what was stored stays then."""
        self._refuse_outside(self._choice.outside)
        hashes = media_hashes(self._project, self._listener.checkpoint)
        numbers = [number for number in self._choice.frames if number < self._film.frames]
        keys = {} if self._options.encoded else self._keys(numbers, hashes)
        found: list[FrameResult] = []
        with GoldenUpdate(self._store) as update:
            with closing(self._rendered(numbers)) as rendered:
                for number, pixels in rendered:
                    reasons = self._choice.frames[number]
                    stored = update.add_picture(number, reasons, pixels, keys.get(number))
                    result = FrameResult(number, self._time(number), reasons, "stored", golden=self._file(stored))
                    found.append(replace(result, pictures=self._small(pixels)))
            sound = listen(self._looked_at, self._options.export, self._listener.checkpoint)
            if sound is not None:
                update.add_sound(sound)
            update.commit(
                Manifest(
                    project=self._store.place,
                    pictures="encoded" if self._options.encoded else "composited",
                    film=self._film,
                    moments=moments_text(self._asked),
                    project_hash=self._project_hash(),
                    variables=self._variables(),
                    media=hashes,
                    versions=versions(),
                    renderer=self._record.renderer or "",
                    system=self._system,
                    frames=update.frames,
                    sound=update.sound,
                )
            )
        return replace(
            self._result(found, SoundResult("stored") if sound is not None else None, EXACT),
            updated=True,
        )

    def compare(self) -> ProjectResult:
        """Render, and compare with what is stored. Raises SetupError, RenderError."""
        stored = self._stored
        goldens = stored.by_frame() if stored is not None else {}
        reasons = self._looked_for(goldens)
        trusted = self._trusted(goldens, [number for number in reasons if number < self._film.frames])
        wanted = [n for n in reasons if n < self._film.frames and n not in trusted]
        # What has no golden is rendered only to be shown.
        wanted = [n for n in wanted if n in goldens or self._options.pictures]
        found: dict[int, FrameResult] = {}
        with closing(self._rendered(wanted)) as rendered:
            for number, pixels in rendered:
                found[number] = self._compared(number, reasons[number], goldens.get(number), pixels, found)
        for number in reasons:
            if number not in found:
                found[number] = self._not_rendered(number, reasons[number], goldens.get(number), number in trusted)
        tolerance = self._tolerance()
        sound = compare_sound(
            self._store.sound(stored.sound) if stored is not None and stored.sound is not None else None,
            listen(self._looked_at, self._options.export, self._listener.checkpoint),
            stored=stored is not None and stored.sound is not None,
            tolerance=tolerance,
        )
        result = self._result([found[number] for number in sorted(found)], sound, tolerance)
        if stored is None:
            return replace(result, facts=(self._nothing_stored(),))
        notes = explain(
            stored,
            renderer=self._record.renderer,
            versions=versions(),
            project_hash=self._project_hash(),
            variables=self._variables(),
        )
        return replace(result, facts=compare_film(stored.film, self._film), notes=notes)

    # Which frames.

    def _moments(self) -> tuple[CheckMoment, ...]:
        given = self._options.frames or self._project.timeline.checks.frames
        if given is None and self._stored is not None:
            try:
                given = parse_moments(self._stored.moments)
            except TimeError:
                given = None
        return given or (Auto(),)

    def _choose(self) -> MomentChoice:
        """By the project, also where its film is looked at."""
        opened = self._project
        try:
            return choose_moments(opened.timeline, opened.facts, opened.drawn_sizes, self._asked)
        except TimeError as error:
            raise SetupError(
                f"--frames: {error}", component="Check", suggestion="seconds and frames (120f) always work"
            ) from error

    def _looked_for(self, goldens: Mapping[int, StoredFrame]) -> dict[int, tuple[str, ...]]:
        """The frames to be compared, ascending, and why: those chosen now, and those stored unless some are named."""
        chosen, outside = self._choice.frames, self._choice.outside
        self._refuse_outside({number: text for number, text in outside.items() if number not in goldens})
        numbers = {*chosen, *outside} if self._options.frames is not None else {*chosen, *outside, *goldens}
        return {n: chosen[n] if n in chosen else goldens[n].reasons for n in sorted(numbers)}

    def _refuse_outside(self, outside: Mapping[int, str]) -> None:
        for text in outside.values():
            duration = format_time(self._project.timeline.duration)
            raise SetupError(
                f"there is no frame at {text}: the film lasts {duration}",
                component="Check",
                suggestion='name times inside of the film after --frames, or in "checks"',
            )

    def _trusted(self, goldens: Mapping[int, StoredFrame], numbers: Sequence[int]) -> set[int]:
        """Those of which all that they are made of is what it was, and the renderer, too."""
        if not self._options.trust_keys or self._stored is None:
            return set()
        renderer = renderer_name(self._options.export.renderer)
        if renderer != self._stored.renderer:
            return set()
        self._record.renderer = renderer
        numbers = [n for n in numbers if n in goldens and (self._store.folder / goldens[n].file).is_file()]
        keys = self._keys(numbers, media_hashes(self._project, self._listener.checkpoint))
        return {n for n in numbers if n in keys and keys[n] == goldens[n].key}

    def _keys(self, numbers: Sequence[int], hashes: Mapping[str, str]) -> dict[int, str]:
        keys = content_keys(
            self._project, hashes, self._listener.checkpoint, allow_network=self._options.export.allow_network
        )
        if keys is None or not numbers:
            return {}
        planner = moments_planner(self._project, numbers, self._options.export)
        return {number: keys.key(planner.plan(number).picture) for number in numbers}

    # Single frames.

    def _rendered(self, numbers: Sequence[int]) -> Generator[tuple[int, Pixels]]:
        """To be closed: OpenGL and decoders are open until then."""
        if not numbers:
            return
        frames = render_frames(
            self._looked_at,
            numbers,
            self._options.export,
            self._system if self._looked_at is self._project else "v1",
            self._record,
            self._listener.checkpoint,
        )
        with closing(frames):
            for done, each in enumerate(frames, 1):
                yield each
                self._listener.progressed(done, len(numbers))

    def _compared(
        self,
        number: int,
        reasons: tuple[str, ...],
        golden: StoredFrame | None,
        actual: Pixels,
        before: Mapping[int, FrameResult],
    ) -> FrameResult:
        expected = None if golden is None else self._store.picture(golden)
        if expected is not None and self._options.encoded and self._stored and self._stored.pictures == "composited":
            video = self._looked_at.facts[_FILM].video
            assert video is not None
            expected = as_film_shows(expected, video.pix_fmt)
        found = compare_frame(number, self._time(number), reasons, expected, actual, self._tolerance())
        pictures = self._small(actual)
        if self._options.pictures and found.status in ("different", "missing"):
            shown = sum(each.pictures is not None and each.pictures.actual is not None for each in before.values())
            if shown < MAX_SHOWN and self._room.left_bytes > 0:
                pictures = self._room.take(shown_pictures(expected, actual))
        return replace(found, golden=None if golden is None else self._file(golden), pictures=pictures)

    def _not_rendered(
        self, number: int, reasons: tuple[str, ...], golden: StoredFrame | None, trusted: bool
    ) -> FrameResult:
        if golden is None:
            return FrameResult(number, self._time(number), reasons, "missing", message="no golden is stored for it")
        pixels = self._store.picture(golden) if self._options.pictures else None
        result = FrameResult(number, self._time(number), reasons, "trusted", golden=self._file(golden))
        if trusted:
            return replace(result, pictures=None if pixels is None else self._small(pixels))
        message = f"the film has no such frame: it has {self._film.frames}"
        pictures = None if pixels is None else self._room.take(shown_pictures(pixels, None))
        return replace(result, status="gone", message=message, pictures=pictures)

    def _small(self, pixels: Pixels) -> ShownPictures | None:
        return ShownPictures(None, None, None, thumbnail(pixels)) if self._options.pictures else None

    # What is told.

    def _tolerance(self) -> Tolerance:
        """What was asked for; else by what is compared. The renderer is known once a frame was rendered."""
        given = self._options.tolerance or self._project.timeline.checks.tolerance
        if given is not None:
            return given
        if self._options.encoded:
            return ENCODER
        renderer = self._record.renderer
        other = self._stored is not None and renderer is not None and renderer != self._stored.renderer
        return RENDERER if other else EXACT

    def _result(self, frames: Sequence[FrameResult], sound: SoundResult | None, tolerance: Tolerance) -> ProjectResult:
        return ProjectResult(
            str(self._path),
            str(self._store.folder),
            frames=tuple(frames),
            sound=sound,
            warnings=self._project.warnings,
            tolerance=tolerance,
            system=self._system,
            renderer=self._record.renderer,
        )

    def _nothing_stored(self) -> str:
        others = [place for place in self._store.others_of(self._path.name) if place != self._store.place]
        hint = f" (goldens are there of {', '.join(others[:3])}, seen from that folder)" if others else ""
        return f"no goldens of this project are stored in {self._store.goldens}{hint}; --update stores them"

    def _time(self, number: int) -> Fraction:
        return number / self._project.timeline.fps

    def _file(self, stored: StoredFrame) -> str:
        return str(self._store.folder / stored.file)

    def _project_hash(self) -> str:
        return hashlib.sha256(read_whole(self._path, stream=True)).hexdigest()

    def _variables(self) -> dict[str, str]:
        return {name: str(value) for name, value in self._options.export.variables.items()}


def _film_facts(opened: OpenedProject) -> FilmFacts:
    timeline = opened.timeline
    sounds = has_sound(opened)
    return FilmFacts(
        width=timeline.root.width,
        height=timeline.root.height,
        fps=timeline.fps,
        frames=frame_count(timeline.duration, timeline.fps),
        sample_rate=timeline.sample_rate if sounds else None,
        channels=timeline.channels if sounds else None,
        samples=sample_at(timeline.duration, timeline.sample_rate) if sounds else None,
    )
