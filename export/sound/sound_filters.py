"""Chains of libavfilter on the sound of a bus: read, checked, and run block by block.

In: a chain as ffmpeg's `-af` takes it, without branches, and blocks of float64, shape [channels, samples]. Out: as
many samples, in the channels of the bus, each at the place where it went in: what filters are late is measured once
and taken back. Passive; one thread. Whoever makes a `FilterChain` closes it.

Only filters that are listed here can be used. They take one stream of sound and give one of the same length, and
touch neither files nor network; what others do (cut, read files, draw, measure) has no place in a bus.

libav evaluates every number of an option as an expression. Functions that may run without end, or that differ from
one run to the next, are refused before libav sees them: it holds Python's lock while it evaluates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial

import av
import av.filter
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from reelmill.decoders.system.libav_log import words_of_each
from reelmill.export.sound import panning
from reelmill.export.sound.panning import Signal, UnknownLayoutError
from reelmill.planner.errors import RenderError
from reelmill.planner.suggestion import did_you_mean

_FAILURES = (av.FFmpegError, ValueError, MemoryError)
"""How libav refuses a chain, and how one breaks down at work."""
_NAMES = """
    acompressor acontrast acrusher adeclick adeclip adelay adenorm adrc adynamicequalizer adynamicsmooth aecho
    aemphasis aexciter afade afftdn afftfilt afreqshift afwtdn agate alimiter allpass anequalizer anlmdn anull aphaser
    aphaseshift apsyclip apulsator asoftclip asubboost asubcut asupercut asuperpass asuperstop atilt bandpass
    bandreject bass biquad channelmap chorus compand compensationdelay crossfeed crystalizer dcshift deesser dynaudnorm
    equalizer extrastereo flanger haas highpass highshelf lowpass lowshelf mcompand pan speechnorm stereotools
    stereowiden superequalizer tiltshelf treble tremolo volume
"""
FILTERS = frozenset(_NAMES.split())
"""Filters that can be used."""
_LATE = frozenset({"adrc", "afftdn", "afftfilt", "alimiter", "anlmdn", "apsyclip", "superequalizer"})
"""Filters whose output comes later than the timestamps say; how much depends on their options."""
_STEREO_ONLY = frozenset({"apulsator", "crossfeed", "extrastereo", "haas", "stereotools", "stereowiden"})
_INSTEAD = {
    "loudnorm": '"loudness" under "audio" of the project brings the film to a loudness',
    "atempo": 'the "speed" of a clip keeps the pitch',
    "asetrate": 'the "speed" of a clip with "pitch": "follow" changes both',
    "rubberband": 'the "speed" of a clip keeps the pitch',
    "sidechaincompress": '"duck" makes a track quieter while another one sounds',
    "amix": "tracks are mixed anyway",
}
"""What to do instead of filters that people would miss."""
_REFUSED_FUNCTIONS = {
    "while": "may run without end",
    "taylor": "evaluates its argument up to 1,000 times",
    "root": "evaluates its argument up to 1,000 times",
    "time": "gives another value in every run",
}
"""Functions of libav's expressions that options can't use. `taylor` and `root` can be nested."""
_FUNCTION = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_REFUSED_FUNCTIONS)})(?![A-Za-z0-9_])")
_QUOTING = re.compile(r"[\\'\s]+")
"""What libav takes away before it reads an expression."""
_FRAME_SAMPLES = 1024
"""Of the frames that go in, counted from the beginning of the bus: some filters work frame by frame."""
_PROBE_SAMPLES = 1 << 18
"""Of the noise by which delays are measured: delays up to half of it are found (2.7 s at 48 kHz)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a chain."""

    name: str
    options: str
    """As libavfilter takes them: `key=value:key=value`."""
    number: int
    """In the chain, from 1."""
    position: int
    """Of its name in the chain's text, characters from 1."""

    @property
    def place(self) -> str:
        """For messages."""
        return f'filter {self.number} of the chain, "{self.name}" at character {self.position}'


class FilterError(ValueError):
    """A chain that can't be used; the message says why."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def parse_chain(text: str) -> tuple[Filter, ...]:
    """The filters of a chain. Raises FilterError where one is not known or may not be used."""
    filters: list[Filter] = []
    for number, (start, token) in enumerate(_tokens(text), 1):
        name, _, options = token.partition("=")
        bare = name.strip()
        position = start + len(name) - len(name.lstrip()) + 1
        made = Filter(bare, options.strip(), number, position)
        if not bare:
            raise FilterError(f"filter {number} of the chain, at character {position}, is missing")
        if bare not in FILTERS:
            raise _refusal(made)
        if found := _FUNCTION.search(_QUOTING.sub("", made.options)):
            why = f'"{found[0]}" can\'t be used in expressions: it {_REFUSED_FUNCTIONS[found[0]]}'
            raise FilterError(f"{made.place}: {why}", "write the value without it")
        filters.append(made)
    return tuple(filters)


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """The filters of a chain as text, with the index at which each begins: one level of quoting is taken away."""
    start, at, token, quoted = 0, 0, "", False
    while at < len(text):
        character = text[at]
        if quoted:
            quoted = character != "'"
            token += character if quoted else ""
        elif character == "\\" and at + 1 < len(text):
            at += 1
            token += text[at]
        elif character == "'":
            quoted = True
        elif character == ",":
            yield start, token
            start, token = at + 1, ""
        elif character in "[];":
            raise FilterError(
                f'"{character}" at character {at + 1}: a chain has no branches',
                "write filters one behind the other, with commas between them",
            )
        else:
            token += character
        at += 1
    if quoted:
        raise FilterError("a quote (') is not closed")
    yield start, token


def _refusal(filter_: Filter) -> FilterError:
    if filter_.name in _INSTEAD:
        return FilterError(f"{filter_.place}, can't be used here", _INSTEAD[filter_.name])
    if filter_.name in av.filter.filters_available:
        reason = "it is none of those that turn one stream of sound into one of the same length, without files"
        return FilterError(f"{filter_.place}, can't be used here: {reason}", "docs/guide/sound.md lists those that can")
    hint = did_you_mean(filter_.name, FILTERS)
    return FilterError(f"{filter_.place}, is no filter", hint or "docs/guide/sound.md lists those that can be used")


def find_faults(chains: Iterable[str], layout: str, sample_rate: int) -> dict[str, FilterError]:
    """Why chains can't be used, by chain; those that can are left out. `layout` is libav's name of the channels."""
    faults: dict[str, FilterError] = {}
    refused: dict[str, tuple[Filter, ...]] = {}
    for chain in dict.fromkeys(chains):
        try:
            filters = _parse_for(chain, layout)
            if _refused_step(filters, layout, sample_rate) is not None:
                refused[chain] = filters
        except FilterError as fault:
            faults[chain] = fault
    return faults | dict(zip(refused, _explained(list(refused.values()), layout, sample_rate), strict=True))


def _parse_for(chain: str, layout: str) -> tuple[Filter, ...]:
    filters = parse_chain(chain)
    for filter_ in filters:
        if layout != "stereo" and filter_.name in _STEREO_ONLY:
            raise FilterError(f"{filter_.place}, works on stereo alone, and the film has {layout}")
    return filters


def _refused_step(filters: tuple[Filter, ...], layout: str, sample_rate: int) -> tuple[str, Exception] | None:
    """Which step libav refuses, each filter by itself first, and its error; None where it takes the chain."""
    step = ""
    try:
        for filter_ in filters:
            step = f"{filter_.place}, is not taken by libav"
            _add(Graph(), filter_)
        step = f"the chain does not work on {layout} at {sample_rate} Hz"
        _Graph(filters, layout, sample_rate)
    except _FAILURES as error:
        return step, error
    return None


def _explained(refused: list[tuple[Filter, ...]], layout: str, sample_rate: int) -> Iterator[FilterError]:
    """Why libav refuses chains, in its own words, which it only logs."""
    if not refused:
        return
    words = words_of_each([partial(_refused_step, filters, layout, sample_rate) for filters in refused])
    for filters, said in zip(refused, words, strict=True):
        step, error = _refused_step(filters, layout, sample_rate) or ("the chain", "it fails at work")
        yield FilterError(f"{step}: {'; '.join(each.rstrip('.') for each in said) or error}")


def _add(graph: Graph, filter_: Filter) -> FilterContext:
    return graph.add(filter_.name, filter_.options or None)


class FilterChain:
    """A chain at work on one stream of sound, from silence on."""

    def __init__(self, chain: str, layout: str, sample_rate: int) -> None:
        """`layout` is libav's name of the bus' channels. Raises FilterError for a chain that does not work on them."""
        self._text = chain
        filters = _parse_for(chain, layout)
        try:
            self._graph = _Graph(filters, layout, sample_rate)
            self._late = sum(_delay(f.name, f.options, layout, sample_rate) for f in filters if f.name in _LATE)
        except _FAILURES as error:
            raise next(_explained([filters], layout, sample_rate)) from error
        """Samples by which it is late."""
        self._early = self._late
        """Samples at the beginning that are still to be dropped."""
        self._unfed = np.empty((len(panning.channel_names(layout)), 0))
        """Less than a frame."""

    def process(self, block: Signal) -> Signal:
        """The samples that are ready after the next block, in order from the first one on. Raises RenderError."""
        unfed = np.concatenate((self._unfed, block), axis=1)
        whole = unfed.shape[1] - unfed.shape[1] % _FRAME_SAMPLES
        self._unfed = unfed[:, whole:]
        return self._fed(unfed[:, at : at + _FRAME_SAMPLES] for at in range(0, whole, _FRAME_SAMPLES))

    def finish(self) -> Signal:
        """The samples that are left after the last block; a chain may have more or fewer than went in."""
        rest = np.concatenate((self._unfed, np.zeros((len(self._unfed), self._late))), axis=1)
        self._unfed = self._unfed[:, :0]
        frames = (rest[:, at : at + _FRAME_SAMPLES] for at in range(0, rest.shape[1], _FRAME_SAMPLES))
        return self._fed(frames, last=True)

    def _fed(self, frames: Iterator[Signal], *, last: bool = False) -> Signal:
        out = [self._unfed[:, :0]]
        try:
            for frame in frames:
                out += self._graph.filtered(frame)
            if last:
                out += self._graph.filtered(None)
        except _FAILURES as error:
            raise RenderError(f'the filters "{self._text}" failed: {error}', component="AudioMixer") from error
        made = np.concatenate(out, axis=1)
        dropped = min(self._early, made.shape[1])
        self._early -= dropped
        return made[:, dropped:]


class _Graph:
    """libavfilter's graph of a chain, without any correction of time."""

    def __init__(self, filters: tuple[Filter, ...], layout: str, sample_rate: int) -> None:
        """Raises one of _FAILURES."""
        self._layout, self._rate = layout, sample_rate
        self._position = 0
        self._graph = Graph()
        # The same sums in the same order, whatever machine it is.
        self._graph.threads = 1
        tick = Fraction(1, sample_rate)
        nodes = [self._graph.add_abuffer(sample_rate=sample_rate, format="dblp", layout=layout, time_base=tick)]
        nodes += (_add(self._graph, filter_) for filter_ in filters)
        nodes.append(self._graph.add("aformat", f"sample_fmts=dblp:sample_rates={sample_rate}"))
        nodes.append(self._graph.add("abuffersink"))
        self._graph.link_nodes(*nodes)
        self._graph.configure(auto_buffer=False)
        self._source, self._sink = nodes[0], nodes[-1]

    def filtered(self, block: Signal | None) -> list[Signal]:
        """What comes out after a block, or after the end (None)."""
        if block is None:
            self._source.push(None)
        else:
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="dblp", layout=self._layout)
            frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
            frame.pts, self._position = self._position, self._position + block.shape[1]
            self._source.push(frame)
        out: list[Signal] = []
        while True:
            try:
                made = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return out
            assert isinstance(made, AudioFrame)
            out.append(self._folded(np.asarray(made.to_ndarray(), np.float64), made.layout.name))

    def _folded(self, samples: Signal, layout: str) -> Signal:
        """What a chain puts out in other channels comes back to those of the bus by our rules."""
        if layout == self._layout:
            return samples
        try:
            return panning.fold(samples, layout, self._layout)
        except UnknownLayoutError as error:
            raise ValueError(str(error)) from error


@lru_cache(maxsize=256)
def _delay(name: str, options: str, layout: str, sample_rate: int) -> int:
    """How many samples later than it went in a filter puts sound out: where noise and what becomes of it agree best."""
    channels = len(panning.channel_names(layout))
    one = np.random.default_rng(1).normal(0, 0.1, _PROBE_SAMPLES)
    graph = _Graph((Filter(name, options, 1, 1),), layout, sample_rate)
    out = [part for frame in one.reshape(-1, _FRAME_SAMPLES) for part in graph.filtered(np.tile(frame, (channels, 1)))]
    out += graph.filtered(None)
    heard = np.concatenate(out, axis=1)[0, :_PROBE_SAMPLES]
    size = 2 * _PROBE_SAMPLES
    agreement = np.fft.irfft(np.conj(np.fft.rfft(one, size)) * np.fft.rfft(heard, size), size)
    return int(np.argmax(np.abs(agreement[: _PROBE_SAMPLES // 2])))
