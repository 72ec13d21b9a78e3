"""Codecs of pictures: which encoder, what it is called in options, and how it is told quality and speed. Pure tables.

Hardware encoders are named as libav names them (`h264_nvenc`), and are used only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """One encoder, under the name that people choose it by."""

    encoder: str
    """libav's name."""
    pix_fmt: str
    """Default."""
    crf: tuple[int, int, int] | None
    """Lowest, highest, default; None: the codec has no such scale."""
    presets: tuple[str, ...]
    """Slow last or first, as the encoder orders them; empty: it has none."""
    preset: str | None
    preset_option: str = "preset"
    options: tuple[tuple[str, str], ...] = ()
    tag: str | None = None
    bitrate: bool = True
    gop: bool = True
    standard: str | None = None
    """The codec that its files hold, for hardware encoders: what fits into which container."""
    crf_options: tuple[str, ...] = ("crf",)
    """Options of the encoder that are set to the crf."""
    with_crf: tuple[tuple[str, str], ...] = ()
    """Options that go with a crf, and not with a bitrate."""
    whole_crf: bool = False
    """The encoder takes whole numbers only."""
    bits_per_pixel: float | None = None
    """Default bitrate of an encoder that knows no other quality, bits for each pixel of each frame."""
    profiles: tuple[str, ...] = ()
    """What of the codec may be asked for by name."""
    alpha: tuple[str, ...] = ()
    """Pixel formats in which it keeps transparency, by straight alpha; the first is the default. Empty: it has none."""
    fixed_gop: tuple[tuple[str, str], ...] | None = None
    """Options by which every so many-th picture is a keyframe that nothing refers across, and no other one is; None:
    it can't be had."""

    @property
    def hardware(self) -> bool:
        """Whether it needs a device."""
        return self.standard is not None


def _numbers(last: int) -> tuple[str, ...]:
    return tuple(str(n) for n in range(last + 1))


_X26X_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
PRORES_4444 = ("4444", "4444xq")
"""ProRes' profiles with full chroma."""
_SOFTWARE: dict[str, VideoCodec] = {
    "h264": VideoCodec(
        *("libx264", "yuv420p", (0, 51, 20), _X26X_PRESETS, "medium"),
        profiles=("baseline", "main", "high", "high10", "high422", "high444"),
        fixed_gop=(("sc_threshold", "0"),),
    ),
    "hevc": VideoCodec(
        *("libx265", "yuv420p", (0, 51, 23), _X26X_PRESETS, "medium"),
        tag="hvc1",
        fixed_gop=(("x265-params", "scenecut=0:open-gop=0"),),
    ),
    "av1": VideoCodec(
        *("libsvtav1", "yuv420p", (1, 63, 30), _numbers(13), "8"),
        fixed_gop=(("svtav1-params", "scd=0:irefresh-type=2"),),
    ),
    "vp9": VideoCodec(
        *("libvpx-vp9", "yuv420p", (0, 63, 31), _numbers(5), "3", "cpu-used"),
        options=(("deadline", "good"), ("row-mt", "1"), ("tile-columns", "2")),
        alpha=("yuva420p",),
    ),
    "prores": VideoCodec(
        *("prores_ks", "yuv422p10le", None, (), None),
        options=(("vendor", "apl0"),),
        bitrate=False,
        gop=False,
        profiles=("proxy", "lt", "standard", "hq", *PRORES_4444),
        alpha=("yuva444p10le",),
    ),
    "qtrle": VideoCodec(
        *("qtrle", "rgb24", None, (), None),
        bitrate=False,
        alpha=("rgba",),
    ),
    "ffv1": VideoCodec(
        *("ffv1", "yuv420p", None, (), None),
        options=(("level", "3"), ("slices", "4"), ("slicecrc", "1"), ("g", "1")),
        bitrate=False,
        gop=False,
        alpha=(
            *("bgra", "gbrap10le", "gbrap12le", "gbrap16le"),
            *(f"yuva{chroma}p{depth}" for depth in ("", "10le", "12le", "16le") for chroma in (444, 422, 420)),
        ),
    ),
}
_TAGS = {"hevc": "hvc1"}
_NVENC_PRESETS = tuple(f"p{n}" for n in range(1, 8))
_QSV_PRESETS = ("veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


def _hardware() -> Iterator[tuple[str, VideoCodec]]:
    # NVENC and Quick Sync take a quality of 0 for "none given".
    for standard, crf in (("h264", (1, 51, 23)), ("hevc", (1, 51, 25)), ("av1", (1, 63, 32))):
        yield (
            f"{standard}_nvenc",
            VideoCodec(
                *(f"{standard}_nvenc", "yuv420p", crf, _NVENC_PRESETS, "p4"),
                options=(("rc", "vbr"),),
                tag=_TAGS.get(standard),
                standard=standard,
                crf_options=("cq",),
            ),
        )
    for standard in ("h264", "hevc", "av1"):
        yield (
            f"{standard}_qsv",
            VideoCodec(
                *(f"{standard}_qsv", "yuv420p", (1, 51, 23), _QSV_PRESETS, "medium"),
                tag=_TAGS.get(standard),
                standard=standard,
                crf_options=("global_quality",),
                whole_crf=True,
            ),
        )
    for standard, qps in (("h264", ("qp_i", "qp_p", "qp_b")), ("hevc", ("qp_i", "qp_p"))):
        yield (
            f"{standard}_amf",
            VideoCodec(
                *(f"{standard}_amf", "yuv420p", (0, 51, 23), ("speed", "balanced", "quality"), "balanced", "quality"),
                tag=_TAGS.get(standard),
                standard=standard,
                crf_options=qps,
                with_crf=(("rc", "cqp"),),
                whole_crf=True,
            ),
        )
    for standard in ("h264", "hevc"):
        yield (
            f"{standard}_videotoolbox",
            VideoCodec(
                *(f"{standard}_videotoolbox", "yuv420p", None, (), None),
                tag=_TAGS.get(standard),
                standard=standard,
                bits_per_pixel=0.1,
            ),
        )


VIDEO_CODECS: dict[str, VideoCodec] = {**_SOFTWARE, **dict(_hardware())}
"""By the name that people choose."""
REORDERED = {
    "yuv420p": "nv12",
    "yuv422p": "nv16",
    "yuv420p10le": "p010le",
    "yuv422p10le": "p210le",
    "yuv444p10le": "p410le",
    "rgba": "argb",
}
"""Formats in which some encoders take the same samples: hardware has U and V by turns in one plane, and 10 bits in the
upper end of 16; QuickTime has alpha first."""
