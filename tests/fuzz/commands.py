"""Runs one command of the command line in this process, and says what is wrong with how it went.

In: arguments, and the folder that the command works in. Out: exit code, texts and faults: a text that says "internal
error", an exit code that no contract names, a thread, process, open file or temporary file that is left, a target that
is there after a failure or missing after a success. Main thread.
"""

from __future__ import annotations

import io
import os
import resource
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reelmill.cli.main import main
from tests.fuzz.cases import Fault

EXIT_CODES = (0, 1, 2, 3, 130)
FORBIDDEN = ("internal error", "this is a bug in reelmill", "Traceback (most recent call last)", "Exception ignored")
GRACE_SECONDS = 5.0
"""For threads that have been told to end."""
COMMAND_CPU_SECONDS = 30
"""A command on inputs as small as these that works for longer has lost itself."""
VALIDATE_CPU_SECONDS = 10
"""`validate` and `probe` of any file end within seconds."""
_KEPT_OPEN = (".otf", ".ttf", ".ttc")
"""Fonts stay open for the life of the process."""


if TYPE_CHECKING:
    _Stream = io.TextIOWrapper[io.BytesIO]


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str
    faults: tuple[Fault, ...]


def run(*arguments: str, target: Path | None = None, folder: Path) -> Ran:
    """Run `reelmill` with arguments; nothing but `target` may be new in `folder` afterwards."""
    command = "reelmill " + " ".join(map(shlex.quote, arguments))
    before = _State.now(folder)
    began = time.process_time()
    with _captured() as (stdout, stderr), _escaped() as escaped:
        exit_code: Any = None
        try:
            exit_code = main(list(arguments))
        except BaseException as error:
            escaped.append(f"{type(error).__name__} left main(): {error}")
    took = time.process_time() - began
    said, talk = _text(stdout), _text(stderr)
    wrong = [*escaped, *_wrong_words(exit_code, said + talk)]
    wrong += before.left_behind(folder, target)
    if target is not None and exit_code in EXIT_CODES and target.exists() != (exit_code == 0):
        wrong.append(f"exit code {exit_code}, and the target {'is there' if target.exists() else 'is not there'}")
    limit = VALIDATE_CPU_SECONDS if arguments[0] in ("validate", "probe") else COMMAND_CPU_SECONDS
    if took > limit:
        wrong.append(f"slow: {took:.1f} s of processor time")
    return Ran(exit_code, said, talk, tuple(Fault(command, each) for each in wrong))


def _wrong_words(exit_code: Any, text: str) -> Iterator[str]:
    if exit_code not in EXIT_CODES:
        yield f"exit code {exit_code}"
    for words in FORBIDDEN:
        if words in text:
            yield next(line for line in text.splitlines() if words in line)[:500]
    if exit_code in (1, 2) and "hint: " not in text:
        yield f"exit code {exit_code} without a hint: {text[-300:]}"


@dataclass(frozen=True, slots=True)
class _State:
    """What a command must leave as it was."""

    names: frozenset[str]
    threads: frozenset[threading.Thread]
    files: frozenset[str]

    @classmethod
    def now(cls, folder: Path) -> _State:
        return cls(frozenset(_names(folder)), frozenset(threading.enumerate()), frozenset(_open_files()))

    def left_behind(self, folder: Path, target: Path | None) -> Iterator[str]:
        limit = time.monotonic() + GRACE_SECONDS
        while (running := set(threading.enumerate()) - self.threads) and time.monotonic() < limit:
            time.sleep(0.005)
        if running:
            yield f"threads left: {sorted(thread.name for thread in running)}"
        if opened := [path for path in _open_files() - self.files if not path.endswith(_KEPT_OPEN)]:
            yield f"files left open: {sorted(opened)}"
        if children := _children():
            yield f"processes left: {children}"
        allowed = set() if target is None else {target.name}
        if new := set(_names(folder)) - self.names - allowed:
            yield f"files left: {sorted(new)}"


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        yield os.fsdecode(path.relative_to(folder)).encode("ascii", "backslashreplace").decode()


def _open_files() -> set[str]:
    paths = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            path = str(link.readlink())
        except FileNotFoundError:
            continue
        if path.startswith("/") and "mesa_shader_cache" not in path and Path(path).is_file():
            paths.add(path)
    return paths


def _children() -> list[int]:
    found: list[int] = []
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError):  # of a thread that has ended
            found += map(int, listed.read_text().split())
    return found


@contextmanager
def _captured() -> Iterator[tuple[_Stream, _Stream]]:
    """Stand-ins for stdout and stderr, which write as strictly as the real ones."""
    pair = (io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace"))
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = pair
    try:
        yield pair
    finally:
        sys.stdout, sys.stderr = before


def _text(stream: _Stream) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "replace")


@contextmanager
def _escaped() -> Iterator[list[str]]:
    """What threads and finalizers raise, which else nobody would see."""
    found: list[str] = []

    def thread_failed(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "?"
        found.append(f"thread {name} raised {args.exc_type.__name__}: {args.exc_value} {_place(args.exc_traceback)}")

    def finalizer_failed(args: Any) -> None:
        found.append(
            f"unraisable {args.exc_type.__name__}: {args.exc_value} in {args.object!r} {_place(args.exc_traceback)}"
        )

    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = thread_failed, finalizer_failed
    try:
        yield found
    finally:
        threading.excepthook, sys.unraisablehook = before


def _place(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"


def limit_resources(memory_bytes: int, file_bytes: int) -> None:
    """Bound what this process may take: address space, and the size of the files it writes."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_processor(seconds: int) -> None:
    """Let this process work for so long from now on; then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, hard))
