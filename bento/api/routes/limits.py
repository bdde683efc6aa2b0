"""Limits of the service, for clients that check a video before they upload it."""

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from bento.api.dependencies import ContextDep
from bento.api.openapi import error_responses
from bento.api.schemas import ApiModel

router = APIRouter(tags=["service"])


class ServiceLimits(ApiModel):
    """Settings that a client needs to know before an upload."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "max_upload_mib": 2048,
                    "max_duration_s": 1800.0,
                    "keep_days": 30.0,
                    "zero_minutes": 15.0,
                }
            ]
        }
    )

    max_upload_mib: int = Field(description="Maximum size of a video.")
    max_duration_s: float = Field(description="Maximum duration of a video.")
    keep_days: float = Field(description="Days until uploads and results are deleted.")
    zero_minutes: float = Field(
        description="Minutes until results of retention `zero` are deleted."
    )


@router.get("/limits", responses=error_responses(), summary="Get size, time and retention limits")
def get_limits(context: ContextDep) -> ServiceLimits:
    """Return the limits; they are the same for all tenants."""
    return ServiceLimits.model_validate(context.services.settings, from_attributes=True)
