"""What the service takes and how long it keeps it, to be known before something is sent."""

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from bento.api.dependencies import ContextDep
from bento.api.schemas import ApiModel, error_responses

router = APIRouter()


class ServiceLimits(ApiModel):
    """The settings that whoever sends a video has to know."""

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

    max_upload_mib: int = Field(description="Largest upload.")
    max_duration_s: float = Field(description="Longest video.")
    keep_days: float = Field(description="How long uploads and results stay.")
    zero_minutes: float = Field(description="How long the result of retention `zero` stays.")


@router.get("/limits", responses=error_responses(), summary="What is taken, and kept how long")
def limits(desk: ContextDep) -> ServiceLimits:
    """Limits of this service, the same for everybody."""
    names = ServiceLimits.model_fields
    return ServiceLimits.model_validate(desk.parts.settings.model_dump(include=set(names)))
