"""Analysis of one source: its row, whatever happens."""

import logging
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Self

from unmask.errors import ArchiveError, MediaError, UnmaskError, describe_problem
from unmask.files import file_sha256
from unmask.serving.analyzer import Analyzer
from unmask.serving.bulk.remote_files import RemoteFileError, RemoteFiles
from unmask.serving.bulk.report_columns import report_columns
from unmask.serving.bulk.row import ErrorKind, Row
from unmask.serving.bulk.source import Source
from unmask.serving.bulk.staging import FileTooLargeError, Staging
from unmask.serving.bulk.worker_settings import WorkerSettings
from unmask.serving.file_limits import MIB

KINDS: dict[type[Exception], ErrorKind] = {
    MediaError: "media",
    ArchiveError: "archive",
    FileTooLargeError: "limit",
    RemoteFileError: "unavailable",
    OSError: "unavailable",
}

log = logging.getLogger(__name__)


class SourceAnalyzer:
    """Analyzes sources one after another with a detector that is loaded once."""

    def __init__(self, analyzer: Analyzer, settings: WorkerSettings) -> None:
        self._analyzer, self._detector = analyzer, settings.detector
        remote = RemoteFiles(settings.allowed_hosts)
        self._staging = Staging(remote, settings.max_file_mib * MIB)

    @classmethod
    def load(cls, settings: WorkerSettings) -> Self:
        """Load the detector.

        Raises:
            UnmaskError: As for :meth:`Analyzer.load`, or the detector is another.
        """
        analyzer = Analyzer.load(settings.bundle)
        if analyzer.bundle.sha256 != settings.detector:
            raise UnmaskError(
                f"{settings.bundle}: is another detector than the one that the analysis started "
                "with; start it again"
            )
        return cls(analyzer, settings)

    def analyze(self, source: Source) -> Row:
        """Return the row of a source; nothing is raised, a bug neither."""
        start = perf_counter()
        row = Row(source.path, self._detector, None, source.size_bytes, source.version)
        try:
            with self._staging.local_path(source) as path:
                row = replace(row, **self._analyze(path, source.path))
        except Exception as error:
            if not isinstance(error, tuple(KINDS)):
                log.exception("%s", source.path)
            row = replace(row, error=_kind(error), message=_message(source.path, error))
        return replace(row, seconds=round(perf_counter() - start, 3))

    def _analyze(self, path: Path, shown_as: str) -> dict[str, Any]:
        """Return the columns of a report; those of an unreadable file with its hash."""
        try:
            return report_columns(self._analyzer.analyze(path, shown_as))
        except MediaError as error:
            size_bytes = path.stat().st_size
            failed = {"error": "media", "message": str(error), "size_bytes": size_bytes}
            return {**failed, "sha256": file_sha256(path)}


def _kind(error: Exception) -> ErrorKind:
    return next((kind for type_, kind in KINDS.items() if isinstance(error, type_)), "internal")


def _message(path: str, error: Exception) -> str:
    """Return the error on one line, with the path in front."""
    if isinstance(error, OSError):
        reason = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be read"
        return f"{path}: {reason} ({error.strerror or error}); check the file and its permissions"
    return " ".join(describe_problem(path, error).split())
