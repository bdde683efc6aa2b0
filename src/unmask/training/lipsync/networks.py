"""The lip-sync network that the settings ask for, before it is fitted."""

from unmask.config import Settings
from unmask.models.backbones.pretrained_voice import load_voice
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.speech_towers import SpeechTowers
from unmask.models.lipsync.towers import LipSyncTowers


def build_towers(settings: Settings) -> LipSyncTowers:
    """Return towers with random weights, on a pretrained speech model if there is to be one.

    Raises:
        WeightsError: The speech model cannot be had.
        ConfigError: It lacks the layer ``sync.voice_layer``.
    """
    sync, rate_hz = settings.sync, settings.preprocessing.lips.rate_hz
    if not sync.voice_backbone:
        return SyncNet(sync.dim, rate_hz)
    voice = load_voice(sync.voice_backbone, "pretrained")
    return SpeechTowers(voice, sync.voice_layer, sync.dim, rate_hz, sync.voice_backbone)
