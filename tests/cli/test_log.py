"""What the rooms log, on stderr: warnings always, everything with `-v`; JSON stays JSON."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import reelmill.export.rendering.session
from reelmill.cli.main import main

_log = logging.getLogger("reelmill.decoders")
DONE: dict[str, Any] = {
    "frames": 1,
    "duration_seconds": 1.0,
    "wall_seconds": 1.0,
    "realtime_factor": 1.0,
    "bottleneck": None,
    "outputs": [],
}


@pytest.fixture(autouse=True)
def logging_export(monkeypatch: pytest.MonkeyPatch) -> None:
    def export_film(*_: object) -> dict[str, Any]:
        _log.debug("output frame %d: frame %d of a.mp4 evicted", 3, 7)
        _log.warning("the decoder failed\x1b[2J")
        return DONE

    monkeypatch.setattr(reelmill.export.rendering.session, "export_film", export_film)


def test_warnings_are_told_and_can_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "p.json", "o.mp4"]) == 0
    assert capsys.readouterr().err == "warning: the decoder failed\\x1b[2J\n"


def test_everything_is_told_with_v(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "-v", "p.json", "o.mp4"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "debug: output frame 3: frame 7 of a.mp4 evicted",
        "warning: the decoder failed\\x1b[2J",
    ]
    assert main(["export", "p.json", "o.mp4"]) == 0
    assert "debug" not in capsys.readouterr().err


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "-v", "--progress", "json", "p.json", "o.mp4"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["event"], each.get("level")) for each in told] == [
        ("log", "debug"),
        ("log", "warning"),
        ("done", None),
    ]
    assert told[0]["message"] == "output frame 3: frame 7 of a.mp4 evicted"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "-q", "p.json", "o.mp4"]) == 0
    assert capsys.readouterr().err == ""


def test_nothing_is_left_behind() -> None:
    handlers = list(logging.getLogger("reelmill").handlers)
    main(["export", "-v", "p.json", str(Path("o.mp4"))])
    assert logging.getLogger("reelmill").handlers == handlers
    assert logging.getLogger("reelmill").level == logging.NOTSET
