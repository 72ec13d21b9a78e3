"""Buses: sums, filters, ducking and gains at their samples, whatever blocks come and wherever a range begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reelmill.export.sound.bus_graph import BusGraph
from reelmill.export.sound.ducking import LEVEL_SECONDS, TICK_SAMPLES
from reelmill.planner.animation import Animated, Keyframe
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_plan import Bus, Ducking, GainStage, SoundPlan, TimeLine
from tests.support.filtering import Floats, filtered, levels

RATE = 48000
COUNT = 100_000


def plan(*buses: Bus, master: Bus | None = None, channels: int = 2, true_peak: float | None = None) -> SoundPlan:
    return SoundPlan(RATE, channels, COUNT, (), (master or Bus(None, 0, COUNT), *buses), true_peak=true_peak)


def noise(seed: int, level: float = 0.1, channels: int = 2) -> Floats:
    return np.random.default_rng(seed).normal(0, level, (channels, COUNT))


def only(samples: Floats, first: int, end: int) -> Floats:
    inside = np.zeros_like(samples)
    inside[:, first:end] = samples[:, first:end]
    return inside


def run(made: SoundPlan, cues: Mapping[int, Floats], first: int = 0, grid: Sequence[int] = (8192,)) -> Floats:
    """The samples from `first` on; blocks end on lines of a grid. Each block is spoilt when it has been given."""
    graph = BusGraph(made, first_sample=first)
    lines = np.cumsum(np.resize(grid, COUNT // min(grid) + 2))
    out, at = [], graph.begin
    while at < COUNT:
        end = min(int(lines[np.searchsorted(lines, at, side="right")]), COUNT)
        blocks = {number: samples[:, at:end].copy() for number, samples in cues.items()}
        out.append(graph.process(at, end, blocks))
        for block in blocks.values():
            block.fill(np.nan)
        at = end
    return np.concatenate(out, axis=1)


def stage(gain_db: Animated | float = 0, pan: float = 0, **more: Any) -> GainStage:
    gain = gain_db if isinstance(gain_db, Animated) else Animated.constant(gain_db)
    return GainStage(TimeLine(), Fraction(COUNT, RATE), gain, Animated.constant(pan), **more)


def test_the_master_alone_changes_nothing() -> None:
    samples = noise(1)
    assert np.array_equal(run(plan(), {0: samples}), samples)
    assert np.array_equal(run(plan(), {}), np.zeros((2, COUNT)))


def test_buses_add_up() -> None:
    a, b, c = noise(1), noise(2), noise(3)
    out = run(plan(Bus(0, 0, COUNT), Bus(1, 0, COUNT)), {0: a, 1: b, 2: c})
    assert np.allclose(out, a + b + c, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(8))
def test_trees_of_buses_are_sums_of_products(seed: int) -> None:
    chance = np.random.default_rng(seed)
    buses, gains = [Bus(None, 0, COUNT)], [1.0]
    for number in range(1, 12):
        parent = int(chance.integers(number))
        above = buses[parent]
        first, end = np.sort(chance.integers(above.first_sample, above.end_sample + 1, 2)).tolist()
        gain_db = float(chance.uniform(-12, 6))
        buses.append(Bus(parent, first, end - first, stages=(stage(gain_db),)))
        gains.append(gains[parent] * 10 ** (gain_db / 20))
    cues = {n: only(noise(n), bus.first_sample, bus.end_sample) for n, bus in enumerate(buses)}
    expected = np.sum([gains[n] * samples for n, samples in cues.items()], axis=0)
    out = run(plan(*buses[1:]), cues, first=seed * 1000, grid=(4096, 100, 20_000))
    assert np.allclose(out, expected[:, seed * 1000 :], rtol=0, atol=1e-12)


def test_a_bus_sounds_in_its_span() -> None:
    out = run(plan(Bus(0, 5000, 30_000, filters="aecho=1:1:100:0.5")), {1: only(noise(1), 5000, 35_000)})
    assert not out[:, :5000].any()
    assert out[:, 34_999].any()
    assert not out[:, 35_000:].any()


def test_a_mono_film_is_half_the_sum() -> None:
    samples = noise(1)
    out = run(plan(channels=1), {0: samples})
    assert np.allclose(out, samples.sum(axis=0, keepdims=True) / 2, rtol=0, atol=0)


def test_six_channels() -> None:
    samples = noise(1, channels=6)
    made = plan(Bus(0, 0, COUNT, stages=(stage(-6),)), channels=6)
    assert np.allclose(run(made, {1: samples}), samples * 10 ** (-6 / 20), rtol=1e-12)


def test_gain_fades_and_pan_of_a_bus() -> None:
    samples = np.full((2, COUNT), 0.5)
    moving = Animated((Keyframe(Fraction(0), (0.0,)), Keyframe(Fraction(2), (-12.0,))))
    fading = stage(moving, fade_in=Fraction(1, 2), fade_out=Fraction(1))
    t = np.arange(COUNT) / RATE
    expected = 0.5 * 10 ** (np.interp(t, [0, 2], [0, -12]) / 20)
    expected *= np.minimum(1, t / 0.5) * np.minimum(1, (COUNT / RATE - t) / 1)
    out = run(plan(Bus(0, 0, COUNT, stages=(fading,))), {1: samples}, grid=(1000, 777))
    assert np.allclose(out, expected, atol=1e-12)
    out = run(plan(Bus(0, 0, COUNT, stages=(stage(pan=1.0),))), {1: samples})
    assert np.allclose(out[:, -1], [0, 1], atol=1e-12)


def test_filters_come_before_gains() -> None:
    samples = noise(1, 0.3)
    chain = "acompressor=threshold=0.05:ratio=8"
    out = run(plan(Bus(0, 0, COUNT, filters=chain, stages=(stage(-20),))), {1: samples})
    assert np.abs(out - 0.1 * filtered(samples, chain, RATE)).max() < 1e-5


def test_filters_of_the_master_hear_everything() -> None:
    a, b = noise(1, 0.3), noise(2, 0.3)
    chain = "acompressor=threshold=0.05:ratio=8"
    made = plan(Bus(0, 0, COUNT), master=Bus(None, 0, COUNT, filters=chain, stages=(stage(-6),)))
    expected = filtered(a + b, chain, RATE) * 10 ** (-6 / 20)
    assert np.abs(run(made, {0: a, 1: b}) - expected).max() < 1e-5


@pytest.mark.parametrize("chain", ["superequalizer", "alimiter=limit=1:level=0", "dynaudnorm=f=100:g=3"])
def test_buses_stay_in_time_though_filters_are_late(chain: str) -> None:
    click = np.zeros((2, COUNT))
    click[:, 50_000] = 0.5
    made = plan(Bus(0, 0, COUNT, filters=chain), Bus(0, 20_000, 70_000, filters=chain), Bus(2, 30_000, 50_000))
    out = run(made, {0: click, 1: click, 2: click, 3: click})
    assert np.abs(out[0]).argmax() == 50_000
    alone = run(made, {1: click})
    assert np.abs(alone[0]).argmax() == 50_000
    assert out.shape == alone.shape == (2, COUNT)


# --- ducking ---

DUCKING = Ducking(2, -12, -30, Fraction(1, 20), Fraction(2, 5))
DUCKED = (Bus(0, 0, COUNT, ducking=DUCKING), Bus(0, 0, COUNT))


def expected_factors(key: Floats, ducking: Ducking) -> Floats:
    """Sample by sample, as docs/guide/sound.md says it."""
    ticks = -(-round(LEVEL_SECONDS * RATE) // TICK_SAMPLES)
    reduction, factors = 0.0, np.empty(key.shape[1])
    for start in range(0, key.shape[1], TICK_SAMPLES):
        end = start + TICK_SAMPLES
        heard = key[:, max(end - ticks * TICK_SAMPLES, 0) : end]
        power = np.square(heard).sum(axis=1).max() / (ticks * TICK_SAMPLES)
        sounds = power > 10 ** (ducking.threshold_db / 10)
        step = TICK_SAMPLES / RATE / float(ducking.attack if sounds else ducking.release)
        after = min(reduction + step, 1) if sounds else max(reduction - step, 0)
        way = reduction + (after - reduction) * np.arange(1, TICK_SAMPLES + 1) / TICK_SAMPLES
        factors[start:end] = 10 ** (way * ducking.amount_db / 20)[: key.shape[1] - start]
        reduction = after
    return factors


@pytest.mark.parametrize(
    "ducking",
    [
        DUCKING,
        Ducking(2, -6, -50, Fraction(1, 2), Fraction(1, 100)),
        Ducking(2, -40, -10, Fraction(1, 1000), Fraction(1)),
    ],
)
def test_ducking_is_what_the_page_says(ducking: Ducking) -> None:
    music, voice = noise(1), only(noise(2, 0.2), 20_000, 50_000)
    made = plan(replace(DUCKED[0], ducking=ducking), DUCKED[1])
    out = run(made, {1: music, 2: voice})
    assert np.allclose(out, music * expected_factors(voice, ducking) + voice, atol=1e-12)


def test_ducking_without_time_is_at_once() -> None:
    ones, voice = np.ones((2, COUNT)), only(noise(2, 0.5), 20_032, 50_000)
    made = plan(replace(DUCKED[0], ducking=Ducking(2, -20, -30, Fraction(0), Fraction(0))), DUCKED[1])
    out = run(made, {1: ones, 2: voice}) - voice
    assert np.allclose(out[:, 20_032 + TICK_SAMPLES : 50_000], 0.1)
    assert np.allclose(out[:, :20_032], 1)
    assert np.allclose(out[:, 52_000:], 1)


def test_what_is_heard_is_the_other_bus_as_it_sounds() -> None:
    """Behind its filters and its fader."""
    ones, voice = np.ones((2, COUNT)), noise(2, 0.2)
    silenced = plan(DUCKED[0], replace(DUCKED[1], filters="superequalizer", stages=(stage(-60),)))
    assert np.allclose(run(silenced, {1: ones, 2: voice}), 1, atol=0.01)
    late = plan(DUCKED[0], replace(DUCKED[1], filters="superequalizer"))
    out, alone = run(late, {1: ones, 2: voice}), run(late, {2: voice})
    assert np.allclose(out - alone, expected_factors(alone, DUCKING), atol=1e-9)


def test_a_clip_that_begins_while_the_other_sounds_is_ducked_from_its_first_sample() -> None:
    voice = only(noise(2, 0.2), 10_000, 90_000)
    clip = Bus(0, 50_001, 20_000, ducking=DUCKING)
    ones = only(np.ones((2, COUNT)), 50_001, 70_001)
    out = run(plan(clip, DUCKED[1]), {1: ones, 2: voice}) - voice
    assert np.allclose(out, ones * 10 ** (-12 / 20), atol=1e-12)


def test_several_buses_listen_to_one() -> None:
    voice, ones = only(noise(2, 0.2), 30_000, 90_000), np.ones((2, COUNT))
    made = plan(DUCKED[0], DUCKED[1], DUCKED[0], replace(DUCKED[0], ducking=replace(DUCKING, amount_db=-3)))
    out = run(made, {1: ones, 2: voice, 3: ones, 4: ones}) - voice
    factors = expected_factors(voice, DUCKING)
    assert np.allclose(out, 2 * factors + expected_factors(voice, replace(DUCKING, amount_db=-3)), atol=1e-12)


# --- blocks and ranges ---


def everything() -> tuple[SoundPlan, dict[int, Floats]]:
    buses = (
        Bus(0, 0, COUNT, ducking=DUCKING, stages=(stage(-3),)),
        Bus(0, 0, COUNT, filters="superequalizer,acompressor"),
        Bus(1, 3001, 60_000, filters="aecho=1:1:100:0.5,alimiter=level=0"),
        Bus(3, 10_000, 1000, filters="afftdn"),
        Bus(1, 70_007, 29_993, ducking=replace(DUCKING, amount_db=-3)),
    )
    master = Bus(None, 0, COUNT, filters="acompressor", stages=(stage(2),))
    made = plan(*buses, master=master, true_peak=-3.0)
    samples = [noise(number, 0.3) for number in range(len(made.buses))]
    return made, {n: only(x, made.buses[n].first_sample, made.buses[n].end_sample) for n, x in enumerate(samples)}


def test_a_range_is_a_part_of_the_whole() -> None:
    made, cues = everything()
    whole = run(made, cues)
    assert whole.shape == (2, COUNT)
    for first in (1, 8192, 33_333, 99_000):
        assert np.array_equal(run(made, cues, first), whole[:, first:])
    without = replace(made, true_peak=None, buses=(replace(made.buses[0], filters=None), *made.buses[1:]))
    whole = run(without, cues)
    for first in (5000, 33_333, 71_000):
        assert np.array_equal(run(without, cues, first), whole[:, first:])


def test_a_range_of_what_remembers_nothing_begins_at_once() -> None:
    made = plan(Bus(0, 0, COUNT, stages=(stage(-6, pan=0.5),)))
    samples = noise(1)
    assert BusGraph(made, first_sample=33_333).begin == 33_333
    assert np.array_equal(run(made, {1: samples}, 33_333), run(made, {1: samples})[:, 33_333:])


def test_other_blocks_make_no_difference_that_matters() -> None:
    """Sums of floats may differ in their last bit where other blocks are mixed."""
    made, cues = everything()
    assert np.allclose(run(made, cues, grid=(512, 4096, 48_000)), run(made, cues), rtol=0, atol=1e-12)


def test_samples_come_as_soon_as_they_are_known() -> None:
    graph = BusGraph(plan(Bus(0, 0, COUNT, filters="superequalizer")), first_sample=0)
    first = graph.process(0, 8192, {1: noise(1)[:, :8192]})
    assert 0 < first.shape[1] < 8192
    rest = graph.process(8192, COUNT, {1: noise(1)[:, 8192:]})
    assert first.shape[1] + rest.shape[1] == COUNT


def test_a_film_may_have_very_many_buses_one_after_the_other() -> None:
    buses = [Bus(0, 100 * number, 100, filters="anull") for number in range(COUNT // 100)]
    samples = noise(1)
    cues = {n + 1: only(samples, bus.first_sample, bus.end_sample) for n, bus in enumerate(buses[:20])}
    out = run(plan(*buses), cues)
    assert np.array_equal(out[:, :2000], samples[:, :2000])


def test_the_limiter_keeps_the_ceiling() -> None:
    out = run(plan(true_peak=-6.0), {0: noise(1, 0.5)})
    assert levels(out, RATE).true_peak <= -6


def test_filters_that_fail_name_their_clip() -> None:
    made = plan(Bus(0, 0, COUNT, filters="no-filter", clip="x", composition="card"))
    with pytest.raises(RenderError, match='the filters "no-filter" can\'t be used: filter 1 of the chain') as caught:
        run(made, {1: noise(1)})
    assert (caught.value.clip, caught.value.composition) == ("x", "card")
