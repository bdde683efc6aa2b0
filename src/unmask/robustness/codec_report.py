"""What is known of a detector on clips that were encoded again; read without a detector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.evaluation.bootstrap import draw_identity_counts, resampled_aucs
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.records import Clip

GATE_CELLS = ("h264:23", "h265:28")  # each codec's own default, meant to look alike

Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """A number with its interval by resampling identities; ``None`` where there is only one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class CodecRow:
    """All clips, encoded again in one way.

    Attributes:
        cell: Such as ``h264:23``; see :func:`unmask.config.codec_conditions.cell_of`.
        drop: AUC of the original files minus ``auc``, on the same resamples.
        psnr_db: Likeness to the original picture, mean over the clips; ``None`` where the
            picture was left alone.
        lost: Clips that could no longer be scored; they are left out of every row.
    """

    cell: str
    auc: Span
    drop: Span
    psnr_db: float | None
    lost: int


@dataclass(frozen=True, slots=True)
class CodecReport:
    """One split under every cell.

    Attributes:
        clips: Scored in every cell.
        confidence: Of every interval.
        original: AUC of the files as they are; ``None`` where nothing was measured.
        codec_gap: AUC under H.264 minus AUC under H.265, at ``GATE_CELLS``; ``None`` where
            one of the two was not measured.
    """

    split: str
    clips: int
    confidence: float
    original: Span | None = None
    rows: tuple[CodecRow, ...] = ()
    codec_gap: Span | None = None

    @property
    def gap(self) -> float | None:
        """Size of the gap, whichever codec is the better; what the gate looks at."""
        return None if self.codec_gap is None else abs(self.codec_gap.value)

    def numbers(self) -> dict[str, float]:
        """AUC, drop and likeness of each cell under names such as ``codec_drop_h264_23``."""
        found: dict[str, float] = {}
        for row in self.rows:
            cell = row.cell.replace(":", "_")
            found |= _flat(f"codec_auc_{cell}", row.auc) | _flat(f"codec_drop_{cell}", row.drop)
            if row.psnr_db is not None:
                found[f"codec_psnr_{cell}"] = row.psnr_db
        if self.gap is not None:
            found["codec_gap"] = self.gap
        return found


def compare_conditions(
    clips: Sequence[Clip],
    scores: Mapping[str, Scores],
    likeness_db: Mapping[str, float | None],
    settings: EvaluationSettings,
    seed: int,
) -> CodecReport:
    """Measure every cell on the clips that were scored in all of them.

    Args:
        clips: Of one split.
        scores: Cell, or ``original``, to a score per clip, shape ``(clips,)``; higher is more
            fake, NaN where the clip could not be scored.
        likeness_db: Cell to its mean PSNR.
        seed: Of the resampling; all rows share their resamples.

    Raises:
        SingleClassError: The clips scored are all genuine, or all fake.
    """
    common = ~np.isnan(np.stack(list(scores.values()))).any(axis=0)
    kept = [clip for clip, good in zip(clips, common, strict=True) if good]
    is_fake = np.array([clip.is_fake for clip in kept], dtype=np.bool_)
    auc = {name: roc_auc(values[common], is_fake) for name, values in scores.items()}
    drawn = _drawn({name: values[common] for name, values in scores.items()}, is_fake, kept,
                   settings, seed)  # fmt: skip
    span = partial(_span, confidence=settings.confidence)
    first = drawn.get("original")
    rows = tuple(
        CodecRow(
            cell=cell,
            auc=span(auc[cell], drawn.get(cell)),
            drop=span(auc["original"] - auc[cell], _less(first, drawn.get(cell))),
            psnr_db=likeness_db.get(cell),
            lost=int((np.isnan(values) & ~np.isnan(scores["original"])).sum()),
        )
        for cell, values in scores.items()
        if cell != "original"
    )
    gap = None
    if set(GATE_CELLS) <= set(auc):
        one, other = GATE_CELLS
        gap = span(auc[one] - auc[other], _less(drawn.get(one), drawn.get(other)))
    return CodecReport(
        split=kept[0].split,
        clips=len(kept),
        confidence=settings.confidence,
        original=span(auc["original"], first),
        rows=rows,
        codec_gap=gap,
    )


def _drawn(
    scores: Mapping[str, Scores],
    is_fake: Labels,
    clips: Sequence[Clip],
    settings: EvaluationSettings,
    seed: int,
) -> dict[str, Draws]:
    """AUCs of the same resamples under each cell; none where all clips are of one person."""
    people = [clip.identity for clip in clips]
    if len(set(people)) < 2:
        return {}
    rng = np.random.default_rng(seed)
    copies = draw_identity_counts(is_fake, people, rng, settings.resamples)
    return {name: resampled_aucs(values, is_fake, copies) for name, values in scores.items()}


def _less(one: Draws | None, other: Draws | None) -> Draws | None:
    return None if one is None or other is None else one - other


def _span(value: float, draws: Draws | None, confidence: float) -> Span:
    if draws is None:
        return Span(value, None, None)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Span(value, float(low), float(high))


def _flat(name: str, span: Span) -> dict[str, float]:
    ends = {name: span.value, f"{name}_low": span.low, f"{name}_high": span.high}
    return {key: value for key, value in ends.items() if value is not None}
