"""API documentation: the page at `/docs`, and the webhook in the OpenAPI document."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from bento.api.examples import JOB_ID
from bento.paths import FRONTEND_DIR
from bento.webhooks.payload import JobEndedEvent

# Swagger UI uses inline styles, and data URLs for its icons
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)

SWAGGER_UI_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")

router = APIRouter(include_in_schema=False)
webhooks = APIRouter(tags=["webhooks"])


@router.get("/docs")
async def api_docs() -> FileResponse:
    """Serve Swagger UI; unlike BentoML's page, it loads nothing from other hosts."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return FileResponse(FRONTEND_DIR / "docs.html", headers=headers)


@router.get("/docs/{name}")
async def swagger_ui(name: str) -> FileResponse:
    """Serve a file of Swagger UI, which BentoML brings along."""
    bentoml = find_spec("bentoml")
    if name not in SWAGGER_UI_FILES or bentoml is None or bentoml.origin is None:
        raise HTTPException(404)
    return FileResponse(Path(bentoml.origin).parent / "_internal/server/static_content" / name)


class WebhookHeaders(BaseModel):
    """Headers of a webhook: those of Standard Webhooks, and ours of before them."""

    id: str = Field(
        alias="webhook-id",
        description="The job id; the same in every attempt to deliver this webhook.",
        examples=[JOB_ID],
    )
    timestamp: str = Field(
        alias="webhook-timestamp",
        description="Unix time in seconds; reject requests older than a few minutes.",
        examples=["1777888800"],
    )
    signature: str = Field(
        alias="webhook-signature",
        description="`v1,` and the base64 HMAC-SHA256 of "
        "`<webhook-id>.<webhook-timestamp>.<body>` under the webhook secret that "
        "`python -m bento keys add` printed; see https://www.standardwebhooks.com.",
        examples=["v1,n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="],
    )
    unmask_delivery: str = Field(
        alias="Unmask-Delivery", description="The same as `webhook-id`.", examples=[JOB_ID]
    )
    unmask_timestamp: str = Field(
        alias="Unmask-Timestamp",
        description="The same as `webhook-timestamp`.",
        examples=["1777888800"],
    )
    unmask_signature: str = Field(
        alias="Unmask-Signature",
        description="`v1=` and the hexadecimal HMAC-SHA256 of `<timestamp>.<body>` under the "
        "webhook secret without its prefix.",
        examples=["v1=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


@webhooks.post("job-ended", operation_id="job_ended", summary="Sent to `webhook_url`")
async def job_ended(body: JobEndedEvent, headers: Annotated[WebhookHeaders, Header()]) -> None:
    """Respond with 2xx within 15 s; otherwise delivery is retried with exponential backoff."""
