"""The curves of fades: which factor belongs to how much of a fade. Pure arithmetic."""

from __future__ import annotations

import numpy as np

from reelmill.export.sound.panning import Signal
from reelmill.planner.timeline import FadeCurve

_EXPONENTIAL_RANGE = 1000.0
"""60 dB: what an exponential fade goes through in a straight line of decibels, but for its first, silent, end."""


def fade_factors(curve: FadeCurve, progress: Signal) -> Signal:
    """Factors 0…1 at a progress from silence (0 and below) to full (1 and above)."""
    progress = np.clip(progress, 0, 1)
    if curve == "equal_power":
        return np.asarray(np.sin(np.pi / 2 * progress))
    if curve == "exponential":
        return np.asarray((np.power(_EXPONENTIAL_RANGE, progress) - 1) / (_EXPONENTIAL_RANGE - 1))
    return progress
