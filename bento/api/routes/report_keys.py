"""Public keys of signed reports."""

from fastapi import APIRouter
from fastapi.responses import Response

from bento.api.dependencies import ContextDep
from bento.api.openapi import binary_response, error_responses
from bento.api.route_paths import REPORT_KEYS_PATH
from bento.security.report_keys import published_keys

PEM_TYPE = "application/x-pem-file"

router = APIRouter(tags=["results"])


@router.get(
    REPORT_KEYS_PATH,
    response_class=Response,
    responses={
        200: binary_response("Ed25519 public keys, one after another.", PEM_TYPE),
        **error_responses(),
    },
    summary="Get the keys of signed reports",
)
def get_report_keys(context: ContextDep) -> Response:
    """Return the public keys that sign, or signed, this service's reports; needs no API key."""
    content = published_keys(context.services.engine)
    return Response(content, media_type=PEM_TYPE)
