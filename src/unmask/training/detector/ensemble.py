"""Deep ensemble: settings of each member, and all members in one bundle.

Lakshminarayanan, Pritzel & Blundell, "Simple and Scalable Predictive Uncertainty Estimation using
Deep Ensembles", NeurIPS 2017.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.config import EnsembleSettings, Settings
from unmask.errors import ConfigError
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.lipsync.checkpoint import FILE, NOT_TRAINED_FILE, load_sync
from unmask.models.scoring_bundle import LIP_SYNC, not_trained

# setting of an ensemble, whose values members take in turn → setting of a member's model
FRAME_ENCODER = {
    "frame_backbones": "frame_backbone",
    "inputs_px": "input_px",
    "trainables": "trainable",
}
ENCODERS = {**FRAME_ENCODER, "voice_backbones": "voice_backbone"}


def member_settings(settings: Settings) -> tuple[Settings, ...]:
    """Return the settings that each member is trained with.

    The first member has those of a single detector. Each further member has the next seed, the next
    pair of ``dropouts`` × ``rate_factors``, the dropout varying faster, and the next encoders.

    Raises:
        ConfigError: ``ensemble.members`` is less than 1, or members of different encoders should
            share one or its weights.
    """
    ensemble = settings.ensemble
    _check_encoders(settings)
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


def _check_encoders(settings: Settings) -> None:
    ensemble, weights = settings.ensemble, settings.model.frame_weights
    differing = [name for name in FRAME_ENCODER if getattr(ensemble, name)]
    if differing and ensemble.shared_frames:
        raise ConfigError(
            f"ensemble.{differing[0]} gives members encoders of their own, and "
            "ensemble.shared_frames one for all; set ensemble.shared_frames to false"
        )
    if ensemble.frame_backbones and weights not in ("pretrained", "random"):
        raise ConfigError(
            f"model.frame_weights is {weights}, which belongs to one backbone, and "
            "ensemble.frame_backbones has others; use pretrained or random"
        )


def _member(single: Settings, ensemble: EnsembleSettings, index: int) -> Settings:
    if not index:
        return single
    model, training = single.model, single.training
    for name, setting in ENCODERS.items():
        if values := getattr(ensemble, name):
            model = model.replace(**{setting: values[(index - 1) % len(values)]})
    if ensemble.dropouts:
        dropout = ensemble.dropouts[(index - 1) % len(ensemble.dropouts)]
        model = model.replace(dropout=dropout)
    if ensemble.rate_factors:
        cycle = (index - 1) // max(len(ensemble.dropouts), 1)
        factor = ensemble.rate_factors[cycle % len(ensemble.rate_factors)]
        training = training.replace(learning_rate=training.learning_rate * factor)
    return single.replace(seed=single.seed + index, model=model, training=training)
