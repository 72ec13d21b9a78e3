"""Places in a project file, as people write them: `$.tracks[0].clips[2].start`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

Location = tuple[str | int, ...]
"""Keys and indices from the root down."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = r"\.[A-Za-z_][A-Za-z0-9_]*+"
_INDEX = r"\[(?:0|[1-9][0-9]{0,8}+)\]"
_ESCAPE = r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_QUOTED = rf'\["[^"\\\x00-\x1f]*+(?:{_ESCAPE}[^"\\\x00-\x1f]*+)*+"\]'
_STEP = re.compile(rf"{_NAME}|{_INDEX}|{_QUOTED}")
PATH = re.compile(rf"\$(?:{_STEP.pattern})++")
"""A path of one step or more, in a text."""


def json_path(location: Iterable[str | int]) -> str:
    """`$`, then `.key`, `["odd key"]` or `[index]` for each step."""
    return "$" + "".join(map(_step, location))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"


def location_of(path: str) -> Location:
    """The steps of a path. What can't be read as one is left out."""
    match = PATH.match(path)
    steps = _STEP.findall(match[0]) if match is not None else ()
    return tuple(step[1:] if step[0] == "." else json.loads(step[1:-1]) for step in steps)
