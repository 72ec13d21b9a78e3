"""Which media a device decodes: the choice of `--hwaccel`, made before the first frame.

In: what was asked for, and the media whose pictures are shown. Out: a HardwareDecoding, or SetupError. A file counts as
decodable when its first frame came out of the device; files alike in codec, format and size are tried once. Opens
files and devices for a moment, on the calling thread, while nothing else decodes.
"""

from __future__ import annotations

from collections.abc import Mapping

from reelmill.decoders.system.libav_log import libav_words
from reelmill.decoders.video.device_decoder import COMPONENT, SUGGESTION, check_device, decoder_name, device_kinds
from reelmill.decoders.video.reading import Reading
from reelmill.decoders.video.video_reader import open_video_reader
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.hardware import SOFTWARE_DECODING, DeviceKind, HardwareDecoding, Hwaccel
from reelmill.planner.media import MediaFacts
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import DecodeStatistics
from reelmill.planner.timeline import Media

_TOLD = 3
"""Files that a reason names."""


def choose_hardware(
    asked: Hwaccel, media: Mapping[str, Media], facts: Mapping[str, MediaFacts], *, allow_network: bool = False
) -> HardwareDecoding:
    """What decodes which of these media. `facts`: of those whose pictures are shown, by name.

    Raises SetupError where a device that was asked for is not there, or can't decode one of the files.
    """
    if asked == "none":
        return SOFTWARE_DECODING
    videos = {name: each for name, each in facts.items() if each.kind == "video" and each.video is not None}
    trial = _Trial(media, allow_network)
    return _first_that_works(videos, trial) if asked == "auto" else _asked_for(asked, videos, trial)


def _asked_for(device: DeviceKind, videos: Mapping[str, MediaFacts], trial: _Trial) -> HardwareDecoding:
    known = device_kinds()
    if device not in known:
        raise SetupError(
            f"this build of libav can't decode on {device}",
            component=COMPONENT,
            suggestion=f"it knows {', '.join(known) or 'no device'}; `reelmill doctor` tells which of them open",
        )
    try:
        check_device(device)
    except SetupError as error:
        raise SetupError(
            f"no {device} device opens: {error.message}",
            component=COMPONENT,
            suggestion="`reelmill doctor` tells which devices open; --hwaccel none decodes on the processor",
        ) from error
    for each in videos.values():
        problem = trial.problem(each, device)
        if problem is not None:
            raise SetupError(
                f"{device} can't decode the file: {problem}",
                component=COMPONENT,
                file=each.path,
                file_hash=each.file_hash,
                suggestion=SUGGESTION,
            )
    return HardwareDecoding(device, f"asked for with --hwaccel {device}", frozenset(videos))


def _first_that_works(videos: Mapping[str, MediaFacts], trial: _Trial) -> HardwareDecoding:
    if not videos:
        return HardwareDecoding(None, "auto: there is no video to decode")
    passed_over = []
    for device in device_kinds():
        try:
            check_device(device)
        except SetupError as error:
            passed_over.append(f"{device} does not open ({error.message})")
            continue
        problems = {name: trial.problem(each, device) for name, each in videos.items()}
        works = frozenset(name for name, problem in problems.items() if problem is None)
        left = [f"{videos[name].path}: {problem}" for name, problem in problems.items() if problem is not None]
        if works:
            told = "; ".join([*left[:_TOLD], *([f"{len(left) - _TOLD} more"] if len(left) > _TOLD else [])])
            rest = f"; the processor decodes what it can't ({told})" if left else ""
            first = f"; {', '.join(passed_over)}" if passed_over else ""
            return HardwareDecoding(
                device, f"auto: it decodes {len(works)} of {len(videos)} videos{rest}{first}", works
            )
        passed_over.append(f"{device} decodes none of the videos ({left[0]})")
    why = "; ".join(passed_over) or "this build of libav knows no device"
    return HardwareDecoding(None, f"auto: the processor decodes; {why}")


class _Trial:
    """Decodes the first frame of a file on a device; of files that are alike, that of one."""

    def __init__(self, media: Mapping[str, Media], allow_network: bool) -> None:
        self._media = media
        self._allow_network = allow_network
        self._known: dict[tuple[object, ...], str | None] = {}

    def problem(self, facts: MediaFacts, device: DeviceKind) -> str | None:
        """Why a device can't decode a file; None where it can."""
        video = facts.video
        assert video is not None
        what = f"{video.codec}, {video.pix_fmt}, {video.width}×{video.height}"
        if decoder_name(video.codec, device) is None:
            return f"{what}: this build of libav decodes no {video.codec} on it"
        if PIXEL_FORMATS[video.pix_fmt].alpha:
            return f"{what}: devices leave alpha out"
        kind = (device, video.codec, video.pix_fmt, video.width, video.height, video.interlaced)
        if kind not in self._known:
            self._known[kind] = self._first_frame(facts, device)
        problem = self._known[kind]
        return None if problem is None else f"{what}: {problem}"

    def _first_frame(self, facts: MediaFacts, device: DeviceKind) -> str | None:
        attempt = (self._media[facts.media], facts, self._allow_network, device)
        try:
            _decode_first_frame(*attempt)
        except RenderError as error:
            return "; ".join(libav_words(_decode_first_frame, *attempt)) or error.message
        return None


def _decode_first_frame(media: Media, facts: MediaFacts, allow_network: bool, device: DeviceKind) -> None:
    assert facts.video is not None
    assert facts.video.table is not None
    reading = Reading(allow_network, HardwareDecoding(device, None, frozenset([media.name])))
    reader = open_video_reader(media, facts, DecodeStatistics(), reading)
    try:
        reader.frame(facts.video.table.pts[0])
    finally:
        reader.close()
