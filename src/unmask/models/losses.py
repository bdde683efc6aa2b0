"""Training loss: classification of clips and moments, temporal consistency, landmarks, head pose.

Scores that flicker between neighbouring frames are penalised as in temporal-coherence detectors
(Zheng et al., "Exploring Temporal Coherence for More General Video Face Forgery Detection", ICCV
2021).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from unmask.models.detector import DetectorOutput
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.layers.fusion import noisy_or_logit

Sum = tuple[Tensor, Tensor]  # of a loss term over its known items, and the number of those


@dataclass(frozen=True, slots=True)
class Targets:
    """Labels of a batch, boolean and of shape ``(B,)`` each.

    Attributes:
        is_fake: Label of the clip. A fake of which neither part is known to be fake, nor unknown,
            is mismatched: face and voice are genuine but do not belong together.
        fake_video, fake_audio: Whether a part is fake; False where that is unknown.
        knows_video, knows_audio: Whether that is known.
        landmarks, pose: As in :class:`DetectorOutput`, NaN where unknown; ``None`` for a detector
            without face heads.
        frame_is_fake, step_is_fake: Labels of frames, shape ``(B, T)``, and of audio steps, shape
            ``(B, A)``: 1 is fake, 0 genuine, NaN unknown; ``None`` if all are unknown.
    """

    is_fake: Tensor
    fake_video: Tensor
    fake_audio: Tensor
    knows_video: Tensor
    knows_audio: Tensor
    landmarks: Tensor | None = None
    pose: Tensor | None = None
    frame_is_fake: Tensor | None = None
    step_is_fake: Tensor | None = None

    def label_for(self, face: Tensor, voice: Tensor) -> tuple[Tensor, Tensor]:
        """Return the label given which modalities are used, and whether it is known.

        Args:
            face, voice: Boolean, shape ``(B,)`` each: which of them is used.
        """
        both = face & voice
        fake = (self.fake_video & face) | (self.fake_audio & voice) | (self.is_fake & both)
        return fake, both | ((self.knows_video | ~face) & (self.knows_audio | ~voice))

    def to(self, device: torch.device | str) -> "Targets":
        """Return the labels on another device."""
        return self.map(lambda x: x.to(device))

    def map(self, function: Callable[[Tensor], Tensor]) -> "Targets":
        """Return the labels with ``function`` applied to each tensor."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        mapped = {name: function(x) for name, x in values.items() if x is not None}
        return replace(self, **mapped)


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss terms and their weighted sum, each a scalar; 0 for an absent head."""

    total: Tensor
    clip: Tensor
    video: Tensor
    audio: Tensor
    parts: Tensor
    temporal: Tensor
    landmarks: Tensor
    pose: Tensor
    frames: Tensor
    steps: Tensor


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the loss terms, relative to that of the clip."""

    modality: float
    temporal: float
    landmarks: float = 0.0
    pose: float = 0.0
    moments: float = 0.0


def clamp_counts(counts: Tensor) -> Tensor:
    """Return the counts to divide by, at least 1: a term without items is 0."""
    return counts.clamp(min=1)


def detector_loss(
    prediction: DetectorOutput,
    targets: Targets,
    weights: LossWeights,
    share_counts: Callable[[Tensor], Tensor] = clamp_counts,
) -> Losses:
    """Compute the loss terms and their weighted sum.

    ``total = clip + modality · (video + audio + parts) + temporal · temporal
    + landmarks · landmarks + pose · pose + moments · (frames + steps)``, each factor one of
    ``weights``.

    ``clip`` is the cross-entropy of whether any used modality is fake: where modality dropout
    removed a forged voice, the remaining genuine face counts as genuine, and so does either half
    of a mismatched pair. ``video`` and ``audio`` are the same for one modality alone, over the
    clips that have it and whose label of it is known; a label that is unknown is never taken for
    genuine. ``parts`` is the cross-entropy of their noisy-OR over clips that are labelled as a
    whole alone. ``landmarks`` and ``pose`` are mean absolute errors, as fractions of the
    face's side and in units of 90°. ``frames`` and ``steps`` are the cross-entropies of single
    frames and audio steps whose label is known.

    Args:
        share_counts: Returns what the terms' sums are divided by, from the number of items of
            each term, shape ``(9,)``; see
            :func:`unmask.training.process_group.share_counts`.
    """
    return weigh_losses(loss_sums(prediction, targets), weights, share_counts)


def no_sums(device: torch.device) -> tuple[Sum, ...]:
    """Return the sums of a batch without clips."""
    zero = torch.zeros((), device=device)
    return tuple((zero, zero.long()) for _ in fields(Losses)[1:])


def loss_sums(prediction: DetectorOutput, targets: Targets) -> tuple[Sum, ...]:
    """Return sum and count of each term, in the order of the fields of :class:`Losses`."""
    has_video, has_audio = prediction.frame_mask.any(1), prediction.step_mask.any(1)
    knows_video, knows_audio = targets.knows_video & has_video, targets.knows_audio & has_audio
    either = noisy_or_logit(prediction.video_logit, prediction.audio_logit, has_video, has_audio)
    unknown = (has_video & ~targets.knows_video) | (has_audio & ~targets.knows_audio)
    used = targets.label_for(prediction.uses_video, prediction.uses_audio)
    return (
        _masked_bce(prediction.logit, *used),
        _masked_bce(prediction.video_logit, targets.fake_video, knows_video),
        _masked_bce(prediction.audio_logit, targets.fake_audio, knows_audio),
        _masked_bce(either, targets.is_fake, unknown),
        temporal_consistency(
            prediction.frame_logits,
            prediction.frame_mask,
            targets.frame_is_fake,
            prediction.frame_times,
        ),
        masked_mae(prediction.landmarks, targets.landmarks, prediction.frame_mask),
        masked_mae(prediction.pose, targets.pose, prediction.frame_mask),
        moment_bce(prediction.frame_logits, targets.frame_is_fake, prediction.frame_mask),
        moment_bce(prediction.step_logits, targets.step_is_fake, prediction.step_mask),
    )


def weigh_losses(
    sums: tuple[Sum, ...],
    weights: LossWeights,
    share_counts: Callable[[Tensor], Tensor] = clamp_counts,
) -> Losses:
    """Divide the sums of :func:`loss_sums` by their counts; see :func:`detector_loss`."""
    counts = share_counts(torch.stack([count for _, count in sums]))
    means = [total / count for (total, _), count in zip(sums, counts, strict=True)]
    clip, video, audio, parts, temporal, landmarks, pose, frames, steps = means
    total = (
        clip
        + weights.modality * (video + audio + parts)
        + weights.temporal * temporal
        + weights.landmarks * landmarks
        + weights.pose * pose
        + weights.moments * (frames + steps)
    )
    return Losses(total, *means)


def detach_modalities(prediction: DetectorOutput) -> DetectorOutput:
    """Detach the single-modality logits from the clip's logit.

    The scores stay the same, but the clip's loss passes no gradient to the heads of one modality,
    so that each learns from its own labels only (as in late fusion of separate detectors).
    """
    alone = noisy_or_logit(
        prediction.video_logit,
        prediction.audio_logit,
        prediction.uses_video,
        prediction.uses_audio,
    )
    return replace(prediction, logit=prediction.logit - alone + alone.detach())


def temporal_consistency(
    frame_logits: Tensor,
    frame_mask: Tensor,
    frame_is_fake: Tensor | None = None,
    times: FrameTimes | None = None,
) -> Sum:
    """Sum ``(p[t+1] - p[t])²`` over neighbouring faces of one label.

    ``p`` are fake probabilities and not features, since features become consistent by shrinking.

    Args:
        frame_logits: Shape ``(B, T)``.
        frame_mask: True where there is a face, shape ``(B, T)``.
        frame_is_fake: Labels as in :class:`Targets`. Two faces of which one alone is labelled, or
            whose labels differ, do not count; ``None`` counts all.
        times: Faces of two runs are no neighbours; ``None`` for a single run.

    Returns:
        The sum, whose mean is in ``[0, 1]``, and the number of pairs of faces.

    Example:
        >>> logits = torch.tensor([[0.0, 100.0, 100.0, -100.0]])
        >>> temporal_consistency(logits, torch.tensor([[True, True, True, False]]))
        (tensor(0.2500), tensor(2))
    """
    p = frame_logits.sigmoid()
    pairs = frame_mask[:, 1:] & frame_mask[:, :-1]
    if frame_is_fake is not None:
        labels = frame_is_fake.nan_to_num(nan=-1.0)
        pairs = pairs & (labels[:, 1:] == labels[:, :-1])
    if times is not None:
        pairs = pairs & (times.run[:, 1:] == times.run[:, :-1])
    steps = torch.where(pairs, (p[:, 1:] - p[:, :-1]).square(), 0.0)
    return steps.sum(), pairs.sum()


def moment_bce(logits: Tensor, labels: Tensor | None, mask: Tensor) -> Sum:
    """Sum the cross-entropy over frames, or audio steps, whose label is known.

    Args:
        logits: Shape ``(B, T)``.
        labels: As in :class:`Targets`; may be longer or shorter by the last steps.
        mask: True where there is a face, or speech, shape ``(B, T)``.
    """
    if labels is None:
        zero = torch.zeros((), device=mask.device)
        return zero, zero.long()
    length = min(labels.shape[1], logits.shape[1])
    labels = labels[:, :length]
    known = mask[:, :length] & ~labels.isnan()
    return _masked_bce(logits[:, :length], labels.nan_to_num(), known)


def masked_mae(predicted: Tensor | None, target: Tensor | None, frame_mask: Tensor) -> Sum:
    """Sum the absolute errors over the faces whose target is known.

    Args:
        predicted: Shape ``(B, T, …)``.
        target: Shape of ``predicted``, NaN where unknown.
        frame_mask: True where there is a face, shape ``(B, T)``.

    Returns:
        The sum and the number of known values; 0 where nothing is predicted or known.
    """
    if predicted is None or target is None:
        zero = torch.zeros((), device=frame_mask.device)
        return zero, zero.long()
    known = frame_mask.view(*frame_mask.shape, *[1] * (predicted.ndim - 2)) & target.isfinite()
    errors = (predicted - torch.where(known, target, 0.0)).abs()
    return torch.where(known, errors, 0.0).sum(), known.sum()


def _masked_bce(logits: Tensor, labels: Tensor, mask: Tensor) -> Sum:
    each = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    return torch.where(mask, each, 0.0).sum(), mask.sum()
