"""How well forged segments of one split are found: rows by modality, length, source and kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from unmask.evaluation.intervals import Estimate
from unmask.evaluation.slices import PartOfClips

METRICS = ("ap50", "ap75", "ap90", "ap95", "ar50", "ar20", "ar10", "ar5", "second_auc")
HEADINGS = ("segments", "forged", *METRICS, "flagged per hour of genuine clips")
LENGTH_HEADINGS = ("length", "clips", "fakes", "clip AUC", "flagged per hour of genuine clips")
PART_HEADINGS = ("clips", *HEADINGS[1:])
MODALITIES = ("video", "audio")  # of labelled segments
EITHER = "either"
GATED_LENGTH = "30 to 45 s"  # of spliced sequences those of 34 s, of which 1.6 s are forged

Footage = Literal["partial", "spliced"]


@dataclass(frozen=True, slots=True)
class LocalisationRow:
    """Metrics of the segments of one modality.

    Attributes:
        modality: ``video``, ``audio`` or ``either``.
        segments: Which are measured: those that are ``flagged``, or all that are ``proposed``.
        clips, truths, people: Clips, forged segments and people measured on. Fakes of which it is
            unknown what is forged are in no row.
        metrics: See :func:`unmask.evaluation.localisation.measure_localisation`.
    """

    modality: str
    segments: str
    clips: int
    truths: int
    people: int
    metrics: dict[str, Estimate]

    def list_cells(self) -> tuple[str, ...]:
        """Return the row as text, see ``HEADINGS``."""
        estimates = [self.metrics.get(name) for name in (*METRICS, "flagged_per_hour")]
        numbers = ["-" if value is None else value.format() for value in estimates]
        return f"{self.modality}, {self.segments}", str(self.truths), *numbers


@dataclass(frozen=True, slots=True)
class LengthRow:
    """Scores of clips of one range of lengths.

    Attributes:
        name: Range of the forged stretch, or of the clip.
        clips, fakes: Number of clips, and of fakes among them.
        auc: AUC of the clip's score against genuine clips of these recordings.
        flagged_per_hour: Flagged segments of any modality per hour of the genuine clips.
    """

    name: str
    clips: int
    fakes: int
    auc: Estimate | None
    flagged_per_hour: float | None

    def list_cells(self) -> tuple[str, ...]:
        """Return the row as text, see ``LENGTH_HEADINGS``."""
        rate = "-" if self.flagged_per_hour is None else f"{self.flagged_per_hour:.1f}"
        auc = "-" if self.auc is None else self.auc.format()
        return self.name, str(self.clips), str(self.fakes), auc, rate


@dataclass(frozen=True, slots=True)
class LocalisationPart(PartOfClips):
    """The proposed segments of either modality in the clips of one source or kind.

    Attributes:
        row: ``None`` where nothing is measured.
    """

    row: LocalisationRow | None = None

    def list_cells(self) -> tuple[str, ...]:
        """Return the row as text, see ``PART_HEADINGS``."""
        if self.row is None:
            return self.heading, *("-" for _ in METRICS), "-", f"not measured: {self.not_measured}"
        return self.heading, *self.row.list_cells()[1:]


@dataclass(frozen=True, slots=True)
class LocalisationReport:
    """Localisation by one bundle on one split.

    Attributes:
        rows: By modality and kind of segments; none where nothing could be measured.
        by_forged_length, by_clip_length: Clip scores by length.
        footage: ``partial``: the split's own clips. ``spliced``: sequences of them, each with a
            stretch of a fake, as the split has no partly forged clip.
        not_measured: Why nothing was measured; empty if something was.
        promised_per_hour: Flagged segments of each modality that the detector promises per hour of
            genuine footage, at most; 0 for no promise.
        parts: By source and kind of manipulation; empty in files of before version 0.3.
    """

    split: str
    rows: tuple[LocalisationRow, ...] = ()
    by_forged_length: tuple[LengthRow, ...] = ()
    by_clip_length: tuple[LengthRow, ...] = ()
    footage: Footage = "partial"
    not_measured: str = ""
    promised_per_hour: float = 0.0
    parts: tuple[LocalisationPart, ...] = ()

    def get_metric(self, modality: str, segments: str, metric: str) -> Estimate | None:
        """Return one metric; ``None`` where it was not measured."""
        for row in self.rows:
            if (row.modality, row.segments) == (modality, segments):
                return row.metrics.get(metric)
        return None

    @property
    def partial_auc(self) -> Estimate | None:
        """AUC of partly forged clips of 30 to 45 s."""
        return next((row.auc for row in self.by_clip_length if row.name == GATED_LENGTH), None)

    @property
    def flagged_ratio(self) -> Estimate | None:
        """Flagged segments per hour of genuine clips, divided by the promise; the worse modality.

        ``None`` where it was not measured, or nothing is promised.
        """
        rates = [self.get_metric(name, "flagged", "flagged_per_hour") for name in MODALITIES]
        measured = [rate for rate in rates if rate is not None]
        if not measured or not self.promised_per_hour:
            return None
        worst = max(measured, key=lambda rate: rate.value)
        return worst.scaled(1 / self.promised_per_hour)

    def describe(self) -> str:
        """Return in a sentence what the rows were measured on."""
        if self.not_measured:
            return f"Not measured: {self.not_measured}."
        if self.footage == "spliced":
            return (
                "The test clips are forged from start to end. So sequences of them were measured, "
                "each of one person, with a stretch of a fake in place of its genuine twin."
            )
        return "Measured on the test clips, with the forged segments of the manifest."

    def to_metrics(self) -> dict[str, float]:
        """Return all numbers under flat keys, for a tracking server.

        Keys: ``localisation_<modality>_<segments>_<metric>`` and ``localisation_partial_auc``,
        with ``_low`` and ``_high``.
        """
        values: dict[str, float] = {}
        for name, estimate in self._estimates():
            values |= estimate.to_metrics(f"localisation_{name}")
        return values

    def _estimates(self) -> Iterator[tuple[str, Estimate]]:
        for row in self.rows:
            for name, estimate in row.metrics.items():
                yield f"{row.modality}_{row.segments}_{name}", estimate
        if (auc := self.partial_auc) is not None:
            yield "partial_auc", auc
