"""Several detectors asked at once; layers that they share are run once.

Deep ensembles: Lakshminarayanan, Pritzel & Blundell, "Simple and Scalable Predictive Uncertainty
Estimation using Deep Ensembles", NeurIPS 2017. Members that share their first layers and part
ways above them: Lee et al., "Why M Heads are Better than One", 2015.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from unmask.models.collate import Batch
from unmask.models.detector import Detector

Heard = tuple[Tensor, Tensor]  # what a voice encoder gives


class Ensemble:
    """What the members' encoders make of a batch.

    Layers are shared where the members hold the very same weights, as
    :func:`unmask.models.ensemble.weight_packing.unpack` leaves them.

    Args:
        members: In evaluation mode.
    """

    def __init__(self, members: Sequence[Detector]) -> None:
        first, *others = self.members = tuple(members)
        self.one_frame_encoder = all(shares_parameters(first.frame, m.frame) for m in others)
        self.one_voice_trunk = bool(first.settings.voice_frozen_layers) and all(
            shares_parameters(mine, theirs)
            for member in others
            for mine, theirs in zip(first.voice.frozen(), member.voice.frozen(), strict=True)
        )

    def encode_frames(self, batch: Batch) -> tuple[Tensor, ...]:
        """Each member's frame vectors, shapes ``(B, T, frame_dim)``."""
        if self.one_frame_encoder:
            return (self.members[0].encode_frames(batch),) * len(self.members)
        return tuple(member.encode_frames(batch) for member in self.members)

    def encode_audio(self, batch: Batch) -> tuple[Heard, ...]:
        """Each member's voice vectors and where somebody speaks."""
        sound = batch.waveform, batch.sample_mask, batch.speech_mask
        if self.one_voice_trunk:
            trunk = self.members[0].voice.forward_frozen(*sound)
            return tuple(member.voice.forward_tuned(trunk) for member in self.members)
        return tuple(
            member.voice.forward_tuned(member.voice.forward_frozen(*sound))
            for member in self.members
        )


def shares_parameters(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules hold the very same parameters and buffers, not equal ones."""
    if one is other:
        return True
    mine, theirs = one.state_dict(keep_vars=True), other.state_dict(keep_vars=True)
    return mine.keys() == theirs.keys() and all(mine[name] is theirs[name] for name in mine)
