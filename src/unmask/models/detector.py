"""Detector: the audio-visual deepfake network from a batch of faces and sound to fake scores.

A frame encoder and a temporal encoder for the face, a speech model for the voice, fused by
concatenation or by cross-modal attention.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from unmask.config import ModelSettings
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.backbones.pretrained_voice import load_voice, voice_from_config
from unmask.models.backbones.voice_encoder import STEP_RATE_HZ, VoiceEncoder
from unmask.models.collate import Batch
from unmask.models.layers.face_heads import FaceHeads
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.layers.fusion import AttentionFusion, ConcatFusion, NoFusion, noisy_or_logit
from unmask.models.layers.temporal import (
    ConvEncoder,
    FramewiseEncoder,
    TransformerEncoder,
    masked_mean,
    masked_mean_odds,
    moving_average,
)

HIDDEN_DIM = 256


@dataclass(frozen=True, slots=True)
class DetectorOutput:
    """Output of the detector; every logit is uncalibrated and higher for more fake.

    Attributes:
        logit: Logit of the clip, shape ``(B,)``.
        video_logit, audio_logit: Logit of one modality alone, pooled over its frames or steps by
            ``model.pooling``, shape ``(B,)``; 0 where the modality is missing.
        frame_logits: Shape ``(B, T)``, 0 where ``frame_mask`` is False.
        step_logits: One per 20 ms, shape ``(B, A)``, 0 where ``step_mask`` is False.
        frame_mask: True where there is a face, shape ``(B, T)``.
        step_mask: True where there is speech, shape ``(B, A)``.
        video: Pooled frame features, shape ``(B, frame_dim)``.
        audio: Pooled audio features, shape ``(B, voice_dim)``.
        uses_video, uses_audio: Modalities that ``logit`` uses, shape ``(B,)``; False where the
            modality is missing or modality dropout removed it.
        attention: Attention weight of each audio step for each frame, shape ``(B, T, A)``;
            ``None`` for concatenation.
        landmarks: 68 points as fractions of the aligned face's side, shape ``(B, T, 68, 2)``;
            ``None`` without face heads.
        pose: Yaw, pitch, roll in units of 90°, shape ``(B, T, 3)``; ``None`` without face heads.
        frame_times: As in :class:`Batch`.
    """

    logit: Tensor
    video_logit: Tensor
    audio_logit: Tensor
    frame_logits: Tensor
    step_logits: Tensor
    frame_mask: Tensor
    step_mask: Tensor
    video: Tensor
    audio: Tensor
    uses_video: Tensor
    uses_audio: Tensor
    attention: Tensor | None = None
    landmarks: Tensor | None = None
    pose: Tensor | None = None
    frame_times: FrameTimes | None = None


class Detector(nn.Module):
    """Network from :class:`Batch` to :class:`DetectorOutput`.

    Args:
        settings: Architecture and source of the weights.
        voice: Replaces the voice backbone named in ``settings``.

    Raises:
        WeightsError: Pretrained weights are configured but not available.
        ConfigError: A backbone does not exist, or does not support optical flow.
    """

    def __init__(self, settings: ModelSettings, voice: PreTrainedModel | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.frame = FrameEncoder(settings)
        if voice is None:
            voice = load_voice(settings.voice_backbone, settings.voice_weights)
        self.voice = VoiceEncoder(
            voice, settings.voice_frozen_layers, settings.voice_dim, settings.voice_layers
        )
        self.temporal = _temporal(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.frame_head = nn.Linear(settings.frame_dim, 1)
        self.step_head = nn.Linear(settings.voice_dim, 1)
        self.context_steps = 1 + 2 * round(settings.voice_context_s * STEP_RATE_HZ / 2)
        self.fusion = _fusion(settings)
        self.head = None
        if not isinstance(self.fusion, NoFusion):
            self.head = _joint_head(self.fusion.out_dim, settings.dropout)
        # created last, so that all other layers get the same random weights with and without it
        self.auxiliary = FaceHeads(settings.frame_dim) if settings.auxiliary else None

    @classmethod
    def from_config(cls, settings: ModelSettings, voice_config: dict[str, Any]) -> "Detector":
        """Return the architecture of a bundle with random weights, without any download.

        Low-rank adapters are part of the weights of a bundle.
        """
        random = settings.replace(frame_weights="random")
        if settings.trainable == "lora":
            random = random.replace(trainable="norms")  # the same layers
        detector = cls(random, voice_from_config(voice_config))
        detector.settings = settings
        return detector

    @property
    def voice_config(self) -> dict[str, Any]:
        """Plain values from which :meth:`from_config` builds the voice backbone."""
        config: dict[str, Any] = self.voice.model.config.to_diff_dict()
        return config

    def set_grad_checkpointing(self) -> None:
        """Save memory in training by recomputing activations in the backward pass."""
        self.frame.backbone.set_grad_checkpointing(True)
        self.voice.set_grad_checkpointing()

    def forward(
        self,
        batch: Batch,
        audio_features: tuple[Tensor, Tensor] | None = None,
        frame_features: Tensor | None = None,
    ) -> DetectorOutput:
        """Score a batch.

        Args:
            audio_features: Output of ``voice`` for this batch; computed if not given.
            frame_features: Output of :meth:`encode_frames` or :meth:`project_frames` for this
                batch; computed if not given.
        """
        if frame_features is None:
            frame_features = self.encode_frames(batch)
        # (B, T, frame_dim)
        frames = self.temporal(frame_features, batch.frame_mask, batch.frame_times)
        frame_logits = self._logits(self.frame_head, frames) * batch.frame_mask
        if audio_features is None:
            audio_features = self.voice(batch.waveform, batch.sample_mask, batch.speech_mask)
        steps, step_mask = audio_features
        step_logits = self._score_steps(steps, step_mask)
        uses = self.fusion.drop(batch.frame_mask.any(1), step_mask.any(1))
        pooled = masked_mean(frames, batch.frame_mask), masked_mean(steps, step_mask)
        joined, attention = None, None
        if isinstance(self.fusion, AttentionFusion):
            masks = batch.frame_mask & uses[0][:, None], step_mask & uses[1][:, None]
            joined, attention = self.fusion(frames, steps, *masks, batch.frame_times)
        elif isinstance(self.fusion, ConcatFusion):
            joined = self.fusion(*pooled, *uses)
        landmarks, pose = self.predict_face_attributes(frame_features, batch.frame_mask)
        video_logit = self._pool(frame_logits, batch.frame_mask)
        audio_logit = self._pool(step_logits, step_mask)
        logit = noisy_or_logit(video_logit, audio_logit, *uses)
        if self.head is not None and joined is not None:
            logit = logit + self._logits(self.head, joined)
        return DetectorOutput(
            logit=logit,
            video_logit=video_logit,
            audio_logit=audio_logit,
            frame_logits=frame_logits,
            step_logits=step_logits,
            frame_mask=batch.frame_mask,
            step_mask=step_mask,
            video=pooled[0],
            audio=pooled[1],
            uses_video=uses[0],
            uses_audio=uses[1],
            attention=attention,
            landmarks=landmarks,
            pose=pose,
            frame_times=batch.frame_times,
        )

    def predict_face_attributes(
        self, frame_features: Tensor, mask: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return landmarks and pose, as in :class:`DetectorOutput`.

        Args:
            frame_features: Output of :meth:`encode_frames`, shape ``(B, T, frame_dim)``.
            mask: True where there is a face, shape ``(B, T)``.
        """
        return (None, None) if self.auxiliary is None else self.auxiliary(frame_features, mask)

    def frame_logits(
        self, frame_features: Tensor, mask: Tensor, times: FrameTimes | None = None
    ) -> Tensor:
        """Return the logits of encoded frames, shape ``(B, T)``.

        Args:
            frame_features: Output of ``frame``, shape ``(B, T, frame_dim)``.
            mask: True where there is a face, shape ``(B, T)``.
            times: As in :class:`Batch`.
        """
        return self._logits(self.frame_head, self.temporal(frame_features, mask, times)) * mask

    def _score_steps(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of audio steps, shape ``(B, A)``."""
        return moving_average(self._logits(self.step_head, steps), mask, self.context_steps)

    def _pool(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Return the score of a modality from those of its moments."""
        pool = masked_mean if self.settings.pooling == "mean" else masked_mean_odds
        return pool(logits, mask)

    def _logits(self, head: nn.Module, x: Tensor) -> Tensor:
        """Apply a head in float32; bfloat16 would round scores until clips tie."""
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = head(self.dropout(x.float()))[..., 0]
        return out

    def encode_frames(self, batch: Batch) -> Tensor:
        """Return each frame's features before the temporal encoder, shape ``(B, T, frame_dim)``.

        The backbone processes real faces only; masked frames get zeros.
        """
        mask = batch.frame_mask
        if mask.all():  # the usual case in training; avoids copying the pixels
            flow = None if batch.flow is None else batch.flow.flatten(0, 1)
            return self.frame(batch.frames.flatten(0, 1), flow).unflatten(0, mask.shape)
        flow = None if batch.flow is None else batch.flow[mask]
        return self._at_faces(self.frame(batch.frames[mask], flow) if mask.any() else None, mask)

    def project_frames(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return what :meth:`encode_frames` does, from what was computed of the faces before.

        Args:
            features: As :meth:`FrameEncoder.complete` takes them, shape ``(B, T, values)``.
            mask: True where there is a face, shape ``(B, T)``.
        """
        faces = self.frame.complete(features[mask]) if mask.any() else None
        return self._at_faces(faces, mask)

    def _at_faces(self, faces: Tensor | None, mask: Tensor) -> Tensor:
        """Place the features of faces, ``(faces, frame_dim)``, where the mask is True."""
        shape = *mask.shape, self.settings.frame_dim
        if faces is None:
            return torch.zeros(shape, device=mask.device)
        return faces.new_zeros(shape).masked_scatter(mask[..., None], faces)


def _fusion(settings: ModelSettings) -> ConcatFusion | AttentionFusion | NoFusion:
    dims, dropout = (settings.frame_dim, settings.voice_dim), settings.modality_dropout
    if settings.fusion == "none":
        return NoFusion(dropout)
    if settings.fusion == "concat":
        return ConcatFusion(*dims, dropout)
    return AttentionFusion(*dims, dropout, timed=settings.frame_times)


def _joint_head(dim: int, dropout: float) -> nn.Sequential:
    """Return a head that learns what only both modalities together show."""
    last = nn.Linear(HIDDEN_DIM, 1)
    # each modality alone has its own logit
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(dim, HIDDEN_DIM), nn.GELU(), nn.Dropout(dropout), last)


def _temporal(settings: ModelSettings) -> ConvEncoder | TransformerEncoder | FramewiseEncoder:
    if settings.temporal == "conv":
        return ConvEncoder(settings.frame_dim, settings.dropout)
    if settings.temporal == "none":
        return FramewiseEncoder()
    return TransformerEncoder(settings.frame_dim, settings.temporal_window, settings.dropout)
