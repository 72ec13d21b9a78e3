"""What this machine offers to reelmill: libraries, renderer, codecs, text layout. For `reelmill doctor`."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from planner.errors import ExportError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for."""

    name: str
    ok: bool
    detail: str
    essential: bool = True
    """Without it nothing, or nothing of its kind, can be rendered."""
    install: str | None = None
    """What to do where it is missing."""


def inspect() -> tuple[Finding, ...]:
    """Everything, in the order in which people ask."""
    return (
        Finding("reelmill", True, f"{version('reelmill')}, Python {platform.python_version()}"),
        Finding("machine", True, f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"),
        _checked("OpenGL", _renderer),
        _checked("text layout", _text_layout),
        _checked("default font", _font),
        *_codecs(),
        Finding("hardware decoders", True, _hardware(), essential=False),
    )


def _checked(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except ExportError as error:
        return Finding(name, False, error.message, install=error.suggestion)


def _renderer() -> str:
    from compositor.context import GLContext

    with GLContext.create() as context:
        return f"{context.name} ({context.kind})"


def _text_layout() -> str:
    from compositor.text import check_layout

    return check_layout()


def _font() -> str:
    from compositor.fonts import default_font

    return default_font()


def _codecs() -> list[Finding]:
    import av
    import av.codec

    from export.codecs import AUDIO_CODECS, VIDEO_CODECS

    findings = [Finding("libav", True, f"PyAV {av.__version__}, {'.'.join(map(str, av.library_versions['libavcodec']))}")]
    encoders = {name: codec.encoder for name, codec in (*VIDEO_CODECS.items(), *AUDIO_CODECS.items())}
    for name, encoder in encoders.items():
        try:
            av.codec.Codec(encoder, "w")
        except av.codec.codec.UnknownCodecError:
            hint = f"install PyAV's own wheel: {sys.executable} -m pip install --force-reinstall av"
            findings.append(Finding(f"encode {name}", False, f"{encoder} is missing", essential=False, install=hint))
        else:
            findings.append(Finding(f"encode {name}", True, encoder, essential=False))
    return findings


def _hardware() -> str:
    from av.codec.hwaccel import hwdevices_available

    return ", ".join(hwdevices_available()) or "none"
