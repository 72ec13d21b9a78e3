"""Results of checks for tests of what is made of them, without anything rendered."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from reelmill.export.checks.check_result import (
    CheckResult,
    FrameResult,
    PictureFigures,
    ProjectResult,
    ShownPictures,
    SoundResult,
)
from reelmill.export.checks.picture_comparison import shown_pictures, thumbnail
from reelmill.planner.checks import ENCODER
from reelmill.planner.errors import Problem, ProjectError, RenderError

EVIL = '</script><script>alert("1")</script>\'"><img src=x>&amp;\x0b\x00'
"""A name that is markup, and holds what XML can't."""


def pictures(seed: int, *, differ: bool) -> ShownPictures:
    """Of a frame of 64 × 48."""
    rng = np.random.default_rng(seed)
    one = np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    other = one.copy()
    if differ:
        other[8:24, 16:40] = 255 - other[8:24, 16:40]
        return shown_pictures(one, other)
    return ShownPictures(None, None, None, thumbnail(one))


def every_kind() -> CheckResult:
    """Projects that pass, differ in every way, fail, and were stored."""
    different = PictureFigures(largest=200, pixels=384, beyond=384, total=3072, ssim=0.5, colour=12.5)
    frames = (
        FrameResult(0, Fraction(0), ("first frame",), "same", pictures=pictures(1, differ=False)),
        FrameResult(
            *(7, Fraction(7, 25), ("first of opening", EVIL), "different", different, "384 pixels differ"),
            golden="golden/000007.png",
            pictures=pictures(2, differ=True),
        ),
        FrameResult(8, Fraction(8, 25), (), "missing", message="no golden", pictures=shown_pictures(None, picture(3))),
        FrameResult(9, Fraction(9, 25), (), "gone", message="no such frame", pictures=shown_pictures(picture(4), None)),
        FrameResult(12, Fraction(12, 25), ("middle of opening",), "trusted"),
    )
    sound = SoundResult("different", None, "10.0 ms late", ((-20.0, -30.0, -120.0), (-20.0, -25.0)))
    close = FrameResult(3, Fraction(3, 25), ("middle of x",), "close", different, "some differ")
    return CheckResult(
        (
            ProjectResult(
                *("films/one.json", "golden/one-1"),
                frames=frames,
                sound=sound,
                facts=("the film is 9 frames long, where 10 are stored",),
                notes=("another renderer",),
                system="v1",
                renderer="llvmpipe",
                seconds=1.5,
            ),
            ProjectResult(EVIL, "golden/two-2", error=ProjectError([Problem("$.tracks", EVIL, "take it out")])),
            ProjectResult(
                "three.json", "golden/three-3", error=RenderError("the file is damaged", component="Decoder")
            ),
            ProjectResult("four.json", "golden/four-4", frames=(close,), sound=SoundResult("same"), tolerance=ENCODER),
        ),
        encoded=False,
    )


def picture(seed: int) -> np.typing.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
