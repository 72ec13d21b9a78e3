"""The coded pictures of a file, for copying: what they are like, and the pictures themselves.

In: a media entry and its facts. Out: `CodedVideo` from one pass over the packets, and runs of `CodedPicture`s.
Nothing is decoded. Passive; each call opens and closes the file; one thread each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, pairwise

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from reelmill.decoders.files.container import open_container, reason, video_streams
from reelmill.decoders.files.packet_table import packets
from reelmill.decoders.video.h264_headers import (
    IDR,
    PICTURE,
    SEQUENCE,
    HeaderError,
    nal_type,
    parameter_sets,
    read_sequence,
    set_name,
    split_units,
    unit_types,
)
from reelmill.planner.copying.coded_video import CodedVideo
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts, VideoFacts
from reelmill.planner.pts_table import PtsTable

COMPONENT = "PacketCopy"
_LEFT_OUT = frozenset({SEQUENCE, PICTURE, 9, 11, 12})
"""Parameter sets, which the writer puts where they belong, and what stands only between pictures: delimiters, the end
of the stream, filler."""
_UNUSUAL = frozenset({2, 3, 4, 13, 14, 15, 16, 19, 20, 21})
"""Data partitions, auxiliary pictures, and the extensions for several views or layers."""


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """One picture, as it is coded."""

    units: tuple[bytes, ...]
    """Its NAL units, without parameter sets."""
    place: int
    """How many pictures of the run are shown before it."""
    is_entry: bool
    """Decoding can begin here, and nothing after refers to anything before."""


def read_coded_video(facts: MediaFacts, *, allow_network: bool = False) -> CodedVideo:
    """What the packets of a video are like. Raises SetupError where the file can't be read any more."""
    video = facts.video
    assert video is not None
    if video.codec != "h264":
        return CodedVideo(f"is {video.codec}, and only h264 is copied")
    if video.table is None or not video.table.timed:
        return CodedVideo("does not tell when its pictures are shown")
    with open_container(facts.path, allow_network=allow_network) as container:
        survey = _Survey(video.table)
        try:
            survey.run(container, _stream(container, video))
        except HeaderError as error:
            return CodedVideo(f"has packets that can't be told apart: {error}")
        except (av.FFmpegError, ValueError) as error:
            return CodedVideo(f"is damaged: {reason(error)}")
        return survey.coded_video()


@dataclass(slots=True)
class _Survey:
    """One pass over the packets of a stream."""

    table: PtsTable
    order: array[int] = field(default_factory=lambda: array("q"))
    entries: array[int] = field(default_factory=lambda: array("q"))
    sets: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """By type and id."""
    problem: str | None = None

    def run(self, container: InputContainer, stream: VideoStream) -> None:
        length_bytes, sets = parameter_sets(stream.codec_context.extradata or b"")
        for unit in sets:
            self._add_set(unit)
        for packet in packets(container, stream):
            types = set(unit_types(memoryview(packet), length_bytes))
            if SEQUENCE in types or PICTURE in types:
                for unit in split_units(bytes(packet), length_bytes):
                    if nal_type(unit) in (SEQUENCE, PICTURE):
                        self._add_set(unit)
            if packet.has_sidedata("new_extradata"):
                self.problem = "changes its parameter sets on the way"
            elif types & _UNUSUAL:
                self.problem = "has layers, views or partitions beside its pictures"
            elif packet.is_corrupt:
                self.problem = "has damaged packets"
            if self.problem:
                return
            if IDR in types:
                self.entries.append(len(self.order))
            self.order.append(self._position(packet))

    def coded_video(self) -> CodedVideo:
        problem = self.problem
        headers = [read_sequence(unit) for unit in self.sets.values() if nal_type(unit) == SEQUENCE]
        shown = [position for position in self.order if position >= 0]
        if problem is None and not headers:
            problem = "has no parameter sets"
        if problem is None and not all(header.progressive for header in headers):
            problem = "is coded interlaced"
        if problem is None and (len(shown) != len(self.table.pts) or len(set(shown)) != len(shown)):
            problem = "does not tell when its pictures are shown"
        reordered = any(a > b for a, b in pairwise(shown))
        if problem is None and reordered and any(header.reorder is None for header in headers):
            problem = "does not tell how far its pictures are reordered"
        if problem is not None:
            return CodedVideo(problem)
        rates = {header.frame_rate for header in headers}
        rate = rates.pop() if len(rates) == 1 else None
        return CodedVideo(None, tuple(self.sets.values()), rate, self.order, self.entries)

    def _add_set(self, unit: bytes) -> None:
        if self.sets.setdefault(set_name(unit), unit) != unit:
            self.problem = "changes its parameter sets on the way"

    def _position(self, packet: Packet[Stream]) -> int:
        if packet.is_discard or packet.pts is None:
            return -1
        try:
            return self.table.index_of(packet.pts)
        except KeyError:
            return -1


def coded_pictures(
    facts: MediaFacts, coded: CodedVideo, first: int, count: int, *, allow_network: bool = False
) -> Iterator[CodedPicture]:
    """`count` pictures in decode order, beginning with an entry: position `first` of `coded.order`.

    Raises RenderError where the file does not give them.
    """
    video = facts.video
    assert video is not None
    assert video.table is not None
    pts, order = video.table.pts, coded.order[first : first + count]
    with ExitStack() as stack:
        try:
            length_bytes, found = _packets_from(stack, facts, video, pts[order[0]], allow_network)
            for place in order:
                packet = next(found, None)
                if packet is None or packet.pts != pts[place]:
                    raise _changed(facts)
                units = split_units(bytes(packet), length_bytes)
                yield CodedPicture(
                    tuple(unit for unit in units if nal_type(unit) not in _LEFT_OUT),
                    place - order[0],
                    any(nal_type(unit) == IDR for unit in units),
                )
        except (av.FFmpegError, ValueError) as error:
            raise _changed(facts) from error


def _packets_from(
    stack: ExitStack, facts: MediaFacts, video: VideoFacts, pts: int, allow_network: bool
) -> tuple[int | None, Iterator[Packet[Stream]]]:
    """How packets tell their units apart, and those from the one with this pts on."""
    table = video.table
    assert table is not None
    place = bisect_left(table.keyframes, pts)
    targets: list[int | None] = [pts, None]
    if table.seek_targets is not None and table.keyframes[place : place + 1] == array("q", [pts]):
        targets.insert(0, table.seek_targets[place])
    for target in targets:
        container = open_container(facts.path, allow_network=allow_network, component=COMPONENT, failure=RenderError)
        stack.callback(container.close)
        stream = _stream(container, video)
        if target is not None:
            container.seek(target, stream=stream, backward=True)
        found = packets(container, stream)
        for packet in found:
            if packet.pts == pts:
                length_bytes, _ = parameter_sets(stream.codec_context.extradata or b"")
                return length_bytes, chain((packet,), found)
            if target is not None and packet.is_keyframe and packet.pts is not None and packet.pts > pts:
                # The container sought too far; the next attempt begins earlier, the last one with the file.
                break
    raise _changed(facts)


def _stream(container: InputContainer, video: VideoFacts) -> VideoStream:
    return video_streams(container)[video.stream]


def _changed(facts: MediaFacts) -> RenderError:
    return RenderError(
        "the packets to be copied are not where they were when the export began",
        component=COMPONENT,
        file=facts.path,
        file_hash=facts.file_hash,
        suggestion="see whether the file was changed or is damaged; --copy off decodes it",
    )
