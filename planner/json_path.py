"""Places in a project file, as people write them: `$.tracks[0].clips[2].start`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

Location = tuple[str | int, ...]
"""Keys and indices from the root down."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def json_path(location: Iterable[str | int]) -> str:
    """`$`, then `.key`, `["odd key"]` or `[index]` for each step."""
    return "$" + "".join(map(_step, location))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
