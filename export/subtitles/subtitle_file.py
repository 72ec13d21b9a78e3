"""Files of subtitles: from bytes to cues, with every problem by its line.

In: an entry of the project's `subtitles`. Out: a `CueSheet` with the entry's offset applied; SetupError with all
problems of the file. pysubs2 reads times, fields and styles. What it takes without a word, and leaves out, is checked
here first: broken lines, and of WebVTT the blocks that are no cues, identifiers and settings. Passive; plain functions.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import pysubs2
from pysubs2.formats.substation import EVENT_FIELDS, STYLE_FIELDS

from reelmill.export.subtitles.cue_markup import MAX_NUMBER, MarkedCue, Note, parse_overrides, parse_tags
from reelmill.export.subtitles.cue_settings import settle
from reelmill.planner.clock import format_time
from reelmill.planner.colour import Colour
from reelmill.planner.errors import SetupError
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.subtitles import CueSheet, CueStyle, SubtitleCue, SubtitleFormat, Wrap
from reelmill.planner.timeline import CueLook, Subtitles

FORMATS: dict[str, SubtitleFormat] = {".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ass"}
MAX_BYTES = 64 * 2**20
MAX_CUES = 200_000
MAX_CUE_LENGTH = 10_000
"""Characters, markup included."""
_SHOWN_PROBLEMS = 5
_PERCENT = (100.0, 100.0)
"""The script canvas of srt and vtt: lengths are hundredths of the picture's width and height."""
_PLAIN = CueStyle(size=6.4, outline=0.43, margin_left=5, margin_right=5, margin_vertical=5)
"""Of srt and vtt: with the default font an em of a twentieth of the height."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A cue of srt or vtt as it stands in its file."""

    line: int
    timing: str
    settings: str
    text: str


class _Faults:
    """Problems of one file, by line."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: list[str] = []

    def add(self, line: int, message: str) -> None:
        self._found.append(f"line {line}: {message}")

    def check(self) -> None:
        """Raises SetupError where there are any."""
        if self._found:
            more = len(self._found) - _SHOWN_PROBLEMS
            named = "; ".join(self._found[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
            _refuse(self._path, named, "correct the file")


def subtitle_format(path: str) -> SubtitleFormat | None:
    """By its extension; None for one that is not read."""
    return FORMATS.get(Path(path).suffix.lower())


def read_subtitles(entry: Subtitles) -> CueSheet:
    """Read an entry's file. Raises SetupError with what is wrong in it, by line."""
    form = subtitle_format(entry.path)
    if form is None:
        known = ", ".join(FORMATS)
        _refuse(entry.path, f'"{Path(entry.path).suffix}" is no file of subtitles', f"give one that ends in {known}")
    text = _decoded(entry.path)
    if not text.strip():
        _refuse(entry.path, "the file is empty", "leave the entry out")
    sheet = _read_ass(entry, text) if form == "ass" else _read_blocks(entry, text, form)
    if not sheet.cues:
        _refuse(entry.path, "the file has no cues", "leave the entry out")
    if len(sheet.cues) > MAX_CUES:
        _refuse(entry.path, f"the file has {len(sheet.cues)} cues; {MAX_CUES} is the limit", None)
    moved = (replace(cue, start=cue.start + entry.offset, end=cue.end + entry.offset) for cue in sheet.cues)
    return replace(sheet, cues=tuple(sorted(moved, key=lambda cue: cue.start)))


def _refuse(path: str, message: str, hint: str | None) -> NoReturn:
    raise SetupError(message, component="Project", file=path, suggestion=hint)


def _decoded(path: str) -> str:
    """The text, its newlines as `\\n`. UTF-8, or UTF-16 where it begins with a byte order mark."""
    try:
        with open_for_reading(path) as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SetupError("the file does not exist", component="Project", file=path) from error
    except OSError as error:
        raise SetupError(f"the file can't be read: {error.strerror}", component="Project", file=path) from error
    if len(content) > MAX_BYTES:
        _refuse(path, f"the file has more than {MAX_BYTES // 2**20} MiB, which is the limit", None)
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        name = "UTF-16" if wide else "UTF-8"
        byte = content[error.start]
        _refuse(path, f"line {line}: the byte 0x{byte:02X} is not {name} text", "save the file as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


# srt and vtt

_SRT_TIMES = re.compile(r"\s*(\d{1,2}:\d{1,2}:\d{1,2}[,.]\d{1,3})\s*-->\s*(\d{1,2}:\d{1,2}:\d{1,2}[,.]\d{1,3})(\s.*)?")
_VTT_TIMES = re.compile(
    r"\s*((?:\d{2,4}:)?[0-5]\d:[0-5]\d\.\d{3})\s+-->\s+((?:\d{2,4}:)?[0-5]\d:[0-5]\d\.\d{3})(\s.*)?"
)
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")
_EXAMPLES = {"srt": "00:00:01,500 --> 00:00:03,000", "vtt": "00:01.500 --> 00:03.000"}


def _read_blocks(entry: Subtitles, text: str, form: SubtitleFormat) -> CueSheet:
    faults = _Faults(entry.path)
    unsupported: dict[str, int] = {}
    blocks = list(_srt_blocks(text, faults) if form == "srt" else _vtt_blocks(text, faults, unsupported))
    faults.check()
    # Times alone: it would take a line of text with two times for the beginning of a cue.
    events = pysubs2.SSAFile.from_string("\n".join(block.timing for block in blocks), format_=form).events
    assert len(events) == len(blocks)
    style = _plain_style(entry.look)
    cues = []
    for block, event in zip(blocks, events, strict=True):
        if fault := _fault(event, block.text):
            faults.add(block.line, fault)
            continue
        note = _noting(unsupported, block.line)
        placed = settle(block.settings, style, note) if form == "vtt" else None
        marked = parse_tags(block.text, placed.style if placed else style, note)
        cue = _cue(event, block.line, block.text, marked)
        if placed is not None:
            cue = replace(cue, settings=block.settings, position=cue.position or placed.position)
        cues.append(cue)
    faults.check()
    return CueSheet(form, tuple(cues), _PERCENT, unsupported=unsupported)


def _noting(unsupported: dict[str, int], line: int) -> Note:
    def note(what: str) -> None:
        unsupported.setdefault(what, line)

    return note


def _fault(event: pysubs2.SSAEvent, text: str) -> str | None:
    """What is wrong with a cue."""
    if event.end <= event.start:
        return f"the cue ends at {_shown(event.end)}, not after its start at {_shown(event.start)}"
    return f"the cue has {len(text)} characters; {MAX_CUE_LENGTH} is the limit" if len(text) > MAX_CUE_LENGTH else None


def _cue(event: pysubs2.SSAEvent, line: int, payload: str, marked: MarkedCue) -> SubtitleCue:
    return SubtitleCue(
        start=Fraction(event.start, 1000),
        end=Fraction(event.end, 1000),
        line=line,
        payload=payload,
        runs=marked.runs,
        style=marked.style,
        position=marked.position,
        fade=marked.fade,
        wrap=marked.wrap,
    )


def _shown(milliseconds: int) -> str:
    return format_time(Fraction(milliseconds, 1000))


def _srt_blocks(text: str, faults: _Faults) -> Iterator[_Block]:
    """A cue lasts until the number before the next times: blank lines may stand inside of it."""
    lines = text.split("\n")
    timed: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(lines):
        if "-->" in line:
            match = _SRT_TIMES.fullmatch(line)
            if match is None:
                faults.add(number + 1, f'"{line.strip()[:60]}" is not the times of a cue, such as {_EXAMPLES["srt"]}')
            else:
                timed.append((number, match))
    for number, line in enumerate(lines[: timed[0][0]] if timed else lines):
        if line.strip() and not line.strip().isdigit():
            faults.add(number + 1, f'"{line.strip()[:60]}" stands before the first cue')
            break
    for (number, match), after in zip(timed, (*timed, None)[1:], strict=False):
        body = lines[number + 1 : after[0] if after else None]
        if after is not None and body and body[-1].strip().isdigit():
            body.pop()
        yield _Block(number + 1, f"{match[1]} --> {match[2]}", "", _BLANK_LINES.sub("\n", "\n".join(body).strip()))


def _vtt_blocks(text: str, faults: _Faults, unsupported: dict[str, int]) -> Iterator[_Block]:
    lines = text.split("\n")
    if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
        faults.add(1, 'a file of WebVTT begins with "WEBVTT"')
        return
    start = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    while start < len(lines):
        end = next((i for i in range(start, len(lines)) if not lines[i].strip()), len(lines))
        block = lines[start:end]
        if block:
            yield from _vtt_block(block, start + 1, faults, unsupported)
        start = end + 1


def _vtt_block(block: list[str], line: int, faults: _Faults, unsupported: dict[str, int]) -> Iterator[_Block]:
    first = block[0].split()[0]
    timed = next((index for index, text in enumerate(block[:2]) if "-->" in text), None)
    if timed is None and first in ("NOTE", "STYLE", "REGION"):
        if first != "NOTE":
            unsupported.setdefault(f"{first} blocks", line)
        return
    match = None if timed is None else _VTT_TIMES.fullmatch(block[timed])
    if timed is None or match is None:
        wrong = block[timed or 0].strip()[:60]
        faults.add(line + (timed or 0), f'"{wrong}" is not the times of a cue, such as {_EXAMPLES["vtt"]}')
        return
    settings = (match[3] or "").strip()
    yield _Block(line + timed, f"{match[1]} --> {match[2]}", settings, "\n".join(block[timed + 1 :]))


def _plain_style(look: CueLook) -> CueStyle:
    """What planner.burnt_subtitles does not take from the look itself: where the text stands."""
    return replace(_PLAIN, align=8) if look.align == "top" else _PLAIN


# ass and ssa

_SECTION = re.compile(r"\s*\[([^]]+)\]\s*")
_WRAPS: dict[str, Wrap] = {"0": "even", "1": "full", "2": "none", "3": "even"}
_DEFAULT_SCRIPT = (384.0, 288.0)
_STYLE_DEFAULTS = {
    "scalex": (100.0, "ScaleX (stretched letters)"),
    "scaley": (100.0, "ScaleY (stretched letters)"),
    "spacing": (0.0, "Spacing (of letters)"),
    "angle": (0.0, "Angle (rotation)"),
}
"""Fields of a style that are not drawn, and when that does not matter."""
_STYLE_NUMBERS = (
    *("fontsize", "outline", "shadow", "marginl", "marginr", "marginv"),
    *("scalex", "scaley", "spacing", "angle", "borderstyle", "alignment"),
)


def _read_ass(entry: Subtitles, text: str) -> CueSheet:
    kind = "ssa" if re.search(r"^[ \t]*+\[V4 Styles\]", text, re.IGNORECASE | re.MULTILINE) else "ass"
    faults = _Faults(entry.path)
    lines = _dialogue_lines(text, kind, faults)
    faults.check()
    parsed = _parsed(text, kind, entry.path)
    _check_styles(text, parsed, faults)
    faults.check()
    unsupported: dict[str, int] = {}
    if parsed.fonts_opaque:
        unsupported["fonts inside of the file"] = 1
    if parsed.info.get("Collisions", "Normal").lower() == "reverse":
        unsupported["Collisions: Reverse"] = 1
    styles = {name.lstrip("*"): _ass_style(style, kind) for name, style in parsed.styles.items()}
    wrap = _WRAPS.get(parsed.info.get("WrapStyle", "0"), "even")
    events = [event for event in parsed.events if not event.is_comment]
    assert len(events) == len(lines)
    fallback = styles.get("Default", _ass_style(pysubs2.SSAStyle(), "ass"))
    cues = []
    for event, line in zip(events, lines, strict=True):
        if fault := _fault(event, event.text) or _wild_number(event, ("marginl", "marginr", "marginv", "layer")):
            faults.add(line, fault)
            continue
        note = _noting(unsupported, line)
        name = event.style.lstrip("*")
        if name not in styles:
            note(f'the style "{name[:60]}", which the file does not define')
        given = parsed.styles.get(event.style)
        if given is not None:
            _note_style(given, note)
        if event.effect.strip():
            note(f"the effect {event.effect.split(';')[0].strip()[:40]}")
        style = _with_margins(styles.get(name, fallback), event)
        marked = parse_overrides(event.text, style, styles, wrap, note)
        cue = _cue(event, line, _ass_payload(event), marked)
        cues.append(replace(cue, layer=event.layer))
    faults.check()
    scaled = parsed.info.get("ScaledBorderAndShadow", "no").lower() in ("yes", "1")
    return CueSheet("ass", tuple(cues), _script(parsed), scaled, _ass_header(parsed), unsupported)


def _dialogue_lines(text: str, kind: str, faults: _Faults) -> list[int]:
    """The lines of all cues. Fields in another order, or too few, are faults: pysubs2 takes them as they come."""
    found = []
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if heading := _SECTION.fullmatch(line):
            section = heading[1].strip().lower()
        key, _, rest = line.strip().partition(":")
        fields = EVENT_FIELDS[kind] if section == "events" else ["name", *STYLE_FIELDS[kind]]
        if key == "Format" and (section == "events" or section.endswith("styles")):
            named = [field.strip().lower().replace("colour", "color") for field in rest.split(",")]
            if len(named) != len(fields) or any(a != b for a, b in zip(named, fields, strict=True) if a != "actor"):
                faults.add(number, f"the fields stand in another order than {', '.join(fields)}")
        elif key in ("Dialogue", "Style") and rest.count(",") < len(fields) - 1:
            faults.add(number, f"{rest.count(',') + 1} fields, and there must be {len(fields)}")
        elif key == "Dialogue":
            found.append(number)
    return found


def _parsed(text: str, kind: str, path: str) -> pysubs2.SSAFile:
    def parse(part: str) -> pysubs2.SSAFile:
        with warnings.catch_warnings():
            # pysubs2 warns where it puts a default for what it can't read.
            warnings.simplefilter("error")
            return pysubs2.SSAFile.from_string(part, format_=kind)

    try:
        return parse(text)
    except (ValueError, KeyError, IndexError, Warning):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip().startswith(("Style:", "Dialogue:", "Comment:")):
                try:
                    parse(line)
                except (ValueError, KeyError, IndexError, Warning) as error:
                    _refuse(path, f"line {number}: {error}", "correct the line")
        raise


def _check_styles(text: str, parsed: pysubs2.SSAFile, faults: _Faults) -> None:
    """Numbers with which nothing can be drawn, by the line of their style."""
    lines = {}
    for number, line in enumerate(text.split("\n"), 1):
        key, _, rest = line.strip().partition(":")
        if key == "Style":
            lines[rest.partition(",")[0].strip()] = number
    for name, style in parsed.styles.items():
        if fault := _wild_number(style, _STYLE_NUMBERS):
            faults.add(lines.get(name, 1), f'the style "{name[:60]}": {fault}')


def _wild_number(fields: object, names: Sequence[str]) -> str | None:
    for name in names:
        value = getattr(fields, name)
        if not abs(value) <= MAX_NUMBER:  # which NaN is not, either
            return f"{name} is {value:.6g}, not a number up to {MAX_NUMBER:,.0f}"
    return None


def _ass_style(style: pysubs2.SSAStyle, kind: str) -> CueStyle:
    # SSA has one colour for outline and shadow.
    outline = style.backcolor if kind == "ssa" else style.outlinecolor
    return CueStyle(
        size=max(style.fontsize, 0.01),
        family=style.fontname.lstrip("@") or None,
        bold=style.bold,
        italic=style.italic,
        underline=style.underline,
        strikeout=style.strikeout,
        color=_colour(style.primarycolor),
        outline=max(style.outline, 0.0),
        outline_color=_colour(outline),
        boxed=style.borderstyle == 3,
        shadow=style.shadow,
        shadow_color=_colour(style.backcolor),
        align=int(style.alignment),
        margin_left=style.marginl,
        margin_right=style.marginr,
        margin_vertical=style.marginv,
    )


def _colour(color: pysubs2.Color) -> Colour:
    return color.r / 255, color.g / 255, color.b / 255, 1 - color.a / 255


def _note_style(style: pysubs2.SSAStyle, note: Note) -> None:
    for field, (plain, name) in _STYLE_DEFAULTS.items():
        if getattr(style, field) != plain:
            note(name)
    if style.borderstyle not in (0, 1, 3):
        note(f"BorderStyle {style.borderstyle} (an outline is drawn)")


def _with_margins(style: CueStyle, event: pysubs2.SSAEvent) -> CueStyle:
    """A cue's own margins go before its style's, but for 0."""
    return replace(
        style,
        margin_left=event.marginl or style.margin_left,
        margin_right=event.marginr or style.margin_right,
        margin_vertical=event.marginv or style.margin_vertical,
    )


def _script(parsed: pysubs2.SSAFile) -> tuple[float, float]:
    """The script canvas; where one of its sides is missing it is 4:3, as players have it."""
    sides = []
    for key in ("PlayResX", "PlayResY"):
        value = parsed.info.get(key, "").strip()
        sides.append(float(value) if value.isdecimal() and 0 < float(value) <= MAX_NUMBER else 0.0)
    width, height = sides
    if not width and not height:
        return _DEFAULT_SCRIPT
    return width or height * 4 / 3, height or width * 3 / 4


def _ass_header(parsed: pysubs2.SSAFile) -> str:
    """All but the events, as the header of a track."""
    bare = pysubs2.SSAFile()
    bare.info, bare.styles = parsed.info, parsed.styles
    return bare.to_string("ass", header_notice="")


def _ass_payload(event: pysubs2.SSAEvent) -> str:
    """A cue as Matroska stores it, but for its number: the fields behind the times."""
    margins = f"{event.marginl},{event.marginr},{event.marginv}"
    return f"{event.layer},{event.style},{event.name},{margins},{event.effect},{event.text}"
