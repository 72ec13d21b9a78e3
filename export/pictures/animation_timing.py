"""When the pictures of an animated file are shown: in ticks of the format's clock, rounded so that errors don't add up.

Pure functions of exact rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reelmill.export.outputs.picture_sink import ShownFrames
from reelmill.planner.clock import format_rate, round_half_up
from reelmill.planner.errors import SetupError


@dataclass(frozen=True, slots=True)
class TickClock:
    """The clock of a format, and how long players show a picture at least."""

    format_name: str
    ticks_per_second: int
    shortest_ticks: int
    """Players show what is shorter for a tenth of a second."""

    def start(self, number: int, fps: Fraction) -> int:
        """The tick at which picture `number` is shown, and the one before it ends: n / fps to the nearest tick."""
        return round_half_up(number / fps * self.ticks_per_second)

    def duration(self, number: int, fps: Fraction) -> int:
        """Ticks that picture `number` is shown. Over the film they add up to its own, to the nearest tick."""
        return self.start(number + 1, fps) - self.start(number, fps)

    def check(self, target: Path, shown: ShownFrames) -> None:
        """Raises SetupError for a rate at which some picture would be shorter than players can show."""
        # Rounding makes some pictures last a tick less than others, unless all last whole ticks.
        shortest = self.ticks_per_second / shown.fps
        if shortest // 1 >= self.shortest_ticks:
            return
        most = Fraction(self.ticks_per_second, self.shortest_ticks)
        divisor = next(n for n in range(2, 1_000_001) if shown.fps / n <= most)
        raise SetupError(
            f"{target.name}: {self.format_name} shows at most {format_rate(most)} pictures a second, "
            f"and these are {format_rate(shown.fps)}",
            component="Output",
            file=str(target),
            suggestion=f"show every {_ordinal(divisor)} frame: fps_divisor {divisor}",
        )


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")


GIF_CLOCK = TickClock("GIF", 100, 2)
WEBP_CLOCK = TickClock("animated WebP", 1000, 11)
APNG_CLOCK = TickClock("APNG", 1000, 11)
"""Only where the rate is no fraction that APNG can tell exactly."""
