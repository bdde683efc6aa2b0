"""Ensemble members with shared encoders: layers that members share are run once.

Deep ensembles: Lakshminarayanan, Pritzel & Blundell, "Simple and Scalable Predictive Uncertainty
Estimation using Deep Ensembles", NeurIPS 2017. Members that share their lower layers: Lee et al.,
"Why M Heads are Better than One", 2015.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from unmask.models.collate import Batch
from unmask.models.detector import Detector

AudioFeatures = tuple[Tensor, Tensor]  # output of a voice encoder: (B, A, voice_dim), (B, A)


class Ensemble:
    """Encoders of an ensemble.

    Layers count as shared where the members hold the same tensors, as
    :func:`unmask.models.ensemble.weight_packing.unpack_state_dicts` leaves them.

    Args:
        members: In evaluation mode.
    """

    def __init__(self, members: Sequence[Detector]) -> None:
        first, *others = self.members = tuple(members)
        self._shares_frames = [True, *(shares_parameters(first.frame, m.frame) for m in others)]
        self._shares_voice = [True, *(_shares_frozen_layers(first, m) for m in others)]

    @property
    def shares_frame_encoder(self) -> bool:
        """Whether all members have the frame encoder of the first."""
        return all(self._shares_frames)

    @property
    def shares_voice_layers(self) -> bool:
        """Whether all members have the frozen speech layers of the first."""
        return bool(self.members[0].settings.voice_frozen_layers) and all(self._shares_voice)

    def encode_frames(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return each member's frame features, shape ``(B, T, frame_dim)`` each."""
        first = self.members[0].encode_frames(batch)
        return tuple(
            first if shares else member.encode_frames(batch)
            for shares, member in zip(self._shares_frames, self.members, strict=True)
        )

    def encode_audio(self, batch: Batch) -> tuple[AudioFeatures, ...]:
        """Return each member's audio features and speech mask."""
        sound = batch.waveform, batch.sample_mask, batch.speech_mask
        first = self.members[0].voice.forward_frozen(*sound)
        return tuple(
            member.voice.forward_tuned(first if shares else member.voice.forward_frozen(*sound))
            for shares, member in zip(self._shares_voice, self.members, strict=True)
        )


def _shares_frozen_layers(first: Detector, other: Detector) -> bool:
    """Return whether two members have frozen speech layers, and the same ones."""
    mine, theirs = first.settings, other.settings
    if not mine.voice_frozen_layers or mine.voice_layers != theirs.voice_layers:
        return False
    own, others = first.voice.frozen_modules(), other.voice.frozen_modules()
    return len(own) == len(others) and all(map(shares_parameters, own, others))


def shares_parameters(module: nn.Module, other: nn.Module) -> bool:
    """Return whether two modules hold the same tensors; equal values are not enough."""
    if module is other:
        return True
    mine, theirs = module.state_dict(keep_vars=True), other.state_dict(keep_vars=True)
    return mine.keys() == theirs.keys() and all(mine[name] is theirs[name] for name in mine)
