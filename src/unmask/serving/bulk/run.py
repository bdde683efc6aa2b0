"""Run of a bulk analysis: list, leave out what is finished, analyze, and keep every row."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

from unmask.errors import DataError
from unmask.serving.bulk.backlog import Backlog
from unmask.serving.bulk.finished import FinishedIndex, path_key
from unmask.serving.bulk.listing import iter_sources
from unmask.serving.bulk.remote_files import RemoteFiles
from unmask.serving.bulk.result_table import ResultTable, open_table
from unmask.serving.bulk.row import Row
from unmask.serving.bulk.source import Opened, Problem, Source
from unmask.serving.bulk.summary import Summary
from unmask.serving.bulk.worker_pool import Dispatcher, WorkerPool
from unmask.serving.bulk.worker_settings import WorkerSettings
from unmask.serving.file_limits import MAX_FILE_S

StartPool = Callable[[WorkerSettings, int], WorkerPool]


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """What to analyze, and how.

    Attributes:
        inputs: Files, folders, patterns, lists, archives and URLs.
        out: Table of results; ``None`` keeps none.
        workers: Largest number of workers; there are never more than files.
        timeout_s: Time limit of one file.
        retry_errors: Whether to analyze files with an error of an earlier run again.
    """

    inputs: tuple[str, ...]
    out: Path | None = None
    workers: int = 1
    timeout_s: float = MAX_FILE_S
    retry_errors: bool = False


class BulkAnalysis:
    """An analysis of many files that continues what an earlier run with the same table left.

    Use as a context manager; the table is complete once the block ends, also by an interrupt.

    Args:
        start_pool: Makes the pool of workers, called only where there is work.

    Attributes:
        summary: Counts so far.

    Raises:
        UnmaskError: On entering; the inputs cannot be listed, contain nothing, or the table
            cannot be opened.
    """

    def __init__(
        self, settings: BulkSettings, worker: WorkerSettings, start_pool: StartPool
    ) -> None:
        self._settings, self._worker, self._start_pool = settings, worker, start_pool
        self.summary = Summary()
        self._table: ResultTable | None = None
        self._has_repeats = False
        self._obsolete: set[int] = set()
        self._sources = 0

    def __enter__(self) -> Self:
        """List the inputs and leave out what is finished."""
        with ExitStack() as stack:
            self._backlog = Backlog(stack.enter_context(TemporaryFile(prefix="unmask-")))
            if self._settings.out is not None:
                self._table = open_table(self._settings.out)
                stack.callback(self._table.release)
            self._list()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Complete the table, unless an error prevents it; the next run continues either way."""
        with self._stack:
            if self._table is not None and (kind is None or issubclass(kind, KeyboardInterrupt)):
                self._table.complete(self._has_repeats, self._obsolete)

    def __len__(self) -> int:
        """Return how many rows :meth:`run` yields."""
        return len(self._backlog)

    def run(self) -> Generator[Row, None, None]:
        """Yield the row of each file that is not finished, once it is in the table.

        Raises:
            UnmaskError: The detector cannot be loaded, or the table cannot be written.
        """
        for row in self._iter_rows():
            if self._table is not None:
                self._table.append(row)
            self.summary.add(row)
            yield row

    def _list(self) -> None:
        detector, remote = self._worker.detector, RemoteFiles(self._worker.allowed_hosts)
        rows = iter(()) if self._table is None else self._table.rows()
        finished = FinishedIndex(rows, detector, self._settings.retry_errors)
        self._has_repeats = finished.has_repeats
        seen: set[int] = set()
        problems: list[str] = []
        for item in iter_sources(self._settings.inputs, remote):
            if isinstance(item, Opened):
                self._obsolete |= {path_key(item.path)} if item.path in finished else set()
                continue
            if (key := path_key(item.path)) in seen:
                continue
            seen.add(key)
            if isinstance(item, Problem):
                problems = [*problems[:1], item.message]
            if (outcome := finished.outcome(item)) is not None:
                self.summary.earlier[outcome] += 1
                continue
            self._has_repeats |= item.path in finished
            self._sources += isinstance(item, Source)
            self._backlog.append(item)
        if not self._sources and not self.summary.earlier.total():
            more = f" (and {len(self._backlog) - 1} more)" if len(self._backlog) > 1 else ""
            raise DataError((problems[0] if problems else "nothing to analyze") + more)

    def _iter_rows(self) -> Iterator[Row]:
        detector = self._worker.detector
        for item in self._backlog:
            if isinstance(item, Problem):
                yield Row(item.path, detector, error=item.error, message=item.message)
        if not self._sources:
            return
        workers = min(self._settings.workers, self._sources)
        sources = (item for item in self._backlog if isinstance(item, Source))
        with closing(self._start_pool(self._worker, workers)) as pool:
            dispatcher = Dispatcher(pool, detector, self._settings.timeout_s)
            yield from dispatcher.run(sources)
