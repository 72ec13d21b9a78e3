"""The goldens of one project: a folder with pictures, the fingerprint of the sound, and a manifest that lists them.

In: the folder of all goldens, a project. Out: what is stored; or, by an update, a new state of the folder, whole or not
at all. The names of the files hold a hash of their content, so that an update never writes over what the manifest in
force lists; the new manifest takes the old one's place in one step, and only then is removed what nothing lists any
more. A folder that was killed in between holds the old state and files that the next update removes. Passive; one
thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from reelmill.export.checks.golden_manifest import Manifest, StoredFrame, StoredSound, read_manifest
from reelmill.export.checks.sound_fingerprint import SoundFingerprint, load_fingerprint
from reelmill.export.outputs.part_folder import PartFolder
from reelmill.export.outputs.text_file import write_text_file
from reelmill.export.pictures.picture_writer import write_bytes, write_picture
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.process.regular_files import open_for_reading, read_whole

MANIFEST = "manifest.json"
_OURS = re.compile(r"(?:[0-9]{6,}-[0-9a-f]{16}\.png|sound-[0-9a-f]{16}\.npz)")
"""Names of files that an update may remove."""
_MAX_STEM = 60

Pixels = npt.NDArray[np.uint8]


def place_of(project: Path, goldens: Path) -> str:
    """Where a project lies, seen from the folder of all goldens: the same on every machine that has both."""
    try:
        place = os.path.relpath(project.resolve(), goldens.resolve())
    except ValueError:  # on another drive of Windows
        place = str(project.resolve())
    return Path(place).as_posix()


class GoldenStore:
    """What is stored of one project."""

    def __init__(self, goldens: Path, project: Path) -> None:
        self.goldens = goldens
        self.place = place_of(project, goldens)
        digest = hashlib.sha256(self.place.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        # The hash keeps apart projects of one name; the name is for people.
        stem = re.sub(r"[^\w.-]+", "-", project.stem)[:_MAX_STEM].strip(".-") or "project"
        self.folder = goldens / f"{stem}-{digest}"

    def load(self) -> Manifest | None:
        """What is stored; None where nothing is. Raises SetupError where it can't be read."""
        path = self.folder / MANIFEST
        try:
            return read_manifest(read_whole(path).decode())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _damaged(path, f"can't be read: {error.strerror}") from error
        except ValueError as error:
            raise _damaged(path, f"is no manifest of goldens: {error}") from error

    def picture(self, stored: StoredFrame) -> Pixels | None:
        """A golden picture: shape [height, width, 3 or 4]; None where its file is missing. Raises SetupError."""
        path = self.folder / stored.file
        try:
            with open_for_reading(path) as file, Image.open(file) as image:
                return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"), np.uint8)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise _damaged(path, f"is no picture: {error}") from error

    def sound(self, stored: StoredSound) -> SoundFingerprint | None:
        """The fingerprint; None where its file is missing. Raises SetupError."""
        path = self.folder / stored.file
        try:
            return load_fingerprint(read_whole(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _damaged(path, f"can't be read: {error.strerror}") from error
        except ValueError as error:
            raise _damaged(path, str(error)) from error

    def others_of(self, name: str) -> list[str]:
        """Places of other projects of that file name whose goldens lie in the same folder, for a hint."""
        found = []
        with contextlib.suppress(OSError):
            for path in sorted(self.goldens.glob(f"*/{MANIFEST}")):
                with contextlib.suppress(OSError, ValueError):
                    place = read_manifest(read_whole(path).decode()).project
                    if place.rpartition("/")[2] == name:
                        found.append(place)
        return found


class GoldenUpdate:
    """A new state of one project's folder. Use with `with`: what was not committed is taken back."""

    def __init__(self, store: GoldenStore) -> None:
        """Raises SetupError where the folder can't be made."""
        self._store = store
        self._folder = store.folder
        self._frames: list[StoredFrame] = []
        self._sound: StoredSound | None = None
        self._new: list[Path] = []
        self._made: list[Path] = []
        self._part: PartFolder | None = None
        """Holds files until they are written."""
        self._committed = False
        try:
            for folder in [*reversed(self._folder.parents), self._folder]:
                if not folder.exists():
                    folder.mkdir()
                    self._made.append(folder)
            self._part = PartFolder(self._folder / "update")
        except OSError as error:
            self._take_back()
            raise SetupError(
                f"the goldens can't be stored in {self._folder}: {error.strerror}",
                component="Golden",
                file=str(self._folder),
                suggestion="name a folder after --golden that you may write to",
            ) from error

    def __enter__(self) -> GoldenUpdate:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._committed:
            self._take_back()

    @property
    def frames(self) -> tuple[StoredFrame, ...]:
        """Those added so far."""
        return tuple(self._frames)

    @property
    def sound(self) -> StoredSound | None:
        return self._sound

    def add_picture(self, frame: int, reasons: Sequence[str], pixels: Pixels, key: str | None) -> StoredFrame:
        """Keep a picture. Raises RenderError where it can't be written."""
        digest = pixels_hash(pixels)
        stored = StoredFrame(frame, tuple(reasons), f"{frame:06}-{digest[:16]}.png", digest, key)
        if not self._holds(stored, pixels):
            write_picture(self._new_file(stored.file), pixels)
            self._put_in_place(stored.file)
        self._frames.append(stored)
        return stored

    def add_sound(self, fingerprint: SoundFingerprint) -> None:
        """Keep the fingerprint of the sound. Raises RenderError where it can't be written."""
        data = fingerprint.save()
        stored = StoredSound(f"sound-{hashlib.sha256(data).hexdigest()[:16]}.npz", fingerprint.digest)
        if not (self._folder / stored.file).exists():
            write_bytes(self._new_file(stored.file), data, self._folder / stored.file)
            self._put_in_place(stored.file)
        self._sound = stored

    def commit(self, manifest: Manifest) -> None:
        """Put the new state in force, and remove what it doesn't list. Raises RenderError."""
        path = self._folder / MANIFEST
        try:
            write_text_file(path, manifest.text())
        except OSError as error:
            raise _unwritable(path, error) from error
        self._committed = True
        self._end()
        kept = {each.file for each in manifest.frames} | ({manifest.sound.file} if manifest.sound else set())
        for file in self._folder.iterdir():
            if _OURS.fullmatch(file.name) and file.name not in kept:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _new_file(self, name: str) -> Path:
        """Where a file is written before it is put in place."""
        assert self._part is not None
        return self._part.path / name

    def _put_in_place(self, name: str) -> None:
        path = self._folder / name
        self._new.append(path)
        try:
            self._new_file(name).replace(path)
        except OSError as error:
            raise _unwritable(path, error) from error

    def _holds(self, stored: StoredFrame, pixels: Pixels) -> bool:
        """Whether the picture is there already: other versions of zlib would write the same pixels in other bytes."""
        try:
            there = self._store.picture(stored)
        except SetupError:
            return False
        return there is not None and np.array_equal(there, pixels)

    def _end(self) -> None:
        if self._part is not None:
            self._part.remove()

    def _take_back(self) -> None:
        self._end()
        for path in self._new:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()


def pixels_hash(pixels: Pixels) -> str:
    """Of size and samples, 32 hexadecimal digits."""
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> SetupError:
    return SetupError(
        f"{path.name} {why}",
        component="Golden",
        file=str(path),
        suggestion="bring it back from version control, or store the goldens anew",
    )


def _unwritable(path: Path, error: OSError) -> RenderError:
    return RenderError(
        f"a golden can't be written: {error.strerror}",
        component="Golden",
        file=str(path),
        suggestion="see whether the disk is full, and whether you may write to that folder",
    )
