"""All effects, by their `type` in the project file. A new effect is one row here (CONTRIBUTING.md)."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from reelmill.planner.effects.blur import BlurModel
from reelmill.planner.effects.effect_model import EffectModel
from reelmill.planner.effects.saturation import SaturationModel
from reelmill.planner.fields.kinds import fault, json_kind, shown
from reelmill.planner.fields.places import FieldContext
from reelmill.planner.suggestion import did_you_mean

EFFECTS: dict[str, type[EffectModel]] = {
    "blur": BlurModel,
    "saturation": SaturationModel,
}


class _OfItsType:
    """Marks an effect, which is read by the model of its `type`."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"oneOf": [handler(model.__pydantic_core_schema__) for model in EFFECTS.values()]}

    def _read(self, value: object, info: ValidationInfo) -> EffectModel:
        if not isinstance(value, dict):
            raise fault(f"must be an effect, not {json_kind(value)}", 'write {"type": "blur", "radius": 12}')
        kind = value.get("type")
        if not isinstance(kind, str):
            raise fault('needs a "type"', f"effects are {', '.join(EFFECTS)}")
        if kind not in EFFECTS:
            hint = did_you_mean(kind, EFFECTS) or f"effects are {', '.join(EFFECTS)}"
            raise fault(f"{shown(kind)} is no effect", hint)
        model = EFFECTS[kind]
        for key in value:
            if key not in model.model_fields:
                message = f'has an unknown key {shown(key)}; "{kind}" takes {", ".join(model.model_fields)}'
                raise fault(message, did_you_mean(key, [*model.model_fields, "metadata"]))
        return model.model_validate(value, context=cast(FieldContext, info.context))


AnyEffect = Annotated[EffectModel, _OfItsType()]
