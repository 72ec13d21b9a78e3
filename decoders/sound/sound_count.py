"""How long the sound of a file is to the sample, and its widest form, where packets don't tell: by decoding all of it.

In: what packets told. Out: the same, corrected. Passive; one thread; an hour takes two to ten seconds.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from reelmill.decoders.sound.sound_stream import SoundStream
from reelmill.planner.media import AudioFacts


def counted(path: str, audio: AudioFacts, *, allow_network: bool = False) -> AudioFacts:
    """The facts with what decoding all of the sound finds. Raises RenderError where the file can't be opened."""
    rate, layout, channels = audio.sample_rate, audio.layout, audio.channels
    with closing(SoundStream(path, audio.stream, audio.parts, allow_network=allow_network)) as stream:
        for placed in stream.placed():
            frame = placed.frame
            rate = max(rate, frame.sample_rate)
            if frame.layout.nb_channels > channels:
                layout, channels = frame.layout.name, frame.layout.nb_channels
        # What is lost at the end is known by its packets alone.
        duration = stream.elapsed if stream.loss is None else max(stream.elapsed, audio.duration)
    return replace(audio, sample_rate=rate, layout=layout, channels=channels, duration=duration)
