"""Face and voice in one vector, also when one of them is missing.

Concatenation as in the audio-visual detectors on FakeAVCeleb (Khalid et al., NeurIPS 2021);
modality dropout after Neverova et al., "ModDrop: Adaptive Multi-modal Gesture Recognition",
TPAMI 2016: a model that has trained with one modality away can answer with one away. Cross-modal
attention after Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language Sequences",
ACL 2019: each face looks for what belongs to it in the whole of the sound.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.layers.attention import masked_softmax, num_heads
from unmask.models.layers.temporal import masked_mean

FAINTEST = 1e-6  # of -log(1 - p): keeps the logit above -14


def noisy_or_logit(
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


class ModalityDropout(nn.Module):
    """Takes away one of two modalities now and then.

    Args:
        dropout: Probability that each modality is taken away, in training only; never both,
            and never one whose fellow is missing already.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
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


class ConcatFusion(ModalityDropout):
    """Pooled vectors side by side; a learned one stands in for a modality that is missing.

    Args:
        video_dim, audio_dim: Lengths of the pooled vectors.
        dropout: See :class:`ModalityDropout`.
    """

    def __init__(self, video_dim: int, audio_dim: int, dropout: float) -> None:
        super().__init__(dropout)
        self.out_dim = video_dim + audio_dim
        self.no_video = nn.Parameter(torch.zeros(video_dim))
        self.no_audio = nn.Parameter(torch.zeros(audio_dim))

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


class AttentionFusion(ModalityDropout):
    """Each face asks the voice, and what it hears is added to it; then the faces' mean.

    Without a voice a learned vector is added in its place, so that nothing of the sound is left
    but that it is missing. Without a face a learned one asks.

    Args:
        video_dim, audio_dim: Lengths of the vectors of a frame and of a step.
        dropout: See :class:`ModalityDropout`.
    """

    def __init__(self, video_dim: int, audio_dim: int, dropout: float) -> None:
        super().__init__(dropout)
        self.out_dim = video_dim
        width = min(video_dim, audio_dim)
        self.heads = num_heads(width)
        self.no_video = nn.Parameter(torch.zeros(video_dim))
        self.no_audio = nn.Parameter(torch.zeros(video_dim))
        self.query = nn.Linear(video_dim, width)
        self.key = nn.Linear(audio_dim, width)
        self.value = nn.Linear(audio_dim, width)
        self.widen = nn.Linear(width, video_dim)
        self.norm = nn.LayerNorm(video_dim)

    def forward(
        self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Join.

        Args:
            video: One vector per frame, shape ``(B, T, video_dim)``; at least one frame, be it
                masked.
            audio: One vector per step, shape ``(B, A, audio_dim)``.
            video_mask: True where there is a face that counts, shape ``(B, T)``.
            audio_mask: True where there is speech that counts, shape ``(B, A)``.

        Returns:
            The clip, shape ``(B, video_dim)``, and the weight of each step in the eyes of each
            frame, the mean of the heads, shape ``(B, T, A)``: over the steps they sum to 1, and
            are 0 for what is masked.
        """
        first = torch.arange(video.shape[1], device=video.device) == 0
        stands_in = first & ~video_mask.any(1, keepdim=True)  # (B, T)
        asking = torch.where(video_mask[..., None], video, torch.zeros_like(video))
        asking = torch.where(stands_in[..., None], self.no_video.to(video.dtype), asking)
        heard, weights = self._attend(asking, audio, audio_mask)
        silent = ~audio_mask.any(1)[:, None, None]
        heard = torch.where(silent, self.no_audio.to(heard.dtype), heard)
        joined = masked_mean(self.norm(asking + heard), video_mask | stands_in)
        return joined, weights * video_mask[..., None]

    def _attend(self, video: Tensor, audio: Tensor, audio_mask: Tensor) -> tuple[Tensor, Tensor]:
        """What each frame hears, shape ``(B, T, video_dim)``, and its weights ``(B, T, A)``."""
        audio = torch.where(audio_mask[..., None], audio, torch.zeros_like(audio))
        split = (self.heads, -1)
        query = self.query(video).unflatten(-1, split)  # (B, T, heads, width / heads)
        key, value = (part(audio).unflatten(-1, split) for part in (self.key, self.value))
        scores = torch.einsum("bthd,bahd->bhta", query, key) / query.shape[-1] ** 0.5
        weights = masked_softmax(scores, audio_mask[:, None, None])  # (B, heads, T, A)
        heard = torch.einsum("bhta,bahd->bthd", weights.to(value.dtype), value)
        return self.widen(heard.flatten(2)), weights.mean(1)
