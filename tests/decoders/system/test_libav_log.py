"""What libav says of a failure is asked of another process: this one's log is never listened to."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from av import logging
from av.filter import Graph

from reelmill.decoders.system import libav_log
from reelmill.decoders.system.libav_log import libav_words, words_of_each

ROOT = Path(__file__).parents[3]
PACKAGES = ("cli", "compositor", "decoders", "export", "planner")


def test_words_are_those_that_libav_logs() -> None:
    assert libav_words(add_filter, "highpass", "ff=80") == ["No such option: ff."]


def test_each_attempt_has_words_of_its_own_and_errors_of_python_have_none() -> None:
    attempts: list[Callable[[], object]] = [
        partial(add_filter, "highpass", "f=1"),
        partial(add_filter, "highpass", "f=abc"),
        partial(int, "no number"),
        partial(add_filter, "pan", "9.1|c0=c0"),
    ]
    first, second, third, fourth = words_of_each(attempts)
    assert first == third == []
    assert second[0] == "Undefined constant or missing '(' in 'abc'"
    assert fourth[0].startswith("Invalid channel layout '9.1'")


def test_what_crashes_or_hangs_takes_its_words_along(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = partial(add_filter, "highpass", "ff=80")
    assert words_of_each([refused, partial(os.abort), refused]) == [["No such option: ff."], [], []]
    monkeypatch.setattr(libav_log, "_SECONDS", 0.2)
    assert libav_words(time.sleep, 600) == []


def test_this_process_stays_deaf() -> None:
    libav_words(add_filter, "highpass", "ff=80")
    assert logging.get_level() is None


def test_nothing_listens_to_the_log_of_this_process() -> None:
    """A callback into Python waits for its lock on threads that a holder of the lock may be waiting for."""
    callers = {
        f"{file.relative_to(ROOT)}: {name}"
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for name in names_in(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert callers == {
        "decoders/system/libav_log.py: restore_default_callback",
        "decoders/system/libav_log.py: set_libav_level",
    }


def names_in(tree: ast.AST) -> Iterator[str]:
    names = ("Capture", "restore_default_callback", "set_level", "set_libav_level")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names:
            yield node.attr


def add_filter(name: str, options: str) -> None:
    Graph().add(name, options)
