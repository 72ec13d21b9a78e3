"""What hostile names and files can't make reelmill do: the lines of docs/internals/security.md."""

from __future__ import annotations

import json
import os
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from export import render
from export.films.containers import CONTAINERS
from planner.outputs import Output

links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")


def solid(path: Path, **more: Any) -> Path:
    """A film of two red frames of 16×16."""
    clip = {"id": "red", "solid": "#ff0000", "duration": 0.2}
    project = {"version": 1, "canvas": {"width": 16, "height": 16, "fps": 10}, "tracks": [{"clips": [clip]}], **more}
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


@links
def test_side_files_are_not_written_through_planted_links(tmp_path: Path) -> None:
    project = solid(tmp_path / "p.json")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    options = {"report": "r.json", "depfile": "f.d", "profile": "t.json", "junit": "j.xml", "html": "c.html"}
    written = {option: tmp_path / name for option, name in options.items()}
    for path in written.values():
        # A name that older versions wrote to, and the shape of today's.
        for planted in (f".{path.name}.part", f".{path.name}.000000000000.reelmill-part{path.suffix}"):
            (tmp_path / planted).symlink_to(precious)
    sides = [word for option in ("report", "depfile", "profile") for word in (f"--{option}", str(written[option]))]
    assert main(["export", str(project), str(tmp_path / "film.mkv"), "-q", *sides]) == 0
    sides = [word for option in ("junit", "html") for word in (f"--{option}", str(written[option]))]
    assert main(["check", str(project), "--golden", str(tmp_path / "golden"), "--update", "-q", *sides]) == 0
    assert precious.read_text() == "mine"
    assert all(path.is_file() and not path.is_symlink() for path in written.values())


@links
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_the_state_of_a_batch_is_a_file_of_its_own(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    solid(tmp_path / "p.json")
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("project,output\np.json,film.mkv\n")
    precious, state = tmp_path / "precious", tmp_path / ".reelmill-batch.jsonl"
    precious.write_text("mine")
    if kind == "link":
        state.symlink_to(precious)
    else:
        os.mkfifo(state)
    assert main(["batch", str(jobs), "-q"]) == 2
    assert "the state of the batch can't be read" in capfd.readouterr().err
    assert precious.read_text() == "mine"
    assert not (tmp_path / "film.mkv").exists()


@links
def test_init_with_force_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "project.json").symlink_to(precious)
    assert main(["init", str(tmp_path)]) == 2
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert precious.read_text() == "mine"
    assert json.loads((tmp_path / "project.json").read_text())["version"] == 1


NAMES = ("a:b", "concat:x", "file:x", "-x", "50%", "a|b", "C:\\x")
"""What libav, shells or Windows could take for something else than a name."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_the_name_of_an_output_is_never_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Relative: an absolute path can't be taken for an address.
    with wave.open("s:.wav", "wb") as sound:
        sound.setparams((1, 2, 48000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(2 * 9600))
    tracks: list[Any] = [{"clips": [{"id": "red", "solid": "#ff0000", "duration": 0.2}]}]
    tracks += [{"kind": "audio", "clips": [{"id": "silence", "media": "s"}]}]
    project = solid(tmp_path / "p.json", media={"s": {"path": "s:.wav"}}, tracks=tracks)
    suffixes = (*CONTAINERS, ".gif", ".apng", ".webp", ".png")
    outputs = [Output(f"{name}{suffix}") for suffix in suffixes for name in NAMES[: None if suffix == ".mkv" else 1]]
    render(project, [*outputs, Output("frames:1/%02d:.png")])
    assert all(Path(output.path).stat().st_size for output in outputs)
    assert sorted(path.name for path in Path("frames:1").iterdir()) == ["00:.png", "01:.png"]
    assert main(["probe", "--conform", "8000", "--", "a:b.wav"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_the_name_of_an_input_is_never_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    render(solid(tmp_path / "p.json"), [*(Output(f"{name}.mkv") for name in NAMES), Output("s:/%02d%%.png")])
    media: dict[str, Any] = {f"m{number}": {"path": f"{name}.mkv"} for number, name in enumerate(NAMES)}
    media["pictures"] = {"path": "s:/%02d%%.png", "fps": 10}
    tracks = [{"clips": [{"id": name, "media": name} for name in media]}]
    shown = render(solid(tmp_path / "q.json", media=media, tracks=tracks), "film.mkv")
    assert shown.frames == 2 * len(media)
    for name in NAMES:
        assert main(["probe", "--", f"{name}.mkv"]) == 0
    # None of these is a file.
    for name in ("file:-x.mkv", "concat:-x.mkv|-x.mkv", "subfile,,start,0,end,9,,:-x.mkv", "file:///x.mkv", "pipe:0"):
        assert main(["probe", "--", name]) == 2
