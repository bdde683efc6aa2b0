"""Face and voice in one vector, also when one of them is missing.

Concatenation as in the audio-visual detectors on FakeAVCeleb (Khalid et al., NeurIPS 2021);
modality dropout after Neverova et al., "ModDrop: Adaptive Multi-modal Gesture Recognition",
TPAMI 2016: a model that has trained with one modality away can answer with one away.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FAINTEST = 1e-6  # of -log(1 - p): keeps the logit above -14


def either_fake(
    video_logit: Tensor, audio_logit: Tensor, uses_video: Tensor, uses_audio: Tensor
) -> Tensor:
    """Logit of "the face is fake, or the voice is", were the two independent.

    With ``p = sigmoid(logit)`` this is the logit of ``1 - (1 - p_video)(1 - p_audio)``; where
    one modality is missing it is the other's own logit.

    Args:
        video_logit, audio_logit: Shape ``(B,)``.
        uses_video, uses_audio: What counts, shape ``(B,)``.

    Example:
        >>> both = torch.tensor([True])
        >>> either_fake(torch.tensor([0.0]), torch.tensor([0.0]), both, both).sigmoid()
        tensor([0.7500])
    """
    # softplus(x) = -log(1 - sigmoid(x)), so that products of 1 - p become sums
    spared = F.softplus(video_logit) * uses_video + F.softplus(audio_logit) * uses_audio
    spared = spared.clamp(min=FAINTEST)
    return spared + (-torch.expm1(-spared)).log()  # log(exp(x) - 1) without overflow


class ConcatFusion(nn.Module):
    """A learned vector stands in for a modality that is missing.

    Args:
        video_dim, audio_dim: Lengths of the pooled vectors.
        dropout: Probability that each modality is taken away, in training only; never both,
            and never one whose fellow is missing already.
    """

    def __init__(self, video_dim: int, audio_dim: int, dropout: float) -> None:
        super().__init__()
        self.out_dim = video_dim + audio_dim
        self.no_video = nn.Parameter(torch.zeros(video_dim))
        self.no_audio = nn.Parameter(torch.zeros(audio_dim))
        self.dropout = dropout

    def drop(self, has_video: Tensor, has_audio: Tensor) -> tuple[Tensor, Tensor]:
        """What is left of each clip's modalities, shapes ``(B,)``."""
        if not self.training or not self.dropout:
            return has_video, has_audio
        draw = torch.rand(len(has_video), device=has_video.device)
        both = has_video & has_audio
        # one draw for two events: below p the face goes, above 1 - p the voice, never both
        p = min(self.dropout, 0.5)
        return has_video & ~(both & (draw < p)), has_audio & ~(both & (draw >= 1 - p))

    def forward(self, video: Tensor, audio: Tensor, has_video: Tensor, has_audio: Tensor) -> Tensor:
        """Join.

        Args:
            video: Shape ``(B, video_dim)``.
            audio: Shape ``(B, audio_dim)``.
            has_video, has_audio: What counts, shape ``(B,)``.

        Returns:
            Shape ``(B, video_dim + audio_dim)``.
        """
        left = torch.where(has_video[:, None], video, self.no_video.to(video.dtype))
        right = torch.where(has_audio[:, None], audio, self.no_audio.to(audio.dtype))
        return torch.cat([left, right], dim=1)
