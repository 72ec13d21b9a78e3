"""The pictures of one output on their way to packets: all encoded, or partly copied from the files they come from.

In: finished pictures in order and, for a spliced track, runs of coded pictures. Out: packets of one stream, in decode
order. Owns the encoders that it opens beside the stream's own. Passive; used on the encode thread, made before it.

Stretches are joined so that no decoder notices. Each begins with an IDR picture; each is closed in itself; picture n of
the film has the pts n; and the k-th packet has the dts k less one delay for all, as if one encoder had made the film.
Parameter sets stand in the stream's header, each under an id of its own (avc1). Where two files use one id for
different sets, every IDR picture carries its own (avc3; Matroska has no such names).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reelmill.decoders.video.coded_pictures import CodedPicture
from reelmill.decoders.video.h264_headers import (
    IDR,
    MAX_SEQUENCE_ID,
    SEQUENCE,
    configuration,
    join_units,
    nal_type,
    parameter_sets,
    read_sequence,
    set_name,
    split_units,
)
from reelmill.export.films.encoders import new_encoder
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.planner.errors import RenderError

_IN_BAND_TAG = "avc3"
_MAX_HEADER_SETS = 31
"""A decoder configuration record counts them in five bits."""


@dataclass(frozen=True, slots=True)
class Splice:
    """What a film will be spliced from, told before the first picture."""

    copied: tuple[tuple[bytes, ...], ...]
    """The parameter sets of each file that packets are copied from, in the order of the film."""
    delay: int
    """How many pictures at most are decoded before one that is shown before them, in what is copied."""
    encoded: bool
    """Whether any picture is encoded."""


@dataclass(frozen=True, slots=True, eq=False)
class CopiedRun:
    """Pictures that follow one another in the film and in their file."""

    pictures: Iterator[CodedPicture]
    """In decode order, from an IDR picture on; read once."""
    count: int
    parameter_sets: tuple[bytes, ...]
    """Of the file."""


class PictureTrack(Protocol):
    """Turns what is shown into packets of a stream."""

    def encode(self, frame: VideoFrame, number: int) -> Iterator[Packet[Any]]:
        """The packets that come out when picture `number` of the output goes in."""

    def end(self) -> Iterator[Packet[Any]]:
        """The packets that are left of the pictures so far."""


class EncodedTrack:
    """Every picture goes through the stream's own encoder."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream

    def encode(self, frame: VideoFrame, number: int) -> Iterator[Packet[Any]]:
        """The packets that come out when picture `number` of the output goes in."""
        frame.pts = number
        frame.time_base = self._stream.codec_context.time_base
        return self._stream.encode_lazy(frame)

    def end(self) -> Iterator[Packet[Any]]:
        """The packets that are left."""
        return self._stream.encode_lazy(None)


class SplicedTrack:
    """H.264: stretches are encoded, each by an encoder of its own, between stretches that are copied."""

    def __init__(self, stream: VideoStream, video: VideoEncoding, splice: Splice) -> None:
        """`stream` of `splice_ready(video, …)`, its encoder open, nothing written yet: its header is set here."""
        context = stream.codec_context
        own = tuple(parameter_sets(context.extradata or b"")[1])
        told = [read_sequence(unit).reorder or 0 for unit in own if nal_type(unit) == SEQUENCE]
        self._stream = stream
        self._video = video
        self._own = own
        self._delay = max(splice.delay, *told) if splice.encoded else splice.delay
        contributions = [*([own] if splice.encoded else []), *splice.copied]
        every = list(dict.fromkeys(unit for sets in contributions for unit in sets))
        self._in_band = _collide(every) or len(every) > _MAX_HEADER_SETS
        context.extradata = configuration(contributions[0] if self._in_band else every, every)
        if self._in_band and stream.container.format.name in ("mp4", "mov"):
            context.codec_tag = _IN_BAND_TAG
        self._encoder: VideoCodecContext | None = None
        self._length_bytes: int | None = None
        self._packets = 0
        """So far, of all stretches."""
        self._pictures = 0
        """That went in so far."""

    def encode(self, frame: VideoFrame, number: int) -> Iterator[Packet[Any]]:
        """The packets that come out when picture `number` of the output goes in."""
        if self._encoder is None:
            self._encoder = new_encoder(self._video)
            self._length_bytes, sets = parameter_sets(self._encoder.extradata or b"")
            assert tuple(sets) == self._own, "equal settings make equal parameter sets"
        frame.pts = number
        frame.time_base = self._encoder.time_base
        self._pictures += 1
        return self._encoded(self._encoder.encode_lazy(frame))

    def copy(self, run: CopiedRun, number: int) -> Iterator[Packet[Any]]:
        """The packets of a run whose first picture has that number; `end` comes before it."""
        first = self._packets
        for picture in run.pictures:
            yield self._packet(picture.units, run.parameter_sets, number + picture.place, picture.is_entry)
        self._pictures += self._packets - first

    def end(self) -> Iterator[Packet[Any]]:
        """The packets that are left of the stretch that is being encoded."""
        if self._encoder is not None:
            yield from self._encoded(self._encoder.encode_lazy(None))
            self._encoder = None
        if self._packets != self._pictures:
            raise RenderError(
                f"{self._pictures} pictures were made and {self._packets} came out of the encoder",
                component="Encoder",
                suggestion="use --copy off",
            )

    def _encoded(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        for packet in packets:
            units = split_units(bytes(packet), self._length_bytes)
            assert packet.pts is not None
            yield self._packet(units, self._own, packet.pts, any(nal_type(unit) == IDR for unit in units))

    def _packet(self, units: Iterable[bytes], sets: Iterable[bytes], pts: int, is_entry: bool) -> Packet[Any]:
        carried = [*sets, *units] if self._in_band and is_entry else [*units]
        packet = Packet(join_units(carried))
        packet.stream = self._stream
        packet.time_base = self._stream.codec_context.time_base
        packet.pts, packet.dts, packet.duration = pts, self._packets - self._delay, 1
        packet.is_keyframe = is_entry
        self._packets += 1
        return packet


def splice_ready(video: VideoEncoding, splice: Splice) -> VideoEncoding:
    """Settings whose parameter sets have an id that no copied file uses, where there is one."""
    used = {set_name(unit)[1] for sets in splice.copied for unit in sets}
    free = next((number for number in range(MAX_SEQUENCE_ID + 1) if number not in used), 0)
    options = dict(video.options)
    given = options.get("x264-params")
    options["x264-params"] = f"{given}:sps-id={free}" if given else f"sps-id={free}"
    return replace(video, options=tuple(options.items()))


def _collide(sets: list[bytes]) -> bool:
    """Whether one id means different parameter sets in different stretches. `sets`: each once."""
    return len({set_name(unit) for unit in sets}) < len(sets)
