"""Job lists: CSV as spreadsheets write it, JSON, TOML, JSON Lines; patterns of projects; what is wrong with a list."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from reelmill.export.batches.job_list import BatchJob, jobs_of, read_job_list
from reelmill.export.batches.job_rows import MAX_JOBS
from reelmill.planner.errors import SetupError


def jobs_in(folder: Path, name: str, content: str | bytes, out_dir: Path | None = None) -> list[BatchJob]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_job_list(path, out_dir)


def refused(folder: Path, name: str, content: str | bytes) -> SetupError:
    with pytest.raises(SetupError) as caught:
        jobs_in(folder, name, content)
    assert caught.value.component == "Batch"
    return caught.value


def test_csv_with_commas(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, "jobs.csv", "project,output,title\nads/a.json,out/1.mp4,One\n\na.json,2.mp4,\n")
    assert jobs == [
        BatchJob("row 2", tmp_path / "ads/a.json", tmp_path / "out/1.mp4", {"title": "One"}, tmp_path),
        BatchJob("row 4", tmp_path / "a.json", tmp_path / "2.mp4", {}, tmp_path, empty=("title",)),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_a_bom_quotes_newlines_and_right_to_left_text(tmp_path: Path, delimiter: str) -> None:
    title = f'He said ""hi""{delimiter}\r\nthen left; a,b'
    rows = [["output", "title", "project", "note"], ["1.mp4", f'"{title}"', "p.json", "שלום عليكم"]]
    text = "\ufeff" + "".join(delimiter.join(row) + "\r\n" for row in rows)
    (job,) = jobs_in(tmp_path, "jobs.csv", text)
    assert job.variables == {"title": title.replace('""', '"'), "note": "שלום عليكم"}
    assert (job.label, job.project, job.output) == ("row 2", tmp_path / "p.json", tmp_path / "1.mp4")


def test_json_toml_and_json_lines_keep_types(tmp_path: Path) -> None:
    expected = {"size": 3, "ratio": Decimal("0.1"), "on": True, "items": [{"t": "a"}], "title": "T"}
    row = '"project": "p.json", "output": "o.mp4", "size": 3, "ratio": 0.1, "on": true, "items": [{"t": "a"}]'
    whole = '{"title": "T", "jobs": [{' + row + ', "none": null}, {"project": "q", "output": "q.mp4", "title": "Q"}]}'
    first, second = jobs_in(tmp_path, "jobs.json", whole)
    assert first.variables == expected
    assert (first.label, second.label) == ("jobs[0]", "jobs[1]")
    assert second.variables == {"title": "Q"}
    (listed,) = jobs_in(tmp_path, "list.json", "[{" + row + ', "title": "T"}]')
    assert listed.variables == expected
    lines = jobs_in(tmp_path, "jobs.jsonl", "{" + row + ', "title": "T"}\n\n{"project": "q", "output": "r.mp4"}\n')
    assert [job.label for job in lines] == ["line 1", "line 3"]
    assert lines[0].variables == expected
    toml = 'title = "T"\n[[jobs]]\nproject = "p.json"\noutput = "o.mp4"\nsize = 3\nratio = 0.1\non = true\n'
    toml += 'items = [{t = "a"}]\nday = 2026-01-02\n'
    (from_toml,) = jobs_in(tmp_path, "jobs.toml", toml)
    assert from_toml.variables == {**expected, "day": "2026-01-02"}


def test_outputs_are_relative_to_the_out_dir(tmp_path: Path) -> None:
    (job,) = jobs_in(tmp_path, "jobs.csv", "project,output\np.json,a/b.mp4\n", tmp_path / "films")
    assert (job.project, job.output) == (tmp_path / "p.json", tmp_path / "films/a/b.mp4")


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("j.csv", "title,output\nx,y\n", 'no columns "project" and "output": title,output', "the first row names"),
        ("j.csv", "", 'no columns "project" and "output"', "the first row names"),
        ("j.csv", "project,output\n", "the list has no jobs", "at least one row"),
        ("j.csv", "project,output,a,a\n", 'two columns are called "a"', "a name of its own"),
        ("j.csv", "project,output\np,o.mp4,x\n", "row 2 has 3 cells, and the first row 2", "commas, quotes or line"),
        ("j.csv", 'project,output\np,"o.mp4" x\n', "row 2 can't be read: ", "a quote is written twice"),
        ("j.csv", "project,output\n,o.mp4\n", "row 2: the project is missing", "relative to the list"),
        ("j.csv", "project,output,First name\np,o.mp4,x\n", '"First name" can\'t be the name', "use letters"),
        ("j.csv", "project,output\np,o.mp4\nq,./x/../o.mp4\n", "row 2 and row 3 both write", "an output of its own"),
        ("j.csv", "project,output\no.mp4,o.mp4\n", "row 2 would write to a project of the batch", "of its own"),
        ("j.csv", "project,output\nä,o\n".encode("latin-1"), "not UTF-8 text (byte 16)", "CSV UTF-8"),
        ("j.json", "[{]", "not JSON: line 1, column 3: ", "keys stand in double quotes"),
        ("j.json", '[{"project": "p", "project": "q"}]', 'the key "project" stands twice', None),
        ("j.json", '{"tracks": []}', "no list of jobs", "this is a project"),
        ("j.json", "[1]", "jobs[0] is not an object", "write {"),
        ("j.json", '[{"projet": "p", "output": "o"}]', "jobs[0]: the project is missing", 'did you mean "projet"?'),
        ("j.json", '[{"project": 1, "output": "o"}]', "jobs[0]: the project is not a path", None),
        ("j.jsonl", '{"project": "p", "output": "o"}\n{x}\n', "not JSON: line 2, column 2: ", "double quotes"),
        ("j.toml", "[[jobs]\n", "the list of jobs is not TOML: ", None),
        ("j.toml", f"a = {'[' * 5000}", "too many tables and arrays inside one another", None),
        ("j.toml", f"{'a.' * 5000}a = 1", "too many tables and arrays inside one another", None),
        ("j.toml", f"{'a.' * 100_000}a = 1", "a line with more than 10,000 dots", None),
        ("j.toml", f"a = {'1' * 5000}", "the list of jobs is not TOML: ", None),
        ("j.toml", "a = 1e99999999999999999999", "no list of jobs", None),
        ("j.xlsx", "PK", "j.xlsx is a spreadsheet", "save it as CSV UTF-8"),
        ("j.txt", "", '"j.txt" is no list of jobs by its extension', ".csv"),
    ],
)
def test_lists_that_are_wrong(tmp_path: Path, name: str, content: str | bytes, message: str, hint: str | None) -> None:
    error = refused(tmp_path, name, content)
    assert message in error.message
    assert hint is None or hint in (error.suggestion or "")


def test_every_duplicate_is_named(tmp_path: Path) -> None:
    rows = "".join(f"p.json,{n % 5}.mp4\n" for n in range(30))
    error = refused(tmp_path, "j.csv", f"project,output\n{rows}")
    assert error.message.startswith(f"row 2 and row 7 both write {tmp_path / '0.mp4'}; row 3 and row 8 both write")
    assert error.message.endswith(", and 15 more")


def test_there_is_a_limit(tmp_path: Path) -> None:
    rows = "".join(f"p,{n}.mp4\n" for n in range(MAX_JOBS + 1))
    assert "100,000 jobs, which is the limit" in refused(tmp_path, "j.csv", f"project,output\n{rows}").message


# --- projects instead of a list ---


def make_projects(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"tracks": []}))


def test_patterns_of_projects(tmp_path: Path) -> None:
    make_projects(tmp_path, "projects/b.json", "projects/a.json", "projects/deep/project.json", "other.json")
    out = tmp_path / "films"
    flat = jobs_of([f"{tmp_path}/projects/*.json"], out)
    assert [(job.project.name, job.output) for job in flat] == [("a.json", out / "a.mp4"), ("b.json", out / "b.mp4")]
    nested = jobs_of([f"{tmp_path}/projects/*/project.json", str(tmp_path / "other.json")], out, ".mov")
    assert [job.output for job in nested] == [out / "deep/project.mov", out / "other.mov"]
    assert len(jobs_of([f"{tmp_path}/**/*.json"], out)) == 4
    one = jobs_of([str(tmp_path / "other.json")], out)
    assert one == [BatchJob(str(tmp_path / "other.json"), tmp_path / "other.json", out / "other.mp4")]


def test_projects_that_can_not_be_batched(tmp_path: Path) -> None:
    make_projects(tmp_path, "a/project.json", "b/project.json")
    for arguments, out_dir, words in (
        ([f"{tmp_path}/*/nothing.json"], tmp_path, 'nothing.json"'),
        ([f"{tmp_path}/*/project.json"], None, "projects, and no folder for their films"),
        ([str(tmp_path / "a/project.json")], None, "projects, and no folder for their films"),
        ([str(tmp_path / "none.csv")], None, "does not exist"),
        ([str(tmp_path / "a/project.json"), str(tmp_path / "b/project.json")], tmp_path / "o", "both write"),
    ):
        with pytest.raises(SetupError, match=words):
            jobs_of(arguments, out_dir)
