"""The JSON Schema of the project file, for editors and other tools.

Made from the models of planner.document, so that it can't differ from what the loader takes. What JSON Schema can't
say (names that refer to one another, times that depend on media) is left to the loader.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import CoreModeRef, CoreRef, DefsRef, GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from reelmill.planner.document.project_model import ProjectModel
from reelmill.planner.fields.base import SUFFIX, object_name
from reelmill.planner.fields.kinds import VARIABLE
from reelmill.planner.templates.repeat import KEY, repeat_schema

SCHEMA_ID = "urn:reelmill:project:1"
_MODEL_NAME = re.compile(rf"{SUFFIX}(?=:|$)")
_METADATA = {"description": "Anything; ignored."}


class _Generator(GenerateJsonSchema):
    """Keys are left out, not set to null; titles stand on objects only; fields are told by their docstrings.

    Pydantic can read these itself, whenever a model is imported: a tenth of the start of every command.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made["title"] = object_name(schema["cls"])
        fields = schema["cls"].model_fields
        for name, text in _docstrings(schema["cls"]).items():
            made["properties"][fields[name].alias or name]["description"] = text
        return made

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        return super().get_defs_ref((CoreRef(_MODEL_NAME.sub("", core_mode_ref[0])), core_mode_ref[1]))

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        plain = isinstance(default, str | bool | int | float)
        return {**inner, "default": default} if plain else inner

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) as data for the json module."""
    generated = ProjectModel.model_json_schema(schema_generator=_Generator)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **generated}
    schema["title"] = "reelmill project"
    _allow_templates(schema)
    for part in list(_parts(schema)):
        if isinstance(text := part.get("description"), str):
            part["description"] = " ".join(text.split())
        if part.get("type") == "object":
            part.setdefault("properties", {})["metadata"] = dict(_METADATA)
    return schema


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The strings below the fields of a model, its own and those that it inherits."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base is BaseModel or not issubclass(base, BaseModel):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for statement, following in pairwise(tree.body):
            match statement, following:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text)
    return {name: text for name, text in found.items() if name in model.model_fields}


def _allow_templates(schema: dict[str, Any]) -> None:
    """A variable may stand for whole lists and objects, and what stands in a list, or has a name, may be repeated."""
    repeated: set[str] = set()
    for part in list(_parts(schema)):
        for key, value in part.get("properties", {}).items():
            if "items" in value or "properties" in value or ("$ref" in value and len(value) <= 3):
                told = {name: value.pop(name) for name in ("description", "default") if name in value}
                if "description" not in told and "$ref" in value:
                    told["description"] = schema["$defs"][value["$ref"].rpartition("/")[2]]["description"]
                part["properties"][key] = {"anyOf": [value, dict(VARIABLE)], **told}
        for holder in ("items", "additionalProperties"):
            inner = part.get(holder)
            if isinstance(inner, dict):
                forms = [inner, *inner.get("anyOf", ())]
                repeated.update(form["$ref"].rpartition("/")[2] for form in forms if "$ref" in form)
    for name in repeated:
        schema["$defs"][name]["properties"][KEY] = {"$ref": "#/$defs/Repeat"}
    schema["$defs"]["Repeat"] = repeat_schema()


def _parts(part: object) -> Iterator[dict[str, Any]]:
    """Every object in a schema, itself included."""
    if isinstance(part, dict):
        yield part
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _parts(child)
