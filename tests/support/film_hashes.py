"""Do films keep their bytes? Records the SHA-256 of many films, and compares them after a change of the code.

    python -m tests.support.film_hashes record FOLDER [--projects 60]
    python -m tests.support.film_hashes compare FOLDER

`record` exports every example and a number of random projects, and keeps the projects with the hashes in FOLDER.
`compare` exports the same projects again and exits with 1 if a film differs. Compare on the machine that recorded:
encoders choose other instructions on another processor.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from examples.make_media import make_all
from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from reelmill.planner.outputs import VideoSettings
from tests.support.random_projects import Project, make_sources, projects

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*/project.json"))


def record(folder: Path, count: int) -> None:
    """Write random projects and the hashes of all films into a folder. An existing record is replaced."""
    make_sources(folder)
    drawn: list[Project] = []

    @seed(1)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
    )
    @given(projects())
    def draw(project: Project) -> None:
        drawn.append(project)

    draw()
    for number, project in enumerate(drawn[:count]):
        (folder / f"{number:03}.json").write_text(json.dumps(project))
    (folder / "hashes.json").write_text(json.dumps(dict(hashes(folder)), indent=1))


def compare(folder: Path) -> list[str]:
    """Names of the films whose bytes differ from the recorded ones."""
    recorded = json.loads((folder / "hashes.json").read_text())
    return [name for name, found in hashes(folder) if recorded.get(name) != found]


def hashes(folder: Path) -> Iterator[tuple[str, str]]:
    """Export all films, one after the other, and yield their names and hashes."""
    for example in EXAMPLES:
        yield f"examples/{example.parent.name}", film_hash(example, folder / "film.mp4", ExportOptions())
    for project in sorted(folder.glob("[0-9]*.json")):
        for system in ("v1", "v2"):
            options = ExportOptions(system=system, video=VideoSettings(preset="ultrafast"))
            yield f"{project.stem} {system}", film_hash(project, folder / "film.mkv", options)


def film_hash(project: Path, output: Path, options: ExportOptions) -> str:
    """The SHA-256 of the film of a project. The film is removed again."""
    export_film(project, output, options)
    found = hashlib.sha256(output.read_bytes()).hexdigest()
    output.unlink()
    print(project, found, file=sys.stderr)
    return found


def main() -> None:
    """Run the command line that the module's docstring shows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--projects", type=int, default=60, help="number of random projects (record)")
    arguments = parser.parse_args()
    make_all()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.action == "record":
        record(arguments.folder, arguments.projects)
        return
    different = compare(arguments.folder)
    print(f"{len(different)} films differ", *different, sep="\n  ")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
