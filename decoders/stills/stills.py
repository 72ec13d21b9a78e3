"""Still pictures, and single pictures of files that may hold several.

In: a picture file and its format. Out: what its header says (`StillHeader`), and its samples as a `Frame` with straight
alpha. PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF, HEIF and icons of 8 bits are read by Pillow and become RGB; PNG and TIFF
of 16 bits, and all other formats, by libav. Colour profiles other than sRGB are converted to sRGB here. Passive;
thread-safe but for Pillow's limits, which are set once, on import.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from reelmill.decoders.stills.coded_stills import CodedStill
from reelmill.decoders.stills.deep_stills import deep_format, deep_planes, stored_size
from reelmill.decoders.stills.picture_errors import (
    MAX_SIDE_PX,
    Failure,
    changed,
    damage_named,
    picture_reason,
    too_large,
    unsupported,
)
from reelmill.decoders.stills.picture_file import PILLOW_FORMATS, PictureFile, picture_file, sniffed_format
from reelmill.planner.colour import SRGB, ColourTags
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import Frame, Plane

# Pillow's own limits hold for the whole process. Sizes are checked here from the header, before memory is taken, so
# Pillow need only refuse what is far beyond; its warnings (odd metadata, mostly) say nothing that a user could act on.
Image.MAX_IMAGE_PIXELS = MAX_SIDE_PX**2
warnings.filterwarnings("ignore", module=r"PIL\.")

_ORIENTATIONS: dict[int, Orientation] = {
    1: Orientation(),
    2: Orientation(0, mirrored=True),
    3: Orientation(2),
    4: Orientation(2, mirrored=True),
    5: Orientation(3, mirrored=True),
    6: Orientation(1),
    7: Orientation(1, mirrored=True),
    8: Orientation(3),
}
"""EXIF 2.32, tag 0x0112."""
_ORIENTATION_TAG = 0x0112
_ANIMATED = frozenset({"gif", "webp", "png", "avif"})
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""ITU-T H.273."""
_BOX_BYTES = 2**16
"""Of an AVIF or HEIF file, in which the boxes lie that describe its picture."""
_ALPHA_MODES = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})
_READABLE_MODES = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"}) | _ALPHA_MODES
Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class StillHeader:
    """What a picture file says before its samples are read."""

    format: str
    """One of `PILLOW_FORMATS`, or a codec of libav."""
    width: int
    """Stored samples."""
    height: int
    pix_fmt: str
    has_alpha: bool
    orientation: Orientation
    pictures: int
    """More than one: an animation (GIF, WebP, APNG, AVIF)."""
    colour: ColourTags = SRGB
    sample_aspect_ratio: Fraction = Fraction(1)

    @property
    def deep(self) -> bool:
        """Whether samples have more than 8 bits."""
        return PIXEL_FORMATS[self.pix_fmt].bits > 8


def read_header(file: PictureFile, format_: str, failure: Failure = SetupError) -> StillHeader:
    """What the file says of its picture.

    Raises `failure` for a broken header, a size beyond MAX_SIDE_PX, samples that can't be read exactly, and colour
    profiles that can't be used.
    """
    if format_ not in PILLOW_FORMATS:
        return _coded_header(_coded(file, format_, failure), format_)
    with opened(file, format_, failure) as image:
        return _header(file, format_, image, failure)


def read_still(path: str, format_: str, size: tuple[int, int], pts: int) -> Frame:
    """Decode the picture. Raises RenderError where the file is damaged or not of this kind and size (any more)."""
    file = picture_file(path, RenderError)
    if format_ not in PILLOW_FORMATS:
        still = _coded(file, format_, RenderError)
        if still.size != size:
            raise changed(path)
        return still.frame(pts)
    if sniffed_format(file) != format_:
        raise changed(path)
    with opened(file, format_, RenderError) as image:
        header = _header(file, format_, image, RenderError)
        if (header.width, header.height) != size:
            raise changed(path)
        if header.deep:
            planes: tuple[Samples, ...] = deep_planes(file, format_, image, alpha=header.has_alpha)
        else:
            with damage_named(path, RenderError):
                image.load()
            to_srgb = profile_to_srgb(path, image, failure=RenderError)
            planes = (rgb_samples(image, to_srgb, alpha=header.has_alpha),)
    return frame_of(planes, header.pix_fmt, header.orientation, pts)


def _coded(file: PictureFile, codec: str, failure: Failure) -> CodedStill:
    with damage_named(file.path, failure):
        data = file.read()
    return CodedStill(data, codec, file.path, failure)


def _coded_header(still: CodedStill, codec: str) -> StillHeader:
    width, height = still.size
    return StillHeader(
        format=codec,
        width=width,
        height=height,
        pix_fmt=still.format.name,
        has_alpha=still.format.alpha,
        orientation=still.orientation,
        pictures=1,
        colour=still.colour,
        sample_aspect_ratio=still.sample_aspect_ratio,
    )


def _header(file: PictureFile, format_: str, image: Image.Image, failure: Failure) -> StillHeader:
    path = file.path
    if max(image.size) > MAX_SIDE_PX:
        raise too_large(path, f"{image.width}×{image.height} pixels", failure)
    if format_ in ("avif", "heif"):
        _refuse_hdr(file, failure)
    deep = deep_format(file, format_, image, failure)
    if deep is None and image.mode not in _READABLE_MODES:
        raise unsupported(path, f"samples of Pillow's mode {image.mode}", failure)
    profile_to_srgb(path, image, failure=failure, deep=deep is not None)
    alpha = deep == "rgba64le" if deep else has_alpha(image)
    with damage_named(path, failure):
        pictures = getattr(image, "n_frames", 1) if format_ in _ANIMATED else 1
    width, height = stored_size(image) if deep else image.size
    return StillHeader(
        format=format_,
        width=width,
        height=height,
        pix_fmt=deep or ("rgba" if alpha else "rgb24"),
        has_alpha=alpha,
        orientation=_orientation(image, deep=deep is not None),
        pictures=pictures,
    )


def _refuse_hdr(file: PictureFile, failure: Failure) -> None:
    """Raises `failure` for a picture whose colour box (ISO/IEC 14496-12, `colr`) tells of PQ or HLG."""
    with damage_named(file.path, failure), file.open() as stream:
        _, found, after = stream.read(_BOX_BYTES).partition(b"colrnclx")
    transfer = _HDR_TRANSFERS.get(int.from_bytes(after[2:4], "big")) if found else None
    if transfer is not None:
        raise failure(
            f"the picture is HDR ({transfer}); AVIF and HEIC pictures are read as sRGB",
            component="Picture",
            file=file.path,
            suggestion="save the picture as sRGB, or convert it to a video of one frame, which is tone-mapped",
        )


def frame_of(planes: tuple[Samples, ...], pix_fmt: str, orientation: Orientation, pts: int) -> Frame:
    """A Frame of sRGB over arrays of [height, width] or [height, width, components]."""
    height, width = planes[0].shape[:2]
    contiguous = [np.ascontiguousarray(plane) for plane in planes]
    return Frame(
        pts=pts,
        width=width,
        height=height,
        format=PIXEL_FORMATS[pix_fmt],
        planes=tuple(
            Plane(plane.data.cast("B").toreadonly(), plane.nbytes // height, width, height) for plane in contiguous
        ),
        colour=SRGB,
        orientation=orientation,
        owner=contiguous,
    )


@contextmanager
def opened(file: PictureFile, format_: str, failure: Failure) -> Iterator[Image.Image]:
    """The file as a Pillow image whose samples are not read yet."""
    if format_ == "heif":
        _register_heif(file.path, failure)
    with ExitStack() as stack:
        with damage_named(file.path, failure):
            # Not by its path: Pillow would map uncompressed files into memory, and garble those that EXIF turns.
            stream = stack.enter_context(file.open())
            image = stack.enter_context(Image.open(stream, formats=[format_.upper()]))
        yield image


def _register_heif(path: str, failure: Failure) -> None:
    """Let Pillow read HEIF. Raises `failure` where the library for it is missing."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise failure(
            "the picture is HEIC, and the library that reads it is not installed",
            component="Picture",
            file=path,
            suggestion="install it: `pip install 'reelmill[heif]'`; or convert the picture to JPEG or PNG",
        ) from error
    register_heif_opener()


def has_alpha(image: Image.Image) -> bool:
    """Whether the picture has an alpha channel or a transparent colour."""
    return image.mode in _ALPHA_MODES or "transparency" in image.info


def rgb_samples(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None, *, alpha: bool) -> NDArray[np.uint8]:
    """A loaded image as RGB or straight RGBA, sRGB: [height, width, 3 or 4]."""
    if not alpha:
        return np.asarray(_rgb(image, to_srgb))
    straight = image if image.mode == "RGBA" else _with_alpha(image)
    if to_srgb is None:
        return np.asarray(straight)
    return np.dstack((np.asarray(_rgb(straight, to_srgb)), np.asarray(straight.getchannel("A"))))


def _with_alpha(image: Image.Image) -> Image.Image:
    if image.mode == "PA":
        image = image.convert("RGBA")
    if image.mode == "La":
        image = image.convert("LA")
    return image.convert("RGBA")


def _rgb(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None) -> Image.Image:
    if to_srgb is None:
        return image.convert("RGB")
    mode = str(to_srgb.input_mode)
    converted = ImageCms.applyTransform(image if image.mode == mode else image.convert(mode), to_srgb)
    assert converted is not None
    return converted


def profile_to_srgb(
    path: str, image: Image.Image, *, failure: Failure, deep: bool = False
) -> ImageCms.ImageCmsTransform | None:
    """The conversion from the picture's ICC profile to sRGB; None where it has none, or sRGB's.

    Relative colorimetric with black point compensation, as image editors do. Raises `failure` for a profile that
    is damaged or does not fit the picture, and for one that 16-bit samples would have to be converted from.
    """
    data = image.info.get("icc_profile")
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = ImageCms.getProfileDescription(profile).strip()
        space = profile.profile.xcolor_space.strip()
        if "sRGB" in name and space == "RGB":
            return None
        mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
        if (mode == "CMYK") != (image.mode == "CMYK"):
            raise ValueError(f"a profile for {space} in a picture of mode {image.mode}")
        if not deep:
            return ImageCms.buildTransform(
                profile,
                ImageCms.createProfile("sRGB"),
                mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
    except Exception as error:
        raise failure(
            f"the picture's colour profile can't be used: {picture_reason(error)}",
            component="Picture",
            file=path,
            suggestion="save the picture as sRGB, or remove the profile",
        ) from error
    raise failure(
        f'the picture has 16 bits a sample and the colour profile "{name}"; only 8-bit pictures are converted to sRGB',
        component="Picture",
        file=path,
        suggestion="save the picture as sRGB",
    )


def _orientation(image: Image.Image, *, deep: bool) -> Orientation:
    if image.format == "TIFF" and not deep:
        return Orientation()  # Pillow turns TIFF pictures itself as it loads them
    # PNG may carry EXIF after the samples; reading that would mean decoding the picture.
    if image.format == "PNG" and "exif" not in image.info:
        return Orientation()
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # EXIF is written badly by many; what can't be read says nothing
        return Orientation()
    return _ORIENTATIONS.get(value, Orientation()) if isinstance(value, int) else Orientation()
