"""Films that are encoded and muxed without a timeline: a moving gradient, and a click."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from reelmill.export.films.codecs import OutputSettings, choose_output
from reelmill.export.films.encoders import tag_colours
from reelmill.export.films.film_metadata import FilmMetadata
from reelmill.export.films.film_sink import FilmSink, MixedSound
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.outputs.output_target import ByteSink
from reelmill.planner.errors import RenderError
from reelmill.planner.outputs import AudioSettings, VideoSettings

WIDTH, HEIGHT, RATE = 96, 64, 48000


class Click:
    """Sound with one click, as a mix would give it."""

    sample_rate = RATE

    def __init__(self, at: int = 30000, sample_count: int = RATE, fails_at: int | None = None) -> None:
        self.sample_count = sample_count
        self._at = at
        self._fails_at = fails_at
        self._position = 0

    def read(self, count: int) -> npt.NDArray[np.float32]:
        count = min(count, self.sample_count - self._position)
        if self._fails_at is not None and self._position >= self._fails_at:
            raise RenderError("the sound broke", component="AudioMixer", clip="bed")
        samples = np.zeros((count, 2), np.float32)
        if 0 <= self._at - self._position < count:
            samples[self._at - self._position] = 0.9
        self._position += count
        return samples


def settings(name: str, *, sound: bool = True, size: tuple[int, int] = (WIDTH, HEIGHT), **more: Any) -> OutputSettings:
    """`more`: dictionaries of `video` and `audio` settings, and what else `choose_output` takes."""
    video, audio = VideoSettings(**more.pop("video", {})), AudioSettings(**more.pop("audio", {}))
    return choose_output(
        Path(name),
        width=size[0],
        height=size[1],
        fps=Fraction(30000, 1001),
        sample_rate=RATE,
        channels=2,
        has_sound=sound,
        video=video,
        audio=audio,
        **more,
    )


def picture(video: VideoEncoding, number: int) -> VideoFrame:
    """A gradient that moves, in the format that the encoder takes."""
    frame = VideoFrame(video.width, video.height, video.pix_fmt.name)
    tag_colours(frame, video.colour)
    for plane in frame.planes:
        sample = np.uint8 if video.pix_fmt.bits == 8 else np.uint16
        rows = np.frombuffer(memoryview(plane), sample).reshape(plane.height, -1)
        ramp = np.arange(rows.shape[1])[None] + 2 * np.arange(plane.height)[:, None] + 3 * number
        rows[:] = 16 + ramp % 200
    return frame


def busy_picture(video: VideoEncoding, number: int) -> VideoFrame:
    """Squares of any grey that wander, and noise: what keeps an encoder busy looking for where things went."""
    random = np.random.default_rng(number)
    squares = np.random.default_rng(0).integers(16, 236, (video.height // 8 + 40, video.width // 8 + 40))
    from_top, from_left = 2 * number, 3 * number
    frame = picture(video, 0)
    rows = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(video.height, -1)[:, : video.width]
    wandering = squares.repeat(8, 0).repeat(8, 1)[from_top:, from_left:][: video.height, : video.width]
    rows[:] = (wandering + random.integers(-6, 6, rows.shape)).clip(0, 255)
    return frame


def write(
    destination: Path | ByteSink,
    chosen: OutputSettings,
    frames: int = 30,
    sound: MixedSound | None = None,
    draw: Callable[[VideoEncoding, int], VideoFrame] = picture,
) -> None:
    """A film of some pictures, titled."""
    target = destination if isinstance(destination, Path) else Path("film")
    sink = FilmSink(destination, chosen, target=target, metadata=FilmMetadata(tags={"title": "A film"}))
    try:
        if sound is not None:
            sink.play(sound)
        if chosen.video is not None:
            for number in range(frames):
                sink.write(draw(chosen.video, number), number)
        sink.finish()
    finally:
        sink.abort()
