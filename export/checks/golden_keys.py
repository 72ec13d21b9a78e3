"""What decides the pixels of a project's frames, as hashes: its media and fonts in full, and the program itself.

In: an opened project. Out: hashes of content, keys of frames. Reads every medium from its first to its last byte.
Passive; one thread.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import av
from PIL import features

from reelmill.compositor.drawing.fonts import DEFAULT_FONT
from reelmill.decoders.files.container import is_address
from reelmill.decoders.stills.sequences import find_sequence
from reelmill.export.opening.project import OpenedProject
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import SetupError
from reelmill.planner.pictures.content_key import ContentKeys
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.timeline import Media
from reelmill.planner.timelines.walk import reachable_clips

_ROOMS = ("planner", "decoders", "compositor", "export")
_SOURCES = (".py", ".glsl")
_PACKAGES = ("reelmill", "av", "moderngl", "numpy", "pillow", "fonttools")


@cache
def versions() -> dict[str, str]:
    """Of what makes pictures: packages, libav's libraries, text layout, and a hash of this program's own code."""
    found = {name: version(name) for name in _PACKAGES}
    found |= {name: ".".join(map(str, numbers)) for name, numbers in sorted(av.library_versions.items())}
    found |= {name: features.version(name) or "none" for name in ("freetype2", "raqm", "fribidi", "harfbuzz")}
    found["machine"] = platform.machine()
    found["code"] = _code()
    return found


def _code() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for room in _ROOMS:
        for source in _walk(files(f"reelmill.{room}")):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _walk(folder: Traversable) -> Iterator[Traversable]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            yield from _walk(each)
        elif each.name.endswith(_SOURCES):
            yield each


def media_hashes(opened: OpenedProject, checkpoint: Callable[[], None]) -> dict[str, str]:
    """Of the content of each media that is shown, by name; addresses have none. Raises SetupError."""
    found, known = {}, dict[Path, str]()
    for name in sorted(opened.facts):
        media = opened.timeline.media[name]
        if is_address(media.path):
            continue
        paths = find_sequence(media).files if opened.facts[name].kind == "sequence" else (Path(media.path),)
        hashes = [_hash(path, known, checkpoint) for path in paths]
        found[name] = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    return found


def content_keys(
    opened: OpenedProject, hashes: Mapping[str, str], checkpoint: Callable[[], None], *, allow_network: bool
) -> ContentKeys | None:
    """The keys of the project's frames; None where what is shown may change without its files doing so.

    Raises SetupError where a font can't be read.
    """
    # A playlist, which is only taken where the network is, names other files.
    if allow_network or set(hashes) != set(opened.facts):
        return None
    media = {name: f"{hashes[name]} {_settings(opened.timeline.media[name])}" for name in hashes}
    contents = [clip.content for _, _, clip in reachable_clips(opened.timeline)]
    known: dict[Path, str] = {}
    files = {path: _hash(Path(path), known, checkpoint) for content in contents for path in content.files}
    has_text = any(isinstance(content, Text) for content in contents)
    default = _hash(Path(DEFAULT_FONT), known, checkpoint) if has_text else ""
    return ContentKeys(media, files, f"{sorted(versions().items())} {default}")


def _settings(media: Media) -> str:
    """How the file is read."""
    return repr(replace(media, name="", path=""))


def _hash(path: Path, known: dict[Path, str], checkpoint: Callable[[], None]) -> str:
    if path not in known:
        checkpoint()
        try:
            with open_for_reading(path) as file:
                known[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SetupError(
                f"the file can't be read: {error.strerror}",
                component="Golden",
                file=str(path),
                suggestion="check the path and its permissions",
            ) from error
    return known[path]
