"""Finds out about a media file what planning needs.

In: a media entry. Out: `MediaFacts`, or a SetupError that says what is wrong with the file. Each file is read once
from end to end, without decoding more than its first frames. Passive; thread-safe, but for pictures.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from typing import NoReturn, TypeVar, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reelmill.decoders.files.container import is_address, open_container, reason, video_streams
from reelmill.decoders.files.file_hash import file_hash
from reelmill.decoders.files.packet_table import (
    AudioPackets,
    StreamEnd,
    VideoPackets,
    decoded_table,
    packets,
    timed_table,
)
from reelmill.decoders.files.sample_entries import sample_entry
from reelmill.decoders.frames.colour_tags import (
    ColourReader,
    StreamColour,
    UnsupportedColour,
    chroma_location,
    mastering_peak,
    orientation,
)
from reelmill.decoders.frames.normalise import UnsupportedFormat, target_format
from reelmill.decoders.sound.sound_count import counted
from reelmill.decoders.sound.sound_parts import Part, sound_parts
from reelmill.decoders.stills import picture_reader
from reelmill.decoders.video.size_changes import PictureShape, SizeWatch
from reelmill.decoders.video.video_codec import KEEPING, video_decoder
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.media import AudioFacts, MediaFacts, MediaKind, SizeChange, SoundProblem, VideoFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.timeline import Media

HEAD_FRAMES = 6
"""Decoded to learn what frames are like, and whether the packets tell their times truly."""
SHORTFALL_SECONDS = Fraction(1, 2)
"""A file that ends this much earlier than its header says was cut off."""
COARSE_SECONDS = Fraction(1, 1000)
"""Sound whose times are rounded to this is counted by decoding it, if it has no picture to keep time with."""
_MP4, _MATROSKA = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"
_INDEXED = frozenset({_MP4, _MATROSKA})
"""Demuxers whose duration stands in a header and is no estimate, and which seek by pts."""
_GUESSING = frozenset({"ogg"})
"""Demuxers that guess timestamps after a seek: they are only told for each page. Such files are read from the start."""
_PIPE = "_pipe"
"""Ends the names of the demuxers that know a picture by its content. Several pictures in one file are a film."""
_PICTURES = frozenset({"apng", "fits", "gif", "ico", "iff", "webp"})
_PICTURE_BRANDS = frozenset({"avif", "avis", "heic", "heix", "heim", "heis", "mif1"})
_Stream = TypeVar("_Stream", VideoStream, AudioStream)


def probe(media: Media, *, allow_network: bool = False) -> MediaFacts:
    """The facts of a media file. Raises SetupError with the file, what is wrong with it and what to do."""
    if not is_address(media.path):
        facts = picture_reader.probe_picture(media)
        if facts is not None:
            return facts
    with ExitStack() as stack:
        container = stack.enter_context(open_container(media.path, allow_network=allow_network))
        if is_address(media.path) and _holds_picture(container):
            facts = picture_reader.probe_picture(media)
            if facts is not None:
                return facts
        parts = _sound_parts(media, container)
        if parts:
            container.close()
            container = stack.enter_context(open_container(media.path, part=parts[0]))
        reading = _Reading(media, container, parts)
        reading.run()
        codec = reading.picture_codec
        if codec is not None:
            facts = picture_reader.probe_picture(media, codec)
            if facts is not None:
                return facts
        video = reading.video_facts(allow_network=allow_network)
        audio = reading.audio_facts(allow_network=allow_network)
    identity = media.path if is_address(media.path) else file_hash(media.path)
    kind: MediaKind = "sound" if video is None else "video"
    return MediaFacts(media.name, media.path, kind, identity, video, audio, reading.sound_problem)


def _holds_picture(container: InputContainer) -> bool:
    """Whether what a server gives may be a picture. One that is none is a film."""
    brand = container.metadata.get("major_brand", "")
    return container.format.name.endswith(_PIPE) or container.format.name in _PICTURES or brand in _PICTURE_BRANDS


def _sound_parts(media: Media, container: InputContainer) -> tuple[Part, ...]:
    """The parts of a file of sound that was joined of several."""
    if is_address(media.path) or video_streams(container):
        return ()
    return sound_parts(media.path, container.format.name)


@dataclass(slots=True)
class _Head:
    """The first frames that a decoder puts out."""

    context: VideoCodecContext
    frames: list[VideoFrame] = field(default_factory=list)
    pixel_ratio: Fraction | None = None
    """Sample aspect ratio, as the codec tells it."""
    damaged: bool = False
    error: BaseException | None = None
    """The first, where there was one."""

    @property
    def complete(self) -> bool:
        return len(self.frames) >= HEAD_FRAMES

    def feed(self, packet: Packet[VideoStream] | None) -> None:
        """Decode one more packet; None for the end of the stream."""
        try:
            frames = self.context.decode(packet)
            if frames and not self.frames:
                self.pixel_ratio = self.context.sample_aspect_ratio or None
            self.frames.extend(frames)
        except (av.FFmpegError, ValueError) as error:
            self.damaged = True
            self.error = self.error or error


class _Reading:
    """One pass over a file. The container stays the caller's."""

    def __init__(self, media: Media, container: InputContainer, parts: tuple[Part, ...]) -> None:
        self._media = media
        self._parts = parts
        self._container = container
        self._video = self._choose_video()
        self.sound_problem: SoundProblem | None = None
        """Why the chosen sound can't be heard."""
        self._audio = self._choose_audio()
        if self._video is None and self._audio is None:
            self._fail("the file has neither picture nor sound", "name a video, picture or sound file")
        self._spans: dict[int, tuple[int, int]] = {}
        """Begin and end of each stream's packets, in ticks, by its index."""
        if self._video is not None:
            assert self._video.time_base is not None
            self._codec = self._video.codec_context.codec.canonical_name
            self._colour = StreamColour.of(self._video.codec_context, self._codec)
            self._video_packets = VideoPackets(
                self._video.time_base,
                seeks_by_pts=container.format.name in _INDEXED,
                decode_durations=container.format.name == _MP4,
            )
            self._head = _Head(video_decoder(self._video, "hide", first_look=True))
            self._sizes = SizeWatch(self._video)
            self._shown_from: int | None = None
            """Tick of the first frame where the decoder's is not the one that the table counts from."""
        if self._audio is not None:
            assert self._audio.time_base is not None
            self._audio_packets = AudioPackets(self._audio.time_base, self._audio.codec_context.codec.canonical_name)
            self._audio_first: AudioFrame | None = None

    def run(self) -> None:
        """Read every packet. Raises SetupError where the file breaks off."""
        try:
            for packet in packets(self._container):
                self._measure(packet)
                if packet.stream is self._video:
                    self._read_picture(cast("Packet[VideoStream]", packet))
                elif packet.stream is self._audio:
                    self._read_sound(cast("Packet[AudioStream]", packet))
        except (av.FFmpegError, OSError) as error:
            if self._media.on_error == "fail":
                self._fail(f"the file is damaged or cut off: {reason(error)}", _DAMAGED, error)
        if self._video is not None and not self._head.complete:
            self._head.feed(None)
        if self._audio is not None and self._audio_first is None:
            self._decode_sound(None)
        if self._audio is not None and self._audio.duration is not None and self._container.format.name == _MP4:
            self._audio_packets.end_at((self._audio.start_time or 0) + self._audio.duration)
        if self._media.on_error == "fail":
            self._check_length()

    @property
    def picture_codec(self) -> str | None:
        """The codec of a file that is one picture; None for films and sound."""
        name = self._container.format.name
        if self._video is None or not (name.endswith(_PIPE) or name in _PICTURES) or len(self._video_packets.pts) != 1:
            return None
        return self._codec

    def _read_picture(self, packet: Packet[VideoStream]) -> None:
        self._sizes.look(packet, len(self._video_packets.pts))
        self._video_packets.add(packet, self._codec)
        if not self._head.complete:
            self._head.feed(packet)

    def _read_sound(self, packet: Packet[AudioStream]) -> None:
        self._audio_packets.add(packet)
        if self._audio_first is None:
            self._decode_sound(packet)

    def video_facts(self, *, allow_network: bool) -> VideoFacts | None:
        stream, head = self._video, None
        if stream is None:
            return None
        head = self._head
        if not head.frames:
            told = f": {reason(head.error)}" if head.error else ""
            self._fail(f"no frame of the video stream can be decoded{told}", _DAMAGED, head.error)
        frame = head.frames[0]
        rate = stream.average_rate or stream.guessed_rate or None
        table = self._table(rate, allow_network=allow_network)
        peak = mastering_peak(frame)
        turned = orientation(frame)
        interlaced = any(each.interlaced_frame for each in head.frames)
        try:
            pixel_format = target_format(frame.format)
            colour = self._colour if peak is None else replace(self._colour, peak_nits=peak)
            tags = ColourReader(colour).read(frame)
        except UnsupportedFormat as error:
            self._fail(str(error), "convert the file to a usual pixel format, such as yuv420p", error)
        except UnsupportedColour as error:
            self._fail(str(error), "convert the file to BT.709 or BT.2020", error)
        located = chroma_location(frame, self._codec)
        if located is not None and tags.matrix != "rgb":
            tags = replace(tags, chroma_location=located)
        ratio = stream.sample_aspect_ratio or Fraction(1)
        return VideoFacts(
            stream=video_streams(self._container).index(stream),
            codec=self._codec,
            width=frame.width,
            height=frame.height,
            sample_aspect_ratio=ratio,
            orientation=turned,
            pix_fmt=pixel_format.name,
            has_alpha=pixel_format.alpha,
            interlaced=interlaced,
            colour=tags,
            frame_rate=rate or _measured_rate(table),
            table=table,
            size_changes=tuple(self._size_changes(table, ratio)),
        )

    def _size_changes(self, table: PtsTable, ratio: Fraction) -> Iterator[SizeChange]:
        """The changes that are shown. `ratio`: of the pixels of the first frame."""
        head = self._head
        first = PictureShape(head.frames[0].width, head.frames[0].height, head.pixel_ratio)
        # A container that tells another ratio than the codec means it for all frames.
        believed = first.pixel_ratio in (ratio, None)
        for change in self._sizes.changes(first):
            timed = table.timed and change.pts is not None
            index = bisect_left(table.pts, change.pts or 0) if timed else change.position
            if 0 < index < len(table.pts):
                shape = change.shape
                pixels = shape.pixel_ratio if believed and shape.pixel_ratio is not None else ratio
                yield SizeChange(table.pts[index], shape.width, shape.height, pixels)

    def audio_facts(self, *, allow_network: bool) -> AudioFacts | None:
        """Facts of the sound; its start counts from the first frame shown, or from itself where there is none."""
        stream = self._audio
        if stream is None:
            return None
        first, end = self._audio_first, self._audio_packets.end
        if first is None or first.pts is None or end is None:
            if self._video is None or (self._media.audio_stream is not None and end is None):
                self._fail("nothing of the audio stream can be decoded", _DAMAGED)
            if first is None and end is not None and self._media.on_error == "fail":
                self.sound_problem = SoundProblem("nothing of the audio stream can be decoded", _DAMAGED)
            return None
        base = self._audio_packets.time_base
        started = first.pts * base
        origin = started
        if self._video is not None:
            assert self._head.frames
            shown = self._head.frames[0].pts
            if self._shown_from is not None:
                shown = self._shown_from
            origin = started if shown is None else shown * self._video_packets.time_base
        facts = AudioFacts(
            stream=list(self._container.streams.audio).index(stream),
            codec=stream.codec_context.codec.canonical_name,
            sample_rate=first.sample_rate,
            channels=first.layout.nb_channels,
            layout=first.layout.name,
            start=started - origin,
            duration=max(end * base - started, Fraction(first.samples, first.sample_rate)),
            parts=self._parts,
        )
        coarse = self._video is None and base >= COARSE_SECONDS
        if not (coarse or self._parts or self._audio_packets.changes):
            return facts
        try:
            return counted(self._media.path, facts, allow_network=allow_network)
        except RenderError as error:
            self._fail(error.message, error.suggestion or _DAMAGED, error)

    def _table(self, rate: Fraction | None, *, allow_network: bool) -> PtsTable:
        """The table that the packets tell, if the frames at the file's head agree; else one made by decoding all."""
        found, head = self._video_packets, self._head
        shown = [frame.pts for frame in head.frames]
        first = shown[0]
        if found.timed and first is not None:
            seekable = self._container.format.name not in _GUESSING and self._codec not in KEEPING
            table = timed_table(found, first, rate, self._stream_end(), seekable=seekable)
            if head.damaged or list(table.pts[: len(shown)]) == shown:
                return table
        frames: list[int | None] = []
        with open_container(self._media.path, allow_network=allow_network) as container:
            assert self._video is not None
            stream = video_streams(container)[video_streams(self._container).index(self._video)]
            decoder = video_decoder(stream, "hide")
            for packet in chain(packets(container, stream), (None,)):
                try:
                    frames.extend(frame.pts for frame in decoder.decode(cast("Packet[VideoStream] | None", packet)))
                except (av.FFmpegError, ValueError) as error:
                    if self._media.on_error == "fail":
                        self._fail(f"the file is damaged: {reason(error)}", _DAMAGED, error)
        table = decoded_table(found, frames, rate)
        if not table.timed and None not in found.dts:
            # Frame i is shown at the i-th decode timestamp, so the first is too, whatever pts the container guessed.
            self._shown_from = table.pts[0]
        return table

    def _stream_end(self) -> StreamEnd:
        assert self._video is not None
        told = self._container.duration if self._container.format.name == _MATROSKA else None
        ticks = None if told is None else round(Fraction(told, av.time_base) / self._video_packets.time_base)
        return StreamEnd(self._video.duration, ticks)

    def _choose_video(self) -> VideoStream | None:
        streams = video_streams(self._container)
        wanted = self._media.video_stream
        if wanted is not None and not 0 <= wanted < len(streams):
            self._fail(
                f"there is no video stream {wanted}; the file has {len(streams)}, counted from 0",
                "correct video_stream, or leave it out for the default stream",
            )
        if not streams:
            return None
        stream = streams[wanted] if wanted is not None else _default(streams)
        if stream.codec_context is None:
            if self._container.format.name.endswith(_PIPE):
                self._fail("the format of the picture is not supported", "save the picture as PNG, JPEG or TIFF")
            self._fail("the codec of the video stream is not supported", "convert the file to H.264 or another codec")
        return stream

    def _choose_audio(self) -> AudioStream | None:
        streams = list(self._container.streams.audio)
        wanted = self._media.audio_stream
        if wanted is not None and not 0 <= wanted < len(streams):
            self._fail(
                f"there is no audio stream {wanted}; the file has {len(streams)}, counted from 0",
                "correct audio_stream, or leave it out for the default stream",
            )
        if not streams:
            return None
        stream = streams[wanted] if wanted is not None else _default(streams)
        if stream.codec_context is not None:
            return stream
        problem = self._unknown_codec(streams, streams.index(stream))
        if self._video is None:
            self._fail(problem.message, problem.suggestion)
        self.sound_problem = problem
        return None

    def _unknown_codec(self, streams: list[AudioStream], index: int) -> SoundProblem:
        """What to say of sound whose codec libav does not know, and which other sound the file has."""
        name = None
        if self._container.format.name == _MP4 and not is_address(self._media.path):
            name = sample_entry(self._media.path, streams[index].id)
        known = [
            f"{each} ({stream.codec_context.codec.canonical_name}, {stream.codec_context.layout.name})"
            for each, stream in enumerate(streams)
            if stream.codec_context is not None
        ]
        what = "the codec" if name is None else f"the codec {name}"
        others = f'choose another stream with "audio_stream": {" or ".join(known)}; or ' if known else ""
        return SoundProblem(
            f"{what} of audio stream {index} is not supported",
            f"{others}convert the sound to AAC, Opus or PCM, or mute the clip",
        )

    def _decode_sound(self, packet: Packet[AudioStream] | None) -> None:
        assert self._audio is not None
        context = self._audio.codec_context
        assert isinstance(context, AudioCodecContext)
        try:
            frames = context.decode(packet)
        except (av.FFmpegError, ValueError):
            # Sound that can't be decoded at all is reported by audio_facts, damage further on when it is rendered.
            return
        if frames:
            self._audio_first = frames[0]

    def _measure(self, packet: Packet[Stream]) -> None:
        begin, index = packet.pts, packet.stream_index
        if begin is None:
            return
        end = begin + (packet.duration or 0)
        earliest, latest = self._spans.get(index, (begin, end))
        self._spans[index] = min(earliest, begin), max(latest, end)

    def _check_length(self) -> None:
        """A file of which the end is missing plays well up to there; only its header tells."""
        told = self._container.duration
        if self._container.format.name not in _INDEXED or told is None or not self._spans:
            return
        ticks = {index: self._container.streams[index].time_base or Fraction(0) for index in self._spans}
        begin = min(earliest * ticks[index] for index, (earliest, _) in self._spans.items())
        end = max(latest * ticks[index] for index, (_, latest) in self._spans.items())
        missing = Fraction(told, av.time_base) - (end - min(begin, Fraction(0)))
        if missing > SHORTFALL_SECONDS:
            self._fail(
                f"the file is cut off: its header tells of {told / av.time_base:.2f} s, {float(missing):.2f} s of "
                "which are missing",
                _DAMAGED,
            )

    def _fail(self, message: str, suggestion: str, cause: BaseException | None = None) -> NoReturn:
        raise SetupError(message, component="Media", file=self._media.path, suggestion=suggestion) from cause


_DAMAGED = 'copy or export the file again, or say "on_error": "conceal" for this media entry to use what is left'


def _default(streams: list[_Stream]) -> _Stream:
    """The stream flagged default, else the first."""
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def _measured_rate(table: PtsTable) -> Fraction | None:
    return Fraction(len(table.pts)) / table.duration if table.duration else None
