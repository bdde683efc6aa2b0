"""What a detector is trained to do.

Classification, λ·temporal consistency, λ₁·landmarks and λ₂·pose; scores that flicker between
neighbouring frames are penalised as in temporal-coherence detectors (Zheng et al., "Exploring
Temporal Coherence for More General Video Face Forgery Detection", ICCV 2021).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from unmask.models.detector import DetectorOutput
from unmask.models.layers.fusion import noisy_or_logit


@dataclass(frozen=True, slots=True)
class Targets:
    """Labels of a batch.

    Attributes:
        fake_video, fake_audio: Boolean, shape ``(B,)`` each; a clip is fake where either is.
        landmarks, pose: As in :class:`Prediction`, NaN where nobody says; ``None`` where the
            detector is not asked for them.
        mismatched: Boolean, shape ``(B,)``: face and voice are genuine, each by itself, and do
            not belong together; ``None`` where no clip is so.
    """

    fake_video: Tensor
    fake_audio: Tensor
    landmarks: Tensor | None = None
    pose: Tensor | None = None
    mismatched: Tensor | None = None

    @property
    def is_fake(self) -> Tensor:
        """The clip's own label."""
        return self.label_for(torch.ones_like(self.fake_video), torch.ones_like(self.fake_audio))

    def label_for(self, face: Tensor, voice: Tensor) -> Tensor:
        """Whether what one looks at is fake: the face, the voice, or how they go together.

        Args:
            face, voice: Boolean, shape ``(B,)`` each: which of them is looked at.
        """
        fake = (self.fake_video & face) | (self.fake_audio & voice)
        return fake if self.mismatched is None else fake | (self.mismatched & face & voice)

    def to(self, device: torch.device | str) -> "Targets":
        """The same labels on another device."""
        return Targets(
            self.fake_video.to(device),
            self.fake_audio.to(device),
            None if self.landmarks is None else self.landmarks.to(device),
            None if self.pose is None else self.pose.to(device),
            None if self.mismatched is None else self.mismatched.to(device),
        )


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts, each a scalar, and what is minimised; 0 for a head that there is not."""

    total: Tensor
    clip: Tensor
    video: Tensor
    audio: Tensor
    temporal: Tensor
    landmarks: Tensor
    pose: Tensor


def detector_loss(
    prediction: DetectorOutput,
    targets: Targets,
    modality_weight: float,
    temporal_weight: float,
    landmark_weight: float = 0.0,
    pose_weight: float = 0.0,
) -> Losses:
    """Add up the parts.

    ``total = clip + modality_weight · (video + audio) + temporal_weight · temporal
    + landmark_weight · landmarks + pose_weight · pose``

    ``clip`` asks whether anything that the score rests on is fake: where modality dropout took
    the forged voice away, the genuine face that is left counts as genuine; and so does either of
    two that do not belong together. ``video`` and ``audio`` ask it of one modality alone, over
    the clips that have it. ``landmarks`` and
    ``pose`` are mean absolute errors, in sides of the face and in units of 90°.
    """
    fake = targets.label_for(prediction.uses_video, prediction.uses_audio)
    clip = F.binary_cross_entropy_with_logits(prediction.logit, fake.float())
    seen, heard = prediction.frame_mask.any(1), prediction.step_mask.any(1)
    video = _masked_bce(prediction.video_logit, targets.fake_video, seen)
    audio = _masked_bce(prediction.audio_logit, targets.fake_audio, heard)
    temporal = temporal_consistency(prediction.frame_logits, prediction.frame_mask)
    landmarks = masked_mae(prediction.landmarks, targets.landmarks, prediction.frame_mask)
    pose = masked_mae(prediction.pose, targets.pose, prediction.frame_mask)
    total = (
        clip
        + modality_weight * (video + audio)
        + temporal_weight * temporal
        + landmark_weight * landmarks
        + pose_weight * pose
    )
    return Losses(total, clip, video, audio, temporal, landmarks, pose)


def detach_modalities(prediction: DetectorOutput) -> DetectorOutput:
    """The same scores, but the clip's logit no longer teaches one modality alone.

    What the face and the voice say by themselves stays the clip's score and has no slope in it,
    so that each learns from its own labels only (as in late fusion of detectors trained apart).
    """
    alone = noisy_or_logit(
        prediction.video_logit,
        prediction.audio_logit,
        prediction.uses_video,
        prediction.uses_audio,
    )
    return replace(prediction, logit=prediction.logit - alone + alone.detach())


def temporal_consistency(frame_logits: Tensor, frame_mask: Tensor) -> Tensor:
    """Mean of ``(p[t+1] - p[t])²`` over neighbouring faces, ``p`` being fake probabilities.

    Probabilities and not vectors: a vector can be made consistent by shrinking it.

    Args:
        frame_logits: Shape ``(B, T)``.
        frame_mask: True where there is a face, shape ``(B, T)``.

    Returns:
        A scalar in ``[0, 1]``; 0 where no clip has two faces in a row.

    Example:
        >>> logits = torch.tensor([[0.0, 100.0, 100.0, -100.0]])
        >>> temporal_consistency(logits, torch.tensor([[True, True, True, False]]))
        tensor(0.1250)
    """
    p = frame_logits.sigmoid()
    pairs = frame_mask[:, 1:] & frame_mask[:, :-1]
    steps = torch.where(pairs, (p[:, 1:] - p[:, :-1]).square(), 0.0)
    return steps.sum() / pairs.sum().clamp(min=1)


def masked_mae(said: Tensor | None, true: Tensor | None, frame_mask: Tensor) -> Tensor:
    """Mean absolute error over the faces of which the truth is known.

    Args:
        said: Shape ``(B, T, …)``.
        true: Of the same shape, NaN where nobody says.
        frame_mask: True where there is a face, shape ``(B, T)``.

    Returns:
        A scalar; 0 where nothing is said or known.
    """
    if said is None or true is None:
        return torch.zeros((), device=frame_mask.device)
    known = frame_mask.view(*frame_mask.shape, *[1] * (said.ndim - 2)) & true.isfinite()
    errors = (said - torch.where(known, true, 0.0)).abs()
    return torch.where(known, errors, 0.0).sum() / known.sum().clamp(min=1)


def _masked_bce(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    each = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    return torch.where(mask, each, 0.0).sum() / mask.sum().clamp(min=1)
