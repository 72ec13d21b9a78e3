"""What this machine offers to an export: for `reelmill doctor`, and for reports of bugs.

In: nothing. Out: one item for each thing looked at, with the command that installs it where it is missing. Opens
an OpenGL context for a moment, on the calling thread.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import av
import av.codec
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import HWAccel, hwdevices_available
from PIL import features

from compositor.context import GLContext
from export.codecs import AUDIO_CODECS, VIDEO_CODECS
from planner.errors import SetupError

PACKAGES = ("av", "moderngl", "numpy", "pillow", "fonttools", "pydantic")
"""Distributions that the work is done by."""
DECODERS = (
    *("h264", "hevc", "libdav1d", "vp8", "vp9", "libvpx-vp9", "mpeg2video", "mpeg4", "prores", "dnxhd", "ffv1"),
    *("mjpeg", "png", "gif", "aac", "mp3float", "opus", "vorbis", "flac", "alac", "ac3", "pcm_s16le"),
)
"""libav's names of what people bring most; every other decoder of the build works too."""
_WHEEL = "reinstall the wheel that comes with libav: pip install --force-reinstall --only-binary av av"


@dataclass(frozen=True, slots=True)
class MachineItem:
    """One thing that was looked for."""

    section: str
    name: str
    found: bool
    essential: bool
    """Exports fail without it: all of them, or all with text."""
    detail: str
    """Version or name of what was found, or why it counts as missing."""
    install: str | None = None
    """What to do where it is missing."""


@dataclass(frozen=True, slots=True)
class MachineReport:
    """All items, sections together."""

    items: tuple[MachineItem, ...]

    @property
    def ready(self) -> bool:
        """Whether everything essential is there."""
        return all(item.found for item in self.items if item.essential)


def inspect() -> MachineReport:
    """Look at everything. Raises nothing: what fails is missing."""
    return MachineReport((*_software(), *_opengl(), *_codecs(), *_hardware_decoders(), *_text()))


def _software() -> Iterator[MachineItem]:
    section = "software"
    yield MachineItem(section, "reelmill", True, True, _version("reelmill") or "not installed")
    yield MachineItem(section, "Python", True, True, f"{platform.python_version()} ({sys.executable})")
    yield MachineItem(section, "system", True, True, f"{platform.platform()}, {_cores()} cores")
    for package in PACKAGES:
        found = _version(package)
        yield MachineItem(
            section,
            package,
            found is not None,
            True,
            found or "not installed",
            None if found else f"pip install {package}",
        )
    libraries = ", ".join(f"{name} {'.'.join(map(str, v))}" for name, v in sorted(av.library_versions.items()))
    yield MachineItem(section, "libav", True, True, libraries)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cores() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _opengl() -> Iterator[MachineItem]:
    try:
        with GLContext.create("auto") as context:
            detail = f"{context.name}, {context.kind}, textures up to {context.max_texture_size} pixels"
            yield MachineItem("OpenGL", "renderer", True, True, detail)
    except SetupError as error:
        yield MachineItem("OpenGL", "renderer", False, True, error.message, error.suggestion)


def _codecs() -> Iterator[MachineItem]:
    for kind, encoders in (
        ("video", {name: codec.encoder for name, codec in VIDEO_CODECS.items()}),
        ("audio", {name: codec.encoder for name, codec in AUDIO_CODECS.items()}),
    ):
        for name, encoder in encoders.items():
            found = _has_codec(encoder, "w")
            yield MachineItem(f"{kind} encoders", name, found, False, encoder, None if found else _WHEEL)
    for name in DECODERS:
        found = _has_codec(name, "r")
        detail = av.codec.Codec(name, "r").long_name if found else "not in this build of libav"
        yield MachineItem("decoders", name, found, False, detail, None if found else _WHEEL)


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        av.codec.Codec(name, mode)
    except UnknownCodecError:
        return False
    return True


def _hardware_decoders() -> Iterator[MachineItem]:
    """What the build knows, and whether a device for it opens here. Exports decode in software."""
    for name in hwdevices_available():
        try:
            HWAccel(name, allow_software_fallback=False).create(av.codec.Codec("h264", "r"))
        except (OSError, NotImplementedError, av.FFmpegError) as error:
            reason = getattr(error, "strerror", None) or "this build has no H.264 for it"
            yield MachineItem("hardware decoders", name, False, False, f"no device opens: {reason}")
        else:
            yield MachineItem("hardware decoders", name, True, False, "opens")


def _text() -> Iterator[MachineItem]:
    install = "apt-get install libfribidi0 (Debian, Ubuntu), dnf install fribidi (Fedora), brew install fribidi (macOS)"
    raqm = features.version("raqm") if features.check("raqm") else None
    detail = f"raqm {raqm}, HarfBuzz {features.version('harfbuzz')}" if raqm else "Pillow has no raqm, or no fribidi"
    yield MachineItem("text", "layout", raqm is not None, True, detail, None if raqm else install)
    fribidi = features.version("fribidi") if features.check("fribidi") else None
    detail = fribidi or "the library is not installed"
    yield MachineItem("text", "fribidi", fribidi is not None, True, detail, None if fribidi else install)
    yield _default_font()


def _default_font() -> MachineItem:
    try:
        from compositor.fonts import DEFAULT_FONT
    except ImportError:
        font = None
    else:
        font = Path(DEFAULT_FONT) if Path(DEFAULT_FONT).is_file() else None
    install = None if font else "pip install font-source-sans-pro"
    return MachineItem("text", "default font", font is not None, True, str(font or "not installed"), install)
