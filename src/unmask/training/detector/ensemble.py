"""Deep ensemble: settings of each member, and all members in one bundle.

Lakshminarayanan, Pritzel & Blundell, "Simple and Scalable Predictive Uncertainty Estimation using
Deep Ensembles", NeurIPS 2017.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.config import EnsembleSettings, Settings
from unmask.errors import ConfigError
from unmask.models.bundle import LIP_SYNC, load_bundle, not_trained, save_bundle
from unmask.models.lipsync.checkpoint import FILE, NOT_TRAINED_FILE, load_sync


def member_settings(settings: Settings) -> tuple[Settings, ...]:
    """Return the settings that each member is trained with.

    The first member has those of a single detector. Each further member has the next seed, and the
    next pair of ``dropouts`` × ``rate_factors``, the dropout varying faster.

    Raises:
        ConfigError: ``ensemble.members`` is less than 1.
    """
    ensemble = settings.ensemble
    if ensemble.members < 1:
        raise ConfigError(f"ensemble.members is {ensemble.members}; use 1 for a single detector")
    single = settings.replace(ensemble=EnsembleSettings())
    return tuple(_member(single, ensemble, index) for index in range(ensemble.members))


def build_ensemble_bundle(
    members: Sequence[Path], sync: Path, settings: Settings, out: Path
) -> Path:
    """Write an uncalibrated bundle of all members to ``out``.

    Args:
        members: Directories of bundles with one detector each.
        sync: Directory of the lip-sync weights; empty without a lip-sync model. Where the clips
            could not teach one, the bundle keeps the reason.

    Raises:
        BundleError: The members have different architectures.
    """
    bundles = [load_bundle(path) for path in members]
    reason = sync / NOT_TRAINED_FILE
    notes = {not_trained(LIP_SYNC): reason.read_text()} if reason.is_file() else {}
    seeds = " ".join(bundle.provenance["seed"] for bundle in bundles)
    ensemble = replace(
        bundles[0],
        members=tuple(bundle.first_member for bundle in bundles),
        sync=load_sync(sync / FILE) if (sync / FILE).is_file() else None,
        preprocessing=settings.preprocessing.without_source_faces(),
        uncertainty=settings.uncertainty,
        provenance={**bundles[0].provenance, "seed": seeds, **notes},
    )
    save_bundle(out, ensemble)
    return out


def _member(single: Settings, ensemble: EnsembleSettings, index: int) -> Settings:
    if not index:
        return single
    model, training = single.model, single.training
    if ensemble.dropouts:
        dropout = ensemble.dropouts[(index - 1) % len(ensemble.dropouts)]
        model = model.replace(dropout=dropout)
    if ensemble.rate_factors:
        cycle = (index - 1) // max(len(ensemble.dropouts), 1)
        factor = ensemble.rate_factors[cycle % len(ensemble.rate_factors)]
        training = training.replace(learning_rate=training.learning_rate * factor)
    return single.replace(seed=single.seed + index, model=model, training=training)
