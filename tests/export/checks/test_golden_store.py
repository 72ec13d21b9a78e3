"""The folder of goldens: whole or not at all, also where an update fails or is killed at any step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.checks.golden_manifest import FilmFacts, Manifest, read_manifest
from reelmill.export.checks.golden_store import GoldenStore, GoldenUpdate, pixels_hash, place_of
from reelmill.export.checks.sound_fingerprint import FingerprintMaker
from reelmill.planner.errors import RenderError, SetupError

Pixels = npt.NDArray[np.uint8]


def picture(seed: int, components: int = 3) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (9, 7, components), dtype=np.uint8)


def manifest(update: GoldenUpdate) -> Manifest:
    return Manifest(
        project="../film.json",
        pictures="composited",
        film=FilmFacts(7, 9, Fraction(30000, 1001), 20, 48000, 2, 32032),
        moments="auto",
        project_hash="ab",
        variables={"título": "¡!"},
        media={"m": "cd"},
        versions={"reelmill": "0.1.0"},
        renderer="llvmpipe",
        system="v1",
        frames=update.frames,
        sound=update.sound,
    )


def stored(store: GoldenStore, *seeds: int) -> Manifest:
    """Store a picture for each seed, and a sound."""
    with GoldenUpdate(store) as update:
        for number, seed in enumerate(seeds):
            update.add_picture(number, ["why"], picture(seed), "key")
        maker = FingerprintMaker(48000, 2)
        maker.add(np.full((4800, 2), seeds[0] / 100, np.float32))
        update.add_sound(maker.finish())
        found = manifest(update)
        update.commit(found)
    return found


@pytest.fixture
def store(tmp_path: Path) -> GoldenStore:
    return GoldenStore(tmp_path / "goldens", tmp_path / "film.json")


def names(store: GoldenStore) -> set[str]:
    return {path.name for path in store.folder.iterdir()}


def test_what_was_stored_comes_back(store: GoldenStore) -> None:
    assert store.load() is None
    found = stored(store, 1, 2)
    assert store.load() == found
    assert read_manifest(found.text()) == found
    for number, seed in enumerate((1, 2)):
        pixels = store.picture(found.frames[number])
        assert pixels is not None
        assert np.array_equal(pixels, picture(seed))
        assert found.frames[number].pixels == pixels_hash(pixels)
    assert found.sound is not None
    sound = store.sound(found.sound)
    assert sound is not None
    assert sound.digest == found.sound.samples
    assert names(store) == {"manifest.json", found.sound.file, *(each.file for each in found.frames)}


def test_alpha_is_kept_also_of_what_nobody_sees(store: GoldenStore) -> None:
    pixels = picture(5, 4)
    pixels[:3, :, 3] = 0
    with GoldenUpdate(store) as update:
        frame = update.add_picture(0, [], pixels, None)
        update.commit(manifest(update))
    back = store.picture(frame)
    assert back is not None
    assert np.array_equal(back, pixels)


def test_an_opaque_picture_with_alpha_stays_one(store: GoldenStore) -> None:
    pixels = picture(6, 4)
    pixels[:, :, 3] = 255
    with GoldenUpdate(store) as update:
        frame = update.add_picture(0, [], pixels, None)
        update.commit(manifest(update))
    back = store.picture(frame)
    assert back is not None
    assert back.shape == pixels.shape


def fail_on_the_way(store: GoldenStore) -> None:
    with GoldenUpdate(store) as update:
        update.add_picture(0, [], picture(3), None)
        update.add_picture(1, [], picture(2), None)
        raise RuntimeError("on the way")


def test_an_update_that_fails_leaves_the_old_state(store: GoldenStore) -> None:
    found = stored(store, 1, 2)
    before = names(store)
    with pytest.raises(RuntimeError, match="on the way"):
        fail_on_the_way(store)  # one of its pictures was there already
    assert names(store) == before
    assert store.load() == found


def test_a_first_update_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="on the way"):
        fail_on_the_way(GoldenStore(tmp_path / "deep" / "goldens", tmp_path / "film.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(store: GoldenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stored(store, 1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reelmill.export.checks.golden_store.write_text_file", full)
    with pytest.raises(RenderError, match="a golden can't be written: No space left on device"):
        stored(store, 2)
    assert store.load() == found
    assert len(names(store)) == 3


def test_pictures_that_have_not_changed_are_not_written_again(store: GoldenStore) -> None:
    first = stored(store, 1, 2)
    times = {path.name: path.stat().st_mtime_ns for path in store.folder.glob("*.png")}
    second = stored(store, 1, 3)
    assert second.frames[0] == first.frames[0]
    unchanged = store.folder / first.frames[0].file
    assert unchanged.stat().st_mtime_ns == times[unchanged.name]
    assert not (store.folder / first.frames[1].file).exists()
    # A damaged one is.
    unchanged.write_bytes(b"x")
    stored(store, 1, 3)
    assert store.picture(second.frames[0]) is not None


@pytest.mark.parametrize("step", range(1, 8))
def test_killed_at_any_step(store: GoldenStore, tmp_path: Path, step: int) -> None:
    """The old state or the new one, complete; the next update removes what was left."""
    old = stored(store, 1, 2)
    code = f"""
import os, signal
from pathlib import Path
from tests.export.checks.test_golden_store import GoldenStore, stored
steps = 0
def counted(method):
    def call(*arguments, **named):
        global steps
        steps += 1
        if steps == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments, **named)
    return call
Path.replace, Path.unlink = counted(Path.replace), counted(Path.unlink)
stored(GoldenStore(Path({str(store.goldens)!r}), Path({str(tmp_path / "film.json")!r})), 3, 4)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    now = store.load()
    assert now is not None
    assert (now == old) if step <= 4 else (now != old)  # two pictures, a sound, the manifest
    assert all(store.picture(each) is not None for each in now.frames)
    assert now.sound is not None
    assert store.sound(now.sound) is not None
    last = stored(store, 3, 4)
    assert last.sound is not None
    assert {each for each in names(store) if not each.startswith(".manifest")} == {
        "manifest.json",
        last.sound.file,
        *(each.file for each in last.frames),
    }


def test_places_are_the_same_on_every_machine(tmp_path: Path) -> None:
    for machine in ("here", "there/deep"):
        root = tmp_path / machine
        (root / "films").mkdir(parents=True)
        store = GoldenStore(root / "golden", root / "films" / "a b.json")
        assert store.place == "../films/a b.json"
        assert store.folder.name == f"a-b-{store.folder.name[-8:]}"
    folders = {
        GoldenStore(tmp_path / machine / "golden", tmp_path / machine / "films" / "a b.json").folder.name
        for machine in ("here", "there/deep")
    }
    assert len(folders) == 1
    assert GoldenStore(tmp_path, tmp_path / "….json").folder.name.startswith("project-")


def test_links_lead_to_one_place(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert place_of(tmp_path / "link" / "a.json", tmp_path / "g") == place_of(
        tmp_path / "real" / "a.json", tmp_path / "g"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_t_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SetupError, match="can't be stored"):
        GoldenUpdate(GoldenStore(tmp_path / "g", tmp_path / "a.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"frames": [{"frame": 1}]},
        {"frames": None},
        {"sound": {"file": "../x", "samples": ""}},
        {"film": {}},
        {"film": 3},
        {"project": 3},
        {"pictures": "other"},
        {"media": {"m": 1}},
        {"variables": []},
        {"film": {"width": "7", "height": 9, "fps": "25", "frames": 1, "sample_rate": 0, "channels": 0, "samples": 0}},
        {"frames": [{"frame": 0, "reasons": [1], "file": "a.png", "pixels": "", "key": None}]},
    ],
)
def test_a_manifest_that_is_wrong(store: GoldenStore, change: dict[str, object]) -> None:
    stored(store, 1)
    path = store.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(SetupError, match=r"manifest\.json is no manifest of goldens"):
        store.load()
