"""The page of a check: whole, self-contained, escaped; and in a real browser, where its filters and slider work."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reelmill.export.checks.check_page import check_page, write_check_page
from reelmill.export.checks.check_result import CheckResult
from reelmill.export.outputs.text_file import check_page_path
from reelmill.planner.errors import SetupError
from tests.support.browser import CHROMIUM
from tests.support.check_results import EVIL, every_kind

VOID = {"meta", "link", "input", "img", "path", "br"}


class Page(HTMLParser):
    """Reads a page; fails where its tags don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of_class(self, name: str) -> list[dict[str, str]]:
        return [attributes for _, attributes in self.found if name in attributes.get("class", "").split()]


def text_of(result: CheckResult) -> str:
    return "".join(check_page(result))


def test_the_page_shows_every_result() -> None:
    page = Page(text_of(every_kind()))
    states = [attributes["data-status"] for _, attributes in page.found if "data-status" in attributes]
    assert sorted(states) == sorted(
        ["different", "different", "missing", "gone", "same", "trusted", "close", "same"]  # one of each is sound
    )
    assert [len(page.of_class(name)) for name in ("expected", "actual", "difference")] == [
        2 + 1,
        2 + 2,
        1,
    ]  # with lines of the plot
    assert len(page.of_class("cut")) == 1  # where there are two to be compared
    assert len([tag for tag, _ in page.found if tag == "section"]) == 4
    options = [attributes["value"] for tag, attributes in page.found if tag == "option"]
    assert options == ["", "0", "1", "2", "3"]


def test_the_page_needs_nothing_else_and_nothing_of_a_project_is_markup() -> None:
    text = text_of(every_kind())
    page = Page(text)
    assert not re.search(r"https?:|@import|url\(", text)
    for _, attributes in page.found:
        assert attributes.get("href", "data:").startswith("data:")
        assert attributes.get("src", "data:").startswith("data:image/webp;base64,") or "src" not in attributes
    assert [tag for tag, _ in page.found].count("script") == 1
    assert EVIL.split("\x0b")[0] in unescape(text)


def test_all_that_passes() -> None:
    result = CheckResult((replace(every_kind().projects[3]),), encoded=True)
    text = text_of(result)
    assert "Render check: everything as stored" in text
    assert 'aria-pressed="false">same' not in text  # nothing is wrong, so what is right is shown
    assert "what came out of the encoder" in text
    stored = replace(result, projects=(replace(result.projects[0], updated=True),))
    assert "Render check: goldens stored" in text_of(stored)


def test_where_the_page_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "made" / "check.html"
    check_page_path(path, [])
    write_check_page(path, every_kind())
    check_page_path(path, [])
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SetupError, match="would replace a file that is no html"):
        check_page_path(tmp_path / "notes.txt", [])


SCRIPT = """
addEventListener("load", () => {
  const found = {}, $ = selector => document.querySelector(selector);
  const $$ = selector => [...document.querySelectorAll(selector)], seen = item => item.getClientRects().length > 0;
  const visible = () => $$("[data-status]").filter(seen).map(item => item.dataset.status);
  const box = selector => {
    const r = $(selector).getBoundingClientRect();
    return [r.left, r.top, r.width, r.height].map(Math.round);
  };
  found.first = visible();
  found.fits = document.documentElement.scrollWidth <= innerWidth;
  const press = state => $(`.states [data-state=${state}]`).click();
  press("same"); found.with_same = visible(); press("same");
  const project = $("#project"); project.value = "3"; project.dispatchEvent(new Event("change"));
  press("close"); found.fourth = visible(); press("close");
  project.value = ""; project.dispatchEvent(new Event("change"));
  const text = $("#text"); text.value = "OPENING frame"; text.dispatchEvent(new Event("input")); found.text = visible();
  text.value = "nowhere"; text.dispatchEvent(new Event("input")); found.nothing = seen($("#none"));
  text.value = ""; text.dispatchEvent(new Event("input"));
  found.side = [box("figure.expected img"), box("figure.actual img")];
  $("[data-mode=slider]").click();
  found.over = [box(".three .expected img"), box(".three .actual img")];
  const cut = $(".cut"), actual = $(".three .actual button");
  cut.value = 25; cut.dispatchEvent(new Event("input", {bubbles: true}));
  found.cut = getComputedStyle(actual).clipPath;
  $(".three").scrollIntoView({block: "center"});
  const r = $(".three").getBoundingClientRect();
  found.reached = document.elementFromPoint(r.left + r.width / 4, r.top + r.height / 2) === cut;
  $("[data-mode=blink]").click();
  found.blinks = getComputedStyle(actual).animationName;
  $("[data-mode=difference-only]").click();
  found.alone = ["expected", "actual", "difference"].map(name => $(`.three .${name}`).getClientRects().length);
  $("[data-mode=side]").click();
  $("figure.difference button").click();
  found.large = [$("#large").open, $("#which [aria-pressed=true]").textContent, $$("#which button").length];
  $("#which button").click();
  setTimeout(() => {
    $("[data-zoom='4']").click();
    found.zoomed = $("#pane img").getBoundingClientRect().width;
    $("#close").click();
    found.closed = !$("#large").open;
    document.title = "found " + JSON.stringify(found);
  }, 500);
});
"""


@pytest.mark.skipif(CHROMIUM is None, reason="a check in a real browser needs Debian's chromium")
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_filters_slides_blinks_and_enlarges(tmp_path: Path, width: int) -> None:
    assert CHROMIUM is not None
    page = tmp_path / "check.html"
    page.write_text(text_of(every_kind()).replace("</body>", f"<script>{SCRIPT}</script></body>"), encoding="utf-8")
    # A window of headless Chromium is no narrower than 500 pixels; a frame is.
    frame = tmp_path / "frame.html"
    script = "setInterval(() => { document.title = document.querySelector('iframe').contentDocument.title; }, 100)"
    frame.write_text(
        f'<iframe src="check.html" style="width:{width}px;height:900px;border:0"></iframe><script>{script}</script>',
        encoding="utf-8",
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--allow-file-access-from-files", "--virtual-time-budget=5000", "--window-size=1300,950"]
    shown = subprocess.run(
        [*command, "--dump-dom", frame.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    match = re.search("<title>found (.*?)</title>", shown.stdout)
    assert match, shown.stdout[:1000]
    found: dict[str, Any] = json.loads(unescape(match[1]))
    bad = ["different", "different", "missing", "gone"]
    assert found["first"] == bad
    assert found["fits"]
    assert sorted(found["with_same"]) == sorted([*bad, "same", "same"])
    assert found["fourth"] == ["close"]
    assert found["text"] == ["different"]
    assert found["nothing"]
    left, right = found["side"]
    assert (left[0] < right[0] and left[1] == right[1]) if width > 720 else (left[0] == right[0] and left[1] < right[1])
    assert found["over"][0] == found["over"][1]
    assert found["cut"] == "inset(0px 0px 0px 25%)"
    assert found["reached"]
    assert found["blinks"] == "blink"
    assert found["alone"] == [0, 0, 1]
    assert found["large"] == [True, "difference", 3]
    assert found["zoomed"] == 64 * 4
    assert found["closed"]
