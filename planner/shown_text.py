"""Texts from files and projects as they are shown to people: nothing in them can steer what shows them.

Control characters, ANSI escapes, line breaks, bidi overrides and undecodable bytes are written as code. Every sink (the
terminal, HTML pages, JUnit files, annotations of GitHub, JSON on stdout) calls this, and then escapes by its own
grammar. Plain functions.
"""

from __future__ import annotations

import json
import re
from typing import Any

_HIDDEN_IN_JSON = re.compile(r"[^\n\x20-\x7e]")


def visible(text: str, *, keep: str = "") -> str:
    """The text with every character that has no shape written as code, such as `\\x1b`; those of `keep` stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _code(c) for c in text)


def shown_json(data: Any, *, indent: int | None = 2) -> str:
    """JSON that is safe to show: letters of all scripts stay as they are, the rest is escaped as JSON does."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    return _HIDDEN_IN_JSON.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def _code(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()
