"""Many cases through a few child processes, and what is wrong with any of them.

In: cases. Out: results as they come. Each child has a thread here that hands it a case at a time; a child that dies, or
does not answer in time, is ended and replaced, and its case is a fault. Threads share nothing but the iterator and the
callback, under a lock.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.fuzz.cases import Case, Fault, Result

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWER_SECONDS = 180
"""A case that has not ended after this time hangs: a child says after 150 where."""
CASES_A_CHILD = 400
"""Then another child takes over: what adds up in a process is not what is looked for here."""


class Campaign:
    """One run. `run` blocks until all cases are tried."""

    def __init__(self, work: Path, cases: Iterator[Case], told: Callable[[Case, Result], None]) -> None:
        """`work` holds the media. `told` is called for each case, by one thread at a time."""
        self._work = work
        self._cases = cases
        self._told = told
        self._lock = threading.Lock()
        self._failure: BaseException | None = None

    def run(self, children: int) -> None:
        """Try all cases in so many processes."""
        threads = [threading.Thread(target=self._try_many, name=f"fuzz {number}") for number in range(children)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _next(self) -> Case | None:
        with self._lock:
            return None if self._failure else next(self._cases, None)

    def _try_many(self) -> None:
        try:
            case = self._next()
            while case is not None:
                with _Child(self._work) as child:
                    for _ in range(CASES_A_CHILD):
                        result = child.answer(case)
                        with self._lock:
                            self._told(case, result)
                        case = self._next()
                        if case is None or not child.alive:
                            break
        except BaseException as error:
            with self._lock:
                self._failure = self._failure or error


class _Child:
    """A child process, in a session of its own so that nothing it starts outlives it."""

    def __init__(self, work: Path) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it is read after the process has ended
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.child", str(work)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.alive = True

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def answer(self, case: Case) -> Result:
        """The result of a case; a fault where the process died of it, or was ended because it hung."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(f"{case.name}\n".encode())
            stdin.flush()
            ready, _, _ = select.select([stdout], [], [], ANSWER_SECONDS)
            line = stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, line = [stdout], b""
        if line:
            told = json.loads(line)
            faults = tuple(Fault(**each) for each in told["faults"])
            return Result(faults, tuple(told["commands"]), tuple(told["notes"]))
        if ready:
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        code = self._kill()
        what = f"crashed: {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"
        if code == -signal.SIGXCPU:
            what = "hangs: it took all the processor time that it was allowed"
        if not ready:
            what = f"hangs: no answer in {ANSWER_SECONDS} s"
        self._errors.seek(0)
        said = self._errors.read()[-4000:].decode(errors="replace")
        self._end()
        return Result((Fault(case.name, f"{what}\n{said}"),))

    def _kill(self) -> int:
        """Ends the process, and with it all that it has started; its exit code. A second call does nothing."""
        if self.alive:
            # Not waited for yet, so that its number is nobody else's.
            os.killpg(self._process.pid, signal.SIGKILL)
            self.alive = False
        return self._process.wait()

    def _end(self) -> None:
        """Ends the process, and closes what leads to it. A second call does nothing."""
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
