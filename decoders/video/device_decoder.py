"""Decoders that a device runs: which there are, and one that is set up for a stream.

In: a stream of an open container. Out: a codec context whose frames lie in the system's memory, as those of any other
decoder do. Nothing falls back to software here: what the device can't decode is an error. Passive; one thread.
"""

from __future__ import annotations

from typing import cast

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from reelmill.decoders.files.container import reason
from reelmill.decoders.system.libav_log import libav_words
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.hardware import DEVICE_KINDS, DeviceKind

COMPONENT = "HardwareDecoder"
_USUAL_CODECS = ("h264", "hevc", "mpeg2video", "vp9", "av1")
_OPTIONS: dict[DeviceKind, dict[str, object]] = {"cuda": {"primary_ctx": "1"}}
"""All decoders of a process share CUDA's primary context: one of its own costs each hundreds of megabytes."""


def device_kinds() -> tuple[DeviceKind, ...]:
    """Those that this build of libav knows, in the order of DEVICE_KINDS."""
    known = hwdevices_available()
    return tuple(kind for kind in DEVICE_KINDS if kind in known)


def decoder_name(codec: str, device: DeviceKind) -> str | None:
    """libav's name of the decoder of a codec that runs on a kind of device; None where this build has none."""
    # Some devices are reached through decoders of their own, such as h264_qsv.
    for name in (codec, f"{codec}_{device}"):
        try:
            configs = Codec(name, "r").hardware_configs
        except UnknownCodecError:
            continue
        if any(config.is_supported and config.device_type.name == device for config in configs):
            return name
    return None


def check_device(device: DeviceKind) -> None:
    """Open a device for a moment. Raises SetupError with what libav says where that fails."""
    name = next((name for codec in _USUAL_CODECS if (name := decoder_name(codec, device)) is not None), None)
    if name is None:
        raise SetupError("this build of libav has no decoder for it", component=COMPONENT)
    try:
        _open_device(name, device)
    except (av.FFmpegError, OSError, NotImplementedError, RuntimeError) as error:
        said = libav_words(_open_device, name, device)
        raise SetupError("; ".join(said) or reason(error), component=COMPONENT) from error


def device_decoder(stream: VideoStream, device: DeviceKind) -> VideoCodecContext:
    """A decoder that is ready for packets. Raises RenderError where the device has none, or gives none."""
    codec = stream.codec_context.codec.canonical_name
    name = decoder_name(codec, device)
    if name is None:
        raise RenderError(f"{device} decodes no {codec}", component=COMPONENT, suggestion=SUGGESTION)
    try:
        context = _context(name, device)
    except (av.FFmpegError, OSError, NotImplementedError, RuntimeError) as error:
        raise RenderError(
            f"{device} gives no decoder: {reason(error)}", component=COMPONENT, suggestion=SUGGESTION
        ) from error
    context.extradata = stream.codec_context.extradata
    context.width, context.height = stream.codec_context.width, stream.codec_context.height
    # The device works at its own pace; threads would only hold more of its memory.
    context.thread_count = 1
    return context


SUGGESTION = "--hwaccel none decodes on the processor; --hwaccel auto leaves to it what the device can't decode"


def _context(name: str, device: DeviceKind) -> VideoCodecContext:
    context = cast(VideoCodecContext, CodecContext.create(name, "r", hwaccel=_accelerator(device)))
    if not context.is_hwaccel:
        # PyAV goes on in software where a device is "not implemented", also where it was told not to.
        raise NotImplementedError("it does not open")
    return context


def _open_device(decoder: str, device: DeviceKind) -> None:
    _accelerator(device).create(Codec(decoder, "r"))


def _accelerator(device: DeviceKind) -> HWAccel:
    return HWAccel(device, allow_software_fallback=False, options=dict(_OPTIONS.get(device, {})))
