"""Faults seeded into a small film: what `reelmill check` must find, and the table of it in docs/guide/check.md.

`python -m tests.support.check_faults --docs docs/guide/check.md` measures anew and writes the table.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelmill.export.checks.check_result import ProjectResult
from reelmill.export.checks.check_run import CheckOptions, check_projects
from reelmill.planner.checks import RENDERER
from tests.benchmarks.tables import table, write_between_markers
from tests.support.clips import ffmpeg

Json = dict[str, Any]
WIDTH, HEIGHT, FPS = 320, 180, 25
_NOISE = "anoisesrc=colour=pink:amplitude=0.3:duration=4:seed=7,tremolo=f=4:d=0.9"


def make_media(folder: Path) -> None:
    """A shot tagged BT.709, the same with another matrix in its tags, and a sound."""
    picture = f"testsrc2=s={WIDTH}x{HEIGHT}:r={FPS}:d=4"
    tags = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    shot, swapped = folder / "shot.mp4", folder / "swapped.mp4"
    ffmpeg("-f", "lavfi", "-i", picture, *tags, "-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p", shot)
    ffmpeg(
        "-i", shot, "-c", "copy", "-bsf:v", "h264_metadata=matrix_coefficients=6", "-colorspace", "smpte170m", swapped
    )
    ffmpeg("-f", "lavfi", "-i", _NOISE, "-ac", "2", folder / "sound.wav")


def film(crf: int = 18) -> Json:
    """Two shots with a cut, a title, a figure, and a sound."""
    shape = {"type": "rectangle", "size": [80, 50], "fill": "orange"}
    return {
        "version": 1,
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": FPS},
        "media": {"shot": {"path": "shot.mp4"}, "sound": {"path": "sound.wav"}},
        "tracks": [
            {
                "id": "shots",
                "clips": [
                    {"id": "one", "media": "shot", "duration": "30f"},
                    {"id": "two", "media": "shot", "in": "60f", "duration": "30f"},
                ],
            },
            {
                "id": "figures",
                "clips": [{"id": "figure", "shape": shape, "duration": "60f", "transform": {"opacity": 1}}],
            },
            {"id": "titles", "clips": [{"id": "title", "text": {"content": "Spring", "size": 30}, "duration": "50f"}]},
            {
                "id": "sounds",
                "kind": "audio",
                "clips": [{"id": "bed", "media": "sound", "start": 0.1, "duration": 2, "audio": {"gain_db": 0}}],
            },
        ],
        "export": {"video": {"codec": "h264", "crf": crf}},
    }


def clip(project: Json, name: str) -> Json:
    found: Json = next(clip for track in project["tracks"] for clip in track["clips"] if clip["id"] == name)
    return found


def _wrong_frame(project: Json) -> None:
    clip(project, "one")["duration"] = "29f"
    clip(project, "two").update({"in": "59f", "duration": "31f"})


def _shift(project: Json) -> None:
    clip(project, "one")["in"] = "1f"


def _matrix(project: Json) -> None:
    project["media"]["shot"]["path"] = "swapped.mp4"


def _font(project: Json) -> None:
    clip(project, "title")["text"]["size"] += 1


def _opacity(project: Json) -> None:
    clip(project, "figure")["transform"]["opacity"] = 0.98


def _late(project: Json) -> None:
    clip(project, "bed")["start"] = 0.11


def _louder(project: Json) -> None:
    clip(project, "bed")["audio"]["gain_db"] = 0.5


def _short(project: Json) -> None:
    project["canvas"]["duration"] = "59f"


FAULTS: dict[str, Callable[[Json], None]] = {
    "one wrong frame at a cut": _wrong_frame,
    "a clip shifted by one frame": _shift,
    "the colour matrix swapped": _matrix,
    "a font size of 31 for 30": _font,
    "an opacity of 0.98 for 1": _opacity,
    "sound 10 ms late": _late,
    "sound 0.5 dB louder": _louder,
    "the last frame missing": _short,
}


@dataclass(frozen=True)
class Workplace:
    """A folder with media, goldens of the film without faults, and the film."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "film.json"

    @property
    def goldens(self) -> Path:
        return self.folder / "goldens"

    def set_up(self) -> None:
        """Make the media, and store the goldens."""
        make_media(self.folder)
        self.write(film())
        assert check_projects([self.project], self.goldens, CheckOptions(update=True)).passed

    def write(self, project: Json) -> None:
        self.project.write_text(json.dumps(project), encoding="utf-8")

    def checked(self, project: Json, **options: Any) -> ProjectResult:
        """The film changed, and checked."""
        self.write(project)
        try:
            (found,) = check_projects([self.project], self.goldens, CheckOptions(**options)).projects
        finally:
            self.write(film())
        if found.error is not None:
            raise found.error
        return found


def faulty(name: str, crf: int = 18) -> Json:
    """The film with one fault."""
    project = copy.deepcopy(film(crf))
    FAULTS[name](project)
    return project


def _table(place: Workplace) -> str:
    heads = ["what", "pixels that differ, farthest", "worst tile: SSIM, mean colour", "sound"]
    rows = []
    for name in FAULTS:
        exact = place.checked(faulty(name))
        renderer = place.checked(faulty(name), tolerance=RENDERER)
        encoder = place.checked(faulty(name), encoded=True)
        rows.append(_row(name, exact, [exact, renderer, encoder]))
    for crf in (18, 23, 28):
        encoder = place.checked(film(crf), encoded=True)
        rows.append(_row(f"no fault, encoded with crf {crf}", encoder, [None, None, encoder]))
    return table([*heads, "`exact`", "`renderer`", "`encoder`"], rows)


def _row(name: str, shown: ProjectResult, results: list[ProjectResult | None]) -> list[str]:
    figures = [each.figures for each in shown.frames if each.figures is not None and each.figures.pixels]
    worst = max(figures, key=lambda each: each.pixels, default=None)
    pixels = "none" if worst is None else f"{worst.share:.1%}, {max(each.largest for each in figures)}"
    ssim = min((each.ssim for each in figures if each.ssim is not None), default=1.0)
    tile = "" if worst is None else f"{ssim:.3f}, {max(each.colour for each in figures):.1f}"
    sound = shown.sound.figures if shown.sound is not None else None
    heard = "same"
    if sound is not None and not sound.identical:
        late = f"{sound.offset_seconds * 1000:+.1f} ms, " if sound.offset_seconds else ""
        heard = f"{late}{sound.level_db:+.2f} dB, spectrum {sound.spectrum_db:.2f} dB"
    verdicts = ["" if each is None else "found" if each.differences else "passes" for each in results]
    return [name, pixels, tile, heard, *verdicts]


def main() -> None:
    """Measure, and print the table or write it into the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--docs", type=Path)
    docs = parser.parse_args().docs
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder))
        place.set_up()
        found = _table(place)
    if docs is None:
        print(found)
    else:
        write_between_markers(docs, "faults", found)


if __name__ == "__main__":
    main()
