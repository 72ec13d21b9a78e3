"""What pydantic found, in words for people: JSON path, what is wrong, what was meant.

Classified by pydantic's error types, never by the words of its messages; values with rules of their own
(planner.fields.kinds) bring their words along.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from reelmill.planner.document.project_model import ProjectModel
from reelmill.planner.errors import Problem
from reelmill.planner.fields.animated import Animation, KeyframesModel
from reelmill.planner.fields.base import object_name
from reelmill.planner.foreign_words import hint_for_key
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.suggestion import did_you_mean

_TEXTS = {
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a string",
}
"""By pydantic's type of an error."""


MAX_HINTS = 1000
"""How many problems get a hint for an unknown key. Fewer are shown, and finding a hint takes 0.1 ms of CPU."""


def problems_of(error: ValidationError) -> list[Problem]:
    """Every error, in the order of the file's models."""
    return [
        _problem(detail["type"], detail["loc"], detail.get("ctx", {}), detail["msg"], hinted=number < MAX_HINTS)
        for number, detail in enumerate(error.errors(include_url=False, include_input=False))
    ]


def _problem(kind: str, location: Location, context: dict[str, Any], text: str, *, hinted: bool) -> Problem:
    if kind == "reelmill":
        return Problem(json_path(location), context["message"], context["hint"])
    if kind == "missing":
        return Problem(json_path(location[:-1]), f'the key "{location[-1]}" is missing')
    if kind == "extra_forbidden":
        hint = _hint_for_key(str(location[-1]), _model_at(location[:-1])) if hinted else None
        return Problem(json_path(location[:-1]), f'unknown key "{str(location[-1])[:100]}"', hint)
    return Problem(json_path(location), _TEXTS.get(kind, text))


def _hint_for_key(key: str, model: type[BaseModel] | None) -> str | None:
    """The key that was meant, or the object in which this one belongs."""
    if model is None:
        return None
    if (hint := hint_for_key(key, object_name(model))) is not None:
        return hint
    for name, child in _children(model):
        if key in _keys(child):
            return f'"{key}" belongs in "{name}"'
    return did_you_mean(key, [*_keys(model), "metadata"])


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _children(model: type[BaseModel]) -> Iterable[tuple[str, type[BaseModel]]]:
    """The objects that stand directly under a key of this one."""
    for name, field in model.model_fields.items():
        child = _model_in(field.annotation)
        if child is not None and get_origin(field.annotation) not in (list, dict):
            yield field.alias or name, child


def _model_at(location: Location) -> type[BaseModel] | None:
    """The model that reads the object at a place of the file."""
    model: type[BaseModel] | None = ProjectModel
    named = False
    for step in location:
        if model is None:
            return None
        if isinstance(step, int) or named:
            named = False
            continue
        field = next((f for name, f in model.model_fields.items() if step == (f.alias or name)), None)
        if field is None:
            return None
        named = get_origin(field.annotation) is dict
        animated = any(isinstance(mark, Animation) for mark in _marks(field.annotation, field.metadata))
        model = KeyframesModel if animated else _model_in(field.annotation)
    return model


def _marks(annotation: object, metadata: list[Any]) -> list[Any]:
    """The marks of `Annotated`, also inside `… | None`."""
    marks = list(metadata)
    for part in get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ():
        if get_origin(part) is Annotated:
            marks += get_args(part)[1:]
    return marks


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model inside `X`, `X | None`, `list[X]` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is Annotated:
        return _model_in(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType, list, dict):
        return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)
    return None
