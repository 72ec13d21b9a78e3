"""Settings of the encoder of a spliced film, and how many parameter sets a header takes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.decoders.video.h264_headers import SEQUENCE, nal_type, parameter_sets, read_sequence
from reelmill.export.films.codecs import choose_output
from reelmill.export.films.encoders import new_encoder
from reelmill.export.films.film_sink import FilmSink
from reelmill.export.films.picture_tracks import Splice, splice_ready
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.outputs.views import new_picture
from reelmill.planner.outputs import AudioSettings, VideoSettings
from tests.support.films import probe


def encoding() -> VideoEncoding:
    settings = choose_output(
        Path("out.mp4"),
        width=64,
        height=48,
        fps=Fraction(25),
        sample_rate=48000,
        channels=2,
        has_sound=False,
        video=VideoSettings(preset="ultrafast"),
        audio=AudioSettings(),
    )
    assert settings.video is not None
    return settings.video


def sets_with_id(number: int) -> tuple[bytes, ...]:
    """Parameter sets of x264 under an id."""
    used = tuple((b"\x68" + _golomb(taken),) for taken in range(number))
    context = new_encoder(splice_ready(encoding(), Splice(used, 0, encoded=True)))
    sets = tuple(parameter_sets(context.extradata or b"")[1])
    assert [read_sequence(unit).id for unit in sets if nal_type(unit) == SEQUENCE] == [number]
    return sets


def _golomb(number: int) -> bytes:
    """An unsigned Exp-Golomb number and a stop bit."""
    bits = f"{number + 1:b}"
    bits = "0" * (len(bits) - 1) + bits + "1"
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@pytest.mark.parametrize("number", [0, 1, 7, 31])
def test_the_encoder_takes_the_first_id_that_is_free(number: int) -> None:
    sets_with_id(number)


def test_where_no_id_is_free_the_first_is_used_again() -> None:
    used = tuple((b"\x68" + _golomb(taken),) for taken in range(32))
    assert dict(splice_ready(encoding(), Splice(used, 0, encoded=True)).options)["x264-params"].endswith("sps-id=0")


def test_more_sets_than_a_header_counts_go_into_the_pictures(tmp_path: Path) -> None:
    """16 sequence and 16 picture parameter sets, all under different ids."""
    chosen = choose_output(
        Path("out.mp4"),
        width=64,
        height=48,
        fps=Fraction(25),
        sample_rate=48000,
        channels=2,
        has_sound=False,
        video=VideoSettings(preset="ultrafast"),
        audio=AudioSettings(),
    )
    for files, tag in ((14, "avc1"), (16, "avc3")):
        splice = Splice(tuple(sets_with_id(number) for number in range(files)), 0, encoded=True)
        output = tmp_path / f"{files}.mp4"
        sink = FilmSink(output, chosen, target=output, splice=splice)
        try:
            sink.write(new_picture(sink.takes)[0], 0)
            sink.finish()
        finally:
            sink.abort()
        assert probe(output)["streams"][0]["codec_tag_string"] == tag
