"""The JSON form of every error: ``{"error": message}``."""

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

RETRY_AFTER_S = 5
PATH_NOT_FOUND = "path not found; /docs lists all routes"
RETRY_STATUSES = (429, 503, 507)  # the same request may succeed later


class RequestRejected(HTTPException):
    """A request that middleware rejects before it reaches a route."""

    def to_response(self) -> JSONResponse:
        """Convert the rejection to its response."""
        return error_response(self.status_code, self.detail, dict(self.headers or {}))


def error_response(
    status: int, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Build an error response; one that invites a retry says when, unless ``headers`` do."""
    if status in RETRY_STATUSES:
        headers = {"Retry-After": str(RETRY_AFTER_S), **(headers or {})}
    return JSONResponse({"error": message}, status_code=status, headers=headers)
