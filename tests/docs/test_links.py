"""Every link of a page leads to a file, every anchor to a heading, and every page that code names exists."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("cli", "export", "planner", "decoders", "compositor", "tests", "examples", "docs")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = [
    ROOT / "Makefile",
    *PAGES,
    *(
        path
        for room in ROOMS
        for end in ("py", "glsl", "yml", "sh", "html")
        for path in (ROOT / room).rglob(f"*.{end}")
    ),
]


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@functools.cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        again = (
            next((f"{name}-{n}" for n in range(1, 100) if f"{name}-{n}" not in found), "") if name in found else name
        )
        found.add(again)
    return frozenset(found)


def broken_links(page: Path) -> list[str]:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title, once\n[a](#a-title-once) [b](#nowhere) [c](missing.md) [d](page.md#a-title-once)\n")
    assert broken_links(page) == ["#nowhere", "missing.md"]


def test_pages_that_are_named_exist() -> None:
    missing = []
    for path in TEXTS:
        for name in re.findall(r"(?<![\w/.-])docs/[\w./-]*\w", path.read_text(encoding="utf-8")):
            if not (ROOT / name).exists():
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert missing == []


def test_every_page_is_in_the_table_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [path for room in ("guide", "reference", "internals") for path in (ROOT / "docs" / room).glob("*.md")]
    assert [str(page) for page in pages if f"({page.relative_to(ROOT)})" not in readme] == []
