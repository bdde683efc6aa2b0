"""The speech model of lip-sync, which a bundle need not carry, as a pinned package has it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from unmask.models.backbones.pretrained_voice import load_voice
from unmask.models.backbones.registry.catalog import is_network
from unmask.models.backbones.registry.store import StoredNetwork, fetch_backbone
from unmask.models.lipsync.speech_towers import SpeechTowers
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.omitted_weights import require_same_weights

SETTING = "sync.voice_backbone"
PREFIX = "voice."


def stored_weights(net: LipSyncTowers, *, whole: bool) -> tuple[dict[str, Tensor], str]:
    """Return the weights that a bundle stores.

    Args:
        whole: Store all weights.

    Returns:
        And the hash of the registry's network that has the others; empty if none are left out.
    """
    state = {key: value.contiguous() for key, value in net.state_dict().items()}
    if whole or not isinstance(net, SpeechTowers) or not is_network(net.voice_name):
        return state, ""
    stored, published = _published(net)
    own = {key: value for key, value in state.items() if key.startswith(PREFIX)}
    if not all(torch.equal(value.cpu(), published[key]) for key, value in own.items()):
        return state, ""
    return {key: value for key, value in state.items() if key not in own}, stored.sha256


def load_stored(net: LipSyncTowers, state: Mapping[str, Tensor], omitted_sha256: str) -> None:
    """Load into ``net``, in place, what :func:`stored_weights` returned.

    Raises:
        WeightsError: The network of the registry cannot be had.
        BundleError: It has other weights than the bundle was made with.
    """
    weights = dict(state)
    if omitted_sha256 and isinstance(net, SpeechTowers):
        stored, published = _published(net)
        require_same_weights(stored, net.voice_name, omitted_sha256)
        names = [key for key in net.state_dict() if key.startswith(PREFIX)]
        weights |= {key: published[key] for key in names}
    net.load_state_dict(weights)


def _published(net: SpeechTowers) -> tuple[StoredNetwork, dict[str, Tensor]]:
    """Return the speech model in the registry, and its weights under the names in ``net``."""
    stored = fetch_backbone(net.voice_name, SETTING)
    model = load_voice(net.voice_name, "pretrained")
    return stored, {f"{PREFIX}{key}": value for key, value in model.state_dict().items()}
