"""Base model and common types of the report schema."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]


class ReportModel(BaseModel):
    """Immutable part of a report that refuses unknown fields.

    ``model_validate`` also reads the fields from the attributes of another record.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)
