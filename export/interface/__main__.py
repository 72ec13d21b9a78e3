"""`python -m reelmill` is the command `reelmill`."""

from __future__ import annotations

from reelmill.cli.__main__ import reelmill_program

if __name__ == "__main__":
    reelmill_program()
