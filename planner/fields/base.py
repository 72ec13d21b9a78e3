"""What all objects of the project file have in common, and kinds of values that many of them hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from reelmill.planner.fields.kinds import CssColour, Number
from reelmill.planner.limits import MAX_CANVAS_PX
from reelmill.planner.timeline import Colour

AnyColour = Annotated[Colour, CssColour()]
LineWidth = Annotated[float, Number(0, MAX_CANVAS_PX)]


class Document(BaseModel):
    """An object of the project file. `metadata`, allowed on each, has been taken out before."""

    model_config = ConfigDict(extra="forbid")
