"""Animated pictures: GIF, WebP, APNG and AVIF files with more than one picture.

In: the path of a file. Out: when each of its pictures is shown (a pts table in milliseconds), and the pictures as
frames with straight alpha, disposal and blending done by Pillow. Pictures build upon the ones before, so an earlier
one than the last means starting over. Passive; one thread.
"""

from __future__ import annotations

from array import array
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction

from PIL import Image, ImageCms

from reelmill.decoders.stills.picture_errors import changed, damage_named
from reelmill.decoders.stills.picture_file import PictureFile, picture_file, sniffed_format
from reelmill.decoders.stills.stills import StillHeader, frame_of, opened, profile_to_srgb, rgb_samples
from reelmill.planner.clock import round_half_up
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.source_frames import Frame

TIME_BASE = Fraction(1, 1000)
SHORTEST_MS = 11
"""Shorter durations mean "as fast as it goes" in files from times when that was slow; browsers show DEFAULT_MS."""
DEFAULT_MS = Fraction(100)


@dataclass(frozen=True, slots=True)
class Timing:
    """What only a walk through all pictures of a file tells."""

    table: PtsTable
    has_alpha: bool
    """Whether any pixel of any picture is not opaque."""


def read_timing(file: PictureFile, header: StillHeader) -> Timing:
    """Decode every picture once. Raises SetupError where one is damaged."""
    pts = array("q")
    elapsed = Fraction(0)
    transparent = False
    with opened(file, header.format, SetupError) as image:
        for index in range(_first_picture(image), header.pictures):
            with damage_named(file.path, SetupError):
                image.seek(index)
                image.load()
                if not transparent:
                    transparent = _shows_through(image)
            pts.append(round_half_up(elapsed))
            elapsed += _duration_ms(image)
    keyframes = array("q", pts[:1])
    return Timing(PtsTable(TIME_BASE, pts, round_half_up(elapsed), keyframes), transparent)


class AnimationReader:
    """Serves the pictures of one file, best in ascending order. Passive; one thread."""

    def __init__(self, path: str, facts: MediaFacts) -> None:
        assert facts.video is not None
        assert facts.video.table is not None
        self._path, self._format = path, facts.video.codec
        self._table, self._orientation = facts.video.table, facts.video.orientation
        self._size = (facts.video.width, facts.video.height)
        self._stack = ExitStack()
        self._image: Image.Image | None = None
        self._to_srgb: ImageCms.ImageCmsTransform | None = None
        self._index = -1
        self._frame: Frame | None = None
        self.frames_decoded = 0

    def frame(self, pts: int) -> Frame:
        """The picture with this pts. Raises RenderError for a damaged file, KeyError for a pts of no picture."""
        wanted = self._table.index_of(pts)
        if self._frame is None or self._frame.pts != pts:
            self._frame = self._read(wanted, pts)
        return self._frame

    def _read(self, wanted: int, pts: int) -> Frame:
        if self._image is None or wanted <= self._index:
            self._open()
        image = self._image
        assert image is not None
        first = _first_picture(image)
        with damage_named(self._path, RenderError):
            for index in range(self._index + 1, wanted + 1):
                image.seek(first + index)
                image.load()
                self.frames_decoded += 1
            self._index = wanted
        return frame_of((rgb_samples(image, self._to_srgb, alpha=True),), "rgba", self._orientation, pts)

    def _open(self) -> None:
        self.close()
        file = picture_file(self._path, RenderError)
        if sniffed_format(file) != self._format:
            raise changed(self._path)
        image = self._stack.enter_context(opened(file, self._format, RenderError))
        if image.size != self._size or getattr(image, "n_frames", 1) - _first_picture(image) != len(self._table.pts):
            raise changed(self._path)
        self._to_srgb = profile_to_srgb(self._path, image, failure=RenderError)
        self._image = image

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._image = self._frame = None
        self._index = -1
        self._stack.close()


def _first_picture(image: Image.Image) -> int:
    """An APNG may begin with a picture for programs that know no animation; it is not part of it."""
    return 1 if getattr(image, "default_image", False) else 0


def _duration_ms(image: Image.Image) -> Fraction:
    duration = Fraction(image.info.get("duration", 0)).limit_denominator(1000)
    return duration if duration >= SHORTEST_MS else DEFAULT_MS


def _shows_through(image: Image.Image) -> bool:
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return False
    lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
    return not isinstance(lowest, tuple) and lowest < 255
