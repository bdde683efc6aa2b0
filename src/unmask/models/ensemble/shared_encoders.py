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
        self.shares_frame_encoder = all(shares_parameters(first.frame, m.frame) for m in others)
        self.shares_voice_layers = bool(first.settings.voice_frozen_layers) and all(
            shares_parameters(own, other)
            for member in others
            for own, other in zip(
                first.voice.frozen_modules(), member.voice.frozen_modules(), strict=True
            )
        )

    def encode_frames(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return each member's frame features, shape ``(B, T, frame_dim)`` each."""
        if self.shares_frame_encoder:
            return (self.members[0].encode_frames(batch),) * len(self.members)
        return tuple(member.encode_frames(batch) for member in self.members)

    def encode_audio(self, batch: Batch) -> tuple[AudioFeatures, ...]:
        """Return each member's audio features and speech mask."""
        sound = batch.waveform, batch.sample_mask, batch.speech_mask
        if self.shares_voice_layers:
            activations = self.members[0].voice.forward_frozen(*sound)
            return tuple(member.voice.forward_tuned(activations) for member in self.members)
        return tuple(
            member.voice.forward_tuned(member.voice.forward_frozen(*sound))
            for member in self.members
        )


def shares_parameters(module: nn.Module, other: nn.Module) -> bool:
    """Return whether two modules hold the same tensors; equal values are not enough."""
    if module is other:
        return True
    mine, theirs = module.state_dict(keep_vars=True), other.state_dict(keep_vars=True)
    return mine.keys() == theirs.keys() and all(mine[name] is theirs[name] for name in mine)
