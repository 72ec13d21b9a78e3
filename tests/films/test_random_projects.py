"""Random projects over real files: V1 and V2 make the same pictures, and so do films without short cuts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from reelmill.export.opening.job import ExportOptions
from tests.support.random_projects import Project, pictures, projects, source_files, written

PARTS = 8
"""Of the long run, so that workers share it."""
EXAMPLES = 30
"""In each part."""
QUICK = settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to make a failing project smaller would take longer than the long run
)
LONG = settings(QUICK, max_examples=EXAMPLES, derandomize=False, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the files; a project is written beside them, under a name of the worker's own."""
    return source_files(tmp_path_factory)


def same_with_both_systems(project: Project, folder: Path) -> None:
    path = written(project, folder)
    before, _ = pictures(path, "v1")
    after, record = pictures(path, "v2")
    assert np.array_equal(before, after)
    assert record.decoders.planned_redecodes == 0


def same_without_short_cuts(project: Project, folder: Path) -> None:
    """Within one code of an RGB picture: docs/reference/compositing.md. Scaling in memory is another matter."""
    path = written(project, folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reelmill.export.rendering.picture_renderer.AreaScaler", lambda: None)
        fast, _ = pictures(path)
    slow, record = pictures(path, options=ExportOptions(fast_paths=False))
    assert record.frames_passed_through == 0
    differences = np.abs(fast.astype(int) - slow.astype(int))
    assert differences.max() <= 1


@QUICK
@given(project=projects())
def test_v1_and_v2_make_the_same_pictures(project: Project, folder: Path) -> None:
    same_with_both_systems(project, folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_v1_and_v2_make_the_same_pictures_of_many_projects(part: int, folder: Path) -> None:
    @seed(part)
    @LONG
    @given(project=projects())
    def check(project: Project) -> None:
        same_with_both_systems(project, folder)

    check()


@QUICK
@given(project=projects())
def test_short_cuts_change_no_picture(project: Project, folder: Path) -> None:
    same_without_short_cuts(project, folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_short_cuts_change_no_picture_of_many_projects(part: int, folder: Path) -> None:
    @seed(part)
    @LONG
    @given(project=projects())
    def check(project: Project) -> None:
        same_without_short_cuts(project, folder)

    check()
