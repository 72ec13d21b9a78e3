"""No regular expression of the program takes more than linear time, whatever text it meets."""

from __future__ import annotations

import subprocess
import sys

GENEROUS_SECONDS = 300
"""A pattern that backtracks exponentially never ends."""


def test_no_pattern_backtracks() -> None:
    attacked = [sys.executable, "-m", "tests.support.pattern_attacks"]
    told = subprocess.run(attacked, capture_output=True, text=True, timeout=GENEROUS_SECONDS, check=True).stdout
    assert [line for line in told.splitlines() if line.startswith(("slow: ", "wrong: "))] == []
    assert int(told.split()[-1]) > 60
