"""The routes: one upload in, one report out, and one line of JSON for what cannot be read."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, File, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as RoutingError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unmask import __version__
from unmask.errors import MediaError, UnmaskError
from unmask.serving.analyzer import Analyzer
from unmask.serving.report import Report

MAX_UPLOAD_MIB = int(os.environ.get("UNMASK_MAX_UPLOAD_MIB", "2048"))
WANTED = "send one video as multipart field `file`"
ERRORS = {
    413: "The upload is larger than this service takes.",
    415: "The request is not multipart/form-data.",
    422: "The upload is no video that can be read; `error` says why.",
}


class UploadLimit:
    """Refuse a body above ``max_mib`` while it arrives, before it fills the disk."""

    def __init__(self, app: ASGIApp, max_mib: int) -> None:
        self.app = app
        self.max_bytes = max_mib * 2**20
        self.words = f"the upload is larger than {max_mib} MiB; send a shorter or smaller video"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its bytes."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > self.max_bytes:
            return await _failure(413, self.words)(scope, receive, send)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise HTTPException(413, self.words)
            return message

        return await self.app(scope, counted, send)


# BentoML draws the page of all routes at `/`; FastAPI's own would load scripts from the internet
app = FastAPI(title="unmask", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
app.add_middleware(UploadLimit, max_mib=MAX_UPLOAD_MIB)
# one analysis keeps all cores busy; a second one may start, so that a long video does not
# hold up a short one
_turns = CapacityLimiter(2)


@app.post("/predict", responses={code: {"description": text} for code, text in ERRORS.items()})
async def predict(
    request: Request, file: Annotated[UploadFile, File(description="The video.")]
) -> Report:
    """Analyze one video of a talking person; the file is deleted when the answer is ready."""
    analyzer: Analyzer = request.app.state.analyzer
    name = Path(file.filename or "upload").name
    return await run_sync(_analyze, analyzer, file.file, name, limiter=_turns)


@app.get("/docs", include_in_schema=False)
async def docs() -> RedirectResponse:
    """Lead to the page that BentoML draws."""
    return RedirectResponse("/")


def _analyze(analyzer: Analyzer, upload: BinaryIO, name: str) -> Report:
    # of the name the sender chose, only a harmless suffix reaches the disk
    suffix = re.fullmatch(r"\.[A-Za-z0-9]{1,8}", Path(name).suffix)
    with tempfile.TemporaryDirectory(prefix="unmask-") as folder:
        path = Path(folder) / f"upload{suffix.group() if suffix else ''}"
        with path.open("wb") as copy:
            shutil.copyfileobj(upload, copy, 2**20)
        return analyzer.analyze(path, shown_as=name)


def _failure(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status_code=status)


@app.exception_handler(UnmaskError)
async def _ours(_: Request, error: UnmaskError) -> JSONResponse:
    return _failure(422 if isinstance(error, MediaError) else 500, str(error))


@app.exception_handler(RequestValidationError)
async def _no_file(request: Request, _: RequestValidationError) -> JSONResponse:
    multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
    return _failure(422 if multipart else 415, WANTED)


@app.exception_handler(RoutingError)
async def _refused(_: Request, error: RoutingError) -> JSONResponse:
    return _failure(error.status_code, str(error.detail))
