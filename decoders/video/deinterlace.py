"""Whole pictures from interlaced ones: libavfilter's bwdif, one frame out for one in.

In: an interlaced frame and its neighbours. Out: that frame without combing, a pure function of the three. The filter
keeps the frames it saw last, so that of a film played forwards each frame is pushed once. Passive; one thread.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from reelmill.decoders.files.container import reason

_TICK = Fraction(1, 25)


class DeinterlaceError(ValueError):
    """libavfilter refused a frame; the message says why."""


class Deinterlacer:
    """Deinterlaces frames of one stream. Nothing needs to be closed."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._pushed: tuple[VideoFrame, VideoFrame] | None = None
        """The last two frames in the graph."""
        self._count = 0

    def deinterlace(self, before: VideoFrame | None, frame: VideoFrame, after: VideoFrame | None) -> VideoFrame:
        """The frame with both fields at one time. Neighbours are None at the ends of the stream, or of one size.

        Raises DeinterlaceError.
        """
        before = before if before is not None and _alike(before, frame) else None
        after = after if after is not None and _alike(after, frame) else None
        try:
            return self._filter(before, frame, after)
        except (av.FFmpegError, ValueError) as error:
            self._graph = self._pushed = None
            raise DeinterlaceError(f"the frame can't be deinterlaced: {reason(error)}") from error

    def _filter(self, before: VideoFrame | None, frame: VideoFrame, after: VideoFrame | None) -> VideoFrame:
        graph = self._graph
        if graph is None or before is None or self._pushed is None or not _same(self._pushed, (before, frame)):
            graph = self._graph = _bwdif(frame)
            self._count = 0
            if before is not None:
                self._push(graph, before)
            self._push(graph, frame)
            if before is not None:
                # What came out is the frame before, whose own predecessor is not known here.
                graph.vpull()
        if after is None:
            # At the end of the stream the filter takes the frame itself for the one after.
            graph.vpush(None)
            self._graph = self._pushed = None
        else:
            self._push(graph, after)
            self._pushed = (frame, after)
        return graph.vpull()

    def _push(self, graph: Graph, frame: VideoFrame) -> None:
        """A frame of a running graph is only told from others by its pts, and the filter wants them ascending."""
        pts = frame.pts
        frame.pts = self._count
        self._count += 1
        try:
            graph.vpush(frame)
        finally:
            frame.pts = pts


def _bwdif(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_TICK)
    bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=all")
    graph.link_nodes(source, bwdif, graph.add("format", f"pix_fmts={frame.format.name}"), graph.add("buffersink"))
    graph.configure()
    return graph


def _alike(one: VideoFrame, other: VideoFrame) -> bool:
    return (one.width, one.height, one.format.name) == (other.width, other.height, other.format.name)


def _same(one: tuple[VideoFrame, VideoFrame], other: tuple[VideoFrame, VideoFrame]) -> bool:
    return one[0] is other[0] and one[1] is other[1]
