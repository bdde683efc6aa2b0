"""The page at `/app`: files of ``bento/frontend``, and what its browser may load."""

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from bento.api.dependencies import ContextDep
from bento.paths import FRONTEND_DIR

FIRST = "index.html"

router = APIRouter(prefix="/app", include_in_schema=False)


@router.get("")
@router.get("/{name:path}")
def serve_asset(desk: ContextDep, name: str = FIRST) -> FileResponse:
    """A file of the page, by the names that are there."""
    files = {
        path.relative_to(FRONTEND_DIR).as_posix(): path
        for path in FRONTEND_DIR.rglob("*")
        if path.is_file()
    }
    found = files.get(name or FIRST)
    if found is None:
        raise HTTPException(404, "there is no such page")
    headers = {"Content-Security-Policy": content_security_policy(desk.parts.store.origin)}
    return FileResponse(found, headers=headers)


def content_security_policy(store: str = "") -> str:
    """What the page may do: load from this service alone, and pictures from the store.

    Example:
        >>> policy().split("; ")[:2]
        ["default-src 'none'", "script-src 'self'"]
    """
    media = f"'self' blob: {store}".strip()
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
