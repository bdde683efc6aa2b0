"""Model bundle: a detector on disk with weights, input settings, calibration and provenance.

The files cannot carry code: ``model.safetensors`` with one detector or several,
``sync.safetensors`` where there is a lip-sync network, ``genuine_features.safetensors`` after
calibration, and ``bundle.json``. A promoted bundle has ``gates.json`` too.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from unmask.config import (
    ModelSettings,
    PreprocessingSettings,
    UncertaintySettings,
    ValidationSettings,
    from_dict,
    to_dict,
)
from unmask.errors import BundleError, ConfigError
from unmask.files import file_sha256
from unmask.models.bundle_files import load_checked, move_into_place, translate_errors
from unmask.models.bundle_upgrades import upgrade_metadata
from unmask.models.calibration.domain import CalibrationDomain
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import pack_state_dicts, unpack_state_dicts
from unmask.models.lipsync.architectures import towers_from_config
from unmask.models.lipsync.omitted_voice import load_stored, stored_weights
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.omitted_weights import OmittedWeights, omit_weights, read_omitted
from unmask.records import FOOTAGE_FACTS

# 6 had no genuine features and one temperature for all outputs; 5 one speech model for all members;
# 4 no domain; 3 one threshold for all; 2 no bias; 1 one detector and no lip-sync
SCHEMA_VERSION = 7
WEIGHTS = "model.safetensors"
SYNC_WEIGHTS = "sync.safetensors"
GENUINE_FEATURES = "genuine_features.safetensors"
METADATA = "bundle.json"
GATES = "gates.json"
OMITTED = "omitted_weights"  # key of the metadata, in bundles that are not whole
SYNC_OMITTED = "omitted_sync_voice"  # key of its hash where the speech model of lip-sync is absent
DEMO_PROFILE = "demo"
NOT_TRAINED = "not_trained_"  # and the component: key of the reason in the provenance
LIP_SYNC = "lip_sync"
EXPERIMENTAL = "experimental"  # key of the provenance
CROSS_FIT_FOLDS = "cross_fit_folds"  # key of the provenance
VALIDATION = "validation"  # key of the provenance: how validation was divided, a JSON object
SELECTION_CLIPS = "selection_clips"  # key of the provenance of a calibrated bundle
SHARED_VALIDATION = "shared_validation"  # key of the reason why one set does both
DATA_SETS = "data_sets"  # key of the provenance, a JSON list
# settings in which the members of an ensemble may differ
MEMBER_SETTINGS = (
    *("dropout", "frame_backbone", "frame_weights", "input_px", "trainable", "lora_rank"),
    *("lora_alpha", "voice_backbone", "voice_weights", "voice_frozen_layers", "voice_layers"),
)
LIBRARIES = ("unmask", "torch", "timm", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything needed to score a video.

    Attributes:
        members: One detector, or the members of an ensemble; they differ only in weights,
            encoders and dropout.
        preprocessing: Settings that the detectors were trained with and that serving uses.
        provenance: Hash of the manifest, commit, seed, data sets and versions of libraries; for a
            component that the training clips could not teach, the reason under
            :func:`not_trained`.
        sha256: Of ``bundle.json``, which holds the hashes of the weights; empty before saving.
        sync: Lip-sync network.
        uncertainty: MC-dropout passes and target error rates.
        gates: Gate results at promotion; empty before.
        measured: Error rates of its verdicts on the test clips, as measured at promotion; see
            :class:`unmask.evaluation.measured_verdicts.MeasuredVerdicts`. ``None`` before.
        notes: What it was trained or tested without, as noted at promotion, one sentence each.
        domain: Footage like the calibration clips; ``None`` before calibration, in older bundles,
            and where there were too few clips.
        genuine_features: See :func:`unmask.models.genuine_features.mean_genuine_map`, of the first
            member; empty before calibration, in older bundles, and without a map.
    """

    members: tuple[Detector, ...]
    preprocessing: PreprocessingSettings
    calibration: Calibration
    phase: int
    profile: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    sha256: str = ""
    sync: LipSyncTowers | None = None
    uncertainty: UncertaintySettings = field(default_factory=UncertaintySettings)
    gates: tuple[Mapping[str, Any], ...] = ()
    domain: CalibrationDomain | None = None
    notes: tuple[str, ...] = ()
    genuine_features: Mapping[str, Tensor] = field(default_factory=dict)
    measured: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse members of different inputs or heads."""
        if not self.members:
            raise BundleError("a bundle needs at least one detector")
        own = {name: getattr(self.settings, name) for name in MEMBER_SETTINGS}
        if any(member.settings.replace(**own) != self.settings for member in self.members):
            raise BundleError(
                "the members have different architectures; fit them with the same model settings, "
                "other than those of their encoders"
            )

    @property
    def first_member(self) -> Detector:
        """Member that is attacked, explained and evaluated alone."""
        return self.members[0]

    def judges(self, footage: NDArray[np.float64]) -> bool:
        """Return whether the detector may judge footage.

        The demonstration model judges footage like its calibration clips alone, and without a
        domain none at all.

        Args:
            footage: See :meth:`unmask.preprocessing.footage.FootageStatistics.facts`.
        """
        if self.profile != DEMO_PROFILE:
            return True
        return self.domain is not None and self.domain.contains(footage)

    @property
    def judges_speakers(self) -> bool:
        """Whether who speaks decides what is scored; see :mod:`.active_speaker`.

        Only where the detector has the picture, and mouth crops in training as in serving.
        """
        lips = self.preprocessing.lips
        return lips.enabled and lips.active_speaker and "video" in self.settings.modalities

    @property
    def untrained(self) -> dict[str, str]:
        """Component that the training clips could not teach, and the reason."""
        return _untrained(self.provenance)

    @property
    def data_sets(self) -> tuple[str, ...]:
        """Data sets of the training and validation clips; empty in bundles before version 0.3."""
        return tuple(json.loads(self.provenance.get(DATA_SETS, "[]")))

    @property
    def experimental(self) -> str:
        """What keeps the detector from giving verdicts, such as a missed gate; empty if nothing."""
        return self.provenance.get(EXPERIMENTAL, "")

    @property
    def cross_fit_folds(self) -> int:
        """Folds of a cross-fitted calibration; 0 for one on clips that no weight was fitted on."""
        return int(self.provenance.get(CROSS_FIT_FOLDS, "0"))

    @property
    def validation(self) -> ValidationSettings | None:
        """How validation was divided for the fit; ``None`` for older bundles: not at all."""
        division = self.provenance.get(VALIDATION)
        return None if division is None else ValidationSettings(**json.loads(division))

    @property
    def selection_clips(self) -> int:
        """Clips that choices were made on and that did not calibrate; 0 where one set did both."""
        return int(self.provenance.get(SELECTION_CLIPS, "0"))

    @property
    def shared_validation(self) -> str:
        """Why the clips that choices were made on calibrate as well; empty if they do not."""
        return self.provenance.get(SHARED_VALIDATION, "")

    @property
    def settings(self) -> ModelSettings:
        """Architecture of the first member; inputs and heads are those of all members."""
        return self.first_member.settings


def not_trained(component: str) -> str:
    """Return the key of the provenance that tells why a component was not trained.

    Args:
        component: ``video``, ``audio`` or ``lip_sync``.
    """
    return f"{NOT_TRAINED}{component}"


def untrained_notes(untrained: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence on each component of :attr:`Bundle.untrained`."""
    return tuple(f"{name} is not trained: {why}" for name, why in untrained.items())


def read_untrained(folder: Path) -> dict[str, str]:
    """Return :attr:`Bundle.untrained` of a bundle on disk, without reading its weights.

    Raises:
        BundleError: The folder has no bundle, or its metadata are damaged.
    """
    return _untrained(_read_metadata(folder)["provenance"])


def is_whole(folder: Path) -> bool:
    """Return whether a bundle on disk has all of its weights.

    Raises:
        BundleError: The folder has no bundle, or its metadata are damaged.
    """
    metadata = _read_metadata(folder)
    return not metadata.get(OMITTED) and not metadata.get(SYNC_OMITTED)


def _untrained(provenance: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(NOT_TRAINED): reason
        for name, reason in provenance.items()
        if name.startswith(NOT_TRAINED)
    }


def save_bundle(folder: Path, bundle: Bundle, *, whole: bool = True) -> Bundle:
    """Write a bundle atomically, replacing an older one of the same name.

    Low-rank adapters of its members are merged into their weights, in place.

    Args:
        whole: Write all weights. Otherwise those that a pinned package has are left out, see
            :mod:`unmask.models.omitted_weights`, and loading the bundle takes that package.

    Returns:
        The bundle with its ``sha256`` and the versions of the libraries that wrote it.
    """
    for member in bundle.members:
        member.frame.merge_adapters()
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir()
    try:
        weights = pack_state_dicts(bundle.members)
        omitted: tuple[OmittedWeights, ...] = ()
        if not whole:
            weights, omitted = omit_weights(weights, bundle.members)
        save_file(weights, unfinished / WEIGHTS)
        sync_omitted = ""
        if bundle.sync is not None:
            state, sync_omitted = stored_weights(bundle.sync, whole=whole)
            save_file(state, unfinished / SYNC_WEIGHTS)
        if bundle.genuine_features:
            save_file(dict(bundle.genuine_features), unfinished / GENUINE_FEATURES)
        versions = {f"version_{name}": version(name) for name in LIBRARIES}
        provenance = {**bundle.provenance, **versions}
        bundle = replace(bundle, provenance=provenance, schema_version=SCHEMA_VERSION)
        metadata = _to_metadata(bundle, unfinished)
        metadata |= {OMITTED: [to_dict(each) for each in omitted]} if omitted else {}
        metadata |= {SYNC_OMITTED: sync_omitted} if sync_omitted else {}
        text = json.dumps(metadata, indent=2)
        (unfinished / METADATA).write_text(text + "\n")
        move_into_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return replace(bundle, sha256=file_sha256(folder / METADATA))


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle in evaluation mode, without any download if it is whole.

    Raises:
        BundleError: The folder has no bundle, its schema is unknown, or a file is damaged.
        WeightsError: Weights that the bundle leaves out cannot be had.
    """
    metadata = _read_metadata(folder)
    try:
        bundle = _without_weights(metadata)
        weights_sha, sync_sha = metadata["weights_sha256"], metadata["sync_sha256"]
        genuine_sha = metadata["genuine_features_sha256"]
        omitted = [from_dict(OmittedWeights, each) for each in metadata.get(OMITTED, ())]
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise BundleError(
            f"{folder / METADATA}: damaged: {error}; train or fetch it again"
        ) from error
    state = load_checked(folder / WEIGHTS, weights_sha)
    if metadata["schema_version"] == 1:
        state = {f"members.0.{name}": value for name, value in state.items()}
    state |= read_omitted(omitted, bundle.members)
    with translate_errors(folder / WEIGHTS):
        unpack_state_dicts(state, bundle.members)
    if bundle.sync is not None:
        with translate_errors(folder / SYNC_WEIGHTS):
            state = load_checked(folder / SYNC_WEIGHTS, sync_sha)
            load_stored(bundle.sync, state, metadata.get(SYNC_OMITTED, ""))
    if genuine_sha:
        genuine = load_checked(folder / GENUINE_FEATURES, genuine_sha)
        bundle = replace(bundle, genuine_features=genuine)
    for network in _networks(bundle):
        network.eval()
    return replace(bundle, sha256=file_sha256(folder / METADATA), **_read_gates(folder / GATES))


def _to_metadata(bundle: Bundle, folder: Path) -> dict[str, Any]:
    sync = bundle.sync
    return {
        "schema_version": SCHEMA_VERSION,
        "phase": bundle.phase,
        "profile": bundle.profile,
        "weights_sha256": file_sha256(folder / WEIGHTS),
        "calibration": to_dict(bundle.calibration),
        "uncertainty": to_dict(bundle.uncertainty),
        "domain": None if bundle.domain is None else to_dict(bundle.domain),
        "members": [to_dict(member.settings) for member in bundle.members],
        "voice_configs": [member.voice_config for member in bundle.members],
        "sync": None if sync is None else sync.config,
        "sync_sha256": None if sync is None else file_sha256(folder / SYNC_WEIGHTS),
        "genuine_features_sha256": file_sha256(folder / GENUINE_FEATURES)
        if bundle.genuine_features
        else None,
        "preprocessing": to_dict(bundle.preprocessing),
        "provenance": dict(sorted(bundle.provenance.items())),
    }


def _read_metadata(folder: Path) -> dict[str, Any]:
    path = folder / METADATA
    try:
        metadata = json.loads(path.read_text())
        schema = metadata["schema_version"]
    except OSError as error:
        raise BundleError(f"{folder}: no bundle here; train one with: make train") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged; train or fetch it again") from error
    if schema not in range(1, SCHEMA_VERSION + 1):
        raise BundleError(
            f"{path}: schema {schema} is not supported, only up to {SCHEMA_VERSION}; use the "
            "version of unmask that wrote it, or train again"
        )
    return upgrade_metadata(metadata)


def _without_weights(metadata: Mapping[str, Any]) -> Bundle:
    """Return the bundle that ``metadata`` describes, with random weights."""
    settings = [from_dict(ModelSettings, member) for member in metadata["members"]]
    return Bundle(
        members=tuple(
            Detector.from_config(member, voice)
            for member, voice in zip(settings, metadata["voice_configs"], strict=True)
        ),
        preprocessing=from_dict(PreprocessingSettings, metadata["preprocessing"]),
        calibration=from_dict(Calibration, metadata["calibration"]),
        phase=metadata["phase"],
        profile=metadata["profile"],
        provenance=metadata["provenance"],
        schema_version=metadata["schema_version"],
        sync=None if metadata["sync"] is None else towers_from_config(metadata["sync"]),
        uncertainty=from_dict(UncertaintySettings, metadata["uncertainty"]),
        domain=_domain(metadata["domain"]),
    )


def _domain(values: Mapping[str, Any] | None) -> CalibrationDomain | None:
    """Return the domain; ``None`` where another release measured other facts."""
    domain = None if values is None else from_dict(CalibrationDomain, values)
    return domain if domain is not None and domain.facts == FOOTAGE_FACTS else None


def _read_gates(path: Path) -> dict[str, Any]:
    """Return what was measured at promotion; files of before version 0.3 are a list of results."""
    try:
        content = json.loads(path.read_text()) if path.exists() else []
        if isinstance(content, list):
            return {"gates": tuple(content)}
        rows, notes = tuple(content["rows"]), tuple(content["notes"])
        return {"gates": rows, "notes": notes, "measured": content.get("measured")}
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged; promote the bundle again, or delete it") from error


def _networks(bundle: Bundle) -> list[nn.Module]:
    return [*bundle.members, *([bundle.sync] if bundle.sync is not None else [])]
