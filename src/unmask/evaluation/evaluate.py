"""A table of scores to the numbers that describe a detector; it never sees the detector."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation import metrics
from unmask.evaluation.bootstrap import auc_interval
from unmask.evaluation.metrics import Labels, Scores
from unmask.records import ScoreRow


@dataclass(frozen=True, slots=True)
class AucEstimate:
    """How well some fakes are told from genuine clips.

    Attributes:
        low, high: Interval by resampling identities; ``None`` where there is only one.
    """

    auc: float
    low: float | None
    high: float | None
    fakes: int
    reals: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measured quality of a detector on one split.

    Attributes:
        identities: People in the split, the unit that the intervals resample.
        confidence: Of every interval.
        auc: Of the fake score before calibration, with ``auc_low`` and ``auc_high``.
        eer: Equal error rate.
        fpr95: False alarms at 95 % of the fakes caught.
        ece: Calibration error over ``bins`` bins.
        ece_by_chance: Calibration error that a perfect detector would show on so few clips.
        nll: In nats.
        by_manipulation: Each kind of fake against all genuine clips.
        by_modality: Clips whose ``video`` or ``audio`` is forged against those where it is
            not, by that modality's own probability; absent where it cannot be measured.
    """

    split: str
    clips: int
    fakes: int
    reals: int
    identities: int
    confidence: float
    bins: int
    auc: float
    auc_low: float | None
    auc_high: float | None
    eer: float
    fpr95: float
    ece: float
    ece_by_chance: float
    brier: float
    nll: float
    by_manipulation: Mapping[str, AucEstimate] = field(default_factory=dict)
    by_modality: Mapping[str, AucEstimate] = field(default_factory=dict)

    @property
    def ece_excess(self) -> float:
        """Calibration error beyond what chance explains, at least 0."""
        return max(self.ece - self.ece_by_chance, 0.0)

    def to_metrics(self) -> dict[str, float]:
        """Everything measured under flat keys, for a tracking server.

        Keys: the attribute names, and ``auc_<manipulation>``, ``auc_modality_<modality>``.
        What a key may not hold becomes an underscore.
        """
        plain = (
            "clips",
            "fakes",
            "reals",
            "identities",
            "eer",
            "fpr95",
            "ece",
            "ece_by_chance",
            "ece_excess",
        )
        whole = AucEstimate(self.auc, self.auc_low, self.auc_high, self.fakes, self.reals)
        slices = {"auc": whole}
        slices |= {f"auc_{_key(name)}": part for name, part in self.by_manipulation.items()}
        slices |= {f"auc_modality_{name}": part for name, part in self.by_modality.items()}
        found = {name: float(getattr(self, name)) for name in (*plain, "brier", "nll")}
        for name, part in slices.items():
            ends = {name: part.auc, f"{name}_low": part.low, f"{name}_high": part.high}
            found |= {key: value for key, value in ends.items() if value is not None}
        return found


def evaluate(rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int) -> Evaluation:
    """Measure a detector on its scores of one split.

    Ranking (AUC, EER, FPR) is measured on logits, because the probabilities of sure clips
    round to the same number; calibration is measured on probabilities.

    Raises:
        SingleClassError: There is no genuine or no fake clip.
        DataError: The rows are of several splits, a clip stands twice, or a score is not a
            number.
    """
    split = _only_split(rows)
    logits, is_fake = np.array([row.logit for row in rows]), np.array([r.is_fake for r in rows])
    probabilities = np.array([row.probability for row in rows])
    whole = _slice(rows, logits, is_fake, settings, seed)
    return Evaluation(
        split=split,
        clips=len(rows),
        fakes=whole.fakes,
        reals=whole.reals,
        identities=len({row.identity for row in rows}),
        confidence=settings.confidence,
        bins=settings.bins,
        auc=whole.auc,
        auc_low=whole.low,
        auc_high=whole.high,
        eer=metrics.equal_error_rate(logits, is_fake),
        fpr95=metrics.fpr_at_tpr(logits, is_fake, 0.95),
        ece=metrics.expected_calibration_error(probabilities, is_fake, settings.bins),
        ece_by_chance=metrics.expected_ece_under_calibration(
            probabilities, settings.bins, np.random.default_rng(seed)
        ),
        brier=metrics.brier_score(probabilities, is_fake),
        nll=metrics.negative_log_likelihood(probabilities, is_fake),
        by_manipulation=_by_manipulation(rows, settings, seed),
        by_modality=_by_modality(rows, settings, seed),
    )


def _only_split(rows: Sequence[ScoreRow]) -> str:
    splits = sorted({row.split for row in rows})
    if len(splits) != 1:
        raise DataError(f"scores of {len(splits)} splits {splits}; evaluate one at a time")
    if len({row.clip_id for row in rows}) != len(rows):
        raise DataError("a clip stands in the scores more than once; keep one row per clip")
    return splits[0]


def _by_manipulation(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> dict[str, AucEstimate]:
    found = {}
    for name in sorted({row.manipulation for row in rows if row.is_fake}):
        part = [row for row in rows if not row.is_fake or row.manipulation == name]
        logits, is_fake = np.array([r.logit for r in part]), np.array([r.is_fake for r in part])
        found[name] = _slice(part, logits, is_fake, settings, seed)
    return found


def _by_modality(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> dict[str, AucEstimate]:
    found = {}
    for name in ("video", "audio"):
        known = [
            (row, score, label)
            for row in rows
            if (score := getattr(row, f"{name}_probability")) is not None
            and (label := getattr(row, f"fake_{name}")) is not None
        ]
        if len({label for _, _, label in known}) == 2:
            part, scores, labels = zip(*known, strict=True)
            found[name] = _slice(part, np.array(scores), np.array(labels), settings, seed)
    return found


def _slice(
    rows: Sequence[ScoreRow],
    scores: Scores,
    is_fake: Labels,
    settings: EvaluationSettings,
    seed: int,
) -> AucEstimate:
    interval = auc_interval(
        scores,
        is_fake,
        [row.identity for row in rows],
        np.random.default_rng(seed),
        settings.resamples,
        settings.confidence,
    )
    return AucEstimate(
        auc=metrics.roc_auc(scores, is_fake),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        fakes=int(is_fake.sum()),
        reals=int((~is_fake).sum()),
    )


def _key(name: str) -> str:
    # what a tracking server takes in a key: a forgery of both modalities is named with a plus
    return re.sub(r"[^\w.-]+", "_", name)
