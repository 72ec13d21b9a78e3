"""The pool of threads that this program uses in place of the standard library's: see planner.threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from reelmill.planner.process.exhaustion import NoThread

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ThreadPool(ThreadPoolExecutor):
    """Threads that start as they are needed."""

    def __init__(self, max_workers: int, thread_name_prefix: str) -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._ended = False

    def submit(self, work: Callable[_P, _T], /, *args: _P.args, **keywords: _P.kwargs) -> Future[_T]:
        """Raises NoThread where the system refuses."""
        try:
            return super().submit(work, *args, **keywords)
        except RuntimeError as error:
            if self._ended:
                raise
            raise NoThread("can't start a thread") from error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._ended = True
        super().shutdown(wait, cancel_futures=cancel_futures)
