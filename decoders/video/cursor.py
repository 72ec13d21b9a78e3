"""A place in a video stream from which exact frames are read: forwards for next to nothing, elsewhere by seeking.

In: pts of the stream's table. Out: decoded libav frames, exactly those asked for. The cursor owns its container and
decoder. Passive; one thread at a time. The GIL is free while libav reads and decodes.

How a frame is reached. Containers seek by decode time, or by other clocks, land where they like, and flag packets as
keyframes from which not every later frame can be decoded (open GOPs, periodic intra refresh). So: take the last
keyframe K that is shown no later than the target; seek to K; drop packets until a keyframe no later than K; decode
until the target comes out, without the frames before it that nothing refers to. If a later keyframe is met first, or
the target does not come out, decode them all, and then begin one keyframe earlier.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from reelmill.decoders.files.container import open_container, reason, video_streams
from reelmill.decoders.files.packet_table import packets
from reelmill.decoders.frames.colour_tags import StreamColour
from reelmill.decoders.video.ffv1_checksums import slices_are_whole
from reelmill.decoders.video.reading import PLAIN_READING, Reading
from reelmill.decoders.video.unreferenced import unreferenced_pictures
from reelmill.decoders.video.video_codec import video_decoder
from reelmill.planner.clock import format_time
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.source_frames import DecodeStatistics
from reelmill.planner.timeline import Media

COMPONENT = "ClipDecoder"
READ_ON_FRAMES = 16
"""A keyframe no farther ahead than this is reached by decoding on: frames in flight would be thrown away by seeking."""
STEPS_BACK = 3
"""Keyframes tried before the one that should do. One was enough for every file tried."""
KEPT_FRAMES = 4
"""Frames handed out last that can be had again: frozen and slow clips, and the neighbours of interlaced frames."""
REVERSE_WINDOW_BYTES = 256 * 2**20
"""Frames held to play backwards. A GOP that fits is decoded once; a longer one once for each window in it."""

_LOSING_CODECS = frozenset({"mpeg1video", "mpeg2video"})
"""Decoders that lose the picture they hold back when the next one has another size or aspect ratio."""


class _Unclean(Exception):
    """The target was not reached, or not without errors; says why."""


@dataclass(slots=True)
class _Run:
    """What has come out of the decoder since it was started or moved."""

    awaited: int | None = None
    """pts of a keyframe that packets are dropped before."""
    fresh: bool = False
    """The file was opened, and nothing read yet."""
    ready: deque[VideoFrame] = field(default_factory=deque)
    """Out of the decoder, and not looked at."""
    drained: bool = False
    """The end of the file was reached, and the decoder told."""
    put_out: int = 0
    """Frames, of streams that are not timed."""
    position: int | None = None
    """In the table, of the frame that came out last."""
    expected: int | None = None
    """The position that must come next; None where any may."""
    last: VideoFrame | None = None
    """The frame that came out last."""
    wanted: int | None = None
    """pts of the frame that is decoded for; what is shown before it may be left out if nothing refers to it."""
    left_out: set[int] = field(default_factory=set)
    """Positions of frames that the decoder was not given."""
    damaged: set[int] = field(default_factory=set)
    """pts of frames whose packets are known to be damaged."""


class Cursor:
    """Reads one video stream. Close it when done."""

    def __init__(
        self,
        media: Media,
        facts: MediaFacts,
        statistics: DecodeStatistics,
        reading: Reading = PLAIN_READING,
        *,
        reverse_window_bytes: int = REVERSE_WINDOW_BYTES,
    ) -> None:
        """Opens the file. Raises RenderError. The file must have a video stream with a table."""
        assert facts.video is not None
        assert facts.video.table is not None
        self._media, self._facts, self._video = media, facts, facts.video
        self._table: PtsTable = facts.video.table
        restarting = self._video.codec in _LOSING_CODECS
        self._restarts = frozenset(each.first_pts for each in self._video.size_changes if restarting)
        """Pictures before which the decoder must put out what it holds back."""
        self._statistics = statistics
        self._allow_network, self._device = reading.allow_network, reading.hardware.device_of(media.name)
        self._window_limit = reverse_window_bytes
        self.concealed_frames = 0
        """Damaged or missing frames handed out, for media with `"on_error": "conceal"`."""
        self._leaves_out = True
        """Frames on the way that nothing refers to are not decoded. Until a target was not reached that way."""
        self._lenient = False
        """The decoder puts out damaged frames. From the first damage on, for media that allow it."""
        self._kept: OrderedDict[int, VideoFrame] = OrderedDict()
        self._window: OrderedDict[int, VideoFrame] = OrderedDict()
        """Ascending, while playing backwards."""
        self._window_bytes = 0
        self._run = _Run()
        self._container: InputContainer | None = None
        self._stream: VideoStream
        self._decoder: VideoCodecContext
        self._packets: Iterator[Packet[VideoStream]]
        self._open()

    def frame(self, pts: int) -> VideoFrame:
        """The frame with this pts, one of the table's. Not to be written to. Raises RenderError."""
        frame = self._kept.get(pts)
        if frame is None:
            frame = self._window.get(pts)
        if frame is None:
            frame = self._decode(self._table.index_of(pts))
        self._keep(pts, frame)
        return frame

    def close(self) -> None:
        """A second call does nothing."""
        self._run = _Run()
        self._kept.clear()
        self._clear_window()
        # It refers to the cursor, which refers to the decoder: that would live until cycles are collected.
        self._packets = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _keep(self, pts: int, frame: VideoFrame) -> None:
        self._kept[pts] = frame
        self._kept.move_to_end(pts)
        if len(self._kept) > KEPT_FRAMES:
            self._kept.popitem(last=False)
        while self._window and next(reversed(self._window)) > pts:
            self._window_bytes -= _bytes(self._window.popitem()[1])

    def _decode(self, target: int) -> VideoFrame:
        """The frame at a position of the table, by the shortest way."""
        backwards = self._run.position is not None and target <= self._run.position
        self._clear_window()
        keyframe = self._keyframe_index(target)
        try:
            if not backwards and self._reaches(keyframe):
                try:
                    return self._read_until(target, collect=False)
                except _Unclean:
                    # The decoder may have been led astray where it began; a fresh start decides.
                    pass
            return self._seek_and_read(target, keyframe, collect=backwards)
        except _Unclean as problem:
            self._run = _Run()
            if self._lenient or self._media.on_error != "conceal":
                raise self._error(str(problem), target) from problem.__cause__
        self._lenient = True
        self._open()
        return self._decode_concealed(target, keyframe)

    def _decode_concealed(self, target: int, keyframe: int) -> VideoFrame:
        try:
            return self._seek_and_read(target, keyframe - 1, collect=False)
        except _Unclean as problem:
            raise self._error(str(problem), target) from problem.__cause__

    def _keyframe_index(self, target: int) -> int:
        """Of the keyframe to decode from; 0 or less for the beginning of the file."""
        return bisect_right(self._table.keyframes, self._table.pts[target]) - 1

    def _reaches(self, keyframe: int) -> bool:
        """Whether decoding on is the way to a frame that lies ahead."""
        if self._run.position is None:
            return self._run.fresh and keyframe <= 0
        if keyframe <= 0:
            return True
        return self._table.index_of(self._table.keyframes[keyframe]) <= self._run.position + READ_ON_FRAMES

    def _seek_and_read(self, target: int, keyframe: int, *, collect: bool) -> VideoFrame:
        last = max(keyframe - STEPS_BACK, 0)
        while True:
            try:
                self._seek(keyframe)
                return self._read_until(target, collect=collect)
            except _Unclean:
                if self._leaves_out:
                    self._leaves_out = False
                    continue
                if keyframe <= 0:
                    raise
                # The beginning of the file is never missed; program streams were seen to need it.
                keyframe = keyframe - 1 if keyframe > last else 0

    def _read_until(self, target: int, *, collect: bool) -> VideoFrame:
        """Decode up to a frame. Raises _Unclean where it is missing or something before it is damaged."""
        self._run.wanted = self._table.pts[target] if self._leaves_out and self._table.timed and not collect else None
        while True:
            before = self._run.last
            frame = self._next()
            if frame is None:
                return self._missing(target, before, None)
            while self._run.expected in self._run.left_out:
                self._run.left_out.remove(self._run.expected)
                self._run.expected += 1
            if self._run.expected is not None and self._run.position != self._run.expected and not self._lenient:
                raise _Unclean(f"a frame is missing before {self._time(self._run.position)}")
            if frame.is_corrupt and not self._lenient:
                raise _Unclean(f"the file is damaged at {self._time(self._run.position)}")
            assert self._run.position is not None
            self._run.expected = self._run.position + 1
            if self._run.position > target:
                return self._missing(target, before, frame)
            if collect:
                self._collect(self._table.pts[self._run.position], frame)
            if self._run.position == target:
                if frame.pict_type == PictureType.B and not self._lenient:
                    self._check_ahead()
                self.concealed_frames += frame.is_corrupt or frame.pts in self._run.damaged
                return frame

    def _check_ahead(self) -> None:
        """Decode up to the next frame that is no B-frame: what came out last may be predicted from it.

        A decoder flags the frame whose data are damaged, not those that are made from it. Nothing is wasted: the
        frames wait for their turn.
        """
        looked_at = 0
        while True:
            while looked_at < len(self._run.ready):
                frame = self._run.ready[looked_at]
                looked_at += 1
                if frame.is_corrupt:
                    raise _Unclean(f"the file is damaged just behind {self._time(self._run.position)}")
                if frame.pict_type != PictureType.B:
                    return
            if self._run.drained:
                return
            self._feed(next(self._packets, None))

    def _missing(self, target: int, before: VideoFrame | None, after: VideoFrame | None) -> VideoFrame:
        """The decoder went past the target, or to the end, without putting it out."""
        frame = before if before is not None else after
        if not self._lenient or frame is None:
            raise _Unclean(f"no frame comes out of the decoder for {self._time(target)}")
        self.concealed_frames += 1
        if after is not None:
            self._keep(self._table.pts[self._run.position or 0], after)
        return frame

    def _next(self) -> VideoFrame | None:
        """The next frame in order of presentation that the table knows; sets `_position`. None at the end."""
        while True:
            while self._run.ready:
                frame = self._run.ready.popleft()
                index = self._index(frame)
                if index is not None:
                    self._run.position = index
                    self._run.last = frame
                    return frame
            if self._run.drained:
                return None
            packet = next(self._packets, None)
            self._feed(packet)

    def _index(self, frame: VideoFrame) -> int | None:
        if not self._table.timed:
            self._run.put_out += 1
            return self._run.put_out - 1 if self._run.put_out <= len(self._table.pts) else None
        if frame.pts is None:
            return None
        try:
            return self._table.index_of(frame.pts)
        except KeyError:
            return None

    def _feed(self, packet: Packet[VideoStream] | None) -> None:
        self._run.fresh = False
        if packet is None:
            self._run.drained = True
        elif self._run.awaited is not None:
            if not packet.is_keyframe:
                return
            if packet.pts is None or packet.pts > self._run.awaited or not self._known_keyframe(packet):
                raise _Unclean("the container seeks past the keyframe")
            self._run.awaited = None
        if packet is not None:
            self._look_for_damage(packet)
            if self._can_leave_out(packet):
                return
        try:
            frames = self._decode_packet(packet)
        except (av.FFmpegError, ValueError) as error:
            if not self._lenient:
                raise _Unclean(
                    f"the file is damaged near {self._time(self._run.position)} ({reason(error)})"
                ) from error
            return
        self._statistics.frames_decoded += len(frames)
        self._run.ready.extend(frames)

    def _look_for_damage(self, packet: Packet[VideoStream]) -> None:
        """What decoders don't tell of. Raises _Unclean, or remembers the frame where damage is concealed."""
        if packet.is_corrupt:
            problem = "a packet is incomplete"
        elif self._has_slices and not slices_are_whole(memoryview(packet)):
            problem = "a slice is missing, or does not have its checksum"
        else:
            return
        if not self._lenient:
            raise _Unclean(f"the file is damaged near {self._time(self._run.position)} ({problem})")
        if packet.pts is not None:
            self._run.damaged.add(packet.pts)

    def _decode_packet(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Raises libav's errors."""
        if packet is None or packet.pts not in self._restarts:
            return list(self._decoder.decode(packet))
        held_back = list(self._decoder.decode(None))
        self._decoder.flush_buffers()
        return [*held_back, *self._decoder.decode(packet)]

    def _can_leave_out(self, packet: Packet[VideoStream]) -> bool:
        """Whether a packet's frame is neither wanted nor needed for another; notes it then."""
        wanted, at = self._run.wanted, packet.pts
        if wanted is None or at is None or at >= wanted or packet.is_keyframe or self._is_unreferenced is None:
            return False
        position = bisect_left(self._table.pts, at)
        if self._table.pts[position] != at or not self._is_unreferenced(memoryview(packet)):
            return False
        self._run.left_out.add(position)
        return True

    def _known_keyframe(self, packet: Packet[VideoStream]) -> bool:
        """Whether a packet that decoding is to begin with has the time it had when the file was read through."""
        keyframes = self._table.keyframes
        index = bisect_right(keyframes, packet.pts or 0) - 1
        return packet.is_discard or (index >= 0 and keyframes[index] == packet.pts)

    def _collect(self, pts: int, frame: VideoFrame) -> None:
        """Hold a frame on the way to a target that lies behind: it is asked for next."""
        self._window[pts] = frame
        self._window_bytes += _bytes(frame)
        while self._window_bytes > self._window_limit and len(self._window) > 1:
            self._window_bytes -= _bytes(self._window.popitem(last=False)[1])

    def _clear_window(self) -> None:
        self._window.clear()
        self._window_bytes = 0

    def _seek(self, keyframe: int) -> None:
        """Go to a keyframe of the table. The first one is reached by opening the file anew, which never misses it."""
        self._statistics.seeks += 1
        if keyframe <= 0 or self._container is None:
            self._open()
            return
        table = self._table
        targets = table.keyframes if table.seek_targets is None else table.seek_targets
        self._run = _Run(awaited=table.keyframes[keyframe])
        try:
            self._container.seek(targets[keyframe], stream=self._stream, backward=True)
            self._decoder.flush_buffers()
        except (av.FFmpegError, OSError) as error:
            raise _Unclean(f"the container can't seek ({reason(error)})") from error
        self._packets = self._read_packets()

    def _open(self) -> None:
        """Open the file anew; the next packet is its first."""
        if self._container is not None:
            self._container.close()
        self._container = open_container(
            self._facts.path, allow_network=self._allow_network, component=COMPONENT, failure=RenderError
        )
        self._statistics.opened += 1
        try:
            self._stream = self._find_stream(self._container)
            for other in self._container.streams:
                if other is not self._stream:
                    other.discard = Discard.all
            self.stream_colour = self._colour()
            self._is_unreferenced = unreferenced_pictures(self._video.codec, self._stream.codec_context.extradata)
            # Versions of FFV1 that know no slices have no extradata.
            self._has_slices = self._video.codec == "ffv1" and bool(self._stream.codec_context.extradata)
            self._decoder = video_decoder(self._stream, "show" if self._lenient else "refuse", device=self._device)
        except BaseException:
            self.close()
            raise
        self._run = _Run(fresh=True)
        self._packets = self._read_packets()

    def _find_stream(self, container: InputContainer) -> VideoStream:
        streams = video_streams(container)
        if self._video.stream < len(streams):
            stream = streams[self._video.stream]
            # libav has no context for a codec that it does not know.
            if stream.codec_context is not None and stream.codec_context.codec.canonical_name == self._video.codec:
                return stream
        raise RenderError(
            "the file has changed since it was probed",
            component=COMPONENT,
            file=self._facts.path,
            file_hash=self._facts.file_hash,
            suggestion="leave the file alone while it is rendered, and start again",
        )

    def _colour(self) -> StreamColour:
        """The stream's tags; those that were measured when the file was probed are taken from its facts."""
        tags = self._video.colour
        return replace(
            StreamColour.of(self._stream.codec_context, self._video.codec),
            chroma_location=tags.chroma_location,
            peak_nits=tags.peak_nits,
        )

    def _read_packets(self) -> Iterator[Packet[VideoStream]]:
        assert self._container is not None
        try:
            for packet in packets(self._container, self._stream):
                yield cast("Packet[VideoStream]", packet)
        except (av.FFmpegError, OSError) as error:
            if not self._lenient:
                raise _Unclean(
                    f"the file breaks off after {self._time(self._run.position)} ({reason(error)})"
                ) from error

    def _time(self, position: int | None) -> str:
        return format_time(self._table.source_time(self._table.pts[position or 0]))

    def _error(self, message: str, target: int) -> RenderError:
        software = "" if self._device is None else "; or try --hwaccel none, which decodes on the processor"
        return RenderError(
            f"frame at {self._time(target)}: {message}",
            component=COMPONENT,
            file=self._facts.path,
            file_hash=self._facts.file_hash,
            source_time=self._table.source_time(self._table.pts[target]),
            suggestion='replace the file, cut around the damage, or say "on_error": "conceal" for this media entry'
            f"{software}",
        )


def _bytes(frame: VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
