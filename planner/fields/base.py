"""What all objects of the project file have in common, and kinds of values that many of them hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, core_schema

from reelmill.planner.fields.kinds import CssColour, Number, fault
from reelmill.planner.limits import MAX_CANVAS_PX
from reelmill.planner.timeline import Colour

AnyColour = Annotated[Colour, CssColour()]
LineWidth = Annotated[float, Number(0, MAX_CANVAS_PX)]


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Marks an object that may be written as a string: the value of one of its keys."""

    key: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text = {"type": "string", "minLength": 1, "description": f'Short for {{"{self.key}": …}}.'}
        whole = core["schema"]
        if "ref" in whole:
            # A model that stands at one place only would be written out there, and not among the definitions.
            reference = core_schema.definition_reference_schema(whole["ref"])
            whole = core_schema.definitions_schema(reference, [whole])
        return {"anyOf": [handler(whole), text]}

    def _read(self, value: object, handler: core_schema.ValidatorFunctionWrapHandler) -> object:
        if not isinstance(value, str):
            return handler(value)
        try:
            return handler({self.key: value})
        except ValidationError as error:
            # The file holds no such key: the fault stands where the string does.
            faults = [_without_key(details, self.key) for details in error.errors(include_url=False)]
            raise ValidationError.from_exception_data("Project", faults) from error


def _without_key(details: ErrorDetails, key: str) -> InitErrorDetails:
    context, location = details.get("ctx", {}), details["loc"]
    kind = fault(context["message"], context["hint"]) if details["type"] == "reelmill" else details["type"]
    return {"type": kind, "loc": location[1:] if location[:1] == (key,) else location, "input": None, "ctx": context}


SUFFIX = "Model"
"""Ends the name of each class that is a model of an object of the project file."""


class ObjectModel(BaseModel):
    """An object of the project file. `metadata`, allowed on each, has been taken out before."""

    model_config = ConfigDict(extra="forbid")


def object_name(model: type[BaseModel]) -> str:
    """The name of an object of the project file, as the JSON Schema has it: `Clip` for ClipModel."""
    return model.__name__.removesuffix(SUFFIX)
