"""A fixture for pytest: `render_matches_golden(project)` fails a test whose render has changed (docs/guide/python.md).

pytest loads this by its entry point wherever reelmill is installed, so it imports nothing of reelmill before a test
asks for the fixture. Part of the extra `pytest`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reelmill.export.checks.check_result import CheckResult

FOLDER = "golden"
"""Beside the file of the test."""
_MAX_NAMED = 20
"""Differences that a failure lists."""


class RenderMatchesGolden:
    """What the fixture is: call it."""

    def __init__(self, test: str, beside: Path, page: Callable[[], Path], *, update: bool) -> None:
        self._test = test
        self._beside = beside
        """The folder of the file of the test."""
        self._page = page
        self._update = update

    def __call__(self, project: str | Path, *, golden: str | Path | None = None, **options: Any) -> CheckResult:
        """Render a project and compare it with its goldens; with `--update-goldens` store them.

        `project` and `golden`, the folder of the goldens, are relative to the file of the test. Without a `golden` it
        is `golden/NAME_OF_THE_TEST`. `options`: keyword arguments of `reelmill.check`.

        Fails the test where something differs, is missing, or can't be rendered.
        """
        from reelmill.export.api import check

        folder = self._beside / (Path(FOLDER, _file_name(self._test)) if golden is None else golden)
        found = check(self._beside / project, folder, update=self._update, pictures=not self._update, **options)
        (result,) = found.projects
        if result.error is not None:
            raise result.error
        if result.differences:
            pytest.fail(self._message(found, result.differences), pytrace=False)
        return found

    def _message(self, found: CheckResult, differences: list[str]) -> str:
        from reelmill.export.checks.check_page import write_check_page

        page = self._page()
        write_check_page(page, found)
        more = len(differences) - _MAX_NAMED
        return "\n".join(
            [
                f"{found.projects[0].project} does not look or sound as its goldens in {found.projects[0].golden}:",
                *(f"  {each.replace('--update', '--update-goldens')}" for each in differences[:_MAX_NAMED]),
                *([f"  and {more} more"] if more > 0 else []),
                f"expected, actual and difference: {page}",
                "pytest --update-goldens stores what is rendered now",
            ]
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-goldens`."""
    group = parser.getgroup("reelmill")
    group.addoption(
        "--update-goldens",
        action="store_true",
        help="store what render_matches_golden renders, instead of comparing with it",
    )


@pytest.fixture
def render_matches_golden(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> RenderMatchesGolden:
    """Holds the render of a project against stored frames and sound: `render_matches_golden("ad.json", frames="1")`."""
    name = request.node.name
    return RenderMatchesGolden(
        name,
        request.path.parent,
        lambda: tmp_path_factory.mktemp(_file_name(name), numbered=True) / "check.html",
        update=bool(request.config.getoption("--update-goldens")),
    )


def _file_name(name: str) -> str:
    """The name of a test, with its parameters, as a folder's."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "test"
