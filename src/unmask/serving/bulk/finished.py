"""Index of finished files: which need no further analysis, and how they ended."""

from collections.abc import Iterable
from hashlib import blake2b

from unmask.serving.bulk.row import RETRIED, Row
from unmask.serving.bulk.source import Problem, Source

OUTCOMES = ("fake", "real", "inconclusive", "error")


def path_key(path: str) -> int:
    """Return 64 bits that identify a path; 36 bytes of memory in place of its text."""
    return int.from_bytes(blake2b(path.encode(), digest_size=8).digest())


def outcome_of(row: Row) -> str:
    """Return one of ``OUTCOMES``."""
    return row.verdict or "error"


class FinishedIndex:
    """What the rows of a table say of each path.

    Args:
        detector: SHA-256 of the detector at work; files that another has analyzed are not
            finished.
        retry_errors: Whether to analyze every file with an error again, and not only those of
            ``RETRIED``.

    Attributes:
        has_repeats: Whether several rows have one path.
    """

    def __init__(self, rows: Iterable[Row], detector: str, retry_errors: bool = False) -> None:
        self._detector = detector
        self._entries: dict[int, int] = {}
        self.has_repeats = False
        for row in rows:
            key = path_key(row.path)
            self.has_repeats |= key in self._entries
            is_again = row.error is not None and (retry_errors or row.error in RETRIED)
            self._entries[key] = _pack(_fingerprint(row.version, row.detector), row, is_again)

    def __contains__(self, path: str) -> bool:
        """Return whether the table has a row of this path."""
        return path_key(path) in self._entries

    def outcome(self, item: Source | Problem) -> str | None:
        """Return how the analysis of an unchanged file ended; ``None`` where it is to be done."""
        packed = self._entries.get(path_key(item.path))
        if packed is None:
            return None
        version = item.version if isinstance(item, Source) else None
        is_again = packed >> 2 & 1 and isinstance(item, Source)
        if packed >> 3 != _fingerprint(version, self._detector) or is_again:
            return None
        return OUTCOMES[packed & 3]


def _fingerprint(version: str | None, detector: str) -> int:
    text = f"{version}\n{detector}".encode()
    return int.from_bytes(blake2b(text, digest_size=7).digest())


def _pack(fingerprint: int, row: Row, is_again: bool) -> int:
    return fingerprint << 3 | is_again << 2 | OUTCOMES.index(outcome_of(row))
