"""What renders of one process share: the same films, without making things twice; and nothing stale."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.shader_library import Shader
from reelmill.decoders import probe_store
from reelmill.decoders.probe import probe
from reelmill.decoders.probe_store import ProbeStore
from reelmill.decoders.stills.still_store import StillStore
from reelmill.decoders.stills.stills import read_still
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.shared_resources import SharedResources
from reelmill.export.rendering.session import export_film
from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.source_frames import Frame
from reelmill.planner.timeline import Media
from tests.support.clips import ffmpeg


def write_project(folder: Path) -> Path:
    """A video, a still and a text over one another, scaled, so that all of them are composited."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36:r=10:d=1", "-pix_fmt", "yuv420p", folder / "v.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=red:s=8x8", "-frames:v", "1", folder / "logo.png")
    project = {
        "canvas": {"width": 48, "height": 32, "fps": 10},
        "media": {"v": {"path": "v.mp4"}, "logo": {"path": "logo.png"}},
        "tracks": [
            {"clips": [{"media": "v", "duration": 0.5}]},
            {"clips": [{"media": "logo", "duration": 0.5, "fit": "none", "transform": {"rotation": 30}}]},
            {"clips": [{"text": {"content": "${title}", "size": 12}, "duration": 0.5}]},
        ],
    }
    path = folder / "project.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


def render(project: Path, title: str, shared: SharedResources | None, system: str = "v1") -> bytes:
    output = project.parent / "film.mkv"
    options = ExportOptions(variables={"title": title}, force=True, threads=1, system=system)  # type: ignore[arg-type]
    export_film(project, output, options, shared=shared)
    return output.read_bytes()


@pytest.mark.parametrize("system", ["v1", "v2"])
def test_films_are_those_of_renders_that_share_nothing(tmp_path: Path, system: str) -> None:
    project = write_project(tmp_path)
    alone = {title: render(project, title, None, system) for title in ("A", "B")}
    with SharedResources() as shared:
        for title in ("A", "B", "A"):
            assert render(project, title, shared, system) == alone[title]
        assert (shared.probes.hits, shared.stills.hits) == (4, 2)


def test_the_context_and_the_shaders_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write_project(tmp_path)
    made: list[str] = []
    create, compile_shader = GLContext.create, Shader.__init__

    def note_context(*arguments: object) -> GLContext:
        made.append("context")
        return create(*arguments)  # type: ignore[arg-type]

    def note_shader(self: Shader, *arguments: object) -> None:
        made.append("shader")
        compile_shader(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(GLContext, "create", note_context)
    monkeypatch.setattr(Shader, "__init__", note_shader)
    with SharedResources() as shared:
        render(project, "A", shared)
        first = len(made)
        assert made.count("context") == 1
        render(project, "B", shared)
        assert len(made) == first
        shared.drop_graphics()
        render(project, "C", shared)
        assert made.count("context") == 2


def test_a_changed_picture_is_read_again(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    with SharedResources() as shared:
        before = render(project, "A", shared)
        ffmpeg("-f", "lavfi", "-i", "color=blue:s=8x8", "-frames:v", "1", tmp_path / "logo.png")
        changed = render(project, "A", shared)
        assert changed != before
        assert changed == render(project, "A", None)


# --- the stores ---


def test_facts_are_kept_for_a_file_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=8x4", "-frames:v", "1", path)
    looked: list[str] = []

    def note(media: Media, *, allow_network: bool = False) -> MediaFacts:
        looked.append(media.name)
        return probe(media, allow_network=allow_network)

    monkeypatch.setattr(probe_store, "probe", note)
    store = ProbeStore()
    first = store.probe(Media("one", str(path)))
    second = store.probe(Media("two", str(path)))
    assert (second.media, second.file_hash) == ("two", first.file_hash)
    assert looked == ["one"]
    store.probe(Media("other stream", str(path), deinterlace="off"))
    os.utime(path, (1, 1))
    store.probe(Media("touched", str(path)))
    assert looked == ["one", "other stream", "touched"]
    with pytest.raises(SetupError):
        store.probe(Media("gone", str(tmp_path / "none.png")))


def test_the_stores_are_bounded(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path in paths:
        ffmpeg("-f", "lavfi", "-i", "color=red:s=10x10,format=rgb24", "-frames:v", "1", path)
    probes = ProbeStore(limit_bytes=5000)
    for path in (*paths, *paths):
        probes.probe(Media("m", str(path)))
    assert probes.hits == 0
    decoded: list[Path] = []
    stills = StillStore(limit_bytes=700)

    def still(path: Path) -> Frame:
        def decode() -> Frame:
            decoded.append(path)
            return read_still(str(path), "png", (10, 10), 0)

        return stills.frame(str(path), decode)

    for path in (paths[0], paths[1], paths[0], paths[2], paths[0], paths[1]):
        still(path)
    # Two pictures of 300 bytes fit; the one that was used longest ago went.
    assert decoded == [paths[0], paths[1], paths[2], paths[1]]
    assert stills.byte_count == 600
    StillStore(limit_bytes=10).frame(str(paths[0]), lambda: read_still(str(paths[0]), "png", (10, 10), 0))
