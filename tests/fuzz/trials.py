"""What is done with a case: which commands run on its file, and with what.

In: a case and the folders. Out: a result. In a child process of the campaign, main thread.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz.cases import Case, Fault, Result
from tests.fuzz.commands import run
from tests.fuzz.data_cases import try_data
from tests.fuzz.decoding import compare
from tests.fuzz.media_cases import mutated
from tests.fuzz.project_cases import project_bytes

FRAME_PIXELS = 1 << 20
"""Larger canvases are not drawn: they would take the time of a hundred other cases."""
EXPORT_PIXELS = 1 << 19
"""Of all frames of a film that is exported."""
EXPORT_SHARE = 0.25
"""Of the projects that could be exported."""
OUTPUTS = ("film.mp4", "film.mkv", "film.webm", "film.wav", "film.gif", "poster.png", "film.mp3", "film.apng")
SUBTITLES, FONTS, SOUND = (".srt", ".vtt", ".ass"), (".ttf",), "sound"


class Trial:
    """One case in a folder of its own."""

    def __init__(self, case: Case, work: Path) -> None:
        """`work` holds `media`; the case's folder is made beside it, empty."""
        self._case = case
        self._media = work / "media"
        self._folder = work / case.name
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._faults: list[Fault] = []
        self._codes: list[str] = []
        self._notes: Counter[str] = Counter()
        self._dice = random.Random(f"{case.name} trial")

    def run(self) -> Result:
        """Try the case. What made it fail stays in its folder; else the folder goes."""
        os.chdir(self._folder)
        if self._case.kind == "project":
            self._try_project()
        elif self._case.kind == "media":
            self._try_media()
        else:
            self._faults += try_data(self._case, self._folder)
        os.chdir(self._folder.parent)
        if not self._faults:
            shutil.rmtree(self._folder)
        return Result(tuple(self._faults), tuple(self._codes), tuple(self._notes))

    def _command(self, *arguments: str, target: str | None = None) -> tuple[int, str]:
        path = None if target is None else self._folder / target
        ran = run(*arguments, target=path, folder=self._folder)
        self._faults += ran.faults
        self._codes.append(f"{arguments[0]}={ran.exit_code}")
        return ran.exit_code, ran.stdout

    def _try_project(self) -> None:
        (self._folder / "project.json").write_bytes(project_bytes(self._case))
        code, said = self._command("validate", "project.json", "--json")
        found = _json(said) if code == 0 else None
        if found is None:
            if self._dice.random() < 0.05:
                code, _ = self._command("export", "project.json", "film.mp4", target="film.mp4")
                if code == 0:
                    self._faults.append(Fault("export", "exports what validate refuses"))
            return
        self._command("plan", "project.json", *(("--json",) if self._dice.random() < 0.5 else ()))
        pixels, frames = found["width"] * found["height"], found["frames"]
        if pixels <= FRAME_PIXELS and self._dice.random() < 0.6:
            at = self._dice.choice(("0", "0.5", f"{max(frames - 1, 0)}f"))
            self._command("frame", "project.json", "frame.png", "--at", at, target="frame.png")
        if pixels * frames <= EXPORT_PIXELS and self._dice.random() < EXPORT_SHARE:
            self._export(self._dice.choice(OUTPUTS), ())
        elif pixels <= FRAME_PIXELS and self._dice.random() < EXPORT_SHARE:
            self._export("film.mkv", ("--range", "0..0.2"))

    def _export(self, output: str, options: tuple[str, ...]) -> None:
        quick = ("--preset", "ultrafast") if output.endswith((".mp4", ".mkv")) else ()
        system = ("--system", self._dice.choice(("auto", "v1", "v2")))
        self._command("export", "project.json", output, "-q", *quick, *system, *options, target=output)

    def _try_media(self) -> None:
        path = mutated(self._case, self._media, self._folder)
        suffix = path.suffix
        (self._folder / "project.json").write_text(json.dumps(_project_for(path.name)), encoding="utf-8")
        if suffix not in (*SUBTITLES, *FONTS):
            self._command("probe", path.name, "--json")
        code, _ = self._command("validate", "project.json", "--json")
        output = "film.mkv" if suffix in (".mp4", ".mov", ".png", ".ts", *SUBTITLES, *FONTS) else "film.mp4"
        output = "film.wav" if self._dice.random() < 0.15 else output
        if code == 0:
            self._export(output, ("--range", "0..0.8"))
            if suffix not in (*SUBTITLES, *FONTS):
                found = compare(path, [self._dice.randrange(1000) for _ in range(4)])
                self._notes.update(found.notes)
                if found.difference is not None:
                    self._faults.append(Fault(f"decode {path.name}", found.difference))


def _project_for(name: str) -> dict[str, Any]:
    """A film that shows the file, or takes its cues, or writes with it."""
    project: dict[str, Any] = {"version": 1, "canvas": {"width": 64, "height": 48, "fps": 25}}
    clip: dict[str, Any] = {"media": "m", "duration": 0.8, "after_end": "blank"}
    suffix = Path(name).suffix
    if suffix in FONTS:
        clip = {"text": {"content": "Reelmill, été: fi 12", "size": 14, "font": name}, "duration": 0.2}
    elif suffix in SUBTITLES:
        clip = {"solid": "#204060", "duration": 0.8}
        project["subtitles"] = [{"path": name, "mode": "burn"}, {"path": name, "language": "eng"}]
    else:
        project["media"] = {"m": {"path": name}}
    return {**project, "tracks": [{"clips": [clip]}]}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
