"""A Model Context Protocol server: assistants analyze videos through a running service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from unmask import __version__
from unmask.client.client import Client
from unmask.client.errors import WaitTimeoutError
from unmask.client.models import Job
from unmask.errors import UnmaskError
from unmask.optional_deps import require

MAX_WAIT_S = 600.0
INSTRUCTIONS = (
    "Analyzes videos of talking people for signs of deepfakes. Call `analyze` with a file, then "
    "`status` until it has ended, then `report`. A score measures the similarity to known "
    "forgeries. It is no judgement on a person, and `inconclusive` means that none can be given. "
    "Pass on the notes of a report with its verdict."
)
T = TypeVar("T")


class JobStatus(BaseModel):
    """State of a job.

    Attributes:
        percent: Progress, 0 to 100.
        error: Why the job failed.
    """

    job_id: str
    file: str
    status: str
    stage: str | None
    percent: float
    verdict: str | None
    error: str | None


class ReportSummary(BaseModel):
    """What an assistant needs of a report.

    Attributes:
        fake_probability: Calibrated, higher is more fake; null where nothing was scored.
        reasons: Why the verdict is ``inconclusive``.
        segments: Stretches of time that stand out, with their score.
        notes: Caveats on the verdict.
    """

    file: str
    sha256: str
    duration_s: float
    verdict: str
    fake_probability: float | None
    reasons: list[str]
    people: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    notes: list[str]
    detector_sha256: str


def create_server(client: Client, folder: Path) -> Any:
    """Create the server, an ``mcp.server.mcpserver.MCPServer``.

    Args:
        client: Connected to the service.
        folder: Only files below it may be analyzed: what an assistant is told in a video or a page
            must not make it send other files of this machine.

    Raises:
        MissingExtraError: The package ``mcp`` is not installed.
    """
    require("mcp", extra="mcp")
    from mcp.server.mcpserver import MCPServer
    from mcp.types import ToolAnnotations

    server = MCPServer("unmask", version=__version__, instructions=INSTRUCTIONS)
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @server.tool(annotations=ToolAnnotations(destructive_hint=False, open_world_hint=False))
    def analyze(path: str, wait_s: float = 0.0) -> JobStatus:
        """Submit a video file to the detector and return the state of its job.

        Args:
            path: The file, absolute or relative to the server's folder.
            wait_s: How long to wait for the end of the job, 600 at most.
        """
        return _told(_submit, client, _below(folder, path), wait_s)

    @server.tool(annotations=reads)
    def status(job_id: str) -> JobStatus:
        """Return the state of a job: queued, running, done, failed or cancelled."""
        return _told(lambda: _to_status(client.job(job_id)))

    @server.tool(annotations=reads)
    def report(job_id: str) -> ReportSummary:
        """Return verdict, score, reasons, flagged segments and caveats of a job that is done."""
        return _told(_summarise, client, job_id)

    return server


def _told(function: Callable[..., T], *arguments: Any) -> T:
    """Call ``function``; its errors become answers that the assistant reads."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        return function(*arguments)
    except (UnmaskError, OSError) as error:
        raise ToolError(str(error)) from error


def _below(folder: Path, path: str) -> Path:
    root = folder.resolve()
    file = (root / path).resolve()  # follows links, which may lead out
    if not file.is_relative_to(root):
        raise _outside(path, root)
    return file


def _outside(path: str, root: Path) -> Exception:
    from mcp.server.mcpserver.exceptions import ToolError

    return ToolError(f"{path}: lies outside {root}; start `unmask mcp --folder` with its folder")


def _submit(client: Client, file: Path, wait_s: float) -> JobStatus:
    job_id = client.submit(file).job_id
    if wait_s > 0:
        try:
            return _to_status(client.wait(job_id, timeout_s=min(wait_s, MAX_WAIT_S)))
        except WaitTimeoutError:
            pass  # the job goes on
    return _to_status(client.job(job_id))


def _to_status(job: Job) -> JobStatus:
    return JobStatus.model_validate(job, from_attributes=True)


def _summarise(client: Client, job_id: str) -> ReportSummary:
    report = client.report(job_id)
    return ReportSummary(
        file=report.media.file,
        sha256=report.media.sha256,
        duration_s=report.media.duration_s,
        verdict=report.verdict,
        fake_probability=report.fake_probability,
        reasons=list(report.reason_messages),
        people=[
            {"id": person.id, "fake_probability": person.fake_probability}
            for person in report.people
        ],
        segments=[segment.model_dump(mode="json") for segment in report.segments],
        notes=list(report.notes),
        detector_sha256=report.model.sha256,
    )
