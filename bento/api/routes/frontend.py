"""Static files of the page at `/app`, and its content security policy."""

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from bento.api.dependencies import ContextDep
from bento.api.route_paths import FRONTEND_PATH
from bento.paths import FRONTEND_DIR

INDEX = "index.html"

router = APIRouter(prefix=FRONTEND_PATH, include_in_schema=False)


@router.get("")
@router.get("/{name:path}")
def serve_asset(context: ContextDep, name: str = INDEX) -> FileResponse:
    """Serve a file of ``bento/frontend``; only names found by listing it are accepted."""
    files = {
        path.relative_to(FRONTEND_DIR).as_posix(): path
        for path in FRONTEND_DIR.rglob("*")
        if path.is_file()
    }
    path = files.get(name or INDEX)
    if path is None:
        raise HTTPException(404, "page not found; the page starts at /app")
    policy = content_security_policy(context.services.store.origin)
    return FileResponse(path, headers={"Content-Security-Policy": policy})


def content_security_policy(store_origin: str = "") -> str:
    """Return the page's policy: own resources only, and media from the object store.

    Example:
        >>> content_security_policy().split("; ")[:2]
        ["default-src 'none'", "script-src 'self'"]
    """
    media = f"'self' blob: {store_origin}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            f"img-src {media}",
            f"media-src {media}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
