"""The sounds: ambience for each scene, and a piece of music. All stereo at RATE, float32 of shape (2, samples)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from examples.footage.drawing import Floats

RATE = 48000
"""Samples a second."""
Sound = Callable[[float], Floats]
"""Seconds → samples."""


def _time(seconds: float) -> Floats:
    return (np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def _noise(rng: np.random.Generator, seconds: float, low: float, high: float, slope: float) -> Floats:
    """Two channels of noise between two frequencies (Hz), its spectrum falling as f^-slope; RMS 1."""
    count = round(seconds * RATE)
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    band = np.where((frequency >= low) & (frequency <= high), np.maximum(frequency, 1) ** -slope, 0)
    spectrum = band * np.exp(2j * np.pi * rng.random((2, len(frequency))))
    noise = np.fft.irfft(spectrum, count)
    scaled: Floats = (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return scaled


def _level(sound: Floats, peak: float) -> Floats:
    """Scaled to a peak, with 20 ms of fade at both ends, so that loops and cuts do not click."""
    ramp = min(RATE // 50, sound.shape[1] // 2)
    faded = sound.copy()
    faded[:, :ramp] *= np.linspace(0, 1, ramp)
    faded[:, -ramp:] *= np.linspace(1, 0, ramp)
    levelled: Floats = (faded * (peak / np.abs(faded).max())).astype(np.float32)
    return levelled


def waves(seconds: float) -> Floats:
    """Waves that roll onto a beach."""
    rng = np.random.default_rng(1)
    t = _time(seconds)
    swell = (0.5 - 0.5 * np.cos(2 * np.pi * t / 5.3 + 0.8)) ** 2 + 0.5 * (0.5 - 0.5 * np.cos(2 * np.pi * t / 3.7)) ** 3
    surf = _noise(rng, seconds, 250, 9000, 0.6) * (0.15 + swell)
    return _level(surf + 0.6 * _noise(rng, seconds, 30, 220, 0.8), 0.32)


def wind(seconds: float) -> Floats:
    """Wind over snow, and a shimmer of high notes."""
    rng = np.random.default_rng(2)
    t = _time(seconds)
    gusts = 0.55 + 0.45 * np.sin(2 * np.pi * t / 6.1) * np.sin(2 * np.pi * t / 4.3 + 1)
    sound = _noise(rng, seconds, 120, 1400, 1.1) * gusts
    for number, pitch in enumerate((587.33, 739.99, 880.0, 1108.73, 1318.51)):
        tremble = np.clip(np.sin(2 * np.pi * t / (3.1 + 0.7 * number) + number * 1.9), 0, 1) ** 2
        _add(sound, 0.3 * tremble * np.sin(2 * np.pi * pitch * t), 0, 0.5 + 0.35 * np.sin(number * 2.1))
    return _level(sound, 0.28)


def traffic(seconds: float) -> Floats:
    """The hum of a city; cars pass from side to side."""
    rng = np.random.default_rng(3)
    t = _time(seconds)
    sound = _noise(rng, seconds, 35, 500, 1.2) * 0.7
    passing = _noise(rng, seconds, 180, 3500, 0.9)
    for number in range(int(seconds / 1.6) + 1):
        moment = 0.7 + 1.6 * number + rng.random() * 0.6
        nearness = np.exp(-(((t - moment) / 0.45) ** 2)) * (0.6 + 0.5 * rng.random())
        across = np.tanh((t - moment) * 2.2) * (1 if number % 2 else -1)
        sound += passing * nearness * np.stack([(1 - across) / 2, (1 + across) / 2])
    return _level(sound, 0.30)


def drone(seconds: float) -> Floats:
    """Deep space: slowly beating low notes."""
    rng = np.random.default_rng(4)
    t = _time(seconds)
    sound = _noise(rng, seconds, 30, 160, 1.0) * 0.35
    for number, pitch in enumerate((55.0, 82.41, 110.0, 164.81, 220.0, 329.63)):
        breath = 0.6 + 0.4 * np.sin(2 * np.pi * t / (5.0 + number) + number)
        voice = np.stack([np.sin(2 * np.pi * (pitch - 0.17) * t), np.sin(2 * np.pi * (pitch + 0.17) * t)])
        sound += voice * breath * 0.9**number / (1 + 0.3 * number)
    return _level(sound, 0.30)


def chimes(seconds: float) -> Floats:
    """Soft bells, one after the other."""
    t = _time(seconds)
    sound = np.zeros((2, len(t)), np.float32)
    scale = (523.25, 659.26, 783.99, 987.77, 1174.66)
    for number in range(int(seconds / 0.75)):
        pitch = scale[number * 3 % 5]
        place = 0.5 + 0.4 * np.sin(number * 1.3)
        _add(sound, _bell(pitch, 2.4) * 0.5, 0.75 * number, place)
    return _level(sound, 0.25)


def _bell(pitch: float, seconds: float) -> Floats:
    """A struck tone that dies away; the higher partials sooner."""
    t = _time(seconds)
    tone = np.zeros_like(t)
    for partial, strength in ((1, 1.0), (2, 0.35), (3.01, 0.16), (4.1, 0.07)):
        tone += strength * np.sin(2 * np.pi * pitch * partial * t) * np.exp(-t * (2.2 + 1.4 * partial))
    tone *= np.minimum(t / 0.004, 1)
    return tone


def _pad(pitch: float, seconds: float) -> Floats:
    """A slow, warm tone: two detuned voices of a few harmonics."""
    t = _time(seconds)
    tone = np.zeros_like(t)
    for detune in (-0.35, 0.35):
        for harmonic in range(1, 6):
            tone += np.sin(2 * np.pi * (pitch + detune) * harmonic * t + harmonic) / harmonic**1.9
    envelope = np.minimum(t / 0.6, 1) * np.minimum((seconds - t) / 0.9, 1)
    padded: Floats = (tone * np.clip(envelope, 0, 1)).astype(np.float32)
    return padded


def _add(sound: Floats, tone: Floats, at: float, place: float) -> None:
    """Mix a tone into stereo, in place, at a time; `place` is 0 (left) … 1 (right). What passes the end is cut."""
    start = round(at * RATE)
    tone = tone[: max(sound.shape[1] - start, 0)]
    sound[0, start : start + len(tone)] += tone * np.float32(np.cos(place * np.pi / 2))
    sound[1, start : start + len(tone)] += tone * np.float32(np.sin(place * np.pi / 2))


def music(seconds: float) -> Floats:
    """Four chords in a round (F, A minor, C, G), a pad, a bass and a plucked figure with an echo."""
    bar = 2.4
    chords = (
        (43.65, (174.61, 220.00, 261.63, 329.63)),
        (55.00, (164.81, 220.00, 261.63, 392.00)),
        (65.41, (164.81, 196.00, 246.94, 329.63)),
        (49.00, (146.83, 196.00, 246.94, 329.63)),
    )
    figure = (0, 2, 1, 3, 2, 1, 3, 2)
    dry = np.zeros((2, round(seconds * RATE)), np.float32)
    plucks = np.zeros_like(dry)
    for number in range(int(np.ceil(seconds / bar))):
        root, chord = chords[number % 4]
        for voice, pitch in enumerate(chord):
            _add(dry, _pad(pitch, bar + 0.9) * 0.10, number * bar, 0.2 + 0.2 * voice)
        _add(dry, _pad(root, bar + 0.3) * 0.30, number * bar, 0.5)
        for step, index in enumerate(figure):
            accent = 0.34 if step % 4 == 0 else 0.24
            _add(plucks, _bell(chord[index] * 2, 1.6) * accent, number * bar + step * bar / 8, 0.35 + 0.1 * index)
    echo = np.zeros_like(plucks)
    for repeat in (1, 2, 3):
        delay = round(repeat * bar * 3 / 16 * RATE)
        if delay < plucks.shape[1]:
            echo[:, delay:] += plucks[:: -1 if repeat % 2 else 1, : plucks.shape[1] - delay] * 0.42**repeat
    mixed = dry + plucks + echo
    ending = np.clip((seconds - _time(seconds)) / 2.5, 0, 1) ** 0.7
    return _level((mixed * ending).astype(np.float32), 0.55)
