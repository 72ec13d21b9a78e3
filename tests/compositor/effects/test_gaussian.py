"""The Gaussian of matrix products against a plain sum over all samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.compositor.effects.gaussian import gaussian
from tests.support.effect_reference import blurred

MOST = 0.2
"""Code values."""


def pictures(shape: tuple[int, int]) -> list[npt.NDArray[np.float32]]:
    """Noise of black and white, and an edge."""
    noise = np.random.default_rng(1).integers(0, 2, shape) * 255
    edge = np.zeros(shape)
    edge[shape[0] // 3 :, shape[1] // 3 :] = 255
    return [noise.astype(np.float32), edge.astype(np.float32)]


@pytest.mark.parametrize("shape", [(70, 131), (37, 5), (1, 9), (5, 1), (1, 1), (64, 128)])
@pytest.mark.parametrize(
    "deviation", [(0.2, 0.2), (1, 1), (3.9, 3.9), (4, 4), (8.5, 2), (0, 5), (7, 0), (40, 21), (300, 300)]
)
def test_each_sample_is_the_weighted_sum(shape: tuple[int, int], deviation: tuple[float, float]) -> None:
    for samples in pictures(shape):
        found = gaussian(samples, deviation)
        assert found.shape == shape
        assert np.abs(found - blurred(samples, deviation)).max() < MOST


def test_a_plain_plane_stays_as_it_is() -> None:
    assert np.abs(gaussian(np.full((50, 70), 200, np.float32), (12, 3)) - 200).max() < 0.001


def test_the_samples_that_come_in_are_not_changed() -> None:
    (samples, _) = pictures((40, 40))
    before = samples.copy()
    gaussian(samples, (5, 5))
    assert np.array_equal(samples, before)
