"""Analysis of many videos: `unmask analyze` with a folder, a list, or more than one file."""

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType

import typer
from rich.console import Console
from rich.text import Text

from unmask import messages
from unmask.cli.bulk_options import FAILED, INTERRUPTED, BulkOptions
from unmask.cli.cluster_options import WITHOUT_CLUSTER, Backend
from unmask.cli.verdict_colours import COLOURS
from unmask.errors import ConfigError
from unmask.optional_deps import require
from unmask.progress_bar import track
from unmask.serving.bulk.process_pool import ProcessPool
from unmask.serving.bulk.row import Row
from unmask.serving.bulk.run import BulkAnalysis, BulkSettings, StartPool
from unmask.serving.bulk.worker_settings import WorkerSettings, identify_detector


def analyze_many(videos: list[str], bundle: Path | None, options: BulkOptions, quiet: bool) -> None:
    """Analyze the videos and exit as the policy says.

    Raises:
        UnmaskError: The inputs, the detector or the table cannot be used.
        Exit: A file ended as ``--fail-on`` names, or the analysis was interrupted.
    """
    folder, detector = identify_detector(bundle)
    hosts = tuple(options.allow_host or ())
    worker = WorkerSettings(folder, detector, hosts, options.max_file_mib)
    start_pool, workers = _choose_pool(options)
    settings = BulkSettings(
        tuple(videos), options.out, workers, options.timeout_s, options.retry_errors
    )
    start_s, is_interrupted = monotonic(), False
    analysis = BulkAnalysis(settings, worker, start_pool)
    try:
        with _interrupt_on_terminate(), analysis:
            _print_rows(analysis, options.out, quiet)
    except KeyboardInterrupt:
        is_interrupted = True
    summary = analysis.summary
    if not quiet:
        line = summary.describe(monotonic() - start_s)
        messages.write(line if options.out is None else f"{line}; {options.out}")
    if is_interrupted:
        continued = "" if options.out is None else "; the same command continues"
        messages.write_error(f"unmask: interrupted{continued}")
        raise typer.Exit(INTERRUPTED)
    if summary.fails(options.policy):
        raise typer.Exit(FAILED)


def _choose_pool(options: BulkOptions) -> tuple[StartPool, int]:
    """Return what starts the workers, and the largest number of them."""
    if options.backend is Backend.PROCESSES:
        if options.address is not None:
            raise ConfigError(WITHOUT_CLUSTER)
        return ProcessPool, options.workers or 1
    from unmask.serving.bulk.ray_pool import RayOptions, RayPool

    require("ray", extra="cluster")
    cluster = RayOptions(
        address=options.address,
        fills_cluster=options.workers is None,
        cpus=options.cpus_per_worker,
        gpus=options.gpus_per_worker,
    )
    return partial(RayPool, options=cluster), options.workers or sys.maxsize


def _print_rows(analysis: BulkAnalysis, out: Path | None, quiet: bool) -> None:
    """Print the rows; with a table, print the progress instead."""
    with closing(analysis.run()) as rows:
        if out is None:
            console = Console(highlight=False, soft_wrap=True)
            for row in rows:
                console.print(_describe(row))
        else:
            for _ in rows if quiet else track(rows, "analyze", len(analysis)):
                pass


def _describe(row: Row) -> Text:
    path = _one_line(row.path)
    if row.verdict is None:
        message = _one_line(row.message or "")
        return Text.assemble((f"{'ERROR':14}", "bold magenta"), f"{'':6}", message)
    score = "" if row.fake_probability is None else f"{row.fake_probability:.2f}"
    return Text.assemble((f"{row.verdict.upper():14}", COLOURS[row.verdict]), f"{score:6}", path)


def _one_line(text: str) -> str:
    """Escape what would break the line, such as a line feed in a name."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


@contextmanager
def _interrupt_on_terminate() -> Iterator[None]:
    """Let SIGTERM end the analysis like Ctrl-C, with a complete table."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
