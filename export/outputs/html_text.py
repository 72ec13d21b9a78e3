"""Texts from files and projects in HTML pages: the one way in. A plain function."""

from __future__ import annotations

from html import escape

from reelmill.planner.shown_text import visible


def as_html(text: str) -> str:
    """The text for between tags and for attributes in double quotes."""
    return escape(visible(text, keep="\n\t"))
