"""API documentation: the page at `/docs`, and the webhook in the OpenAPI document."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import FileResponse

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
webhooks = APIRouter()


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


@webhooks.post("job-ended", summary="Sent to `webhook_url`")
async def webhook_job_ended(
    body: JobEndedEvent,
    timestamp: Annotated[
        str,
        Header(
            alias="Unmask-Timestamp",
            description="Unix time in seconds; reject requests older than a few minutes.",
            examples=["1777888800"],
        ),
    ],
    signature: Annotated[
        str,
        Header(
            alias="Unmask-Signature",
            description="`v1=` and the hexadecimal HMAC-SHA256 of `<timestamp>.<body>` under the "
            "webhook secret that `python -m bento keys add` printed.",
            examples=["v1=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ],
    delivery: Annotated[
        str,
        Header(
            alias="Unmask-Delivery",
            description="The job id; the same in every attempt to deliver this webhook.",
            examples=[JOB_ID],
        ),
    ],
) -> None:
    """Respond with 2xx within 15 s; otherwise delivery is retried with exponential backoff."""
