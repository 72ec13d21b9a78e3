"""`reelmill probe`: facts about media files, as a table for people or JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelmill.cli.analysis_options import analysis_options, chosen_analysis
from reelmill.cli.analysis_progress import AnalysisProgress
from reelmill.cli.analysis_table import analysis_as_dict as sound_dict
from reelmill.cli.analysis_table import analysis_rows as sound_rows
from reelmill.cli.error_block import error_block
from reelmill.cli.invocation import Invocation, verbose_option
from reelmill.cli.progress import rate, size_text
from reelmill.cli.talk import printable, show, show_json, talk
from reelmill.planner.clock import format_time
from reelmill.planner.errors import ExportError, Interrupted
from reelmill.planner.limits import LOST_SOUND_SECONDS

if TYPE_CHECKING:
    from reelmill.export.sound.sound_analyses import AnalysisOptions
    from reelmill.planner.media import AudioFacts, MediaFacts, SizeChange, VideoFacts
    from reelmill.planner.sound.sound_analysis import SoundAnalysis


@click.command(short_help="Print facts about media files.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--allow-network", is_flag=True, help="Let files be network addresses.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array to stdout.")
@analysis_options
@verbose_option
@click.pass_context
def probe(context: click.Context, /, files: tuple[str, ...], allow_network: bool, as_json: bool, **flags: Any) -> int:
    """Print what is in media files: streams, sizes, rates, colour. Tells of every file, also where one fails.

    With --analyze the sound is measured: loudness, peaks, silences, waveform, pitch. --waveform draws that, and
    --conform writes the sound at other rates.
    """
    from reelmill.export.api import probe as probe_file

    analysis = chosen_analysis(context, flags, allow_network=allow_network)
    answers: list[_Answer] = []
    for name in files:
        answer = _Answer(name)
        answers.append(answer)
        try:
            answer.facts = probe_file(name, allow_network=allow_network)
        except ExportError as error:
            answer.fail(error)
        else:
            if analysis is None and not as_json:
                answer.show()
    if analysis is not None:
        _analyze(answers, analysis, context.ensure_object(Invocation))
        if not as_json:
            for answer in answers:
                answer.show()
    if as_json:
        show_json([answer.as_dict() for answer in answers])
    return next((answer.error.exit_code for answer in answers if answer.error is not None), 0)


@dataclass(slots=True)
class _Answer:
    """What is known of one file."""

    name: str
    facts: MediaFacts | None = None
    sound: SoundAnalysis | None = None
    error: ExportError | None = None

    def fail(self, error: ExportError) -> None:
        """Note and tell what is wrong with the file; raises what ends the command."""
        if isinstance(error, Interrupted):
            raise error
        self.error = error
        talk(error_block(error))

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"path": self.name}
        if self.facts is not None:
            found = facts_as_dict(self.name, self.facts)
        if self.sound is not None:
            found["analysis"] = sound_dict(self.sound)
        if self.error is not None:
            found["error"] = self.error.as_dict()
        return found

    def show(self) -> None:
        if self.facts is not None:
            for line in _table(self.name, self.facts, self.sound):
                show(line)


def _analyze(answers: Sequence[_Answer], options: AnalysisOptions, invocation: Invocation) -> None:
    from reelmill.export.sound.sound_analyses import analyze_sounds

    invocation.interruption.checkpoint()
    probed = [(answer, answer.facts) for answer in answers if answer.facts is not None]
    with AnalysisProgress(invocation.interruption.checkpoint) as told:
        found = analyze_sounds([(answer.name, facts) for answer, facts in probed], options, told)
    for (answer, _), sound in zip(probed, found, strict=True):
        if isinstance(sound, ExportError):
            answer.fail(sound)
        else:
            answer.sound = sound


def facts_as_dict(name: str, facts: MediaFacts) -> dict[str, Any]:
    """The facts as JSON; times are seconds as floats, rates are "N/D"."""
    return {
        "path": name,
        "kind": facts.kind,
        "file_hash": facts.file_hash,
        "duration_seconds": _number(facts.end(sound_only=facts.video is None)),
        "video": None if facts.video is None else _video_dict(facts.video),
        "audio": None if facts.audio is None else _audio_dict(facts.audio),
        "sound_problem": None if facts.sound_problem is None else facts.sound_problem.message,
    }


def _video_dict(video: VideoFacts) -> dict[str, Any]:
    width, height = video.display_size
    colour = video.colour
    table = video.table
    return {
        "stream": video.stream,
        "codec": video.codec,
        "width": video.width,
        "height": video.height,
        "display_width": round(float(width), 3),
        "display_height": round(float(height), 3),
        "sample_aspect_ratio": str(video.sample_aspect_ratio),
        "rotation": video.orientation.quarter_turns * 90,
        "mirrored": video.orientation.mirrored,
        "pix_fmt": video.pix_fmt,
        "has_alpha": video.has_alpha,
        "interlaced": video.interlaced,
        "matrix": colour.matrix,
        "range": colour.range,
        "transfer": colour.transfer,
        "primaries": colour.primaries,
        "chroma_location": colour.chroma_location,
        "frame_rate": None if video.frame_rate is None else str(video.frame_rate),
        "frames": None if table is None else len(table.pts),
        "keyframes": None if table is None else len(table.keyframes),
        "variable_frame_rate": None if table is None else _is_variable(video),
        "time_base": None if table is None else str(table.time_base),
        "first_pts": None if table is None else table.first_pts,
        "size_changes": [_change_dict(video, change) for change in video.size_changes],
    }


def _change_dict(video: VideoFacts, change: SizeChange) -> dict[str, Any]:
    assert video.table is not None
    width, height = video.display_size_at(change.first_pts)
    return {
        "seconds": float(video.table.source_time(change.first_pts)),
        "width": change.width,
        "height": change.height,
        "display_width": round(float(width), 3),
        "display_height": round(float(height), 3),
    }


def _audio_dict(audio: AudioFacts) -> dict[str, Any]:
    return {
        "stream": audio.stream,
        "codec": audio.codec,
        "sample_rate": audio.sample_rate,
        "channels": audio.channels,
        "layout": audio.layout,
        "start_seconds": float(audio.start),
        "duration_seconds": float(audio.duration),
    }


def _number(seconds: Fraction | None) -> float | None:
    return None if seconds is None else float(seconds)


def _is_variable(video: VideoFacts) -> bool:
    """Whether frames last differently long, by more than the tick that rounding may cost."""
    assert video.table is not None
    pts = video.table.pts
    gaps = [after - before for before, after in pairwise(pts)]
    return bool(gaps) and max(gaps) - min(gaps) > 1


def _table(name: str, facts: MediaFacts, sound: SoundAnalysis | None) -> Iterator[str]:
    yield click.style(printable(name), bold=True)
    rows: list[tuple[str, str]] = [("kind", facts.kind)]
    if "://" not in name:
        rows.append(
            ("size", size_text(Path(name).stat().st_size)) if Path(name).is_file() else ("size", "several files")
        )
    end = facts.end(sound_only=facts.video is None)
    rows.append(("duration", "no end" if end is None else format_time(end)))
    if facts.video is not None:
        rows += _video_rows(facts.video)
    if facts.audio is not None:
        rows += _audio_rows(facts.audio, end if facts.video is not None else None)
    elif facts.sound_problem is not None:
        rows.append(("audio", facts.sound_problem.message))
    if sound is not None:
        rows += sound_rows(sound)
    rows.append(("hash", facts.file_hash))
    for key, value in rows:
        yield f"  {key:<10} {printable(value)}"


def _video_rows(video: VideoFacts) -> Iterator[tuple[str, str]]:
    width, height = (rate(side) for side in video.display_size)
    shown = "" if (width, height) == (str(video.width), str(video.height)) else f", shown as {width}×{height}"
    turned = f", turned by {video.orientation.quarter_turns * 90}°" if video.orientation.quarter_turns else ""
    mirrored = ", mirrored" if video.orientation.mirrored else ""
    yield "video", f"{video.codec}, {video.width}×{video.height}{shown}{turned}{mirrored}"
    for change in video.size_changes:
        assert video.table is not None
        at = format_time(video.table.source_time(change.first_pts))
        width, height = (rate(side) for side in video.display_size_at(change.first_pts))
        yield "", f"from {at} on {change.width}×{change.height}, shown as {width}×{height}"
    marks = [video.pix_fmt]
    marks += ["alpha"] if video.has_alpha else []
    marks += ["interlaced"] if video.interlaced else []
    yield "pixels", ", ".join(marks)
    colour = video.colour
    yield (
        "colour",
        f"matrix {colour.matrix}, {colour.range} range, transfer {colour.transfer}, primaries {colour.primaries}",
    )
    if video.table is not None:
        average = "" if video.frame_rate is None else f"{rate(video.frame_rate)} frames/s, "
        constancy = "variable rate, on average " if _is_variable(video) else ""
        counts = f"{len(video.table.pts)} frames, {len(video.table.keyframes)} keyframes"
        yield "frames", f"{constancy if average else ''}{average}{counts}"


def _audio_rows(audio: AudioFacts, picture_end: Fraction | None) -> Iterator[tuple[str, str]]:
    start = f", begins at {format_time(audio.start)}" if audio.start else ""
    sound = f"{audio.codec}, {audio.sample_rate} Hz, {audio.layout}"
    behind = Fraction(0) if picture_end is None else audio.end - picture_end
    longer = f", ends {format_time(behind)} after the picture" if behind >= LOST_SOUND_SECONDS else ""
    yield "audio", f"{sound}, {format_time(audio.duration)}{start}{longer}"
