"""What CONTRIBUTING.md tells to write for a new effect and a new kind of content works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
CHANGED = ("compositor", "planner")
SIZE = 48


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import reelmill from, in which a stranger has followed both walk-throughs."""
    links = tmp_path_factory.mktemp("extended")
    package = links / "reelmill"
    package.mkdir()
    for room in ("cli", "decoders", "export"):
        (package / room).symlink_to(ROOT / room)
    for room in CHANGED:
        shutil.copytree(ROOT / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "export" / "interface").glob("*.py"):
        (package / path.name).symlink_to(path)
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for path, code in blocks:
        (package / path).write_text(code, encoding="utf-8")
    effects, contents = package / "planner/effects/catalogue.py", package / "planner/contents/catalogue.py"
    add(effects, "from reelmill.planner.effects.saturation", "from reelmill.planner.effects.sepia import SepiaModel\n")
    add(effects, '    "saturation": SaturationModel', '    "sepia": SepiaModel,\n')
    imports = "from reelmill.planner.contents.checker import Checker, CheckerModel\n"
    add(contents, "from reelmill.planner.contents.composition_content", imports)
    add(contents, "    shape: ShapeModel | None = None", "    checker: CheckerModel | None = None\n")
    add(contents, "    kind.kind: kind for kind in (", "", inside="Checker, ")
    return links


def add(path: Path, before: str, line: str, *, inside: str = "") -> None:
    """Put a line before the one that begins with `before`, or a word behind these characters."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, f"{line}{before}{inside}"), encoding="utf-8")


def reelmill(extended: Path, *arguments: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(extended)}
    command = [sys.executable, "-m", "reelmill", *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=extended, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def picture(extended: Path, folder: Path, clip: dict[str, Any], **more: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    project = {
        "version": 1,
        "canvas": {"width": SIZE, "height": SIZE, "fps": 10},
        "tracks": [{"clips": [{"duration": 1, **clip}]}],
        **more,
    }
    source, target = folder / "project.json", folder / "frame.png"
    source.write_text(json.dumps(project), encoding="utf-8")
    reelmill(extended, "frame", source, target, "--at", "0", "--force")
    return np.asarray(Image.open(target).convert("RGB"), np.float64)


def test_the_effect_of_the_walk_through(extended: Path, tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "noise.png")
    clip = {"media": "noise", "fit": "none", "effects": [{"type": "sepia", "amount": 0.5}]}
    result = picture(extended, tmp_path, clip, media={"noise": "noise.png"})
    sepia = rgb @ np.array([[0.393, 0.349, 0.272], [0.769, 0.686, 0.534], [0.189, 0.168, 0.131]])
    assert np.abs(result - np.minimum((rgb + sepia) / 2, 255)).max() <= 1


def test_the_content_of_the_walk_through(extended: Path, tmp_path: Path) -> None:
    board = {"size": [SIZE, SIZE], "side": 12, "color": "#ff8000"}
    result = picture(extended, tmp_path, {"checker": board})
    y, x = np.mgrid[:SIZE, :SIZE] // 12
    expected = np.where(((x + y) % 2 == 0)[..., None], (255, 128, 0), (0, 0, 0))
    assert np.abs(result - expected).max() <= 1


def test_the_content_is_told_like_the_others(extended: Path, tmp_path: Path) -> None:
    schema = json.loads(reelmill(extended, "schema"))
    assert schema["$defs"]["Checker"]["properties"]["side"]["description"].startswith("Width of a square")
    picture(extended, tmp_path, {"checker": {"size": [20, 20]}})
    described = json.loads(reelmill(extended, "plan", tmp_path / "project.json", "--json"))
    assert '"checker"' in json.dumps(described)
