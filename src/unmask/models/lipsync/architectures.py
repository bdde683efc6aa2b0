"""The lip-sync networks that weights may belong to."""

from collections.abc import Mapping
from typing import Any

from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.speech_towers import SPEECH, SpeechTowers
from unmask.models.lipsync.towers import LipSyncTowers


def towers_from_config(config: Mapping[str, Any]) -> LipSyncTowers:
    """Return the architecture of :attr:`LipSyncTowers.config` with random weights.

    Raises:
        KeyError: The configuration is not that of a lip-sync network.
    """
    if config.get("kind") == SPEECH:
        return SpeechTowers.from_config(config)
    return SyncNet.from_config(config)
