"""Subtitles as tracks of a film: mov_text, subrip, ass or webvtt, as its container takes them.

In: files of cues, the part of the film that is exported, the container. Out: streams and all of their packets, which
the muxer keeps until their time comes. A cue whose track has the format of its file keeps its markup as it is; else
libav's encoders make it from text, bold, italic and colour. Passive; one thread at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast

from av.container import OutputContainer
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.stream import Disposition
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet

from reelmill.export.films.track_languages import track_language
from reelmill.planner.clock import round_half_up
from reelmill.planner.errors import SetupError
from reelmill.planner.subtitles import CueRun, CueSheet, SubtitleCue
from reelmill.planner.timeline import Subtitles

Codec = Literal["mov_text", "subrip", "ass", "webvtt"]
_MILLISECONDS = 1000
_MAX_TIMESCALE = 1_000_000
_KEPT = {
    "mov_text": "text, bold, italic",
    "webvtt": "text, bold, italic",
    "subrip": "text, bold, italic, colours",
}
"""What a cue of another format keeps in a track, for messages."""
_PLAIN_HEADER = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""With these values libav's encoders see a plain style, and write none of it."""


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """A track to be written."""

    codec: Codec
    entry: Subtitles
    sheet: CueSheet
    """Its times count from the beginning of the output, and lie within it."""
    timescale: int
    """Units of a second that times are written in."""


def choose_tracks(
    given: Sequence[tuple[Subtitles, CueSheet]], muxer: str, target: Path, start: Fraction, end: Fraction, fps: Fraction
) -> tuple[SubtitleTrack, ...]:
    """The tracks of an output that shows the film from `start` to `end` seconds.

    Raises SetupError where its container takes none.
    """
    if given and muxer not in ("mp4", "mov", "matroska", "webm"):
        raise SetupError(
            f"{target.name}: {target.suffix or 'this kind of output'} takes no tracks of subtitles",
            component="Encoder",
            suggestion='use .mp4, .mov, .mkv or .webm, give the subtitles "mode": "burn", or the output "no_subtitles"',
        )
    timescale = _timescale(muxer, fps)
    return tuple(
        SubtitleTrack(_codec(muxer, sheet), entry, _cut(sheet, start, end), timescale) for entry, sheet in given
    )


def _codec(muxer: str, sheet: CueSheet) -> Codec:
    if muxer == "matroska":
        return "ass" if sheet.format == "ass" else "subrip"
    return "webvtt" if muxer == "webm" else "mov_text"


def _timescale(muxer: str, fps: Fraction) -> int:
    """In mp4 and mov one that has the file's milliseconds and the beginnings of frames, at which a range may cut."""
    exact = math.lcm(_MILLISECONDS, fps.numerator)
    return exact if muxer in ("mp4", "mov") and exact <= _MAX_TIMESCALE else _MILLISECONDS


def _cut(sheet: CueSheet, start: Fraction, end: Fraction) -> CueSheet:
    cues = (
        replace(cue, start=max(cue.start, start) - start, end=min(cue.end, end) - start)
        for cue in sheet.cues
        if cue.start < end and cue.end > start
    )
    return replace(sheet, cues=tuple(cues))


def losses(track: SubtitleTrack) -> str | None:
    """What a track can't hold of its file, as the end of a sentence about it; None where it holds everything."""
    sheet = track.sheet
    if {"srt": "subrip", "vtt": "webvtt", "ass": "ass"}[sheet.format] == track.codec:
        return None
    lost: dict[str, bool] = {"styles": sheet.format == "ass"}
    lost["places"] = any(cue.settings or cue.position or cue.style.align != 2 for cue in sheet.cues)
    runs = [run for cue in sheet.cues for run in cue.runs]
    lost["colours"] = track.codec != "subrip" and any(run.color is not None for run in runs)
    names = [name for name, is_lost in lost.items() if is_lost]
    if not names:
        return None
    return f"becomes {track.codec}, which keeps {_KEPT[track.codec]}; {' and '.join(names)} are left out"


def add_track(container: OutputContainer, track: SubtitleTrack, muxer: str) -> SubtitleStream:
    """A stream for a track, in a container that is not started yet."""
    stream = container.add_stream(track.codec)
    header = track.sheet.header if track.codec == "ass" else _PLAIN_HEADER
    stream.codec_context.subtitle_header = header.encode()
    stream.time_base = Fraction(1, track.timescale)
    entry = track.entry
    language = track_language(entry.language, muxer) if entry.language is not None else None
    stream.metadata["language"] = language or "und"
    if entry.title is not None:
        stream.metadata["title"] = entry.title
        if track.codec == "mov_text":
            # What players show of a track in mp4.
            stream.metadata["handler_name"] = entry.title
    stream.disposition = (Disposition.default if entry.default else Disposition(0)) | (
        Disposition.forced if entry.forced else Disposition(0)
    )
    return stream


def track_packets(track: SubtitleTrack, stream: SubtitleStream) -> Iterator[Packet[SubtitleStream]]:
    """All packets of a track, in order of time. The container must have been started."""
    cues = _apart(track.sheet.cues) if track.codec == "mov_text" else track.sheet.cues
    for number, cue in enumerate(cues):
        start, end = (round_half_up(time * track.timescale) for time in (cue.start, cue.end))
        if end <= start or not (cue.text.strip() or track.codec == "ass"):
            continue
        packet: Packet[Any] = Packet(_payload(cue, number, track, stream.codec_context))
        packet.stream = stream
        packet.time_base = Fraction(1, track.timescale)
        packet.pts = packet.dts = start
        packet.duration = end - start
        if cue.settings and track.codec == "webvtt" and track.sheet.format == "vtt":
            packet.set_sidedata(_settings(cue.settings))
        yield packet


def _settings(settings: str) -> PacketSideData:
    written = settings.encode()
    # Its type stub does not know how it is made.
    side_data = cast(Any, PacketSideData)(packet_sidedata_type_from_literal("webvtt_settings"), len(written))
    side_data.update(written)
    return cast(PacketSideData, side_data)


def _apart(cues: Sequence[SubtitleCue]) -> Iterator[SubtitleCue]:
    """Cues of which no two are shown at once: where several are, one that holds them all. mov_text takes no others."""
    times = sorted({time for cue in cues for time in (cue.start, cue.end)})
    waiting = list(reversed(cues))
    active: list[SubtitleCue] = []
    for start, end in pairwise(times):
        active = [cue for cue in active if cue.end > start]
        while waiting and waiting[-1].start <= start:
            active.append(waiting.pop())
        shown = [cue for cue in active if cue.text.strip()]
        if shown:
            runs = shown[0].runs
            for cue in shown[1:]:
                runs += (CueRun("\n"), *cue.runs)
            yield replace(shown[0], start=start, end=end, runs=runs)


def _payload(cue: SubtitleCue, number: int, track: SubtitleTrack, encoder: SubtitleCodecContext) -> bytes:
    if track.codec == "ass":
        return f"{number},{cue.payload}".encode()
    if (track.codec, track.sheet.format) in (("subrip", "srt"), ("webvtt", "vtt")):
        return cue.payload.encode()
    event = f"{number},0,Default,,0,0,0,,{_ass_text(cue.runs, track.codec)}"
    return bytes(encoder.encode_subtitle(SubtitleSet.create(event.encode(), 0, _MILLISECONDS)))


def _ass_text(runs: Sequence[CueRun], codec: Codec) -> str:
    """Runs as libav's encoders read them."""
    parts: list[str] = []
    for run in runs:
        flags = [f for f, on in (("b", run.bold), ("i", run.italic), ("u", run.underline), ("s", run.strikeout)) if on]
        before = [f"\\{flag}1" for flag in flags]
        after = [f"\\{flag}0" for flag in reversed(flags)]
        if run.color is not None and codec == "subrip":
            red, green, blue = (round(255 * value) for value in run.color[:3])
            before.append(f"\\c&H{blue:02X}{green:02X}{red:02X}&")
            after.insert(0, "\\c")
        parts.append(_overrides(before) + _escaped(run.text, codec) + _overrides(after))
    return "".join(parts)


def _overrides(tags: Sequence[str]) -> str:
    return f"{{{''.join(tags)}}}" if tags else ""


def _escaped(text: str, codec: Codec) -> str:
    # ass has no escape for a backslash: a word joiner behind it keeps it from being one.
    text = text.replace("\\", "\\\u2060")
    if codec == "webvtt":
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\n", "\\N")
