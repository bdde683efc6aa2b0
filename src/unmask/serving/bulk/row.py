"""Rows of a bulk analysis: the result, or the error, of one file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from unmask.records import Verdict

ErrorKind = Literal["unavailable", "media", "archive", "limit", "crash", "timeout", "internal"]
# the next run tries these again, as the cause may be gone
RETRIED: frozenset[str] = frozenset({"unavailable"})


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one file; the scores are null where there is an error, or nothing to score.

    Attributes:
        path: Path or URL as given, that of a file in an archive as ``archive.zip!/inner.mp4``.
            Bytes that are not UTF-8 are escaped.
        sha256: Of the content; null where it could not be read.
        size_bytes: Null where it is unknown.
        version: Time of the last change, or what the source states in its place; tells whether
            the file has changed since.
        detector: SHA-256 of the detector's ``bundle.json``.
        duration_s: Length of the video.
        reasons: Codes why the verdict is inconclusive, the most important first.
        error: Kind of the error; null with a verdict.
        message: What is wrong, and the remedy.
        seconds: Time that fetching and analyzing took.
    """

    path: str
    detector: str
    sha256: str | None = None
    size_bytes: int | None = None
    version: str | None = None
    duration_s: float | None = None
    verdict: Verdict | None = None
    fake_probability: float | None = None
    video_probability: float | None = None
    audio_probability: float | None = None
    lip_sync_probability: float | None = None
    reasons: tuple[str, ...] = ()
    error: ErrorKind | None = None
    message: str | None = None
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the columns in their order, ``reasons`` as a list."""
        return {**asdict(self), "reasons": list(self.reasons)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read the columns back; those of a newer version are left out.

        Raises:
            TypeError: ``path`` or ``detector`` is missing.
        """
        kept = {name: values[name] for name in COLUMNS if name in values}
        reasons: Sequence[str] = kept.get("reasons") or ()
        return cls(**{**kept, "reasons": tuple(reasons)})


COLUMNS = tuple(field.name for field in fields(Row))
