"""Comparison of ablation runs: a reference with all components against runs without one."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation.auc_estimate import UnmeasuredAuc
from unmask.evaluation.bootstrap import draw_identity_counts
from unmask.evaluation.evaluate import auc_of_rows
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metrics import expected_calibration_error, roc_auc
from unmask.evaluation.multiple_testing import adjust_by_holm, bootstrap_p_value
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.evaluation.slices import list_slices, name_missing_class
from unmask.records import ScoreRow

REFERENCE = "everything"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunScores:
    """Test scores of one training run.

    Attributes:
        ms_per_clip: Inference time per clip in milliseconds, without preprocessing; ``None``
            where the models are the reference's.
    """

    seed: int
    rows: tuple[ScoreRow, ...]
    ms_per_clip: float | None

    @property
    def auc(self) -> float:
        """AUC of the logits before calibration."""
        return auc_of_rows(self.rows)

    def by_manipulation(self) -> dict[str, float]:
        """Return the AUC of each kind of fake against the genuine clips of its source.

        See :func:`unmask.evaluation.slices.list_slices` for the names.
        """
        parts = [part for part in list_slices(self.rows) if part.kind == "manipulation"]
        return {part.name: auc_of_rows([self.rows[i] for i in part.indices]) for part in parts}

    def by_source(self) -> dict[str, float | UnmeasuredAuc]:
        """Return the AUC of each data set with a name, or why it has none."""
        parts = [part for part in list_slices(self.rows) if part.kind == "source" and part.name]
        return {part.name: _auc_if_both([self.rows[i] for i in part.indices]) for part in parts}


@dataclass(frozen=True, slots=True)
class AblationRow:
    """Runs that differ in their seed alone.

    Attributes:
        name: Component that is switched off; ``everything`` for the reference.
        aucs: AUC per seed.
        auc: Mean over the seeds, with an interval by resampling identities and seeds.
        gain: AUC that the component adds: the reference's minus this row's, or the reverse for
            an added component, with the interval of the difference on the same resamples;
            ``None`` for the reference.
        ece: Mean over the seeds.
        added: The component is switched on in this row, and off in the reference.
        by_manipulation: AUC of each kind of fake as in :class:`RunScores`, mean over seeds.
        by_source: AUC on each data set, mean over seeds; empty in files of before version 0.3.
        p_value: Two-sided, of no gain, from the same resamples; ``None`` for the reference.
        p_holm: The same, adjusted for the number of components in the table.
    """

    name: str
    seeds: tuple[int, ...]
    aucs: tuple[float, ...]
    auc: Estimate
    gain: Estimate | None
    ece: float
    ms_per_clip: float | None
    added: bool = False
    by_manipulation: Mapping[str, float] = field(default_factory=dict)
    p_value: float | None = None
    p_holm: float | None = None
    by_source: Mapping[str, float | UnmeasuredAuc] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Resamples:
    """Resamples of identities and of seeds that all rows share.

    Attributes:
        clip_ids: In the order of ``counts``.
        counts: How often each clip occurs, shape ``(resamples, clips)``.
        seeds: Seed of each run.
        runs: Indices of the drawn runs, shape ``(draws, resamples)``.
    """

    clip_ids: tuple[str, ...]
    is_fake: NDArray[np.bool_]
    counts: NDArray[np.int64]
    seeds: tuple[int, ...]
    runs: NDArray[np.int64]

    def aucs(self, name: str, runs: Sequence[RunScores]) -> tuple[tuple[float, ...], Floats]:
        """Return the AUC of each run, and the mean AUC of each resample.

        Raises:
            DataError: The runs have other seeds, or were scored on other clips.
        """
        if tuple(run.seed for run in runs) != self.seeds:
            raise DataError(f"{name}: the seeds differ from {self.seeds}; train it with those")
        logits = [self._logits(run) for run in runs]
        resampled = np.array([resampled_aucs(run, self.is_fake, self.counts) for run in logits])
        mean = np.take_along_axis(resampled, self.runs, axis=0).mean(axis=0)
        return tuple(roc_auc(run, self.is_fake) for run in logits), mean

    def _logits(self, run: RunScores) -> Floats:
        rows = _sort_by_clip(run.rows)
        if [row.clip_id for row in rows] != list(self.clip_ids):
            raise DataError(
                f"seed {run.seed}: scored on other clips than the reference; score it again"
            )
        return np.array([row.logit for row in rows])


def compare_runs(
    reference: Sequence[RunScores],
    without: Mapping[str, Sequence[RunScores]],
    settings: EvaluationSettings,
    seed: int,
    added: Collection[str] = (),
) -> tuple[AblationRow, ...]:
    """Compare the reference with runs that lack, or add, one component each.

    Args:
        reference: One run per seed.
        without: Runs without a component, one per seed, by name of the component.
        seed: Seed of the resampling of identities and runs, which all rows share.
        added: Components that the reference lacks and the row has.

    Raises:
        DataError: Two runs were not scored on the same clips, or a row has other seeds.
        SingleClassError: The clips are all genuine, or all fake.
    """
    resamples = _draw_resamples(reference, settings.resamples, seed)
    aucs, baseline = resamples.aucs(REFERENCE, reference)
    row = _describe_runs(REFERENCE, reference, aucs, baseline, settings)
    rows = []
    for name, runs in without.items():
        aucs, resampled = resamples.aucs(name, runs)
        variant = _describe_runs(name, runs, aucs, resampled, settings)
        sign = -1 if name in added else 1
        gain, samples = sign * (row.auc.value - variant.auc.value), sign * (baseline - resampled)
        rows.append(
            replace(
                variant,
                gain=estimate_from_resamples(gain, samples, settings.confidence),
                added=name in added,
                p_value=bootstrap_p_value(samples),
            )
        )
    return row, *_adjust_p_values(rows)


def _describe_runs(
    name: str,
    runs: Sequence[RunScores],
    aucs: tuple[float, ...],
    resampled: Floats,
    settings: EvaluationSettings,
) -> AblationRow:
    return AblationRow(
        name=name,
        seeds=tuple(run.seed for run in runs),
        aucs=aucs,
        auc=estimate_from_resamples(float(np.mean(aucs)), resampled, settings.confidence),
        gain=None,
        ece=_mean_ece(runs, settings.bins),
        ms_per_clip=_mean_ms(runs),
        by_manipulation=_mean_by_key([run.by_manipulation() for run in runs]),
        by_source=_mean_by_source([run.by_source() for run in runs]),
    )


def _adjust_p_values(rows: Sequence[AblationRow]) -> tuple[AblationRow, ...]:
    adjusted = adjust_by_holm(np.array([row.p_value for row in rows], np.float64))
    return tuple(replace(row, p_holm=float(p)) for row, p in zip(rows, adjusted, strict=True))


def to_metrics(rows: Sequence[AblationRow]) -> dict[str, float]:
    """Return each row's numbers: ``auc_without_flow``, ``gain_flow``, ``p_holm_flow``."""
    values: dict[str, float] = {}
    for row in rows:
        name = re.sub(r"\W", "_", row.name)
        if row.gain is None:
            values["auc"] = row.auc.value
        else:
            prefix = "auc_with" if row.added else "auc_without"
            values |= {f"{prefix}_{name}": row.auc.value, f"gain_{name}": row.gain.value}
        if row.p_holm is not None:
            values[f"p_holm_{name}"] = row.p_holm
    return values


def _draw_resamples(reference: Sequence[RunScores], resamples: int, seed: int) -> _Resamples:
    rows = _sort_by_clip(reference[0].rows)
    is_fake = np.array([row.is_fake for row in rows])
    rng = np.random.default_rng(seed)
    counts = draw_identity_counts(is_fake, [row.identity for row in rows], rng, resamples)
    # Runs differ by chance: unless they are resampled, too, a component without effect seems
    # to matter. One draw fewer than runs gives the right variance for so small a sample
    # (Rao & Wu, "Resampling Inference with Complex Survey Data", JASA 1988).
    draws = max(len(reference) - 1, 1)
    return _Resamples(
        clip_ids=tuple(row.clip_id for row in rows),
        is_fake=is_fake,
        counts=counts,
        seeds=tuple(run.seed for run in reference),
        runs=rng.integers(len(reference), size=(draws, resamples)),
    )


def _mean_ms(runs: Sequence[RunScores]) -> float | None:
    known = [run.ms_per_clip for run in runs if run.ms_per_clip is not None]
    return float(np.mean(known)) if known else None


def _mean_by_key(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each key over mappings with the same keys."""
    return {key: float(np.mean([item[key] for item in values])) for key in values[0]}


def _mean_by_source(
    runs: Sequence[Mapping[str, float | UnmeasuredAuc]],
) -> dict[str, float | UnmeasuredAuc]:
    """Return the mean AUC of each source; all runs have scored the same clips."""
    aucs = [{key: auc for key, auc in run.items() if isinstance(auc, float)} for run in runs]
    return {**runs[0], **_mean_by_key(aucs)}


def _auc_if_both(rows: Sequence[ScoreRow]) -> float | UnmeasuredAuc:
    fakes = sum(row.is_fake for row in rows)
    counts = fakes, len(rows) - fakes
    missing = name_missing_class(*counts)
    return UnmeasuredAuc(*counts, missing) if missing else auc_of_rows(rows)


def _sort_by_clip(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    return sorted(rows, key=lambda row: row.clip_id)


def _mean_ece(runs: Sequence[RunScores], bins: int) -> float:
    return float(np.mean([_ece(run, bins) for run in runs]))


def _ece(run: RunScores, bins: int) -> float:
    probabilities = np.array([row.probability for row in run.rows])
    is_fake = np.array([row.is_fake for row in run.rows])
    return float(expected_calibration_error(probabilities, is_fake, bins))
