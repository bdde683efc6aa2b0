"""Fusion: face and voice in one vector, with either of them missing.

Concatenation as in the audio-visual detectors on FakeAVCeleb (Khalid et al., NeurIPS 2021).
Modality dropout after Neverova et al., "ModDrop: Adaptive Multi-modal Gesture Recognition", TPAMI
2016, so that the model can score clips in which a modality is missing. Cross-modal attention after
Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language Sequences", ACL 2019; with
times, it attends to the sound around a frame, since only there the two can be seen to coincide.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.layers.attention import masked_softmax, num_heads
from unmask.models.layers.frame_times import FrameTimes, interpolate
from unmask.models.layers.temporal import masked_mean

EPS = 1e-6  # of -log(1 - p): below it, logits are added up instead
ABSENT_LOGIT = -1e4  # of a missing modality: its probability is 0 in float32
AUDIO_STEP_S = 0.02  # from one audio step to the next
REACH_S = 0.5  # of a frame's attention, into the sound before and after it
KNOT_S = 0.1  # from one knot of the learned bias to the next
KNOTS = round(2 * REACH_S / KNOT_S) + 1
STEPS_IN_REACH = round(2 * REACH_S / AUDIO_STEP_S) + 1


def noisy_or_logit(
    video_logit: Tensor, audio_logit: Tensor, uses_video: Tensor, uses_audio: Tensor
) -> Tensor:
    """Return the noisy-OR of both modalities: the logit of "face or voice is fake".

    With ``p = sigmoid(logit)``, and face and voice independent, this is the logit of
    ``1 - (1 - p_video)(1 - p_audio)``. Where one modality is missing it is the other's logit. The
    gradient does not vanish for very sure genuine clips.

    Args:
        video_logit, audio_logit: Shape ``(B,)``.
        uses_video, uses_audio: Modalities that are used, shape ``(B,)``.

    Example:
        >>> both = torch.tensor([True])
        >>> noisy_or_logit(torch.tensor([0.0]), torch.tensor([0.0]), both, both).sigmoid()
        tensor([0.7500])
    """
    # softplus(x) = -log(1 - sigmoid(x)), so that products of 1 - p become sums
    neg_log = F.softplus(video_logit) * uses_video + F.softplus(audio_logit) * uses_audio
    usual = neg_log.clamp(min=EPS)
    usual = usual + (-torch.expm1(-usual)).log()  # log(exp(x) - 1) without overflow
    # exp(neg_log) - 1 = exp(video) + exp(audio) + exp(video + audio), which no rounding makes 0
    video = torch.where(uses_video, video_logit, ABSENT_LOGIT)
    audio = torch.where(uses_audio, audio_logit, ABSENT_LOGIT)
    tail = torch.logsumexp(torch.stack([video, audio, video + audio]), dim=0)
    return torch.where((neg_log < EPS) & (uses_video | uses_audio), tail, usual)


class ModalityDropout(nn.Module):
    """Random removal of one of two modalities in training.

    Args:
        dropout: Probability of removing each modality; never both, and never the only one.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def drop(self, has_video: Tensor, has_audio: Tensor) -> tuple[Tensor, Tensor]:
        """Return the remaining modalities of each clip, shapes ``(B,)``."""
        if not self.training or not self.dropout:
            return has_video, has_audio
        draw = torch.rand(len(has_video), device=has_video.device)
        both = has_video & has_audio
        # one draw for both, which are exclusive: the face below p, the voice above 1 - p
        p = min(self.dropout, 0.5)
        return has_video & ~(both & (draw < p)), has_audio & ~(both & (draw >= 1 - p))


class NoFusion(ModalityDropout):
    """Face and voice judged apart; the clip's logit is their noisy-OR."""


class ConcatFusion(ModalityDropout):
    """Concatenation of pooled features; a learned vector replaces a missing modality.

    Args:
        video_dim, audio_dim: Lengths of the pooled features.
        dropout: See :class:`ModalityDropout`.
    """

    def __init__(self, video_dim: int, audio_dim: int, dropout: float) -> None:
        super().__init__(dropout)
        self.out_dim = video_dim + audio_dim
        self.no_video = nn.Parameter(torch.zeros(video_dim))
        self.no_audio = nn.Parameter(torch.zeros(audio_dim))

    def forward(self, video: Tensor, audio: Tensor, has_video: Tensor, has_audio: Tensor) -> Tensor:
        """Concatenate.

        Args:
            video: Shape ``(B, video_dim)``.
            audio: Shape ``(B, audio_dim)``.
            has_video, has_audio: Modalities that are used, shape ``(B,)``.

        Returns:
            Shape ``(B, video_dim + audio_dim)``.
        """
        left = torch.where(has_video[:, None], video, self.no_video.to(video.dtype))
        right = torch.where(has_audio[:, None], audio, self.no_audio.to(audio.dtype))
        return torch.cat([left, right], dim=1)


class AttentionFusion(ModalityDropout):
    """Cross-modal attention: frames are queries, audio steps are keys and values.

    The attended audio is added to each frame (residual, LayerNorm), followed by a masked mean over
    frames. To a frame without speech a learned vector is added instead; without a face a learned
    vector is the only query, and attends to all of the speech.

    Args:
        video_dim, audio_dim: Lengths of the features of a frame and of an audio step.
        dropout: See :class:`ModalityDropout`.
        timed: Whether a frame attends to the sound within ``REACH_S`` of it alone, with a learned
            bias on the difference of their times. Otherwise it attends to all of the sound, and
            the times of both change nothing.
    """

    def __init__(
        self, video_dim: int, audio_dim: int, dropout: float, *, timed: bool = False
    ) -> None:
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
        # by head, at differences from -REACH_S to REACH_S
        self.lag_bias = nn.Parameter(torch.zeros(self.heads, KNOTS)) if timed else None

    def forward(
        self,
        video: Tensor,
        audio: Tensor,
        video_mask: Tensor,
        audio_mask: Tensor,
        times: FrameTimes | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            video: Frame features, shape ``(B, T, video_dim)``; at least one frame, which may be
                masked.
            audio: Audio features, one per ``AUDIO_STEP_S``, shape ``(B, A, audio_dim)``.
            video_mask: True where there is a face, shape ``(B, T)``.
            audio_mask: True where there is speech, shape ``(B, A)``.
            times: When the frames were shown; needed if timed.

        Returns:
            Features of the clip, shape ``(B, video_dim)``, and the attention weight of each audio
            step for each frame, averaged over heads, shape ``(B, T, A)``. Weights sum to 1 over
            the steps that a frame attends to, and are 0 elsewhere.
        """
        first = torch.arange(video.shape[1], device=video.device) == 0
        is_substitute = first & ~video_mask.any(1, keepdim=True)  # (B, T)
        frames = torch.where(video_mask[..., None], video, torch.zeros_like(video))
        frames = torch.where(is_substitute[..., None], self.no_video.to(video.dtype), frames)
        audible, bias = audio_mask[:, None], None  # (B, 1, A)
        if self.lag_bias is not None and times is not None:
            near, bias = _lag_bias(self.lag_bias, times.time_s, audio.shape[1])
            audible = audible & (near | is_substitute[..., None])
            bias = bias * ~is_substitute[:, None, :, None]  # (B, heads, T, A)
        attended, weights = self._attend(frames, audio, audio_mask, audible, bias)
        attended = torch.where(audible.any(-1, True), attended, self.no_audio.to(attended.dtype))
        joined = masked_mean(self.norm(frames + attended), video_mask | is_substitute)
        return joined, weights * video_mask[..., None]

    def _attend(
        self, video: Tensor, audio: Tensor, audio_mask: Tensor, audible: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the attended audio, ``(B, T, video_dim)``, and the weights, ``(B, T, A)``."""
        audio = torch.where(audio_mask[..., None], audio, torch.zeros_like(audio))
        split = (self.heads, -1)
        query = self.query(video).unflatten(-1, split)  # (B, T, heads, width / heads)
        key, value = (layer(audio).unflatten(-1, split) for layer in (self.key, self.value))
        scores = torch.einsum("bthd,bahd->bhta", query, key) / query.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        weights = masked_softmax(scores, audible[:, None])  # (B, heads, T, A)
        attended = torch.einsum("bhta,bahd->bthd", weights.to(value.dtype), value)
        return self.widen(attended.flatten(2)), weights.mean(1)


def _lag_bias(table: Tensor, frame_times_s: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return which audio steps each frame can hear, and the bias of each of them.

    Only the steps within ``REACH_S`` are computed, and placed among all of them.

    Args:
        table: Bias of each head at the knots, shape ``(heads, KNOTS)``.
        frame_times_s: Shape ``(B, T)``.

    Returns:
        Shapes ``(B, T, A)`` and ``(B, heads, T, A)``.
    """
    first = torch.ceil((frame_times_s - REACH_S) / AUDIO_STEP_S - 0.5)
    places = first[..., None] + torch.arange(STEPS_IN_REACH, device=first.device)
    lag_s = (places + 0.5) * AUDIO_STEP_S - frame_times_s[..., None]  # (B, T, steps in reach)
    near = lag_s.abs() <= REACH_S
    values = interpolate(table, (lag_s + REACH_S) / KNOT_S).movedim(0, 1)
    columns = places.long().clamp(-1, steps) + 1  # the outermost are beyond the sound
    is_near = near.new_zeros(*first.shape, steps + 2).scatter(2, columns, near)
    bias = values.new_zeros(*values.shape[:3], steps + 2)
    bias = bias.scatter(3, columns[:, None].expand_as(values), values)
    return is_near[..., 1:-1], bias[..., 1:-1]
