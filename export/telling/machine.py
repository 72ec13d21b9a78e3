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
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import av
import av.codec
from av.codec.codec import UnknownCodecError
from PIL import features

from reelmill.compositor.opengl.context import GLContext
from reelmill.decoders.video.device_decoder import check_device, device_kinds
from reelmill.export.films.audio_encoding import AUDIO_CODECS
from reelmill.export.films.codecs import choose_output
from reelmill.export.films.containers import CONTAINERS
from reelmill.export.films.encoders import new_encoder
from reelmill.export.films.video_codecs import VIDEO_CODECS
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import AudioSettings, VideoSettings

PACKAGES = ("av", "moderngl", "numpy", "pillow", "fonttools", "pydantic")
"""Distributions that the work is done by."""
DECODERS = (
    *("h264", "hevc", "libdav1d", "vp8", "vp9", "libvpx-vp9", "mpeg2video", "mpeg4", "prores", "dnxhd", "ffv1"),
    *("mjpeg", "png", "gif", "aac", "mp3float", "opus", "vorbis", "flac", "alac", "ac3", "pcm_s16le"),
)
"""libav's names of what people bring most; every other decoder of the build works too."""
_TRIAL_SIZE = (640, 360)
"""Of the picture that hardware encoders are opened for; some take no smaller ones than a few hundred pixels."""
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
    return MachineReport((*_software(), *_opengl(), *_codecs(), *_hardware(), *_text()))


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
        ("video", {name: codec.encoder for name, codec in VIDEO_CODECS.items() if not codec.hardware}),
        ("audio", {name: codec.encoder for name, codec in AUDIO_CODECS.items()}),
    ):
        for name, encoder in encoders.items():
            found = _has_codec(encoder, "w")
            yield MachineItem(f"{kind} encoders", name, found, False, encoder, None if found else _WHEEL)
    for suffix, container in CONTAINERS.items():
        found = container.muxer in av.formats_available
        yield MachineItem("containers", suffix, found, False, container.muxer, None if found else _WHEEL)
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


def _hardware() -> Iterator[MachineItem]:
    """What the build knows, and whether a device for it opens here. Used only where it is asked for."""
    for kind in device_kinds():
        try:
            check_device(kind)
        except SetupError as error:
            yield MachineItem("hardware decoders", kind, False, False, f"no device opens: {error.message}")
        else:
            yield MachineItem("hardware decoders", kind, True, False, "opens")
    for name in (name for name, codec in VIDEO_CODECS.items() if codec.hardware):
        problem = _encoder_problem(name)
        yield MachineItem("hardware encoders", name, problem is None, False, problem or "opens")


def _encoder_problem(name: str) -> str | None:
    """Why a hardware encoder does not encode a small picture; None where it would."""
    if not _has_codec(VIDEO_CODECS[name].encoder, "w"):
        return "not in this build of libav"
    asked = VideoSettings(codec=name)
    try:
        settings = choose_output(
            Path("film.mp4"),
            width=_TRIAL_SIZE[0],
            height=_TRIAL_SIZE[1],
            fps=Fraction(30),
            sample_rate=48000,
            channels=2,
            has_sound=False,
            video=asked,
            audio=AudioSettings(),
        )
        assert settings.video is not None
        new_encoder(settings.video)
    except SetupError as error:
        return error.message
    return None


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
        from reelmill.compositor.drawing.fonts import DEFAULT_FONT
    except ImportError:
        font = None
    else:
        font = Path(DEFAULT_FONT) if Path(DEFAULT_FONT).is_file() else None
    install = None if font else "pip install font-source-sans-pro"
    return MachineItem("text", "default font", font is not None, True, str(font or "not installed"), install)
