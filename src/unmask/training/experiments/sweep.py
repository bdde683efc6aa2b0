"""Grid search: one fit per combination of settings, compared on validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from unmask.data.augmentation.reencoded_copies import training_conditions
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.data.validation_sets import selection_clips
from unmask.errors import ConfigError
from unmask.evaluation.evaluate import auc_of_rows
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.detector.fit import fit
from unmask.training.experiments.recorder import RunRecorder, Trial
from unmask.training.score_clips import score_split


@dataclass(frozen=True, slots=True)
class TrialResult:
    """Result of a trial.

    Attributes:
        bundle: Directory of the uncalibrated bundle.
        val_auc: AUC on the validation clips that the epoch was chosen on.
    """

    trial: Trial
    bundle: Path
    val_auc: float


def expand_grid(sets: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return every combination of comma-separated values.

    Raises:
        ConfigError: An entry is not ``section.key=value``.

    Example:
        >>> expand_grid(["training.epochs=3", "model.dropout=0.1,0.3"])
        (('training.epochs=3', 'model.dropout=0.1'), ('training.epochs=3', 'model.dropout=0.3'))
    """
    choices = []
    for item in sets:
        key, sign, values = item.partition("=")
        if not sign:
            raise ConfigError(f"--grid {item}: expected section.key=value,value,…")
        choices.append([f"{key}={value.strip()}" for value in values.split(",")])
    return tuple(product(*choices))


def sweep(
    trials: Sequence[Trial],
    clips: Sequence[Clip],
    cache: Cache | None,
    out: Path,
    recorder: RunRecorder | None = None,
) -> tuple[TrialResult, ...]:
    """Fit every trial; finished trials of an earlier call are reused.

    Args:
        out: Directory of checkpoints and bundles.

    Returns:
        Best validation AUC first; of equals the earlier trial.
    """
    results = []
    for trial in trials:
        logger = recorder.start_trial(trial) if recorder else None
        load = make_feature_loader(
            trial.settings.preprocessing,
            cache,
            clips,
            training_conditions(trial.settings.augmentation),
        )
        bundle = fit(clips, trial.settings, load, out, logger)
        choice = selection_clips(clips, trial.settings)
        auc = auc_of_rows(score_split(bundle, choice, "val", cache))
        if logger is not None:
            logger.log_metrics({"best_val_auc": auc})
            logger.finalize("success")
        results.append(TrialResult(trial, bundle, auc))
    return tuple(sorted(results, key=lambda result: -result.val_auc))
