"""The voices of a mix: which cue sounds in which lane, when its worker is told of it, and what it gives to a block.

In: the cues of a sound plan. Out: the block of each bus. Passive; mix thread. Cues are told of to the decode pool a
little before they sound, with room for the next blocks: that is their credit, and it comes back with every block that
is mixed. Lanes are a matter of the whole film, so that a range is summed in the same order.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelmill.decoders.sound.audio_decode_pool import AudioDecodePool
from reelmill.decoders.sound.audio_messages import BufferRequest, DecodeStart
from reelmill.decoders.sound.sound_playback import PlayedPart
from reelmill.decoders.sound.sound_strands import plan_strands
from reelmill.export.sound.mixer import BATCH, DEPTH, Lane, Mixer
from reelmill.export.sound.panning import Signal, bus_layout
from reelmill.export.sound.sound_gain import Window
from reelmill.export.sound.voice_gain import VoiceGain
from reelmill.planner.errors import RenderError
from reelmill.planner.media import AudioFacts, MediaFacts
from reelmill.planner.sound.sound_plan import SoundCue, SoundPlan
from reelmill.planner.timeline import Media

AHEAD_SECONDS = 10
"""Of the film: how long before a cue sounds its file may be opened, and decoded up to where the cue begins."""


@dataclass(slots=True, eq=False)
class _Voice:
    """A cue while it is told of."""

    number: int
    cue: SoundCue
    lane: Lane
    gain: VoiceGain
    steady: bool | None = None
    """Whether it sounds in its lane at its steady levels; None while it does not sound there."""


class SoundVoices:
    """Every cue of a film that sounds from a sample on."""

    def __init__(
        self,
        plan: SoundPlan,
        media: Mapping[str, Media],
        facts: Mapping[str, MediaFacts],
        pool: AudioDecodePool,
        mixer: Mixer,
        *,
        begin: int,
    ) -> None:
        """`begin`: the sample of the film from which on blocks are mixed."""
        self._plan, self._media, self._facts = plan, media, facts
        self._pool, self._mixer = pool, mixer
        self._block_samples = mixer.block_samples
        self._begin = begin
        ordered = sorted(plan.cues, key=lambda cue: cue.first_sample)
        lanes = _plan_lanes(ordered, [_audio(facts, cue).channels for cue in ordered], mixer.block_samples)
        heard = [(cue, lane) for cue, lane in zip(ordered, lanes, strict=True) if cue.end_sample > begin]
        strands = plan_strands((self._recording(cue), _part(cue, plan.sample_rate)) for cue, _ in heard)
        self._untold = deque(
            (number, cue, lane, strand) for number, ((cue, lane), strand) in enumerate(zip(heard, strands, strict=True))
        )
        """Cues that the pool does not know of."""
        self._told: deque[_Voice] = deque()
        """Cues that wait for room."""
        self._sounding: list[_Voice] = []
        """Cues that have room, in the order in which they begin."""

    def mix(self, block: int, first: int, end: int) -> dict[int, Signal]:
        """The samples `first` … `end`, of one block, of each bus that has voices. The memory is used again.

        Shape [channels of the bus, end − first]. Raises RenderError where a file can't be decoded.
        """
        start = block * self._block_samples
        self._tell(end)
        self._begin_voices(block)
        moved = []
        for voice in self._sounding:
            low, high = self._inside(voice.cue, block)
            if low >= high or start + low >= end:
                continue
            self._receive(voice, start + low)
            # By what the whole cue does in the block, so that samples don't depend on where a range begins.
            steady = voice.gain.is_steady(max(start, voice.cue.first_sample), start + high)
            if voice.gain.pan_moves or not steady:
                window = Window(start, start + low, start + high, self._plan.sample_rate)
                samples = self._mixer.samples(voice.lane, block, low, high)
                if voice.gain.pan_moves:
                    moved.append((voice.cue.bus, low, voice.gain.moved(samples, window)))
                    continue
                samples *= voice.gain.envelope(window)
            if voice.steady != steady:
                voice.steady = steady
                self._mixer.sound(voice.lane, voice.cue.bus, voice.gain.matrix(steady=steady))
        buses = self._mixer.mix(block, moved)
        self._end_voices(start + self._block_samples)
        for voice in self._sounding:
            self._give_room(voice, block + DEPTH)
        return {number: bus[:, first - start : end - start] for number, bus in buses.items()}

    def _tell(self, end: int) -> None:
        """Let the pool know of the cues that begin soon, and have them made ready."""
        horizon = end + AHEAD_SECONDS * self._plan.sample_rate
        while self._untold and self._untold[0][1].first_sample < horizon:
            number, cue, lane, strand = self._untold.popleft()
            audio = _audio(self._facts, cue)
            layout = bus_layout(self._plan.channels)
            gain = VoiceGain(cue.stages, audio.layout, layout, self._plan.sample_rate)
            self._told.append(_Voice(number, cue, lane, gain))
            self._pool.send(
                DecodeStart(
                    cue=number,
                    media=self._media[cue.media],
                    facts=self._facts[cue.media],
                    part=_part(cue, self._plan.sample_rate),
                    skipped=max(self._begin - cue.first_sample, 0),
                    strand=strand.strand,
                    strand_goes_on=strand.goes_on,
                )
            )
            self._pool.send(BufferRequest(number))

    def _begin_voices(self, block: int) -> None:
        """Give room to the cues that begin in this block or the next ones."""
        horizon = (block + DEPTH) * self._block_samples
        while self._told and self._told[0].cue.first_sample < horizon:
            voice = self._told.popleft()
            self._sounding.append(voice)
            begins = max(voice.cue.first_sample, self._begin) // self._block_samples
            for following in range(begins, block + DEPTH):
                self._give_room(voice, following)

    def _end_voices(self, end: int) -> None:
        """Let go of the cues that do not go on at sample `end`."""
        ended = [voice for voice in self._sounding if voice.cue.end_sample <= end]
        if ended:
            self._sounding = [voice for voice in self._sounding if voice.cue.end_sample > end]
        for voice in ended:
            if voice.steady is not None:
                self._mixer.silence(voice.lane, voice.cue.bus)

    def _give_room(self, voice: _Voice, block: int) -> None:
        low, high = self._inside(voice.cue, block)
        if low < high:
            self._pool.send(BufferRequest(voice.number, self._mixer.room(voice.lane, block, low, high)))

    def _inside(self, cue: SoundCue, block: int) -> tuple[int, int]:
        """What of a block a cue covers: first sample and end, since the beginning of the block."""
        start = block * self._block_samples
        low = max(cue.first_sample, self._begin, start)
        return low - start, min(cue.end_sample, start + self._block_samples) - start

    def _receive(self, voice: _Voice, first: int) -> None:
        try:
            self._pool.receive(voice.number)
        except RenderError as error:
            heard_at = _heard_at(voice.cue, error.source_time, first, self._plan.sample_rate)
            error.locate(clip=voice.cue.clip, composition=voice.cue.composition, timeline_time=heard_at)
            raise

    def _recording(self, cue: SoundCue) -> tuple[str, int, str]:
        """Equal for media entries with the same samples."""
        facts = self._facts[cue.media]
        return (facts.path, _audio(self._facts, cue).stream, self._media[cue.media].on_error)


def _audio(facts: Mapping[str, MediaFacts], cue: SoundCue) -> AudioFacts:
    audio = facts[cue.media].audio
    assert audio is not None
    return audio


def _part(cue: SoundCue, sample_rate: int) -> PlayedPart:
    return PlayedPart(
        first=cue.first_sample,
        count=cue.sample_count,
        speed=cue.source.speed,
        offset=cue.source.offset,
        loop_end=cue.loop_end,
        sample_rate=sample_rate,
        pitch=cue.pitch,
    )


def _plan_lanes(cues: Sequence[SoundCue], channels: Sequence[int], block_samples: int) -> list[Lane]:
    """A lane for each cue: the lowest that is free in all blocks that the cue has samples in. By first sample."""
    free: defaultdict[int, list[int]] = defaultdict(list)
    busy: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    """By channels: the last block, and the number, of lanes in use."""
    lanes = []
    for cue, count in zip(cues, channels, strict=True):
        first, last = cue.first_sample // block_samples, (cue.end_sample - 1) // block_samples
        while busy[count] and busy[count][0][0] < first:
            heapq.heappush(free[count], heapq.heappop(busy[count])[1])
        number = heapq.heappop(free[count]) if free[count] else len(busy[count])
        heapq.heappush(busy[count], (last, number))
        lanes.append(Lane(count, *divmod(number, BATCH)))
    return lanes


def _heard_at(cue: SoundCue, source_time: Fraction | None, first: int, sample_rate: int) -> Fraction:
    """When a time of the source sounds, seconds of the film: in a loop, the first time from sample `first` on."""
    now, begin, end = (Fraction(sample, sample_rate) for sample in (first, cue.first_sample, cue.end_sample))
    if source_time is None:
        return now
    heard, _ = cue.source.span(source_time, source_time)
    if cue.loop_end is not None:
        period = cue.loop_end / abs(cue.source.speed)
        heard += math.ceil((now - heard) / period) * period
    # A stretched or repeated sound is read beyond what the clip sounds with.
    return min(max(heard, begin), end)
