"""Pictures of 16 bits a sample: PNG and TIFF files, read by libav bit by bit. Pillow would cut them to 8 bits.

In: a picture file that Pillow has opened, which knows its tags. Out: planes of 16-bit samples. Passive; thread-safe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from reelmill.decoders.stills.coded_stills import decode_picture
from reelmill.decoders.stills.picture_errors import Failure, damage_named, unsupported
from reelmill.decoders.stills.picture_file import PictureFile
from reelmill.planner.errors import RenderError

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_EXTRA, _TIFF_SAMPLE_FORMAT = 258, 262, 338, 339
_PREMULTIPLIED, _STRAIGHT = 1, 2
"""Values of TIFF's ExtraSamples that mean alpha."""


def deep_format(file: PictureFile, format_: str, image: Image.Image, failure: Failure) -> str | None:
    """The pixel format of a picture of more than 8 bits; None for others. Pillow would cut it to 8 bits."""
    if format_ == "png":
        with file.open() as stream:
            bits, colour_type = stream.read(26)[24:]
        if bits != 16:
            return None
        alpha = colour_type & 4 or "transparency" in image.info
        return "rgba64le" if alpha else "gbrp16le" if colour_type & 2 else "gray16le"
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        bits_of = tuple(tags.get(_TIFF_BITS, (1,)))
        if max(bits_of) <= 8:
            return None
        sample_format = set(tags.get(_TIFF_SAMPLE_FORMAT, (1,)))
        photometric = tags.get(_TIFF_PHOTOMETRIC)
        colours = {0: 1, 1: 1, 2: 3}.get(photometric or 0, 0)
        if set(bits_of) != {16} or sample_format != {1} or not colours:
            raise unsupported(file.path, f"samples of {max(bits_of)} bits, photometric {photometric}", failure)
        extra = tuple(tags.get(_TIFF_EXTRA, ()))
        if extra and extra[0] in (_PREMULTIPLIED, _STRAIGHT):
            return "rgba64le"
        return "gbrp16le" if colours == 3 else "gray16le"
    return None


def deep_planes(file: PictureFile, format_: str, image: Image.Image, *, alpha: bool) -> tuple[NDArray[np.uint16], ...]:
    """The samples as libav decodes them, in the planes of what deep_format said. Raises RenderError for damage."""
    if format_ == "tiff":
        with damage_named(file.path, RenderError):
            image.load()  # libav lets damaged strips of a TIFF file pass; Pillow does not
    samples = _deep_samples(file, format_)
    components = samples.shape[2]
    gray = components < 3
    if alpha:
        opacity = samples[:, :, components - 1 :]
        colour = samples[:, :, :1].repeat(3, axis=2) if gray else samples[:, :, :3]
        if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2[_TIFF_EXTRA][0] == _PREMULTIPLIED:
            colour = _straight(colour, opacity)
        return (np.concatenate((colour, opacity), axis=2),)
    if gray:
        return (samples[:, :, 0],)
    return samples[:, :, 1], samples[:, :, 2], samples[:, :, 0]


def _deep_samples(file: PictureFile, format_: str) -> NDArray[np.uint16]:
    """[height, width, components] in the machine's byte order."""
    components = {"gray16": 1, "ya16": 2, "rgb48": 3, "rgba64": 4}
    with damage_named(file.path, RenderError):
        data = file.read()
    frame, _ = decode_picture(data, format_, file.path, RenderError, whole=format_ == "png")
    with damage_named(file.path, RenderError):
        name = frame.format.name
        plane = frame.planes[0]
        stored = np.frombuffer(memoryview(plane), ">u2" if name.endswith("be") else "<u2")
        count = components[name[:-2]]
        pixels = stored.reshape(frame.height, plane.line_size // 2)[:, : frame.width * count]
        samples: NDArray[np.uint16] = pixels.reshape(frame.height, frame.width, count).astype("<u2")
        return samples


def _straight(colour: NDArray[np.uint16], alpha: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Take associated alpha out again, to the nearest value."""
    divisor = np.maximum(alpha, 1).astype(np.uint64)
    straight = np.minimum((colour.astype(np.uint64) * 65535 + divisor // 2) // divisor, 65535)
    return np.asarray(straight, np.uint16)


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as libav decodes them: Pillow says what EXIF turns a TIFF picture to."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2[_TIFF_WIDTH], image.tag_v2[_TIFF_HEIGHT]
    return image.size
