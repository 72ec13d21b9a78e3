"""docs/guide/batch.md: its lists and its template make films as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reelmill.cli.main import main
from reelmill.export.batches.job_list import read_job_list
from tests.support.clips import ffmpeg
from tests.support.films import probe

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "batch.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["jobs.csv", "jobs.json"])
def test_the_lists_of_the_page_make_films(tmp_path: Path, name: str) -> None:
    jobs, template = blocks("json")
    (tmp_path / "jobs.json").write_text(jobs, encoding="utf-8")
    (tmp_path / "card.json").write_text(template.replace('"duration": 3', '"duration": 0.1'), encoding="utf-8")
    (tmp_path / "jobs.csv").write_text(blocks("csv")[0], encoding="utf-8")
    for photo in ("rome", "oslo"):
        ffmpeg("-f", "lavfi", "-i", "color=red:s=64x36", "-frames:v", "1", tmp_path / f"{photo}.jpg")
    assert main(["batch", str(tmp_path / name), "--threads", "1", "--progress", "none"]) == 0
    for film in ("rome", "oslo"):
        assert probe(tmp_path / "films" / f"{film}.mp4")["streams"][0]["nb_frames"] == "3"


def test_csv_and_json_of_the_page_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text(blocks("json")[0], encoding="utf-8")
    (tmp_path / "jobs.csv").write_text(blocks("csv")[0], encoding="utf-8")
    of_csv, of_json = read_job_list(tmp_path / "jobs.csv"), read_job_list(tmp_path / "jobs.json")
    assert [(job.project, job.output) for job in of_csv] == [(job.project, job.output) for job in of_json]
    assert of_csv[0].variables["title"] == 'Rome, in "spring"'
    assert set(of_csv[1].variables) == set(of_json[1].variables) == {"title", "photo"}


def test_events_and_fields_are_those_of_the_code() -> None:
    from reelmill.cli import batch_narrator

    told = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    source = Path(batch_narrator.__file__).read_text(encoding="utf-8")
    written = set(re.findall(r'self\._tell\("(\w+)"', source)) | {"done", "skipped", "failed", "cancelled"}
    assert told == written
