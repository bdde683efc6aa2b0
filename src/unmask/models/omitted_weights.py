"""Weights that a bundle need not carry, as a pinned package has them: a backbone not trained.

A bundle without them is some megabytes, and is completed from the cache of pretrained networks when
it is loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from safetensors.torch import load_file
from torch import Tensor

from unmask.errors import BundleError
from unmask.models.backbones.registry.catalog import is_network
from unmask.models.backbones.registry.entry import WEIGHTS_NAME
from unmask.models.backbones.registry.store import StoredNetwork, fetch_backbone
from unmask.models.detector import Detector

SETTING = "model.frame_weights"


@dataclass(frozen=True, slots=True)
class OmittedWeights:
    """Backbone of a member that is left out of a bundle.

    Attributes:
        member: Number of the member, from 0.
        network: Name in :mod:`unmask.models.backbones.registry`.
        sha256: Hash of that network's weights.
    """

    member: int
    network: str
    sha256: str


def omit_weights(
    packed: Mapping[str, Tensor], members: Sequence[Detector]
) -> tuple[dict[str, Tensor], tuple[OmittedWeights, ...]]:
    """Leave out the frame backbones that are equal to networks of the registry.

    Args:
        packed: See :func:`unmask.models.ensemble.weight_packing.pack_state_dicts`.

    Returns:
        The other weights, and what is left out.
    """
    kept, omitted = dict(packed), []
    for number, member in enumerate(members):
        name, prefix = member.settings.frame_weights, _prefix(number)
        own = {key for key in packed if key.startswith(prefix)}
        if not own or not is_network(name):
            continue
        stored = fetch_backbone(name, SETTING)
        original = load_file(stored.folder / WEIGHTS_NAME)
        equals = (_is_equal(packed[key], original.get(key.removeprefix(prefix))) for key in own)
        if all(equals):
            kept = {key: value for key, value in kept.items() if key not in own}
            omitted.append(OmittedWeights(number, name, stored.sha256))
    return kept, tuple(omitted)


def read_omitted(
    omitted: Sequence[OmittedWeights], members: Sequence[Detector]
) -> dict[str, Tensor]:
    """Return the weights that :func:`omit_weights` left out.

    Raises:
        WeightsError: A network is not in the cache, and the package index does not give it.
        BundleError: The network has other weights than the bundle was made with.
    """
    weights: dict[str, Tensor] = {}
    for each in omitted:
        stored = fetch_backbone(each.network, SETTING)
        require_same_weights(stored, each.network, each.sha256)
        tensors = load_file(stored.folder / WEIGHTS_NAME)
        names = members[each.member].frame.backbone.state_dict().keys()
        weights |= {f"{_prefix(each.member)}{name}": tensors[name] for name in names}
    return weights


def require_same_weights(stored: StoredNetwork, network: str, sha256: str) -> None:
    """Refuse a network of the registry that a bundle was not made with.

    Args:
        sha256: Hash of the weights that the bundle was made with.

    Raises:
        BundleError: The hashes differ.
    """
    if stored.sha256 != sha256:
        raise BundleError(
            f"the bundle was made with other weights of {network} than this version of "
            "unmask converts; use the version that wrote the bundle, or train again"
        )


def _prefix(member: int) -> str:
    return f"members.{member}.frame.backbone."


def _is_equal(value: Tensor, original: Tensor | None) -> bool:
    return original is not None and value.dtype == original.dtype and torch.equal(value, original)
