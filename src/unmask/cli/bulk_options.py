"""Options of `unmask analyze` for many videos."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.cluster_options import Address, Backend, BackendOption
from unmask.serving.file_limits import MAX_FILE_MIB, MAX_FILE_S

FAILED = 3  # exit code where a file ended as --fail-on names
INTERRUPTED = 130  # as shells have it for Ctrl-C


class FailOn(StrEnum):
    """Outcome of a file that the exit code tells."""

    FAKE = "fake"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """How many videos are analyzed, and what becomes of the results."""

    out: Annotated[
        Path | None,
        typer.Option(help="Table of results: .jsonl, .csv or .parquet; continued if it exists."),
    ] = None
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            help=f"Exit with {FAILED} if a file ends so; repeatable.", show_default="error"
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that each hold a detector; with Ray as many as the cluster holds.",
            show_default="1",
        ),
    ] = None
    backend: BackendOption = Backend.PROCESSES
    address: Address = None
    cpus_per_worker: Annotated[
        int, typer.Option(min=1, help="CPUs that a worker reserves in the Ray cluster.")
    ] = 1
    gpus_per_worker: Annotated[
        float, typer.Option(min=0.0, help="GPUs that it reserves, such as 0.25.")
    ] = 0.0
    timeout_s: Annotated[float, typer.Option(min=1.0, help="Time limit of one file.")] = MAX_FILE_S
    max_file_mib: Annotated[
        int, typer.Option(min=1, help="Limit of a file that is downloaded or unpacked.")
    ] = MAX_FILE_MIB
    allow_host: Annotated[
        list[str] | None,
        typer.Option(envvar="UNMASK_ALLOWED_HOSTS", help="Host of https:// URLs; repeatable."),
    ] = None
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Analyze files with an error of --out again.")
    ] = False

    @property
    def policy(self) -> set[str]:
        """Outcomes that fail the command."""
        chosen = self.fail_on or [FailOn.ERROR]
        return {str(outcome) for outcome in chosen if outcome is not FailOn.NONE}
