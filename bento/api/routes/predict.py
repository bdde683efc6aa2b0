"""Synchronous analysis: `POST /predict`."""

import re
import tempfile
from pathlib import Path
from typing import Annotated, cast

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, File, Request, UploadFile

from bento.api.dependencies import AnalyzerProtocol, CallerDep, ContextDep
from bento.api.error_response import RequestRejected
from bento.api.form_fields import reject_query_options
from bento.api.openapi import error_responses, report_response
from bento.api.route_paths import PREDICT_PATH
from bento.api.streaming_multipart import StreamingUploadRoute
from bento.api.thread_limit import ThreadLimit
from bento.db.audit_log import Action
from bento.uploads.submission import safe_filename
from bento.uploads.upload_file import UploadedFile
from unmask.serving.report.schema import Report

TOO_MANY_WAITING = (
    "too many of your synchronous requests are waiting; retry later or submit a job to "
    "/analyze-video"
)
MAX_WAITING = 20  # of one tenant
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
# the detector analyzes one file at a time; another tenant's is ready when the first one ends
_threads = ThreadLimit(2, per_tenant=1)

router = APIRouter(route_class=StreamingUploadRoute, tags=["analysis"])


@router.post(
    PREDICT_PATH,
    dependencies=[Depends(reject_query_options)],
    responses={**report_response(), **error_responses(413, 415, 422, 500, 507)},
    summary="Analyze and wait",
)
async def predict(
    request: Request,
    context: ContextDep,
    caller: CallerDep,
    file: Annotated[UploadFile, File(description="The video.")],
) -> Report:
    """Analyze one short video synchronously; the file is deleted with the response."""
    analyzer: AnalyzerProtocol = request.app.state.analyzer
    if _threads.waiting(caller.tenant) >= MAX_WAITING:
        raise RequestRejected("too_many_waiting", TOO_MANY_WAITING)
    name = safe_filename(file.filename or "")
    upload = cast("UploadedFile", file.file)
    report = await _threads.run(caller.tenant, _analyze, analyzer, upload, name)
    signed = context.services.report_signer.sign(report)
    await run_sync(context.record, caller, Action.PREDICT)
    return signed


def _analyze(analyzer: AnalyzerProtocol, upload: UploadedFile, name: str) -> Report:
    suffix = SUFFIX.fullmatch(Path(name).suffix)  # the only part of the client's name on disk
    with upload, tempfile.TemporaryDirectory(prefix="unmask-", dir=upload.path.parent) as directory:
        path = Path(directory) / f"upload{suffix.group() if suffix else ''}"
        upload.path.rename(path)
        return analyzer.analyze(path, shown_as=name)
