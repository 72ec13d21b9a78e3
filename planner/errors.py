"""The tree of errors. Every failure that a user can meet is an `ExportError`.

    ExportError
    ├── SetupError         found before a frame is rendered: exit code 2
    │   └── ProjectError   the project file; carries every problem found
    ├── RenderError        found while rendering: exit code 1
    └── Interrupted        SIGINT or SIGTERM: exit code 130

Errors of libraries (libav, OpenGL, Pillow, the operating system) are translated where the library is
called, with `raise … from error`. Nothing classifies an error by the words of its message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from reelmill.planner.limits import MAX_PROBLEMS, MAX_PROBLEMS_COUNTED
from reelmill.planner.process.exhaustion import exhaustion_behind


class ExportError(Exception):
    """A failure, with all that is known of where it happened."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        component: str,
        suggestion: str | None = None,
        clip: str | None = None,
        composition: str | None = None,
        file: str | None = None,
        file_hash: str | None = None,
        output_frame: int | None = None,
        timeline_time: Fraction | None = None,
        source_time: Fraction | None = None,
    ) -> None:
        super().__init__(message)
        self._message = message
        self.component = component
        self._suggestion = suggestion
        self.clip = clip
        self.composition = composition
        self.file = file
        self.file_hash = file_hash
        self.output_frame = output_frame
        self.timeline_time = timeline_time
        self.source_time = source_time

    @property
    def message(self) -> str:
        """What is wrong. Where the system had no more of something, that, whatever seems damaged by it."""
        return self._own_message()

    @message.setter
    def message(self, message: str) -> None:
        self._message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Errors go from process to process: by all their fields, and without the errors of libraries behind them."""
        fields = {**self.__dict__, "_message": self._own_message(), "_suggestion": self.suggestion}
        return _restored, (type(self), self.args, fields)

    def _own_message(self) -> str:
        """The message without what a subclass adds to it."""
        exhausted = exhaustion_behind(self)
        return self._message if exhausted is None else exhausted.message

    @property
    def summary(self) -> str:
        """The message in one line, without the list of problems of a project."""
        return self.message

    @property
    def suggestion(self) -> str | None:
        """What to do."""
        exhausted = exhaustion_behind(self)
        return self._suggestion if exhausted is None else exhausted.suggestion

    def locate(
        self,
        *,
        clip: str | None = None,
        composition: str | None = None,
        file: str | None = None,
        file_hash: str | None = None,
        output_frame: int | None = None,
        timeline_time: Fraction | None = None,
        source_time: Fraction | None = None,
    ) -> None:
        """Fill in what is not known yet. Outer layers know more of the place than the one that failed."""
        known = {
            "clip": clip,
            "composition": composition,
            "file": file,
            "file_hash": file_hash,
            "output_frame": output_frame,
            "timeline_time": timeline_time,
            "source_time": source_time,
        }
        for name, value in known.items():
            if getattr(self, name) is None:
                setattr(self, name, value)

    def as_dict(self) -> dict[str, object]:
        """The fields that stand under `error` in the report; times are seconds as floats."""
        return {
            "component": self.component,
            "clip": self.clip,
            "composition": self.composition,
            "file": self.file,
            "file_hash": self.file_hash,
            "output_frame": self.output_frame,
            "timeline_time": None if self.timeline_time is None else float(self.timeline_time),
            "source_time": None if self.source_time is None else float(self.source_time),
            "message": self.summary,
            "suggestion": self.suggestion,
        }


def _restored(kind: type[ExportError], arguments: tuple[object, ...], fields: dict[str, object]) -> ExportError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(fields)
    return error


class SetupError(ExportError):
    """The command line, the project or the machine is wrong; no frame was rendered."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a project file."""

    path: str
    """JSON path, such as `$.tracks[0].clips[2].start`; `$` for the whole file."""
    message: str
    hint: str | None = None
    line: int | None = None
    """Line of the project file, from 1; None where there is no file."""
    column: int | None = None
    """Characters from the start of the line, from 1."""
    is_syntax: bool = False
    """The text is no JSON, so that paths mean little."""

    @property
    def where(self) -> str:
        """The place in the file, for people."""
        if self.is_syntax:
            return f"line {self.line}, column {self.column}"
        return self.path if self.line is None else f"line {self.line}, {self.path}"

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.message}{hint}"


class Problems:
    """Problems in the order in which they are found: the first MAX_PROBLEMS of them, and how many more there are.

    A file may hold millions, which nobody reads, and which would take gigabytes.
    """

    def __init__(self, found: Iterable[Problem] = ()) -> None:
        self._kept: list[Problem] = []
        self.more = 0
        """Problems that are counted, but not kept."""
        self.extend(found)

    @property
    def full(self) -> bool:
        """Whether the next problem is only counted, so that its words are not needed."""
        return len(self._kept) >= MAX_PROBLEMS

    def add(self, problem: Problem) -> None:
        """Keep or count a problem."""
        if self.full:
            self.more += 1
        else:
            self._kept.append(problem)

    def extend(self, found: Iterable[Problem]) -> None:
        """Keep or count several, and what another collection has counted."""
        for problem in found:
            self.add(problem)
        if isinstance(found, Problems):
            self.more += found.more

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept) + self.more


class ProjectError(SetupError):
    """The project file or the media that it names; all problems at once."""

    def __init__(self, problems: Iterable[Problem], *, file: str | None = None, more: int = 0) -> None:
        """`more`: problems that were counted beside these."""
        found = problems if isinstance(problems, Problems) else Problems(problems)
        self.problems = tuple(found)
        """MAX_PROBLEMS of them at most."""
        self.more = found.more + more
        """Problems beside these."""
        count = len(self.problems) + self.more
        several = f"more than {MAX_PROBLEMS_COUNTED:,}" if count > MAX_PROBLEMS_COUNTED else f"{count:,}"
        super().__init__(
            f"{several} problem{'s' if count != 1 else ''} in the project",
            component="Project",
            file=file,
            suggestion=next((p.hint for p in self.problems if p.hint), None),
        )

    @property
    def message(self) -> str:
        """How many problems there are, and each of them on a line of its own."""
        if len(self.problems) == 1 and not self.more:
            return f"{self.summary}: {self.problems[0]}"
        return "\n  ".join([f"{self.summary}:", *self.listed()])

    @message.setter
    def message(self, message: str) -> None:
        self._message = message

    @property
    def summary(self) -> str:
        return self._own_message()

    def listed(self) -> list[str]:
        """A line for each problem, and one for those that are only counted."""
        lines = [str(problem) for problem in self.problems]
        return [*lines, f"and {self.more:,} more"] if self.more else lines

    def as_dict(self) -> dict[str, object]:
        problems = [
            {"path": p.path, "message": p.message, "hint": p.hint, "line": p.line, "column": p.column}
            for p in self.problems
        ]
        return {**super().as_dict(), "problems": problems, "more_problems": self.more}


class RenderError(ExportError):
    """Something failed while frames were rendered."""

    exit_code = 1


class Interrupted(ExportError):
    """The user, or the machine, asked the export to stop."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted; nothing was written", component="Session")
