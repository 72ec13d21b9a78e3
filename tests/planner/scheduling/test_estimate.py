"""The estimate of an export: what it knows before, and how it learns from what was measured."""

from __future__ import annotations

import pytest

from reelmill.planner.animation import Animated
from reelmill.planner.scheduling.estimate import Estimate, Progressed, StageSeconds
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.scheduling.stage_costs import encode_seconds
from reelmill.planner.timeline import Track, Transform
from tests.support.timelines import media_clip, timeline, video


def planner(*tracks: Track, frames: int = 300) -> ExportPlanner:
    return ExportPlanner(timeline(*tracks), {"m": video("m", 600), "n": video("n", 600)}, {}, range(frames))


def cut(seconds: str, media: str = "m", start: str = "0", **more: object) -> Track:
    return Track(f"{media}{start}", (media_clip(f"{media}{start}", media, start, seconds, "0", **more),))


def progressed(frame: int, elapsed: float, **busy: float) -> Progressed:
    stages = StageSeconds(busy.get("decode", 0.0), busy.get("draw", 0.0), busy.get("encode", 0.0))
    return Progressed(frame, elapsed, stages, frames_decoded=frame, frames_unwritten=0)


def test_it_grows_with_the_film_and_shrinks_on_the_way() -> None:
    short = planner(cut("10")).estimate(encode_seconds=0.01)
    long = planner(cut("20"), frames=600).estimate(encode_seconds=0.01)
    assert long.left(0).total == pytest.approx(2 * short.left(0).total)
    rest = [short.left(n).total for n in (0, 100, 200, 299, 300)]
    assert rest == sorted(rest, reverse=True)
    assert short.left(150).total == pytest.approx(rest[0] / 2)
    assert rest[-1] == 0
    assert short.left(0).encode == pytest.approx(300 * 0.01)
    assert short.cpu_seconds() > rest[0], "starting takes its time, too"


def test_it_knows_what_layers_cost_and_where_they_are() -> None:
    seen_through = Transform(opacity=Animated.constant(0.5))
    over = [cut("5", "n", "5", transform=seen_through) for _ in range(4)]
    base = cut("10")
    plain = planner(base).estimate(encode_seconds=0)
    layered = planner(base, *[Track(f"o{n}", each.clips) for n, each in enumerate(over)]).estimate(encode_seconds=0)

    def draw(estimate: Estimate, start: int, stop: int) -> float:
        return estimate.left(start).draw - estimate.left(stop).draw

    assert draw(layered, 0, 100) == pytest.approx(draw(plain, 0, 100))
    assert draw(layered, 200, 300) > 5 * draw(plain, 200, 300)


def test_a_still_picture_is_drawn_once_and_encoded_fast() -> None:
    still = planner(cut("10", speed=0)).estimate(encode_seconds=0.1).left(0)
    moving = planner(cut("10")).estimate(encode_seconds=0.1).left(0)
    assert still.draw < moving.draw / 5
    assert still.encode < moving.encode / 2


def test_without_sharing_each_clip_decodes_for_itself() -> None:
    twice = planner(cut("10"), Track("again", (media_clip("again", "m", "0", "10", blend="screen"),)))
    shared, alone = (twice.estimate(encode_seconds=0, shared=each).left(0).decode for each in (True, False))
    assert alone == pytest.approx(2 * shared)


def test_it_follows_the_measured_speed_of_decoders() -> None:
    films = planner(cut("10"))
    estimate = films.estimate(encode_seconds=0)
    films.note_speed("hash-m", 1)
    assert estimate.left(0).decode == pytest.approx(300), "300 frames at one a second"
    films.note_speed("hash-m", 2)
    assert estimate.left(0).decode == pytest.approx(150)
    assert estimate.left(150).decode == pytest.approx(75)


def test_the_time_left_takes_each_stage_at_the_speed_it_had() -> None:
    """The second half has all the layers; drawing takes ten times what was guessed, encoding a tenth."""
    base, over = cut("10"), cut("5", "n", "5", transform=Transform(opacity=Animated.constant(0.5)))
    estimate = planner(base, over).estimate(encode_seconds=0.01)
    whole, left = estimate.left(0), estimate.left(150)
    done = StageSeconds(whole.decode - left.decode, whole.draw - left.draw, whole.encode - left.encode)
    busy = StageSeconds(done.decode, 10 * done.draw, done.encode / 10)
    told = estimate.time_left(
        Progressed(150, 20.0, busy, frames_decoded=estimate_decoded(whole, left), frames_unwritten=0)
    )
    expected = left.decode + 10 * left.draw + left.encode / 10
    assert told == pytest.approx(20.0 * expected / busy.total, rel=0.02)
    assert told > 20.0 * 1.5, "half of the frames, but most of the work"


def estimate_decoded(whole: StageSeconds, left: StageSeconds) -> int:
    """Frames that were decoded, without any that were read ahead: 450 in all."""
    return round(450 * (1 - left.decode / whole.decode))


def test_what_was_read_ahead_and_what_waits_in_the_encoder_count() -> None:
    estimate = planner(cut("10")).estimate(encode_seconds=0.01)
    busy = StageSeconds(1.0, 1.0, 1.0)
    plain = estimate.time_left(Progressed(150, 3.0, busy, frames_decoded=150, frames_unwritten=0))
    ahead = estimate.time_left(Progressed(150, 3.0, busy, frames_decoded=300, frames_unwritten=0))
    waiting = estimate.time_left(Progressed(150, 3.0, busy, frames_decoded=150, frames_unwritten=50))
    assert plain == pytest.approx(3.0)
    assert ahead == pytest.approx(2.0), "all is decoded"
    assert waiting == pytest.approx(4.0), "100 frames are encoded, 200 are not"
    over = estimate.time_left(Progressed(300, 3.0, busy, frames_decoded=300, frames_unwritten=0))
    assert over == 0


def test_before_anything_was_measured_the_guess_is_told() -> None:
    estimate = planner(cut("10")).estimate(encode_seconds=0.01)
    assert estimate.time_left(progressed(1, 5.0, decode=3.0)) == pytest.approx(estimate.seconds(), rel=0.5)


def test_encoders_differ() -> None:
    def cost(codec: str, preset: str | None) -> float:
        return encode_seconds(codec, preset, 1920, 1080)

    assert cost("h264", "ultrafast") < cost("h264", "veryfast") < cost("h264", "medium") < cost("hevc", "medium")
    assert cost("h264_nvenc", None) < cost("h264", "ultrafast")
    assert encode_seconds("h264", None, 3840, 2160) == pytest.approx(4 * cost("h264", None))
