"""What a lossy codec makes of sound: encoded into a temporary file, and decoded again.

In: blocks of samples, and how the film's sound is encoded. Out: blocks as a player will have them. Passive; one
thread; nothing stays open behind a call.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import av

from reelmill.decoders.files.container import reason
from reelmill.decoders.listening.sound_loudness import audio_frame
from reelmill.decoders.sound.sound_converter import Samples, SoundConverter
from reelmill.export.films.audio_encoding import AudioEncoding
from reelmill.export.films.encoders import add_audio
from reelmill.planner.errors import RenderError

_MEMORY_BYTES = 16 * 2**20
"""Coded sound that is no longer than this makes no file: 11 minutes at 192 kbit/s."""


def coded(blocks: Iterable[Samples], audio: AudioEncoding) -> Iterator[Samples]:
    """The samples after encoding and decoding; a little more or fewer at either end. Raises RenderError."""
    with tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES) as file:
        try:
            with av.open(file, "w", format="matroska") as container:
                stream = add_audio(container, audio)
                position = 0
                for block in blocks:
                    container.mux(stream.encode(audio_frame(block, audio.sample_rate, audio.layout, position)))
                    position += len(block)
                container.mux(stream.encode(None))
            file.seek(0)
            with av.open(file, "r") as container:
                converter = SoundConverter(audio.layout, audio.sample_rate)
                for frame in container.decode(audio=0):
                    yield from converter.convert(frame)
                yield from converter.flush()
        except (av.FFmpegError, OSError) as error:
            raise RenderError(
                f"what {audio.codec} makes of the sound can't be heard: {reason(error)}",
                component="AudioMixer",
                suggestion="choose another codec under export, or leave out the loudness",
            ) from error
