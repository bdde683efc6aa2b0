"""A submission: who sends a video, how to analyze it and what to store."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bento.security.api_keys import LOCAL
from unmask.serving.report.custody import Label

# printable ASCII without spaces; databases reject NUL and lone surrogates
URL_PATTERN = r"^[\x21-\x7e]*$"
# longer than any video, and safe in floating-point arithmetic
MAX_TIME_S = 1e6

Retention = Literal["keep", "delete_upload", "zero"]
StartTime = Annotated[float, Field(ge=0.0, le=MAX_TIME_S, allow_inf_nan=False)]
EndTime = Annotated[float, Field(gt=0.0, le=MAX_TIME_S, allow_inf_nan=False)]
WebhookUrl = Annotated[str, Field(max_length=2000, pattern=URL_PATTERN)]


class JobOptions(BaseModel):
    """How a video is analyzed, and what is stored of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_s: StartTime | None = Field(
        default=None, description="Start of the analyzed region.", examples=[12.5]
    )
    end_s: EndTime | None = Field(
        default=None, description="End of the analyzed region.", examples=[30.0]
    )
    webhook_url: WebhookUrl | None = Field(
        default=None,
        description="Receives a signed POST request when the job ends.",
        examples=["https://example.org/unmask"],
    )
    retention: Retention = Field(
        default="keep",
        description="`keep`: store upload and result until they expire. `delete_upload`: delete "
        "the upload when the job ends. `zero`: also make no images, and delete the result after a "
        "few minutes.",
        examples=["delete_upload"],
    )

    operator: Label | None = Field(
        default=None,
        description="Who asks for the analysis; stated in the report.",
        examples=["A. Examiner"],
    )
    case_number: Label | None = Field(
        default=None,
        description="Case that the analysis belongs to; stated in the report.",
        examples=["2026/117"],
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise ValueError("end_s must be greater than start_s")
        return self


@dataclass(frozen=True, slots=True)
class Submission:
    """A tenant's request to analyze one or more videos.

    Attributes:
        idempotency_key: A repeated submission with the same key returns the existing job.
        batch: Shared by the jobs of one batch request.
        actor: Who asks, for the audit log.
    """

    tenant: str
    options: JobOptions
    idempotency_key: str | None = None
    batch: str | None = None
    actor: str = LOCAL


def batch_id_of(tenant: str, idempotency_key: str) -> str:
    """Return the id of the batch that a tenant sends with a key; the same each time."""
    return hashlib.sha256(f"{tenant}\n{idempotency_key}".encode()).hexdigest()[:32]


def batch_item_key(idempotency_key: str, position: int) -> str:
    """Return the key of one file of a batch; a client's own keys contain no space."""
    return f"batch {position} {idempotency_key}"


def client_key(idempotency_key: str) -> str:
    """Return the key that the client sent, for a key of a file of a batch as well."""
    return idempotency_key.rpartition(" ")[2]
