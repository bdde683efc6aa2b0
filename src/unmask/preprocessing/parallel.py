"""Parallel execution in worker processes, with a progress bar."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from unmask.optional_deps import require
from unmask.progress_bar import track

T = TypeVar("T")


def run_parallel(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], jobs: int, description: str
) -> Iterator[T]:
    """Call ``function`` with each tuple of arguments, and yield the results as they arrive.

    Function, arguments and results must be picklable. A progress bar is shown on a terminal.

    Args:
        jobs: Number of worker processes; 1 runs in this process.
        description: Label of the progress bar.
    """
    if not calls:
        return
    joblib = require("joblib", extra="media")
    pool = joblib.Parallel(n_jobs=max(min(jobs, len(calls)), 1), return_as="generator_unordered")
    results = pool(joblib.delayed(function)(*arguments) for arguments in calls)
    yield from track(results, description, len(calls))
