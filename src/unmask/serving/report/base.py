"""Any part of a report: holds what it promises and nothing else, and does not change."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]


class ReportModel(BaseModel):
    """A part of the output contract."""

    model_config = ConfigDict(extra="forbid", frozen=True)
