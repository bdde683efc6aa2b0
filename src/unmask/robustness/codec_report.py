"""Report of a codec evaluation; it can be read without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, Field

from unmask.config import EvaluationSettings
from unmask.evaluation.bootstrap import draw_identity_counts
from unmask.evaluation.condition_verdicts import ConditionVerdicts
from unmask.evaluation.gates import Reading
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metric_keys import to_metric_key
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.evaluation.slices import PartOfClips, list_parts
from unmask.records import Clip

ORIGINAL = "original"
UNUSED = "change nothing that the detector uses of the test clips"
NO_VIDEO = f"video codecs {UNUSED}"
GATE_CONDITIONS = ("h264:23", "h265:28")  # default quality of each codec, meant to look alike

Resampled = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CodecRow:
    """All clips under one codec condition.

    Attributes:
        condition: Such as ``h264:23``, see
            :func:`unmask.config.codec_conditions.parse_condition`; stored under the key ``cell``.
        drop: AUC of the original files minus ``auc``, on the same resamples.
        psnr_db: Similarity to the original picture, mean over the clips; ``None`` where the
            condition leaves the picture unchanged.
        lost: Clips that could no longer be scored; every row leaves them out.
    """

    condition: Annotated[
        str, Field(validation_alias=AliasChoices("cell", "condition"), serialization_alias="cell")
    ]
    auc: Estimate
    drop: Estimate
    psnr_db: float | None
    lost: int


@dataclass(frozen=True, slots=True)
class CodecPart(PartOfClips):
    """A source, kind of fakes or compression level under all codec conditions.

    Attributes:
        original: AUC of the original files; ``None`` where nothing is measured.
        rows: As in the report, without PSNR.
    """

    original: Estimate | None = None
    rows: tuple[CodecRow, ...] = ()

    def describe(self) -> str:
        """Return AUC and drops as a phrase; empty where nothing is measured."""
        if self.original is None:
            return ""
        drops = [f"{row.drop.value:.3f} under {row.condition}" for row in self.rows]
        return f"AUC {self.original.format()}, drop {', '.join(drops)}"


@dataclass(frozen=True, slots=True)
class CodecReport:
    """One split under all codec conditions.

    Attributes:
        clips: Number of clips scored under every condition.
        confidence: Level of every interval, in ``(0, 1)``.
        original: AUC of the original files; ``None`` where nothing was measured.
        codec_gap: AUC under H.264 minus AUC under H.265, at ``GATE_CONDITIONS``; ``None`` where
            one of the two was not measured.
        unscored: Clips whose original file could not be scored; no row counts them.
        skipped: Conditions that change nothing which the detector uses, such as a sound codec on
            silent clips.
        parts: The same per source, kind of fakes and compression level of the files, where that is
            not all clips again; see :func:`unmask.evaluation.slices.list_parts`. Empty in files of
            before version 0.3.
        untrained: Components of the detector that its training clips could not teach, one sentence
            each. Empty in files of before version 0.3.
        left_out: Data sets of which no clip is measured, as they are given for testing alone; see
            :func:`unmask.evaluation.slices.describe_left_out`.
        verdicts: Verdicts under each condition, by the rules of serving; empty in files of before
            version 0.3.
    """

    split: str
    clips: int
    confidence: float
    original: Estimate | None = None
    rows: tuple[CodecRow, ...] = ()
    codec_gap: Estimate | None = None
    unscored: int = 0
    skipped: tuple[str, ...] = ()
    parts: tuple[CodecPart, ...] = ()
    untrained: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    verdicts: tuple[ConditionVerdicts, ...] = ()

    @property
    def gap(self) -> float | None:
        """Absolute AUC difference of the two codecs, which the gate checks."""
        return None if self.codec_gap is None else abs(self.codec_gap.value)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the sentence on skipped conditions, if there are any."""
        names = ", ".join(self.skipped)
        return (f"codecs skipped: {names} {UNUSED}",) if names else ()

    def to_gate(self) -> Reading:
        """Return what the gate checks: the absolute AUC difference of the two codecs."""
        if set(GATE_CONDITIONS) <= set(self.skipped):
            return Reading(None, reason=NO_VIDEO, decides=False)
        return Reading(None if self.gap is None else Estimate(self.gap, None, None))

    def to_metrics(self) -> dict[str, float]:
        """Return AUC, drop and PSNR of each condition, as ``codec_drop_h264_23``.

        Those of a part have its kind and name behind it: ``codec_drop_h264_23/source/celebdf``.
        """
        values: dict[str, float] = {}
        for row in self.rows:
            name = row.condition.replace(":", "_")
            values |= row.auc.to_metrics(f"codec_auc_{name}")
            values |= row.drop.to_metrics(f"codec_drop_{name}")
            if row.psnr_db is not None:
                values[f"codec_psnr_{name}"] = row.psnr_db
        for part in self.parts:
            for row in part.rows:
                place = f"{row.condition.replace(':', '_')}/{part.kind}/{to_metric_key(part.name)}"
                values[f"codec_auc_{place}"] = row.auc.value
                values[f"codec_drop_{place}"] = row.drop.value
        if self.gap is not None:
            values["codec_gap"] = self.gap
        return values


def compare_conditions(
    clips: Sequence[Clip],
    scores: Mapping[str, Scores],
    psnr_db: Mapping[str, float | None],
    settings: EvaluationSettings,
    seed: int,
) -> CodecReport:
    """Compare all codec conditions on the clips that were scored under every one.

    Args:
        clips: Clips of one split.
        scores: Condition, or ``original``, to a score per clip, shape ``(clips,)``; higher is
            more fake, NaN where the clip could not be scored.
        psnr_db: Condition to its mean PSNR.
        seed: Seed of the resampling, which all rows share.

    Raises:
        SingleClassError: The scored clips are all genuine, or all fake.
    """
    report = _compare(clips, scores, psnr_db, settings, seed)
    parts = []
    for part, indices in list_parts(clips, _is_scored(scores)):
        own = {name: values[indices] for name, values in scores.items()}
        measured = None
        if not part.not_measured:
            measured = _compare([clips[index] for index in indices], own, {}, settings, seed)
        parts.append(
            CodecPart(
                **asdict(part),
                original=None if measured is None else measured.original,
                rows=() if measured is None else measured.rows,
            )
        )
    return replace(report, parts=tuple(parts))


def _is_scored(scores: Mapping[str, Scores]) -> Labels:
    """Return which clips were scored under every condition, shape ``(clips,)``."""
    scored: Labels = ~np.isnan(np.stack(list(scores.values()))).any(axis=0)
    return scored


def _compare(
    clips: Sequence[Clip],
    scores: Mapping[str, Scores],
    psnr_db: Mapping[str, float | None],
    settings: EvaluationSettings,
    seed: int,
) -> CodecReport:
    """Compare the conditions on some clips, without parts."""
    common = _is_scored(scores)
    scored = [clip for clip, known in zip(clips, common, strict=True) if known]
    is_fake = np.array([clip.is_fake for clip in scored], dtype=np.bool_)
    auc = {name: roc_auc(values[common], is_fake) for name, values in scores.items()}
    resampled = _resample(
        {name: values[common] for name, values in scores.items()}, is_fake, scored, settings, seed
    )

    def difference(first: str, second: str) -> Estimate:
        samples = resampled[first] - resampled[second] if resampled else None
        return estimate_from_resamples(auc[first] - auc[second], samples, settings.confidence)

    def estimate(name: str) -> Estimate:
        return estimate_from_resamples(auc[name], resampled.get(name), settings.confidence)

    rows = tuple(
        CodecRow(
            condition=name,
            auc=estimate(name),
            drop=difference(ORIGINAL, name),
            psnr_db=psnr_db.get(name),
            lost=int((np.isnan(values) & ~np.isnan(scores[ORIGINAL])).sum()),
        )
        for name, values in scores.items()
        if name != ORIGINAL
    )
    return CodecReport(
        split=scored[0].split,
        clips=len(scored),
        confidence=settings.confidence,
        original=estimate(ORIGINAL),
        rows=rows,
        unscored=int(np.isnan(scores[ORIGINAL]).sum()),
        codec_gap=difference(*GATE_CONDITIONS) if set(GATE_CONDITIONS) <= set(auc) else None,
    )


def _resample(
    scores: Mapping[str, Scores],
    is_fake: Labels,
    clips: Sequence[Clip],
    settings: EvaluationSettings,
    seed: int,
) -> dict[str, Resampled]:
    """Return the AUC of each condition on the same resamples; empty for a single identity."""
    people = [clip.identity for clip in clips]
    if len(set(people)) < 2:
        return {}
    rng = np.random.default_rng(seed)
    counts = draw_identity_counts(is_fake, people, rng, settings.resamples)
    return {name: resampled_aucs(values, is_fake, counts) for name, values in scores.items()}
