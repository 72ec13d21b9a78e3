"""A short piece of `make fuzz`: the same cases each time, and no fault in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.support.clips import shared_folder

PROJECTS, MEDIA, DATA = 100, 30, 150


def test_mutated_projects_and_media_show_no_fault(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = shared_folder(tmp_path_factory) / "fuzz"
    counted = (
        "--projects",
        str(PROJECTS),
        "--media",
        str(MEDIA),
        "--data",
        str(DATA),
        "--seed",
        "14",
        "--processes",
        "1",
    )
    failed = main([*counted, "--work", str(work), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert not failed, said
    assert f"{PROJECTS} projects, {MEDIA} media, {DATA} data files, 0 faulty" in said
