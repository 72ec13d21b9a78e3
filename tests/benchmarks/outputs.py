"""What six outputs from one pass cost, against an export for each, and against the sum of their own work.

A nested project (two compositions of moving pictures in picture, in three places, over a film, with a title) is
exported to a film, a small one, an animation, numbered pictures, a poster and a sound file. Rounds are interleaved,
figures are medians; CPU seconds are those of the whole process. What an output's own work costs is an export of it
alone, less a run that draws the same pictures and throws them away.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.benchmarks.footage import pattern
from tests.benchmarks.measure import Usage, run
from tests.support.clips import ffmpeg

FPS = 30
MOST_OF_OWN_WORK = 1.1
LEAST_SPEEDUP = 2.0


def outputs(width: int, height: int) -> dict[str, dict[str, Any]]:
    """The entries of the project, by a word for the table."""
    small = [width // 4 * 2, height // 4 * 2]
    return {
        "film": {"path": "film.mp4", "video": {"preset": "veryfast"}},
        "small film": {"path": "small.mkv", "size": small, "video": {"codec": "h264", "preset": "veryfast"}},
        "animation": {"path": "teaser.gif", "size": [width // 4, height // 4], "fps_divisor": 3},
        "pictures": {"path": "frames/%05d.jpg", "size": small},
        "poster": {"path": "poster.jpg"},
        "sound": {"path": "sound.wav"},
    }


def project(folder: Path, seconds: int, width: int, height: int) -> dict[str, Any]:
    """The timeline; its footage is made in the folder."""
    size = f"{width}x{height}"
    names = [pattern(folder, f"outputs{n}", size=size, seconds=seconds, gop=FPS) for n in range(4)]
    ffmpeg("-f", "lavfi", "-i", f"sine=frequency=330:sample_rate=48000:duration={seconds}", folder / "tone.wav")

    def shown(media: str, scale: float, x: float, y: float, **more: Any) -> dict[str, Any]:
        transform = {"scale": scale, "position": [width * x, height * y], **more}
        return {"media": media, "start": 0, "duration": seconds, "transform": transform}

    def composition(*clips: dict[str, Any]) -> dict[str, Any]:
        return {"duration": seconds, "tracks": [{"clips": [clip]} for clip in clips]}

    def nested(name: str, scale: float, x: float, y: float, **more: Any) -> dict[str, Any]:
        transform = {"scale": scale, "position": [width * x, height * y], **more}
        return {"clips": [{"composition": name, "start": 0, "duration": seconds, "transform": transform}]}

    title = {"text": {"content": "Several outputs", "size": height / 8}, "start": 0, "duration": seconds}
    return {
        "version": 1,
        "canvas": {"width": width, "height": height, "fps": FPS},
        "media": {f"m{n}": {"path": name} for n, name in enumerate(names)} | {"tone": {"path": "tone.wav"}},
        "compositions": {
            "pair": composition(shown("m1", 0.5, 0.3, 0.5), shown("m2", 0.5, 0.7, 0.5, rotation=7)),
            "card": composition(shown("m3", 0.9, 0.5, 0.5), title),
        },
        "tracks": [
            {"clips": [{"media": "m0", "start": 0, "duration": seconds}]},
            nested("pair", 0.6, 0.3, 0.35),
            nested("card", 0.4, 0.75, 0.3, opacity=0.8),
            nested("pair", 0.4, 0.7, 0.75, rotation=-5),
            {"kind": "audio", "clips": [{"media": "tone", "start": 0, "duration": seconds}]},
        ],
    }


def draw(path: Path) -> None:
    """Draw every picture that the outputs of a project need, and throw them away."""
    from reelmill.export.opening.job import ExportOptions
    from reelmill.export.opening.project import choose_system, open_project, planner_for
    from reelmill.export.outputs.output_plan import plan_outputs
    from reelmill.export.outputs.picture_sink import PictureFormat
    from reelmill.export.outputs.views import choose_views
    from reelmill.export.pictures.picture_sinks import open_picture_sink
    from reelmill.export.rendering.picture_renderer import PictureRenderer
    from reelmill.export.telling.report import ExportRecord
    from reelmill.planner.frame_set import FrameSet

    options = ExportOptions()
    opened = open_project(path, options)
    plan = plan_outputs(opened, (), options)
    takes: list[PictureFormat] = []
    drawn: list[FrameSet] = []
    for number, each in enumerate(plan.pictured):
        if each.settings is not None and each.settings.video is not None:
            video = each.settings.video
            takes.append(PictureFormat(video.width, video.height, video.pix_fmt, video.colour))
            drawn.append(FrameSet.of([each.shown.frames]))
            continue
        place = path.parent / f"{path.stem}-{number}"
        sink = open_picture_sink(each.output, place, each.shown, each.canvas)
        takes.append(sink.takes)
        frames = each.shown.frames
        drawn.append(
            FrameSet.of(frames[k : k + 1] for k in range(len(frames)) if sink.wanted is None or k in sink.wanted)
        )
        sink.abort()
        place.unlink(missing_ok=True)
    if not takes:
        return
    views = choose_views(takes, plan.pictured[0].canvas)
    wanted = FrameSet.of(part for each in drawn for part in each.parts)
    planner = planner_for(opened, wanted, options)
    with PictureRenderer(
        opened, planner, options, ExportRecord(), system=choose_system(opened, options)[0]
    ) as renderer:
        for frame in wanted:
            shown = planner.plan(frame)
            renderer.begin(shown)
            needed = dict.fromkeys(view for view, frames in zip(views, drawn, strict=True) if frame in frames)
            renderer.draw(shown.picture, list(needed))


def measure(folder: Path, rounds: int, seconds: int, width: int, height: int) -> None:
    """Run everything, and print the tables."""
    entries = outputs(width, height)
    timeline = project(folder, seconds, width, height)
    cases = {**{name: [entry] for name, entry in entries.items()}, "all": list(entries.values())}
    used: dict[tuple[str, str], list[Usage]] = defaultdict(list)
    for _ in range(rounds):
        for number, (name, several) in enumerate(cases.items()):
            path = folder / f"case{number}.json"
            path.write_text(json.dumps({**timeline, "outputs": several}))
            used[name, "export"].append(run([sys.executable, "-m", "reelmill", "export", str(path), "--force", "-q"]))
            used[name, "draw"].append(run([sys.executable, "-m", "tests.benchmarks.outputs", "--draw", str(path)]))

    def median(name: str, what: str, value: str) -> float:
        return float(statistics.median(getattr(each, value) for each in used[name, what]))

    print("| output | export alone, CPU s | drawing alone, CPU s | its own work, CPU s | export alone, wall s |")
    print("| --- | --- | --- | --- | --- |")
    own = {name: max(median(name, "export", "cpu") - median(name, "draw", "cpu"), 0.0) for name in entries}
    for name in entries:
        cells = (median(name, "export", "cpu"), median(name, "draw", "cpu"), own[name], median(name, "export", "wall"))
        print(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
    alone_cpu, alone_wall = (sum(median(name, "export", value) for name in entries) for value in ("cpu", "wall"))
    print(f"| all six, one by one | {alone_cpu:.2f} | | {sum(own.values()):.2f} | {alone_wall:.2f} |")
    all_cpu, all_wall, drawn = (
        median("all", "export", "cpu"),
        median("all", "export", "wall"),
        median("all", "draw", "cpu"),
    )
    print(f"| all six, one pass | {all_cpu:.2f} | {drawn:.2f} | | {all_wall:.2f} |")
    floor = sum(own.values()) + drawn
    print(f"\none pass: {all_cpu / floor:.2f} × their own work and one drawing pass (at most {MOST_OF_OWN_WORK})")
    print(f"against one by one: {alone_wall / all_wall:.2f} × faster in wall time (at least {LEAST_SPEEDUP}), ", end="")
    print(f"{alone_cpu / all_cpu:.2f} × in CPU time")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--size", default="1280x720", metavar="WxH")
    parser.add_argument("--draw", type=Path, metavar="PROJECT", help="only draw what a project's outputs need")
    options = parser.parse_args()
    if options.draw is not None:
        draw(options.draw)
        return
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.rounds, options.seconds, width, height)


if __name__ == "__main__":
    main()
