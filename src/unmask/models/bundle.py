"""Model bundle: a detector on disk with weights, input settings, calibration and provenance.

The files cannot carry code: ``model.safetensors`` with one detector or several,
``sync.safetensors`` where there is a lip-sync network, ``genuine_features.safetensors`` after
calibration, and ``bundle.json``. A promoted bundle has ``gates.json`` too.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unmask.config import from_dict, to_dict
from unmask.errors import ConfigError
from unmask.files import file_sha256
from unmask.models.batchnorm_folding import fold_members
from unmask.models.bundle_files import check_hash, move_into_place, translate_errors
from unmask.models.bundle_metadata import (
    METADATA,
    OMITTED,
    SYNC_OMITTED,
    SYNC_WEIGHTS,
    damaged,
    read_facts,
    read_member_settings,
    read_metadata,
)
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import pack_state_dicts, unpack_state_dicts
from unmask.models.lipsync.architectures import towers_from_config
from unmask.models.lipsync.omitted_voice import load_stored, stored_weights
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.omitted_weights import OmittedWeights, omit_weights, read_omitted
from unmask.models.scoring_bundle import SCHEMA_VERSION, NetworkCall, ScoringBundle
from unmask.models.torch_networks import TorchNetworks

WEIGHTS = "model.safetensors"
GENUINE_FEATURES = "genuine_features.safetensors"
LIBRARIES = ("unmask", "torch", "timm", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Bundle(ScoringBundle):
    """A bundle whose networks are modules of torch; see :class:`ScoringBundle`.

    Attributes:
        genuine_features: See :func:`unmask.models.genuine_features.mean_genuine_map`, of the first
            member; empty before calibration, in older bundles, and without a map.
    """

    members: tuple[Detector, ...]
    sync: LipSyncTowers | None = None
    genuine_features: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def first_member(self) -> Detector:
        """Member that is attacked, explained and evaluated alone."""
        return self.members[0]

    def open_networks(self, precision: str) -> TorchNetworks:
        """See :meth:`ScoringBundle.open_networks`."""
        return TorchNetworks(self.members, precision)

    def optimise(self) -> None:
        """Fold batch norms; the members must not be trained or saved afterwards."""
        fold_members(self.members)

    def network_calls(self) -> Iterator[NetworkCall]:
        """See :meth:`ScoringBundle.network_calls`."""
        for member in self.members:
            yield _call("frame_model", member.frame, "forward")
            for method in ("forward_frozen", "forward_tuned"):
                yield _call("voice_model", member.voice, method)
        if self.sync is not None:
            for method in ("embed_mouths", "embed_audio"):
                yield _call("sync_model", self.sync, method)


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
    metadata = read_metadata(folder)
    facts, settings = read_facts(folder, metadata), read_member_settings(folder, metadata)
    try:
        members = tuple(
            Detector.from_config(member, voice)
            for member, voice in zip(settings, metadata["voice_configs"], strict=True)
        )
        sync = None if metadata["sync"] is None else towers_from_config(metadata["sync"])
        weights_sha, sync_sha = metadata["weights_sha256"], metadata["sync_sha256"]
        genuine_sha = metadata["genuine_features_sha256"]
        omitted = [from_dict(OmittedWeights, each) for each in metadata.get(OMITTED, ())]
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise damaged(folder, error) from error
    state = _load_checked(folder / WEIGHTS, weights_sha)
    if metadata["schema_version"] == 1:
        state = {f"members.0.{name}": value for name, value in state.items()}
    state |= read_omitted(omitted, members)
    with translate_errors(folder / WEIGHTS):
        unpack_state_dicts(state, members)
    if sync is not None:
        with translate_errors(folder / SYNC_WEIGHTS):
            state = _load_checked(folder / SYNC_WEIGHTS, sync_sha)
            load_stored(sync, state, metadata.get(SYNC_OMITTED, ""))
    genuine = _load_checked(folder / GENUINE_FEATURES, genuine_sha) if genuine_sha else {}
    for network in (*members, *([] if sync is None else [sync])):
        network.eval()
    return Bundle(members=members, sync=sync, genuine_features=genuine, **facts)


def _load_checked(path: Path, expected_sha: str) -> dict[str, Tensor]:
    with translate_errors(path):
        check_hash(path, expected_sha)
        return load_file(path)


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


def _call(stage: str, network: nn.Module, method: str) -> NetworkCall:
    is_cuda = any(parameter.is_cuda for parameter in network.parameters())
    # work on a GPU is queued, not finished, when the method returns
    return NetworkCall(stage, network, method, torch.cuda.synchronize if is_cuda else None)
