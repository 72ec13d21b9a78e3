"""The tools that reelmill is held against: which are here, their versions, and their commands for a scene.

`python -m tests.benchmarks.peers FOLDER` makes an environment with MoviePy and movis in FOLDER/peers.
"""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from reelmill.export.films.video_encoding import DEFAULT_THREADS
from tests.benchmarks import peer_ffmpeg, peer_melt, peer_reelmill
from tests.benchmarks.scene import Scene

PEERS = ("ffmpeg", "melt", "moviepy", "movis")
LABELS = {
    "reelmill": "reelmill",
    "v1": "reelmill, V1",
    "v2": "reelmill, V2",
    "ffmpeg": "ffmpeg",
    "one-input": "ffmpeg, one input",
    "melt": "melt",
    "moviepy": "MoviePy",
    "movis": "movis",
}
HOW_TO_GET = {
    "ffmpeg": "apt-get install ffmpeg",
    "melt": "apt-get install melt",
    "moviepy": "make bench-peers",
    "movis": "make bench-peers",
}


def film_path(folder: Path, scene: Scene, name: str) -> Path:
    return folder / f"film-{scene.key}-{name}.mp4"


def contenders(scene: Scene, present: dict[str, str]) -> list[str]:
    """Who makes a scene: reelmill, and the peers that are present."""
    layers = scene.key.startswith("L")
    found = ["v1", "v2"] if layers else ["reelmill"]
    for peer in PEERS:
        if peer in present and not (layers and peer == "movis"):
            found.append(peer)
    if scene.one_input and "ffmpeg" in present:
        found.append("one-input")
    return found


def command(name: str, folder: Path, scene: Scene) -> list[str]:
    """The command with which a contender makes a scene's film at `film_path`; what it reads is written here."""
    output = film_path(folder, scene, name)
    source = folder / f"scene-{scene.key}-{name}"
    report = ["--report", str(report_path(folder, scene, name))]
    made: dict[str, Callable[[], list[str]]] = {
        "reelmill": lambda: peer_reelmill.command(scene, source.with_suffix(".json"), output, *report),
        "v1": lambda: peer_reelmill.command(scene, source.with_suffix(".json"), output, "--system", "v1", *report),
        "v2": lambda: peer_reelmill.command(scene, source.with_suffix(".json"), output, "--system", "v2", *report),
        "ffmpeg": lambda: peer_ffmpeg.command(scene, output),
        "one-input": lambda: peer_ffmpeg.command(scene, output, one_input=True),
        "melt": lambda: peer_melt.command(scene, source.with_suffix(".mlt"), output),
        "moviepy": lambda: _script("moviepy", folder, scene, output),
        "movis": lambda: _script("movis", folder, scene, output),
    }
    return made[name]()


def report_path(folder: Path, scene: Scene, name: str) -> Path:
    return folder / f"report-{scene.key}-{name}.json"


def python(folder: Path) -> Path:
    return folder / "peers/bin/python"


def versions(folder: Path) -> dict[str, str]:
    """Version by name of the peers that are installed."""
    found = {}
    for name, pattern in (("ffmpeg", r"ffmpeg version (\S+)"), ("melt", r"melt (\S+)")):
        if shutil.which(name):
            said = subprocess.run(
                [name, "-version" if name == "ffmpeg" else "--version"], capture_output=True, text=True
            )
            version = re.search(pattern, said.stdout + said.stderr)
            found[name] = version[1] if version else "unknown"
    for name in ("moviepy", "movis"):
        ask = f"from importlib.metadata import version; print(version({name!r}))"
        if python(folder).exists():
            said = subprocess.run([str(python(folder)), "-c", ask], capture_output=True, text=True)
            if said.returncode == 0:
                found[name] = said.stdout.strip()
    return found


def install(folder: Path) -> None:
    """MoviePy and movis in an environment of their own; says what else is to be installed."""
    folder.mkdir(parents=True, exist_ok=True)
    if not python(folder).exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "peers")], check=True)
    # movis 0.7 stops at an error with NumPy 2.4.
    wanted = ["moviepy>=2.2", "movis", "numpy<2.4"]
    subprocess.run([str(python(folder)), "-m", "pip", "install", "-q", *wanted], check=True)
    for name, version in versions(folder).items():
        print(f"{LABELS[name]} {version}")
    for name in PEERS:
        if name not in versions(folder):
            print(f"{LABELS[name]} is not installed: {HOW_TO_GET[name]}")


def _script(name: str, folder: Path, scene: Scene, output: Path) -> list[str]:
    source = folder / f"scene-{scene.key}.pickle"
    source.write_bytes(pickle.dumps(scene))
    module = f"tests.benchmarks.peer_{name}"
    return [str(python(folder)), "-m", module, str(source), str(output), str(DEFAULT_THREADS)]


if __name__ == "__main__":
    install(Path(sys.argv[1]))
