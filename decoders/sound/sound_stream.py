"""The decoded frames of the sound of one file, part after part, each placed at its time.

In: which stream of which file. Out: `Placed` frames from the first one on. Whoever makes a `SoundStream` closes it.
Passive; one thread; one container is open at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

from reelmill.decoders.files.container import open_container, reason
from reelmill.decoders.files.packet_table import packets
from reelmill.decoders.files.sound_clock import Loss, SampleClock, TimedSound
from reelmill.decoders.sound.sound_parts import Part
from reelmill.planner.errors import RenderError

_CHECKSUMMED = frozenset({"flac", "ac3", "eac3"})
"""Codecs whose every frame has a checksum; without being told to, libav plays frames that fail it."""

_SEAMLESS = frozenset({"flac", "ogg"})
"""Containers in which sound has no gaps: where there is one, libav has left out what it could not read."""

_UNTIMED = frozenset({"aac", "ac3", "dts", "dtshd", "eac3", "loas", "mlp", "mp3", "truehd"})
"""Streams without a container: their timestamps are libav's, which counts at the rate that they begin with."""


class SoundStream:
    """The sound of a file."""

    def __init__(self, path: str, stream: int, parts: tuple[Part, ...] = (), *, allow_network: bool = False) -> None:
        """Nothing is opened yet. `stream` counts the file's audio streams; `parts` as in `AudioFacts`."""
        self._path, self._stream, self._parts = path, stream, parts
        self._allow_network = allow_network
        self._container: InputContainer | None = None
        self._clock = SampleClock()
        self._earlier = self._earlier_decoded = Fraction(0)
        """Seconds of the parts that are done."""

    @property
    def decoded(self) -> Fraction:
        """Seconds of the frames placed so far and of the silence between them."""
        return self._earlier_decoded + self._clock.decoded

    @property
    def elapsed(self) -> Fraction:
        """Seconds from the first frame to the end of the last one placed, when all is mended."""
        return self._earlier + self._clock.elapsed

    @property
    def seamless(self) -> bool:
        """Whether a gap in the timestamps is damage."""
        return self._clock.seamless

    @property
    def loss(self) -> Loss | None:
        """What was lost behind the last frame."""
        return self._clock.loss

    def placed(self) -> Iterator[TimedSound]:
        """All frames. Raises RenderError where the file can't be opened or has no such stream."""
        for part in self._parts or (None,):
            stream, name = self._open(part)
            lost = self._clock.loss
            self._earlier, self._earlier_decoded = self.elapsed, self.decoded
            self._clock = SampleClock(timed=name not in _UNTIMED, seamless=name in _SEAMLESS)
            self._clock.loss = lost
            assert self._container is not None
            yield from self._clock.placed(_frames(self._container, stream))

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self, part: Part | None) -> tuple[AudioStream, str]:
        """The stream of a part, and the name of its demuxer."""
        self.close()
        self._container = container = open_container(
            self._path, part=part, allow_network=self._allow_network, component="SoundReader", failure=RenderError
        )
        if self._stream >= len(container.streams.audio):
            raise RenderError(
                "the file has changed: its sound is gone",
                component="SoundReader",
                file=self._path,
                suggestion="leave files as they are while they are rendered",
            )
        stream = container.streams.audio[self._stream]
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        if stream.codec_context.codec.canonical_name in _CHECKSUMMED:
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        return stream, container.format.name


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame | Loss]:
    """Every frame of a stream, in order, and a loss for every packet that can't be read or decoded."""
    found = packets(container, stream)
    unreadable = 0
    while unreadable < 2:
        try:
            packet = next(found, None)
        except av.FFmpegError as error:
            unreadable += 1
            found = packets(container, stream)
            yield Loss(reason(error))
            continue
        unreadable = 0
        try:
            frames = cast("list[AudioFrame]", (_last(stream) if packet is None else packet).decode())
        except av.FFmpegError as error:
            yield Loss(reason(error))
            frames = []
        if packet is None:
            yield from frames
            return
        if packet.is_corrupt:
            yield Loss("a packet is incomplete")
            continue
        yield from frames


def _last(stream: AudioStream) -> Packet[AudioStream]:
    """The empty packet that makes a decoder put out what it holds back."""
    packet = cast("Packet[AudioStream]", Packet())
    packet.stream = stream
    assert stream.time_base is not None
    packet.time_base = stream.time_base
    return packet
