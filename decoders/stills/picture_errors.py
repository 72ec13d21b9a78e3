"""What goes wrong with picture files, in the words of this project.

In: what Pillow and libav raise. Out: SetupError where it is found before rendering, RenderError while rendering.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av
from PIL import Image, UnidentifiedImageError

from reelmill.planner.errors import RenderError, SetupError

MAX_SIDE_PX = 16384
"""The widest and highest picture: what OpenGL takes as a texture on most machines."""

Failure = type[SetupError] | type[RenderError]
"""What a picture that can't be read raises: before rendering the one, while rendering the other."""


@contextmanager
def damage_named(path: str, failure: Failure) -> Iterator[None]:
    """Translates what Pillow raises for damaged files, which is nearly every exception there is."""
    try:
        yield
    except MemoryError as error:
        raise failure(
            "there is not enough memory to read the picture",
            component="Picture",
            file=path,
            suggestion="scale the picture down",
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(path, "far larger", failure) from error
    except Exception as error:
        raise failure(
            f"the picture can't be read: {picture_reason(error)}",
            component="Picture",
            file=path,
            suggestion="the file is damaged or incomplete: copy or export it again",
        ) from error


def unsupported(path: str, what: str, failure: Failure) -> SetupError | RenderError:
    """The error for a kind of picture that is not read."""
    return failure(
        f"the picture has {what}, which is not supported",
        component="Picture",
        file=path,
        suggestion="save it as RGB or gray, with or without alpha, of 8 or 16 bits",
    )


def too_large(path: str, what: str, failure: Failure) -> SetupError | RenderError:
    """The error for a picture beyond MAX_SIDE_PX."""
    return failure(
        f"the picture is {what}; the limit is {MAX_SIDE_PX}×{MAX_SIDE_PX} pixels",
        component="Picture",
        file=path,
        suggestion="scale the picture down",
    )


def changed(path: str) -> RenderError:
    """The error for a file that is no longer what probing found."""
    return RenderError(
        "the picture is no longer the one that was found when the export began",
        component="Picture",
        file=path,
        suggestion="leave media alone while an export runs",
    )


def picture_reason(error: BaseException) -> str:
    """What a foreign error says, or its name where it says nothing."""
    if isinstance(error, UnidentifiedImageError):
        return "its header is damaged, or of a kind that is not supported"
    if isinstance(error, av.FFmpegError):
        return error.strerror or type(error).__name__
    return str(error).replace("\n", " ") or type(error).__name__
