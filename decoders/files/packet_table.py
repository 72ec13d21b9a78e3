"""What a pass over all packets of a file tells, without decoding: frames, keyframes, durations.

In: an open container and the chosen streams. Out: `PacketTable`, from which probe makes the `PtsTable`. A container's
own index will not do: Matroska's holds a few entries and mp4's has decode times. Passive; one thread.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from reelmill.decoders.files.sound_clock import RESTART_SECONDS
from reelmill.decoders.files.sound_form import Form, sound_form
from reelmill.decoders.files.transport_stream import is_whole
from reelmill.planner.pts_table import PtsTable

_SKIP_SAMPLES_BYTES = 10
_VP8_SHOWN = 0x10
DEFAULT_FRAME_RATE = Fraction(25)
"""Of raw streams that don't tell theirs; libav takes the same."""


@dataclass(slots=True)
class VideoPackets:
    """The packets of the video stream that are shown, in decode order."""

    time_base: Fraction
    pts: list[int | None] = field(default_factory=list)
    dts: list[int | None] = field(default_factory=list)
    """Decode timestamps: what most containers seek by."""
    duration: list[int] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    """Positions in the lists above."""
    seeks_by_pts: bool = False
    """The container does; with a dts it would land a keyframe too early."""
    decode_durations: bool = False
    """A packet's duration is the time until the next is decoded, which need not be the next one shown (mp4)."""
    cut: bool = False
    """An edit list leaves packets out."""
    last_duration: int = 0
    """Of the last packet in decode order, left out or not: no packet follows it, so this is what its frame lasts."""

    def add(self, packet: Packet[VideoStream], codec: str) -> None:
        """Note a packet, unless it puts out no frame."""
        self.last_duration = packet.duration or 0
        if packet.is_discard or _hidden(packet, codec):
            self.cut = self.cut or packet.is_discard
            return
        if packet.is_keyframe:
            self.keyframes.append(len(self.pts))
        self.pts.append(packet.pts)
        self.dts.append(packet.dts)
        self.duration.append(packet.duration or 0)

    @property
    def timed(self) -> bool:
        """Every packet has a pts, and no two have the same."""
        return None not in self.pts and len(set(self.pts)) == len(self.pts)

    def end_after(self, pts: array[int], told: int, stream_end: StreamEnd, frame_rate: Fraction | None) -> int:
        """End of the last frame of `pts`, ticks. `told`: the duration that its packet says.

        Where that is no duration of a frame, the stream's or the file's length tells; where nothing does, the frame
        lasts as long as the one before.
        """
        last = pts[-1]
        if self._out_of_step:
            length = stream_end.duration
            begin = min(at for at in self.pts if at is not None)
            # Equal to the sum of the packets, it is no more than that: there is no edit list.
            edited = length is not None and not self.cut and length != sum(self.duration)
            if length is not None and edited and begin + length > last:
                return begin + length
            told = self.last_duration
        limit = stream_end.file_end
        if told > 0:
            return limit if limit is not None and last < limit < last + told - 1 and _varies(pts) else last + told
        if len(pts) > 1:
            return last + (last - pts[-2])
        return last + max(1, round(1 / ((frame_rate or DEFAULT_FRAME_RATE) * self.time_base)))

    @property
    def _out_of_step(self) -> bool:
        """Durations in decode order are not those of the frames that the packets hold."""
        reordered = any(a is not None and b is not None and a > b for a, b in pairwise(self.pts))
        return self.decode_durations and reordered and len(set(self.duration)) > 1


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """What a container says of a video stream's length; None where it says nothing."""

    duration: int | None = None
    """Of the stream, ticks."""
    file_end: int | None = None
    """Of all streams, ticks; given where packets carry a duration that is only that of the usual frame (Matroska)."""


@dataclass(slots=True)
class AudioPackets:
    """Where the sound ends, as its packets say."""

    time_base: Fraction
    codec: str = ""
    changes: bool = False
    """Rate or channels are not the same all the way, as far as packets tell."""
    _form: Form = None
    """What the last packet told of its rate and channels."""
    end: int | None = None
    """pts of the end of the last packet, padding left out; None while there was no packet with a pts."""
    _full_duration: int = 0
    """Of the longest packet so far."""
    _restarts: int = 0
    """Ticks by which the clock would be ahead if it had never begun anew."""

    def add(self, packet: Packet[AudioStream]) -> None:
        form = sound_form(self.codec, memoryview(packet))
        self.changes = self.changes or (form != self._form and None not in (form, self._form))
        self._form = form or self._form
        if packet.pts is None or packet.is_discard:
            return
        duration = packet.duration or self._full_duration
        self._full_duration = max(self._full_duration, duration)
        pts = packet.pts + self._restarts
        if self.end is not None and pts < self.end and (self.end - pts) * self.time_base > RESTART_SECONDS:
            self._restarts += self.end - pts
            pts = self.end
        # Some demuxers tell the last packet's duration without its padding, others with it.
        end = pts + min(duration, self._full_duration - self._padding(packet))
        self.end = end if self.end is None else max(self.end, end)

    def end_at(self, told: int) -> None:
        """Let the sound end where the container says, if that is within the last packet.

        libav's parser of MPEG audio gives every packet its full length, also the last one of an mp4 file.
        """
        if self.end is not None and self.end - self._full_duration < told < self.end:
            self.end = told

    def _padding(self, packet: Packet[AudioStream]) -> int:
        """Samples that the decoder drops at the packet's end, in ticks (AV_PKT_DATA_SKIP_SAMPLES)."""
        # Few packets have side data, and to ask for one kind of it takes as long as all else that is done here.
        data = b""
        for each in packet.iter_sidedata():
            self.changes = self.changes or each.data_type == "new_extradata"
            if each.data_type == "skip_samples":
                data = bytes(each)
        if len(data) < _SKIP_SAMPLES_BYTES:
            return 0
        samples = int.from_bytes(data[4:8], "little")
        rate = packet.stream.codec_context.sample_rate
        return int(Fraction(samples, rate) / self.time_base) if rate else 0


def packets(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """The packets of the streams that hold data. Raises libav's errors.

    Empty packets are left out: they stand for "as before", and a decoder would take one for the end of the stream.
    Packets of transport streams that were joined end to end are not corrupt, though libav says so.
    """
    for packet in container.demux(*streams):
        if not packet.size:
            continue
        if packet.is_corrupt and container.format.name == "mpegts":
            packet.is_corrupt = not is_whole(container.name.removeprefix("file:"), packet.pos)
        yield packet


def _hidden(packet: Packet[VideoStream], codec: str) -> bool:
    """Whether a VP8 packet holds a frame that is only a reference (RFC 6386, 9.1: show_frame)."""
    return codec == "vp8" and not memoryview(packet)[0] & _VP8_SHOWN


def timed_table(
    found: VideoPackets,
    first_pts: int,
    frame_rate: Fraction | None,
    stream_end: StreamEnd = StreamEnd(),
    *,
    seekable: bool = True,
) -> PtsTable:
    """The table of a stream whose packets carry distinct pts. Frames before `first_pts` can't be decoded.

    Where the container is not `seekable`, decoding only begins with the first frame.
    """
    assert found.timed
    durations = {pts: duration for pts, duration in zip(found.pts, found.duration, strict=True) if pts is not None}
    pts = array("q", sorted(at for at in durations if at >= first_pts))
    keys = {at: dts for at, dts in _keyframe_times(found).items() if at >= first_pts} if seekable else {}
    end = found.end_after(pts, durations[pts[-1]], stream_end, frame_rate)
    return _table(found.time_base, pts, end, keys, timed=True)


def decoded_table(found: VideoPackets, frames: list[int | None], frame_rate: Fraction | None) -> PtsTable:
    """The table of a stream whose packets don't tell its frames; `frames` are the pts that a decoder put out, in order.

    Where these ascend, they are the frames' times. Else frame i is shown at the i-th decode timestamp, which a
    stream without reordering would show it at; and where these are missing too, at i / frame rate.
    """
    shown = [at for at in frames if at is not None]
    timed = len(shown) == len(frames) and all(a < b for a, b in pairwise(shown))
    if not timed:
        shown = _untimed(found, len(frames), frame_rate)
    keys = {at: dts for at, dts in _keyframe_times(found).items() if shown[0] <= at <= shown[-1]} if timed else {}
    pts = array("q", shown)
    end = found.end_after(pts, found.duration[-1], StreamEnd(), frame_rate)
    return _table(found.time_base, pts, end, keys, timed=timed)


def _table(time_base: Fraction, pts: array[int], end_pts: int, keys: dict[int, int], *, timed: bool) -> PtsTable:
    """A table; where no keyframe can be sought, the first frame is the only place to begin."""
    keys = keys or {pts[0]: pts[0]}
    return PtsTable(
        time_base=time_base,
        pts=pts,
        end_pts=end_pts,
        keyframes=array("q", sorted(keys)),
        seek_targets=array("q", (keys[at] for at in sorted(keys))),
        timed=timed,
    )


def _keyframe_times(found: VideoPackets) -> dict[int, int]:
    """Where to seek for each keyframe, by its pts."""
    times: dict[int, int] = {}
    for index in found.keyframes:
        at, dts = found.pts[index], found.dts[index]
        if at is not None:
            times[at] = at if dts is None or found.seeks_by_pts else dts
    return times


def _untimed(found: VideoPackets, count: int, frame_rate: Fraction | None) -> list[int]:
    known = sorted({dts for dts in found.dts if dts is not None})
    if len(known) == len(found.dts) == count:
        return known
    ticks = 1 / ((frame_rate or DEFAULT_FRAME_RATE) * found.time_base)
    return [round(index * ticks) for index in range(count)]


def _varies(pts: array[int]) -> bool:
    """Whether frames last differently, by more than rounding to ticks explains."""
    spaces = [b - a for a, b in pairwise(pts)]
    return bool(spaces) and max(spaces) - min(spaces) > 2
