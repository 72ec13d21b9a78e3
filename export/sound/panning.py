"""Which channel goes where: folding channel layouts down and up, and panning. Pure arithmetic on gains.

Sound is [channels, samples] here. The bus of a mix is stereo, or 5.1 for a project of six channels; a project of one
channel is the half sum of a stereo bus. docs/guide/sound.md has the tables.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from av.audio.layout import AudioLayout

Signal = npt.NDArray[np.float64]
"""Shape [channels, samples], or [samples] for one channel or for gains."""
Matrix = npt.NDArray[np.float64]
"""Gains, shape [outputs, inputs]."""

PROJECT_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""By a project's number of channels: libav's name of the layout that a mix puts out."""

_MINUS_3_DB = 0.5**0.5
_BOTH = (_MINUS_3_DB, _MINUS_3_DB)
_STEREO_GAINS: dict[str, tuple[float, float]] = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": _BOTH,
    "LFE": (0.0, 0.0),
    "BL": (_MINUS_3_DB, 0.0),
    "BR": (0.0, _MINUS_3_DB),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "BC": (0.5, 0.5),
    "SL": (_MINUS_3_DB, 0.0),
    "SR": (0.0, _MINUS_3_DB),
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
}
"""Gain of each channel in left and right: Recommendation ITU-R BS.775-3, annex 4, table 2, not normalised. The centre
back of 6.1 is one surround that goes to both sides at −3 dB of −3 dB; what BS.775 does not know stands beside it."""
_SURROUND = {"FL": "FL", "FR": "FR", "FC": "FC", "LFE": "LFE", "FLC": "FL", "FRC": "FR", "DL": "FL", "DR": "FR"}
"""Channels of other layouts that are one of 5.1."""
_BY_COUNT = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What a file means that says only how many channels it has: libav's defaults."""


class UnknownLayoutError(ValueError):
    """A channel layout that can't be folded; the message says which."""


def bus_layout(channels: int) -> str:
    """libav's name of the layout in which a project of so many channels is mixed: 5.1 for six, else stereo."""
    return "5.1" if channels == 6 else "stereo"


@lru_cache(maxsize=64)
def stereo_matrix(layout: str) -> Matrix:
    """Gains [2, channels] from a layout to stereo. Mono goes to both at gain 1. Raises UnknownLayoutError."""
    names = channel_names(layout)
    if names == ("FC",):
        return np.ones((2, 1))
    return np.array([_STEREO_GAINS[name] for name in names]).T


@lru_cache(maxsize=64)
def surround_matrix(layout: str) -> Matrix:
    """Gains [6, channels] from a layout to 5.1: FL, FR, FC, LFE, and the surrounds. Raises UnknownLayoutError.

    Mono and stereo sound from the fronts, as in a stereo project. Where a layout has sides and backs, the backs join
    the sides at −3 dB; a centre back joins both at −3 dB.
    """
    names = channel_names(layout)
    outputs = channel_names("5.1")
    matrix = np.zeros((6, len(names)))
    if names == ("FC",):
        matrix[:2] = 1
        return matrix
    backs = _MINUS_3_DB if "SL" in names else 1.0
    surrounds = {"SL": (1.0, 0.0), "SR": (0.0, 1.0), "BL": (backs, 0.0), "BR": (0.0, backs), "BC": _BOTH}
    for column, name in enumerate(names):
        if name in surrounds:
            matrix[4:, column] = surrounds[name]
        else:
            matrix[outputs.index(_SURROUND[name]), column] = 1
    return matrix


def channel_names(layout: str) -> tuple[str, ...]:
    """libav's names of the channels of a layout, in their order. Raises UnknownLayoutError."""
    try:
        channels = AudioLayout(layout).channels
    except ValueError as error:
        raise UnknownLayoutError(f'"{layout}" is no channel layout') from error
    names = tuple(channel.name for channel in channels)
    if all(name == "NONE" for name in names) and len(names) in _BY_COUNT:
        return channel_names(_BY_COUNT[len(names)])
    if not all(name in _STEREO_GAINS for name in names):
        raise UnknownLayoutError(f'the channel layout "{layout}" has channels that no rule folds down')
    return names


def apply(matrix: Matrix, signal: Signal) -> Signal:
    """The folded signal. Summed channel by channel: a matrix product may sum in an order that depends on sizes."""
    if matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix))):
        return signal
    out = np.zeros((len(matrix), signal.shape[1]))
    for row, gains in enumerate(matrix):
        for column, gain in enumerate(gains):
            if gain:
                out[row] += gain * signal[column]
    return out


def fold(signal: Signal, layout: str, bus: str) -> Signal:
    """A signal in the layout of a bus, "stereo" or "5.1". Raises UnknownLayoutError."""
    return apply(stereo_matrix(layout) if bus == "stereo" else surround_matrix(layout), signal)


def pan_mono(signal: Signal, pan: Signal | float) -> Signal:
    """One channel [1, samples] to stereo: the Web Audio StereoPanner's curves for mono, times √2.

    `pan` is −1 (left) … 1, for each sample or for all. At 0 both gains are 1.
    """
    angle = (np.clip(pan, -1, 1) + 1) * (np.pi / 4)
    return np.stack((np.cos(angle) * signal[0], np.sin(angle) * signal[0])) * 2**0.5


def pan_stereo(signal: Signal, pan: Signal | float) -> Signal:
    """Stereo to stereo: the Web Audio StereoPanner's curves for stereo, whose gains at 0 are 1.

    To the left of the centre the right channel is shared between both sides, to the right of it the left one.
    """
    pan = np.clip(pan, -1, 1)
    left, right = signal
    angle = (np.minimum(pan, 0) + 1) * (np.pi / 2)
    stays, moves = np.sin(angle), np.cos(angle)
    out_left, out_right = left + right * moves, right * stays
    angle = np.maximum(pan, 0) * (np.pi / 2)
    stays, moves = np.cos(angle), np.sin(angle)
    return np.stack((out_left * stays, out_right + out_left * moves))
