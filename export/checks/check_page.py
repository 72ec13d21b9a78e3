"""The result of a check as one HTML page that needs nothing else: what was expected, what is, and where they differ.

In: a CheckResult that holds pictures. Out: text, written piece by piece, since pictures make it large. The page's
frame, its looks and its script are check_page.html; here its parts are made. Everything that comes from a project is
escaped. Passive; plain functions.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template

from reelmill.export.checks.check_result import BAD, CheckResult, FrameResult, ProjectResult, SoundResult
from reelmill.export.outputs.html_text import as_html
from reelmill.export.outputs.text_file import write_text_file
from reelmill.planner.clock import format_time
from reelmill.planner.errors import ProjectError, RenderError

_WORDS = {
    "different": "different",
    "missing": "no golden",
    "gone": "gone",
    "error": "error",
    "close": "within tolerance",
    "same": "same",
    "trusted": "unchanged",
    "stored": "stored",
    "passed": "passed",
}
_LOOKS = {"close": "warn", **dict.fromkeys((*BAD, "error"), "bad")}
"""Of states; the others are good."""
_NAMES = {"expected": "expected", "actual": "actual", "difference": "difference, magnified"}
_PLOT_WIDTH, _PLOT_HEIGHT = 1000, 100
_PLOT_FLOOR_DB = -60.0


def write_check_page(path: Path, result: CheckResult) -> None:
    """Write the page, whole or not at all; folders are made. Raises RenderError."""
    try:
        write_text_file(path, check_page(result))
    except OSError as error:
        raise RenderError(
            f"the page can't be written: {error.strerror}",
            component="Check",
            file=str(path),
            suggestion="see whether the disk is full",
        ) from error


def check_page(result: CheckResult) -> Iterator[str]:
    """The page in pieces."""
    heading = _heading(result)
    template = files("reelmill.export.checks").joinpath("check_page.html").read_text(encoding="utf-8")
    before, after = template.split("$projects\n")
    values = {
        "title": as_html(heading),
        "heading": as_html(heading),
        "subtitle": as_html(_subtitle(result)),
        "facts": "\n".join(_facts(result)),
        "tools": "\n".join(_tools(result)),
        "footer": f"reelmill {as_html(version('reelmill'))}",
    }
    yield Template(before).substitute(values)
    for number, project in enumerate(result.projects):
        yield from _project(number, project)
    yield Template(after).substitute(values)


def _heading(result: CheckResult) -> str:
    if any(project.status == "stored" for project in result.projects) and result.passed:
        return "Render check: goldens stored"
    return "Render check: " + ("everything as stored" if result.passed else "something differs")


def _subtitle(result: CheckResult) -> str:
    renderers = sorted({project.renderer for project in result.projects if project.renderer})
    looked = "what came out of the encoder" if result.encoded else "composited frames"
    return " · ".join([looked, *renderers])


def _facts(result: CheckResult) -> Iterator[str]:
    projects = Counter(project.status for project in result.projects)
    frames, sounds = _states(result)
    bad = sum(frames[state] for state in BAD)
    bad_sounds = sum(sounds[state] for state in BAD)
    wrong = projects["different"] + projects["error"]
    yield _fact("Projects", str(len(result.projects)), f"{wrong} not as stored" if wrong else "all as stored", wrong)
    if projects["error"]:
        yield _fact("Errors", str(projects["error"]), "could not be checked", 1)
    told = [f"{frames[state]:,} {_WORDS[state]}" for state in ("different", "missing", "gone") if frames[state]]
    yield _fact("Frames", f"{frames.total():,}", ", ".join(told) or "none differs", bad)
    if frames["close"]:
        yield _fact("Within tolerance", f"{frames['close']:,}", "frames that are not the same bit by bit", None)
    yield _fact("Sound", f"{sounds.total():,}", f"{bad_sounds} different" if bad_sounds else "none differs", bad_sounds)
    seconds = sum(project.seconds for project in result.projects)
    yield _fact("Time", f"{seconds:.1f} s", "for rendering and comparing", None)


def _states(result: CheckResult) -> tuple[Counter[str], Counter[str]]:
    """How many frames, and how many sounds, are in each state."""
    frames = Counter[str](each.status for project in result.projects for each in project.frames)
    return frames, Counter(project.sound.status for project in result.projects if project.sound is not None)


def _fact(name: str, value: str, more: str, bad: int | None) -> str:
    look = "" if bad is None else ' class="bad"' if bad else ' class="good"'
    return f"<div{look}><dt>{name}</dt><dd>{as_html(value)}<small>{as_html(more)}</small></dd></div>"


def _tools(result: CheckResult) -> Iterator[str]:
    options = "".join(
        f'<option value="{number}">{as_html(project.project)}</option>'
        for number, project in enumerate(result.projects)
    )
    yield f'<select id="project" aria-label="Project"><option value="">all projects</option>{options}</select>'
    yield '<input type="search" id="text" placeholder="frame, clip, message…" aria-label="Text">'
    frames, sounds = _states(result)
    states = frames + sounds
    any_bad = any(states[state] for state in BAD)
    yield '<div class="states" role="group" aria-label="State">'
    for state, count in sorted(states.items(), key=lambda item: list(_WORDS).index(item[0])):
        # What is right is there to be looked up, and would hide what is wrong.
        pressed = "true" if state in BAD or not any_bad else "false"
        yield (
            f'<button class="{_dot(state)}" data-state="{state}" aria-pressed="{pressed}">{_WORDS[state]} '
            f"<b>{count:,}</b></button>"
        )
    yield "</div>"
    modes = {"side": "side by side", "slider": "slider", "blink": "blink", "difference-only": "difference"}
    buttons = "".join(
        f'<button data-mode="{mode}" aria-pressed="{"true" if mode == "side" else "false"}">{name}</button>'
        for mode, name in modes.items()
    )
    yield f'<div class="choice" id="mode" role="group" aria-label="Pictures">{buttons}</div>'
    yield '<span id="shown" role="status"></span>'


def _dot(state: str) -> str:
    return {"bad": "is-bad", "warn": "is-close"}.get(_LOOKS.get(state, ""), "is-good")


def _project(number: int, project: ProjectResult) -> Iterator[str]:
    about = [project.system.upper()] if project.system else []
    about += [f"tolerance {project.tolerance.name}"] if project.error is None and not project.updated else []
    about += [f"{project.seconds:.1f} s"]
    yield f'<section class="project" data-number="{number}"><header><h2>{as_html(project.project)}</h2>'
    yield f"{_pill(project.status)}<span>{as_html(' · '.join(about))}</span></header>\n"
    for text in _said(project):
        yield f'<div class="said bad">{as_html(text)}</div>\n'
    for text in (*project.notes, *project.warnings):
        yield f'<div class="said">{as_html(text)}</div>\n'
    if project.sound is not None:
        yield from _sound(number, project, project.sound)
    large = [each for each in project.frames if each.status in BAD]
    for each in large:
        yield from _large(number, project, each)
    small = [each for each in project.frames if each.status not in BAD]
    if small:
        yield '<div class="grid">'
        for each in small:
            yield from _small(number, project, each)
        yield "</div>\n"
    yield "</section>\n"


def _said(project: ProjectResult) -> Iterator[str]:
    error = project.error
    if error is not None:
        problems = error.listed() if isinstance(error, ProjectError) else []
        yield "\n".join([error.summary, *problems, *([f"hint: {error.suggestion}"] if error.suggestion else [])])
    yield from project.facts


def _pill(state: str) -> str:
    return f'<span class="pill {_LOOKS.get(state, "good")}">{_WORDS[state]}</span>'


def _attributes(number: int, project: ProjectResult, state: str, *texts: str) -> str:
    text = " ".join([project.project, _WORDS[state], *texts]).lower()
    return f'data-project="{number}" data-status="{state}" data-text="{as_html(text)}"'


def _name(each: FrameResult) -> str:
    return f"frame {each.frame}"


def _large(number: int, project: ProjectResult, each: FrameResult) -> Iterator[str]:
    """A frame that differs, with its pictures."""
    why = ", ".join(each.reasons)
    time = format_time(each.time)
    attributes = _attributes(number, project, each.status, _name(each), time, why, each.message or "")
    yield f'<article class="item" {attributes}><header><h3>{_name(each)} <small>at {time}</small></h3>'
    yield f'{_pill(each.status)}<span class="why">{as_html(why)}</span>'
    yield f'<p class="message">{as_html(each.message or "")}</p></header>\n'
    pictures = each.pictures
    found = (
        [(name, data) for name in _NAMES if (data := getattr(pictures, name)) is not None]
        if pictures is not None
        else []
    )
    if found:
        count = {1: "one", 2: "two", 3: "three"}[len(found)]
        yield f'<div class="viewer {count}">'
        for name, data in found:
            label = f"{_name(each)}, {_NAMES[name]}"
            yield (
                f'<figure class="{name}" data-name="{name}"><figcaption>{_NAMES[name]}</figcaption>'
                f'<button aria-label="{label}: enlarge"><img loading="lazy" alt="{label}" src="{_address(data)}">'
                "</button></figure>"
            )
        if count == "three":
            yield f'<input class="cut" type="range" max="100" value="50" step="0.1" aria-label="{_name(each)}: cut">'
        yield "</div>"
    yield "</article>\n"


def _small(number: int, project: ProjectResult, each: FrameResult) -> Iterator[str]:
    """A frame that is as it should be."""
    why, time = ", ".join(each.reasons), format_time(each.time)
    attributes = _attributes(number, project, each.status, _name(each), time, why, each.message or "")
    yield f'<div class="small {_dot(each.status)}" {attributes} title="{as_html(each.message or _WORDS[each.status])}">'
    if each.pictures is not None and each.pictures.thumbnail is not None:
        yield f'<img loading="lazy" alt="{_name(each)}" src="{_address(each.pictures.thumbnail)}">'
    yield f'<div><b>{_name(each)}<i class="dot"></i></b><span>{time}<br>{as_html(why)}</span></div></div>'


def _address(webp: bytes) -> str:
    return f"data:image/webp;base64,{b64encode(webp).decode()}"


def _sound(number: int, project: ProjectResult, sound: SoundResult) -> Iterator[str]:
    message = sound.message or ("every sample is the same" if sound.status == "same" else _WORDS[sound.status])
    soft = "" if sound.status in BAD else " soft"
    yield f'<article class="item" {_attributes(number, project, sound.status, "sound", message)}>'
    yield f'<header><h3>sound</h3>{_pill(sound.status)}<p class="message{soft}">{as_html(message)}</p></header>'
    if sound.courses is not None and sound.status in BAD:
        expected, actual = (_course(course, max(map(len, sound.courses))) for course in sound.courses)
        yield (
            f'<svg class="course" viewBox="0 0 {_PLOT_WIDTH} {_PLOT_HEIGHT}" preserveAspectRatio="none" role="img">'
            f'<title>levels over time</title><path class="expected" d="{expected}"/><path class="actual" d="{actual}"/>'
            f'</svg><div class="key"><i></i>expected<i class="actual"></i>actual: level over time, from '
            f"{_PLOT_FLOOR_DB:.0f} dB to full scale</div>"
        )
    yield "</article>\n"


def _course(levels: tuple[float, ...], length: int) -> str:
    points = [
        f"{_PLOT_WIDTH * number / max(length - 1, 1):.5g} {_PLOT_HEIGHT * min(level / _PLOT_FLOOR_DB, 1):.4g}"
        for number, level in enumerate(levels)
    ]
    return "M" + "L".join(points) if points else ""
