"""One fit per combination of settings, compared on validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from unmask.config import Settings
from unmask.errors import ConfigError
from unmask.evaluation.metrics import roc_auc
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.detector.fit import fit
from unmask.training.experiments.recorder import RunRecorder
from unmask.training.score_clips import score_split


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination.

    Attributes:
        overrides: ``section.key=value`` each, what sets it apart from the others.
    """

    overrides: tuple[str, ...]
    settings: Settings

    @property
    def name(self) -> str:
        """The overrides in one line."""
        return " ".join(self.overrides)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial reached.

    Attributes:
        bundle: Not calibrated.
        val_auc: On the validation clips.
    """

    trial: Trial
    bundle: Path
    val_auc: float


def expand_grid(sets: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every combination of values that are separated by commas.

    Raises:
        ConfigError: An entry is not ``section.key=value``.

    Example:
        >>> combinations(["training.epochs=3", "model.dropout=0.1,0.3"])
        (('training.epochs=3', 'model.dropout=0.1'), ('training.epochs=3', 'model.dropout=0.3'))
    """
    choices = []
    for item in sets:
        key, sign, values = item.partition("=")
        if not sign:
            raise ConfigError(f"--set {item}: expected section.key=value,value,…")
        choices.append([f"{key}={value.strip()}" for value in values.split(",")])
    return tuple(product(*choices))


def sweep(
    trials: Sequence[Trial],
    clips: Sequence[Clip],
    cache: Cache | None,
    out: Path,
    recorder: RunRecorder | None = None,
) -> tuple[TrialResult, ...]:
    """Fit every trial; those that were finished before are not repeated.

    Returns:
        Best on validation first; between equals the earlier trial.
    """
    outcomes = []
    for trial in trials:
        logger = recorder.start_trial(trial) if recorder else None
        bundle = fit(clips, trial.settings, cache, out, logger)
        rows = score_split(bundle, clips, "val", cache)
        logits = np.array([row.logit for row in rows])
        auc = roc_auc(logits, np.array([row.is_fake for row in rows]))
        if logger is not None:
            logger.log_metrics({"best_val_auc": auc})
            logger.finalize("success")
        outcomes.append(TrialResult(trial, bundle, auc))
    return tuple(sorted(outcomes, key=lambda outcome: -outcome.val_auc))
