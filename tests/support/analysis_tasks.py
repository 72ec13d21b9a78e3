"""Tasks for the analysis pool that do as they are told, in whatever process they run."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from reelmill.planner.errors import RenderError
from reelmill.planner.process.waiting import Checkpoint


@dataclass(frozen=True)
class Task:
    """Named like an analysis of a file."""

    file: str = "voice.wav"
    analysis: str = "patience"


@dataclass(frozen=True)
class Tell(Task):
    """Answers with the process that ran it, and a value."""

    value: int = 0
    seconds: float = 0.0

    def run(self, checkpoint: Checkpoint) -> tuple[int, int]:
        time.sleep(self.seconds)
        return os.getpid(), self.value


@dataclass(frozen=True)
class Die(Task):
    """The process ends in the middle of its work."""

    by_signal: int = 0

    def run(self, checkpoint: Checkpoint) -> Any:
        if self.by_signal:
            os.kill(os.getpid(), self.by_signal)
            signal.pause()
        os._exit(7)


@dataclass(frozen=True)
class Fail(Task):
    """An error that users can meet."""

    def run(self, checkpoint: Checkpoint) -> Any:
        raise RenderError("the sound is damaged", component="SoundReader", file=self.file, suggestion="replace it")


@dataclass(frozen=True)
class Stumble(Task):
    """A bug."""

    def run(self, checkpoint: Checkpoint) -> Any:
        raise ZeroDivisionError("by nothing")
