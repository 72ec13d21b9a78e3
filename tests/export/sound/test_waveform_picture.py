"""The picture of a sound: each curve lies where the axes say, read back from the pixels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.sound.waveform_picture import WIDTH_PX, draw_sounds
from reelmill.planner.sound.sound_analysis import Loudness, Pitch, Silence, SoundAnalysis, Waveform

WAVE, SILENCE, SHORT_TERM, PITCH = (0x2F, 0x6F, 0xB0), (0xFB, 0xE3, 0xC8), (0x1F, 0x7A, 0x3F), (0x7A, 0x3F, 0xA0)
LEFT, RIGHT = 96, WIDTH_PX - 32


def sound(seconds: int = 10, **more: object) -> SoundAnalysis:
    """Full scale in the first half, silence in the second; loudness −30 LUFS; A4, then nothing, then A5."""
    buckets = 100 * seconds
    half = [1.0] * (buckets // 2) + [0.0] * (buckets // 2)
    frames = seconds * 22050 // 512
    made = SoundAnalysis(
        sample_rate=48000,
        start=Fraction(0),
        samples=48000 * seconds,
        loudness=Loudness(-25.0, 3.0, -1.0, -1.2, Fraction(1, 10), (-30.0,) * 10 * seconds, (-30.0,) * 10 * seconds),
        silences=(Silence(Fraction(seconds, 2), Fraction(seconds)),),
        waveform=Waveform(480, (tuple(-v for v in half),), (tuple(half),)),
        pitch=Pitch(tuple(440.0 if n < frames / 2 else 880.0 for n in range(frames)), (1.0,) * frames),
        conformed=(),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields of the analysis


def places(pixels: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> npt.NDArray[np.intp]:
    """Rows and columns of the plots that have a colour, [n, 2]."""
    found = np.argwhere(np.abs(pixels.astype(int) - colour).max(axis=2) < 8)
    return found[(found[:, 1] >= LEFT) & (found[:, 1] <= RIGHT)]


def test_waveform_and_silence_lie_in_their_halves() -> None:
    pixels = draw_sounds([("a.wav", sound())])
    assert pixels.shape[1:] == (WIDTH_PX, 3)
    wave, silence = places(pixels, WAVE), places(pixels, SILENCE)
    middle = (LEFT + RIGHT) / 2
    tall = [column for column in range(LEFT, RIGHT) if (wave[:, 1] == column).sum() > 100]
    assert [min(tall), max(tall)] == pytest.approx([LEFT, middle], abs=2)
    wide = silence[silence[:, 0] > 84]
    assert [wide[:, 1].min(), wide[:, 1].max()] == pytest.approx([middle, RIGHT], abs=2)


def test_loudness_and_pitch_lie_where_the_axes_say() -> None:
    pixels = draw_sounds([("a.wav", sound())])
    lane, gap, panel = 130, 34, 190
    loudness_top = 84 + lane + gap
    line = places(pixels, SHORT_TERM)
    line = line[line[:, 0] > loudness_top]
    assert np.median(line[:, 0]) == pytest.approx(loudness_top + panel / 2, abs=1.5), "−30 of −60…0"
    pitch_top = loudness_top + panel + gap
    curve = places(pixels, PITCH)
    left = curve[curve[:, 1] < 600]
    right = curve[curve[:, 1] > 1000]
    # From C4 to C6 are two octaves; A lies three quarters of an octave above C.
    assert np.median(left[:, 0]) == pytest.approx(pitch_top + panel * (2 - 0.75) / 2, abs=1.5)
    assert np.median(right[:, 0]) == pytest.approx(pitch_top + panel * (1 - 0.75) / 2, abs=1.5)


def test_each_sound_and_each_channel_has_its_place() -> None:
    one = draw_sounds([("a.wav", sound())])
    assert len(draw_sounds([("a.wav", sound()), ("b.wav", sound())])) == 2 * len(one)
    stereo = Waveform(480, ((-0.5,) * 1000,) * 2, ((0.5,) * 1000,) * 2)
    assert len(draw_sounds([("a.wav", sound(waveform=stereo))])) == len(one) + 130 + 34
    assert len(draw_sounds([("a.wav", sound(pitch=None))])) == len(one) - 190 - 34


@pytest.mark.parametrize(
    "odd",
    [
        sound(samples=0, waveform=Waveform(1, ((),), ((),)), silences=(), pitch=Pitch((None,), (0.0,))),
        sound(loudness=Loudness(None, 0.0, None, None, Fraction(1, 10), (), ())),
        sound(waveform=Waveform(480, ((-4.0,) * 1000,) * 12, ((4.0,) * 1000,) * 12)),
        sound(start=Fraction(-1, 3), samples=7),
        sound(samples=48000 * 7200),
        sound(pitch=Pitch((None, 30.0, None, 5000.0), (0.0, 1.0, 0.0, 1.0))),
    ],
    ids=["empty", "silent", "many channels, too loud", "short, before 0", "two hours", "widest pitch"],
)
def test_every_sound_can_be_drawn(odd: SoundAnalysis) -> None:
    pixels = draw_sounds([("odd.wav", odd)])
    assert pixels.shape[1:] == (WIDTH_PX, 3)


def test_a_name_is_shortened_and_spelt_with_the_letters_that_there_are() -> None:
    long = draw_sounds([("folder/" * 40 + "end.wav", sound())])
    assert (long[10:45, :90] == 255).all(), "nothing runs out of the picture on the left"
    draw_sounds([("声\u0007\udcff.wav", sound())])
