"""What each component is worth: a detector with everything beside one that lacks the component."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation.bootstrap import Interval, draw_identity_counts, resampled_aucs
from unmask.evaluation.metrics import expected_calibration_error, roc_auc
from unmask.records import ScoreRow

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunScores:
    """One training, scored on the test split.

    Attributes:
        ms_per_clip: Time of the models for a clip, preprocessing not counted; ``None`` where they
            are the reference's.
    """

    seed: int
    rows: tuple[ScoreRow, ...]
    ms_per_clip: float | None

    @property
    def auc(self) -> float:
        """Of the scores before calibration."""
        return _auc(self.rows)

    def by_manipulation(self) -> dict[str, float]:
        """The same of each kind of fake against all genuine clips."""
        genuine = [row for row in self.rows if not row.is_fake]
        kinds = sorted({row.manipulation for row in self.rows if row.is_fake})
        fakes = {
            kind: [row for row in self.rows if row.is_fake and row.manipulation == kind]
            for kind in kinds
        }
        return {kind: _auc([*genuine, *rows]) for kind, rows in fakes.items()}


@dataclass(frozen=True, slots=True)
class AblationRow:
    """Some trainings that differ in their seed alone.

    Attributes:
        name: The component that is switched off; ``everything`` for the reference.
        added: It is switched on, and off in the reference.
        aucs: One per seed.
        auc: Their mean, with the interval by resampling identities and seeds.
        gain: AUC of the reference less this one's: what the component brings; ``None`` for
            the reference itself. The interval is of the difference on the same resamples.
        ece: Mean over the seeds.
        by_manipulation: AUC of each kind of fake against all genuine clips, likewise.
    """

    name: str
    seeds: tuple[int, ...]
    aucs: tuple[float, ...]
    auc: float
    interval: Interval
    gain: float | None
    gain_interval: Interval | None
    ece: float
    ms_per_clip: float | None
    added: bool = False
    by_manipulation: Mapping[str, float] = field(default_factory=dict)


def compare_runs(
    reference: Sequence[RunScores],
    without: Mapping[str, Sequence[RunScores]],
    settings: EvaluationSettings,
    seed: int,
    added: Collection[str] = (),
) -> tuple[AblationRow, ...]:
    """Measure the reference and everything that lacks one component.

    Args:
        reference: Trainings with everything, one per seed.
        without: Component to trainings without it.
        seed: Of the resampling, of people and of trainings; all rows share their resamples.
        added: Rows that have a component more than the reference, not one less.

    Raises:
        DataError: Two trainings were not scored on the same clips, or a row has other seeds.
        SingleClassError: The clips are all genuine, or all fake.
    """
    clips = _by_clip(reference[0].rows)
    is_fake = np.array([row.is_fake for row in clips])
    rng, seeds = np.random.default_rng(seed), tuple(run.seed for run in reference)
    copies = draw_identity_counts(is_fake, [row.identity for row in clips], rng, settings.resamples)
    # trainings differ by chance: were they not drawn, too, a component that does nothing would
    # seem to matter. One fewer than there are makes the variance of so small a sample right
    # (Rao & Wu, "Resampling Inference with Complex Survey Data", JASA 1988).
    again = rng.integers(len(seeds), size=(max(len(seeds) - 1, 1), settings.resamples))
    wanted = [row.clip_id for row in clips]
    base: Floats | None = None
    found: list[AblationRow] = []
    for name, runs in {"everything": reference, **without}.items():
        if tuple(run.seed for run in runs) != seeds:
            raise DataError(f"{name}: other seeds than {seeds}; train it with those")
        scores = [_logits(run, wanted) for run in runs]
        each = np.array([resampled_aucs(one, is_fake, copies) for one in scores])
        drawn = np.take_along_axis(each, again, axis=0).mean(axis=0)
        aucs = tuple(roc_auc(one, is_fake) for one in scores)
        auc = float(np.mean(aucs))
        first = base is None
        base = drawn if base is None else base
        sign = -1 if name in added else 1
        found.append(
            AblationRow(
                name=name,
                seeds=seeds,
                aucs=aucs,
                auc=auc,
                interval=_interval(drawn, settings.confidence),
                gain=None if first else sign * (found[0].auc - auc),
                gain_interval=None
                if first
                else _interval(sign * (base - drawn), settings.confidence),
                ece=float(np.mean([_ece(run, settings.bins) for run in runs])),
                ms_per_clip=_mean_ms(runs),
                added=name in added,
                by_manipulation=_mean_of([run.by_manipulation() for run in runs]),
            )
        )
    return tuple(found)


def to_metrics(rows: Sequence[AblationRow]) -> dict[str, float]:
    """AUC and gain of each row: ``auc_without_optical_flow``, ``auc_with_ensemble``."""
    found: dict[str, float] = {}
    for row in rows:
        name = re.sub(r"\W", "_", row.name)
        if row.gain is None:
            found["auc"] = row.auc
        else:
            how = "with" if row.added else "without"
            found |= {f"auc_{how}_{name}": row.auc, f"gain_{name}": row.gain}
    return found


def _auc(rows: Sequence[ScoreRow]) -> float:
    logits = np.array([row.logit for row in rows])
    return roc_auc(logits, np.array([row.is_fake for row in rows]))


def _mean_ms(runs: Sequence[RunScores]) -> float | None:
    known = [run.ms_per_clip for run in runs if run.ms_per_clip is not None]
    return float(np.mean(known)) if known else None


def _mean_of(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of every key, which all of ``each`` have."""
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def _by_clip(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    return sorted(rows, key=lambda row: row.clip_id)


def _logits(run: RunScores, wanted: Sequence[str]) -> Floats:
    rows = _by_clip(run.rows)
    if [row.clip_id for row in rows] != list(wanted):
        raise DataError(f"seed {run.seed}: scored on other clips than the first; score it again")
    return np.array([row.logit for row in rows])


def _ece(run: RunScores, bins: int) -> float:
    probabilities = np.array([row.probability for row in run.rows])
    is_fake = np.array([row.is_fake for row in run.rows])
    return float(expected_calibration_error(probabilities, is_fake, bins))


def _interval(values: Floats, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))
