"""Static files of the page at `/app`, and its content security policy."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse

from bento.api.dependencies import ContextDep
from bento.api.error_response import RequestRejected
from bento.api.route_paths import FRONTEND_PATH
from bento.paths import FRONTEND_DIR

INDEX = "index.html"

router = APIRouter(prefix=FRONTEND_PATH, include_in_schema=False)


@router.get("")
async def page(context: ContextDep) -> RedirectResponse:
    """Redirect to the page, whose addresses are relative to its folder."""
    return RedirectResponse(f"{context.services.settings.root_path}{FRONTEND_PATH}/")


@router.get("/{name:path}")
def serve_asset(context: ContextDep, name: str) -> FileResponse:
    """Serve a file of ``bento/frontend``; only names found by listing it are accepted."""
    path = _list_files(FRONTEND_DIR).get(name or INDEX)
    if path is None:
        raise RequestRejected("not_found", "page not found; the page starts at /app")
    policy = content_security_policy(context.services.store.origin)
    return FileResponse(path, headers={"Content-Security-Policy": policy})


@cache
def _list_files(folder: Path) -> dict[str, Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


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
