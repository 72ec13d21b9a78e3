"""The markup inside of cues: tags of srt and vtt, overrides of ass, as runs of text and a cue's own style.

In: a cue's text and the style that it has by itself. Out: `MarkedCue`. What is not drawn is noted by name and left
out. Passive; plain functions.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from reelmill.planner.colour import Colour
from reelmill.planner.fields.css_colour import ColourError, parse_colour
from reelmill.planner.subtitles import CueRun, CueStyle, Wrap

MAX_NUMBER = 1_000_000.0
"""The largest size, length, place or time in a file of cues that can mean anything."""
Note = Callable[[str], None]
"""Told the name of what is not supported."""


@dataclass(frozen=True, slots=True)
class MarkedCue:
    """A cue's text, and what its markup says of all of it."""

    runs: tuple[CueRun, ...]
    style: CueStyle
    position: tuple[float, float] | None = None
    fade: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    wrap: Wrap = "even"


def parse_tags(text: str, style: CueStyle, note: Note) -> MarkedCue:
    """Text of srt or vtt: `<i>`, `<b>`, `<font color>`, `<c.yellow>`, entities; and overrides, as many srt have."""
    return _Marking(style, note).tagged(text)


def parse_overrides(text: str, style: CueStyle, styles: Mapping[str, CueStyle], wrap: Wrap, note: Note) -> MarkedCue:
    """Text of ass: overrides in braces, `\\N`. `styles`: by name, for `\\r`."""
    return _Marking(style, note, styles, wrap).overridden(text)


def parse_ass_colour(text: str) -> tuple[float, float, float] | None:
    """`&HBBGGRR&`: red, green, blue, 0…1; None for what is none."""
    number = _ass_number(text)
    return None if number is None else ((number & 255) / 255, (number >> 8 & 255) / 255, (number >> 16 & 255) / 255)


def _ass_number(text: str) -> int | None:
    digits = text.strip().strip("&").lstrip("Hh").strip("&")
    return int(digits, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", digits) else None


_TOKEN = re.compile(
    r"<(?P<close>/?)(?P<tag>[A-Za-z]++)(?P<rest>[^<>]*+)>|(?P<time><[0-9:.]++>)|\{(?P<override>\\[^}]*+)\}"
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_CLASS_COLOURS = ("white", "lime", "cyan", "red", "yellow", "magenta", "blue", "black")
"""Classes of WebVTT's default style sheet."""
_SILENT_TAGS = ("v", "lang", "c")
"""They say who speaks and in which language, and name classes."""
_BLOCK = re.compile(r"(?<!\\)\{([^}]*+)\}")
_ESCAPE = re.compile(r"\\([Nnh{}])")
_TAG = re.compile(r"\\\s*+([^\\(]*+(?:\([^)]*+\)?)?[^\\(]*+)")
_ATTRIBUTE = re.compile(r"(?<![a-z])([a-z]++)\s*+=\s*+(?:\"([^\"]*+)\"|'?([^\s'\"]++)'?)", re.IGNORECASE)
_LEGACY_ALIGN = {1: 1, 2: 2, 3: 3, 5: 7, 6: 8, 7: 9, 9: 4, 10: 5, 11: 6}
_WRAPS: dict[str, Wrap] = {"0": "even", "1": "full", "2": "none", "3": "even"}
_UNSUPPORTED = {
    "iclip": "\\iclip (clipping)",
    "clip": "\\clip (clipping)",
    "move": "\\move (movement; the text stays where it begins)",
    "org": "\\org (origin of rotation)",
    "fade": "\\fade (use \\fad)",
    "xbord": "\\xbord",
    "ybord": "\\ybord",
    "xshad": "\\xshad",
    "yshad": "\\yshad",
    "blur": "\\blur",
    "fscx": "\\fscx (stretched letters)",
    "fscy": "\\fscy (stretched letters)",
    "fsc": "\\fsc (stretched letters)",
    "fsp": "\\fsp (letter spacing)",
    "frx": "\\frx (rotation)",
    "fry": "\\fry (rotation)",
    "frz": "\\frz (rotation)",
    "fax": "\\fax (shearing)",
    "fay": "\\fay (shearing)",
    "fr": "\\fr (rotation)",
    "be": "\\be (blurred edges)",
    "kf": "karaoke (\\k)",
    "ko": "karaoke (\\k)",
    "kt": "karaoke (\\k)",
    "k": "karaoke (\\k)",
    "K": "karaoke (\\k)",
    "2c": "karaoke (\\k)",
    "2a": "karaoke (\\k)",
    "t": "\\t (animation)",
}
_IGNORED = ("fe", "pbo")
"""The encoding of a font on Windows; the baseline of drawings."""
_HANDLED = (
    "alpha", "bord", "shad", "pos", "fad", "an", "fn", "fs", "1c", "3c", "4c", "1a", "3a", "4a",
    "a", "b", "c", "i", "p", "q", "r", "s", "u",
)  # fmt: skip
_NAMES = sorted((*_UNSUPPORTED, *_IGNORED, *_HANDLED), key=len, reverse=True)
"""Longest first: what a tag begins with names it."""


@dataclass(frozen=True, slots=True)
class _Look:
    """How the next characters are drawn."""

    family: str | None
    bold: bool
    italic: bool
    underline: bool = False
    strikeout: bool = False
    color: Colour | None = None


def _look_of(style: CueStyle, color: Colour | None = None) -> _Look:
    return _Look(style.family, style.bold, style.italic, style.underline, style.strikeout, color)


class _Marking:
    """Reads one cue. One use."""

    def __init__(
        self, style: CueStyle, note: Note, styles: Mapping[str, CueStyle] | None = None, wrap: Wrap = "even"
    ) -> None:
        self._style, self._note, self._styles, self._wrap = style, note, styles or {}, wrap
        self._look = _look_of(style)
        self._runs: list[CueRun] = []
        self._position: tuple[float, float] | None = None
        self._fade = (Fraction(0), Fraction(0))
        self._aligned = self._drawing = False
        self._open_tags: Counter[str] = Counter()

    def tagged(self, text: str) -> MarkedCue:
        """Of srt and vtt."""
        within: list[tuple[str, _Look]] = []
        position = 0
        for token in _TOKEN.finditer(_without_open_blocks(text)):
            self._write(_unescaped(text[position : token.start()]))
            position = token.end()
            if token["override"]:
                self._override(token["override"])
            elif token["time"]:
                self._note("times inside of a cue")
            elif not self._tag(token["close"], token["tag"].lower(), token["rest"], within):
                self._write(text[token.start() : position])
        self._write(_unescaped(text[position:]))
        return self._result()

    def overridden(self, text: str) -> MarkedCue:
        """Of ass."""
        position = 0
        for block in _BLOCK.finditer(_without_open_blocks(text)):
            self._write_escaped(text[position : block.start()])
            position = block.end()
            # What holds no backslash is a comment.
            self._override(block[1])
        self._write_escaped(text[position:])
        return self._result()

    def _result(self) -> MarkedCue:
        self._trim_end()
        runs = tuple(run for run in self._runs if run.text)
        return MarkedCue(runs, self._style, self._position, self._fade, self._wrap)

    def _write_escaped(self, text: str) -> None:
        newline = "\n" if self._wrap == "none" else " "
        meant = {"N": "\n", "n": newline, "h": "\u00a0", "{": "{", "}": "}"}
        self._write(_ESCAPE.sub(lambda match: meant[match[1]], text))

    def _write(self, text: str) -> None:
        """Text in the present look; blanks at both ends of a line are left out."""
        if self._drawing or not text:
            return
        for index, line in enumerate(text.split("\n")):
            if index:
                self._trim_end()
                self._append("\n")
            written = line.replace("\t", "    ")
            self._append(written.lstrip(" ") if self._at_line_start() else written)

    def _append(self, text: str) -> None:
        look = self._look
        run = CueRun(text, look.family, look.bold, look.italic, look.underline, look.strikeout, look.color)
        if text and self._runs and replace(self._runs[-1], text=text) == run:
            run = replace(run, text=self._runs.pop().text + text)
        if text:
            self._runs.append(run)

    def _at_line_start(self) -> bool:
        return not self._runs or self._runs[-1].text.endswith("\n")

    def _trim_end(self) -> None:
        while self._runs and (trimmed := self._runs[-1].text.rstrip(" ")) != self._runs[-1].text:
            last = self._runs.pop()
            if trimmed:
                self._runs.append(replace(last, text=trimmed))

    def _tag(self, close: str, name: str, rest: str, within: list[tuple[str, _Look]]) -> bool:
        """A tag of srt or vtt; whether it is one."""
        flags = {"b": "bold", "i": "italic", "u": "underline", "s": "strikeout"}
        if name not in (*flags, *_SILENT_TAGS, "font", "ruby", "rt"):
            return False
        if close:
            while self._open_tags[name]:
                closed, self._look = within.pop()
                self._open_tags[closed] -= 1
                if closed == name:
                    break
            return True
        within.append((name, self._look))
        self._open_tags[name] += 1
        if name in flags:
            self._relook(**{flags[name]: True})
        elif name == "font":
            self._font(rest)
        elif name == "c":
            classes = [c for c in rest.lower().split(".") if c in _CLASS_COLOURS]
            if classes:
                self._relook(color=parse_colour(classes[-1]))
        elif name in ("ruby", "rt"):
            self._note("<ruby>")
        return True

    def _font(self, rest: str) -> None:
        for key, quoted, bare in _ATTRIBUTE.findall(rest):
            value = quoted or bare
            if key.lower() == "color":
                try:
                    self._relook(color=parse_colour(value))
                except ColourError:
                    self._note(f'the colour "{value[:40]}"')
            elif key.lower() == "face":
                self._relook(family=value)
            else:
                self._note(f"<font {key.lower()}>")

    def _override(self, block: str) -> None:
        for match in _TAG.finditer(block):
            tag = match[1].strip()
            name = next((n for n in _NAMES if tag.startswith(n)), None)
            if name is None:
                self._note(f"\\{tag[:20]}" if tag else "a lone \\")
            elif name in _UNSUPPORTED:
                self._note(_UNSUPPORTED[name])
                if name == "move":
                    self._place(tag[len(name) :])
            elif name in _HANDLED:
                self._apply(name, tag[len(name) :].strip())

    def _apply(self, name: str, value: str) -> None:
        match name:
            case "b" | "i" | "u" | "s":
                self._switch(name, value)
            case "c" | "1c" | "3c" | "4c" | "1a" | "3a" | "4a" | "alpha":
                self._colour(name, value)
            case "fn":
                self._relook(family=value if value not in ("", "0") else self._style.family)
            case "fs" | "bord" | "shad":
                self._measure(name, value)
            case "an" | "a":
                self._align(name, value)
            case "pos":
                self._place(value)
            case "fad":
                self._fading(value)
            case "p":
                self._drawing = value not in ("", "0")
                if self._drawing:
                    self._note("\\p (drawings)")
            case "q":
                self._wrap = _WRAPS.get(value, self._wrap)
            case "r":
                self._reset(value)

    def _switch(self, name: str, value: str) -> None:
        key = {"b": "bold", "i": "italic", "u": "underline", "s": "strikeout"}[name]
        number = _number(value)
        plain = getattr(_look_of(self._style), key)
        # A weight of 600 and more is bold.
        self._relook(**{key: plain if number is None else number == 1 or number >= 600})

    def _colour(self, name: str, value: str) -> None:
        shown = self._look.color or self._style.color
        alpha = _ass_number(value) if name.endswith("a") else None
        colour = None if name.endswith("a") else parse_ass_colour(value)
        # Without a value a tag returns to the style's own.
        opacity = None if alpha is None else 1 - (alpha & 255) / 255
        if name in ("c", "1c", "1a", "alpha"):
            plain = self._style.color
            if name in ("c", "1c"):
                red, green, blue = colour or plain[:3]
                self._relook(color=(red, green, blue, shown[3]))
            else:
                self._relook(color=(*shown[:3], plain[3] if opacity is None else opacity))
        if name in ("3c", "4c", "3a", "4a", "alpha") and self._is_of_the_cue(name):
            keys = {"3": ("outline_color",), "4": ("shadow_color",)}.get(name[0], ("outline_color", "shadow_color"))
            for key in keys:
                old: Colour = getattr(self._style, key)
                new = (*old[:3], opacity) if opacity is not None else (*colour, old[3]) if colour else old
                self._restyle(**{key: new})

    def _relook(self, **changes: Any) -> None:
        self._look = replace(self._look, **changes)

    def _restyle(self, **changes: Any) -> None:
        self._style = replace(self._style, **changes)

    def _is_of_the_cue(self, name: str) -> bool:
        """Whether nothing was written yet; what changes within a cue is noted."""
        if self._runs:
            self._note(f"\\{name} in the middle of a cue")
        return not self._runs

    def _measure(self, name: str, value: str) -> None:
        number = _number(value)
        if number is None or number < 0 or not self._is_of_the_cue(name):
            return
        if name == "fs" and value[:1] in "+-":
            self._note("\\fs with a sign")
        elif number > 0 or name != "fs":
            self._restyle(**{{"fs": "size", "bord": "outline", "shad": "shadow"}[name]: number})

    def _align(self, name: str, value: str) -> None:
        number = int(_number(value) or 0)
        align = number if name == "an" else _LEGACY_ALIGN.get(number, 0)
        # Of several the first counts.
        if 1 <= align <= 9 and not self._aligned:
            self._aligned = True
            self._restyle(align=align)

    def _place(self, value: str) -> None:
        numbers = _numbers(value)
        if len(numbers) >= 2 and self._position is None:
            self._position = (numbers[0], numbers[1])

    def _fading(self, value: str) -> None:
        numbers = _numbers(value)
        if len(numbers) == 2 and min(numbers) >= 0:
            self._fade = (Fraction(round(numbers[0]), 1000), Fraction(round(numbers[1]), 1000))
        else:
            self._note(_UNSUPPORTED["fade"])

    def _reset(self, value: str) -> None:
        other = self._styles.get(value) if value else None
        if other is None:
            self._look = _look_of(self._style)
            return
        if (other.size, other.outline, other.shadow) != (self._style.size, self._style.outline, self._style.shadow):
            self._note("\\r to a style of another size or outline")
        self._look = _look_of(other, other.color)


def _without_open_blocks(text: str) -> str:
    """A text of the same length in which no `{` stands behind the last `}`: each would be looked for its end in vain.

    The text holds no NUL (export.subtitles.subtitle_file).
    """
    closed = text.rfind("}") + 1
    return text[:closed] + text[closed:].replace("{", "\0")


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


def _number(text: str) -> float | None:
    match = re.match(r"\s*([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)", text)
    return max(-MAX_NUMBER, min(float(match[1]), MAX_NUMBER)) if match else None


def _numbers(text: str) -> list[float]:
    parts = text.strip().strip("()").split(",")
    numbers = [_number(part) for part in parts]
    return [number for number in numbers if number is not None] if None not in numbers else []
