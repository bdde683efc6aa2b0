"""Members of an ensemble: what each is trained under, and all of them in one bundle.

Deep ensembles: Lakshminarayanan, Pritzel & Blundell, "Simple and Scalable Predictive Uncertainty
Estimation using Deep Ensembles", NeurIPS 2017.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.config import EnsembleSettings, Settings
from unmask.errors import ConfigError
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.lipsync.checkpoint import FILE, load_sync


def member_settings(settings: Settings) -> tuple[Settings, ...]:
    """What each member is trained under.

    The first is trained as if it were alone. Those that follow count on from its seed, and take
    every pair of a dropout and a factor of the learning rate in turn, the dropouts turning faster.

    Raises:
        ConfigError: There is to be no member at all.
    """
    wanted = settings.ensemble
    if wanted.members < 1:
        raise ConfigError(f"ensemble.members is {wanted.members}; use 1 for a single detector")
    alone = replace(settings, ensemble=EnsembleSettings())
    return tuple(_member(alone, wanted, number) for number in range(wanted.members))


def build_ensemble_bundle(
    members: Sequence[Path], sync: Path, settings: Settings, out: Path
) -> Path:
    """Write one bundle with all of ``members``, not calibrated, to ``out``.

    Args:
        members: Bundles of one detector each.
        sync: Folder with the weights of the lip-sync model; empty where there is none.

    Raises:
        BundleError: The members are built differently.
    """
    bundles = [load_bundle(folder) for folder in members]
    seeds = " ".join(bundle.provenance["seed"] for bundle in bundles)
    joined = replace(
        bundles[0],
        members=tuple(bundle.first_member for bundle in bundles),
        sync=load_sync(sync / FILE) if (sync / FILE).is_file() else None,
        preprocessing=settings.preprocessing,
        uncertainty=settings.uncertainty,
        provenance={**bundles[0].provenance, "seed": seeds},
    )
    save_bundle(out, joined)
    return out


def _member(alone: Settings, wanted: EnsembleSettings, number: int) -> Settings:
    if not number:
        return alone
    model, training = alone.model, alone.training
    if wanted.dropouts:
        dropout = wanted.dropouts[(number - 1) % len(wanted.dropouts)]
        model = replace(model, dropout=dropout)
    if wanted.rate_factors:
        turn = (number - 1) // max(len(wanted.dropouts), 1)
        factor = wanted.rate_factors[turn % len(wanted.rate_factors)]
        training = replace(training, learning_rate=training.learning_rate * factor)
    return replace(alone, seed=alone.seed + number, model=model, training=training)
