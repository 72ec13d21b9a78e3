"""Lists and objects of a project file that may be long, of whose faults most are only counted.

pydantic holds 2 kB for each fault that it has found, and a file may hold millions. So what is long is read in pieces;
of its faults the first are kept, and the others join the count of the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast, get_origin

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, ValidationError, core_schema

from reelmill.planner.fields.kinds import fault
from reelmill.planner.fields.places import FieldContext
from reelmill.planner.limits import MAX_PROBLEMS, MAX_PROBLEMS_COUNTED

_PIECE = 32
"""Items that pydantic reads at once, each with MAX_PROBLEMS faults for each of its own lists at most."""


@dataclass(frozen=True, slots=True)
class Several:
    """Marks a list, or an object whose keys are names."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        kind = get_origin(source)

        def read(value: object, piecewise: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
            if not isinstance(value, list | dict) or type(value) is not kind:
                return piecewise(value)
            return self._read(value, piecewise, cast(FieldContext, info.context))

        return core_schema.with_info_wrap_validator_function(read, handler(source))

    def _read(
        self,
        value: list[object] | dict[str, object],
        handler: core_schema.ValidatorFunctionWrapHandler,
        reading: FieldContext,
    ) -> object:
        read: Any = type(value)()
        faults: list[InitErrorDetails] = []
        for first, piece in _pieces(value):
            try:
                made = handler(piece)
            except ValidationError as error:
                keep_faults(faults, error, reading, first)
                if reading.unlisted.count > MAX_PROBLEMS_COUNTED:
                    break
            else:
                if isinstance(value, list):
                    read += made
                else:
                    read |= made
        if faults:
            raise ValidationError.from_exception_data("Project", faults)
        return read


def _pieces(value: list[object] | dict[str, object]) -> Iterator[tuple[int, list[object] | dict[str, object]]]:
    """Each with the index of its first item; names need none."""
    if isinstance(value, list):
        for first in range(0, len(value), _PIECE):
            yield first, value[first : first + _PIECE]
        return
    members = iter(value.items())
    while piece := dict(islice(members, _PIECE)):
        yield 0, piece


def keep_faults(faults: list[InitErrorDetails], error: ValidationError, reading: FieldContext, first: int = 0) -> None:
    """Add the faults of a piece whose first item has this index, up to MAX_PROBLEMS in all; count the others."""
    room = max(MAX_PROBLEMS - len(faults), 0)
    reading.unlisted.count += max(error.error_count() - room, 0)
    if room:
        faults += (_again(details, first) for details in error.errors(include_url=False)[:room])


def _again(details: ErrorDetails, first: int) -> InitErrorDetails:
    """An error that was raised, to be raised again beside others."""
    context = details.get("ctx", {})
    kind = fault(context["message"], context["hint"]) if details["type"] == "reelmill" else details["type"]
    location = details["loc"]
    if location and isinstance(location[0], int):
        location = (location[0] + first, *location[1:])
    return {"type": kind, "loc": location, "input": details["input"], "ctx": context}
