"""The multimodal detector: a batch of faces and voices to fake scores.

Frame encoder and temporal encoder for the face, wav2vec2 for the voice; joined by concatenation
or by attention.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2Model

from unmask.config import ModelSettings
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.backbones.pretrained import load_voice, voice_from_config
from unmask.models.backbones.voice_encoder import VoiceEncoder
from unmask.models.collate import Batch
from unmask.models.layers.face_heads import FaceHeads
from unmask.models.layers.fusion import AttentionFusion, ConcatFusion, noisy_or_logit
from unmask.models.layers.temporal import ConvEncoder, TransformerEncoder, masked_mean

HIDDEN_DIM = 256


@dataclass(frozen=True, slots=True)
class DetectorOutput:
    """What the detector says; every logit is higher where it is more fake.

    Attributes:
        logit: Of the clip, shape ``(B,)``.
        video_logit, audio_logit: Of one modality alone: the mean of its frames or steps,
            shape ``(B,)``; 0 where the modality is missing.
        frame_logits: Shape ``(B, T)``, 0 where ``frame_mask`` is False.
        step_logits: One per 20 ms, shape ``(B, A)``, 0 where ``step_mask`` is False.
        frame_mask: True where there is a face, shape ``(B, T)``.
        step_mask: True where somebody speaks, shape ``(B, A)``.
        video: Pooled face, shape ``(B, frame_dim)``.
        audio: Pooled voice, shape ``(B, voice_dim)``.
        uses_video, uses_audio: What ``logit`` rests on, shape ``(B,)``: a modality that is
            missing, or that modality dropout took away, is not used.
        attention: Weight of each audio step in the eyes of each frame, shape ``(B, T, A)``;
            ``None`` where the fusion attends to nothing.
        landmarks: 68 points in sides of the canonical face, shape ``(B, T, 68, 2)``; ``None``
            without auxiliary heads.
        pose: Yaw, pitch, roll in units of 90°, shape ``(B, T, 3)``; ``None`` likewise.
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


class Detector(nn.Module):
    """Calling it takes a :class:`Batch` and gives a :class:`Prediction`.

    Args:
        settings: The architecture, and where its weights come from.
        voice: Takes the place of the voice backbone that ``settings`` name.

    Raises:
        WeightsError: Pretrained weights are asked for and cannot be had.
        ConfigError: A backbone does not exist, or takes no flow.
    """

    def __init__(self, settings: ModelSettings, voice: Wav2Vec2Model | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.frame = FrameEncoder(
            settings.frame_backbone,
            settings.frame_weights,
            settings.input_px,
            flow=settings.flow,
            out_dim=settings.frame_dim,
            tuned=settings.tuned,
        )
        if voice is None:
            voice = load_voice(settings.voice_backbone, settings.voice_weights)
        self.voice = VoiceEncoder(voice, settings.voice_frozen_layers, settings.voice_dim)
        self.temporal = _temporal(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.frame_head = nn.Linear(settings.frame_dim, 1)
        self.step_head = nn.Linear(settings.voice_dim, 1)
        fusion = ConcatFusion if settings.fusion == "concat" else AttentionFusion
        self.fusion = fusion(settings.frame_dim, settings.voice_dim, settings.modality_dropout)
        last = nn.Linear(HIDDEN_DIM, 1)
        # it learns what the two modalities say together and neither says alone
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(
            nn.Linear(self.fusion.out_dim, HIDDEN_DIM),
            nn.GELU(),
            nn.Dropout(settings.dropout),
            last,
        )
        # last, so that chance gives all else the same weights with it and without
        self.auxiliary = FaceHeads(settings.frame_dim) if settings.auxiliary else None

    @classmethod
    def blank(cls, settings: ModelSettings, voice_config: dict[str, Any]) -> "Detector":
        """The architecture alone, with random weights and without any download."""
        random = replace(settings, frame_weights="random")
        detector = cls(random, voice_from_config(voice_config))
        detector.settings = settings
        return detector

    @property
    def voice_config(self) -> dict[str, Any]:
        """What :meth:`blank` needs to build the voice backbone again; plain values."""
        config: dict[str, Any] = self.voice.model.config.to_diff_dict()
        return config

    def set_grad_checkpointing(self) -> None:
        """Spend time to save memory: activations are computed again on the way back."""
        self.frame.backbone.set_grad_checkpointing(True)
        voice = self.voice.model
        # transformers calls it by the second name up to 5.22
        name = "activation_checkpointing_enable"
        getattr(voice, name, voice.gradient_checkpointing_enable)()

    def forward(
        self,
        batch: Batch,
        heard: tuple[Tensor, Tensor] | None = None,
        seen: Tensor | None = None,
    ) -> DetectorOutput:
        """Score a batch.

        Args:
            heard: What ``voice`` gave for this sound already.
            seen: What :meth:`encode` gave for these faces already.
        """
        vectors = self.encode_frames(batch) if seen is None else seen
        frames = self.temporal(vectors, batch.frame_mask)  # (B, T, frame_dim)
        frame_logits = self._logits(self.frame_head, frames) * batch.frame_mask
        if heard is None:
            heard = self.voice(batch.waveform, batch.sample_mask, batch.speech_mask)
        steps, step_mask = heard
        step_logits = self._logits(self.step_head, steps) * step_mask
        uses = self.fusion.drop(batch.frame_mask.any(1), step_mask.any(1))
        pooled = masked_mean(frames, batch.frame_mask), masked_mean(steps, step_mask)
        attention = None
        if isinstance(self.fusion, AttentionFusion):
            masks = batch.frame_mask & uses[0][:, None], step_mask & uses[1][:, None]
            joined, attention = self.fusion(frames, steps, *masks)
        else:
            joined = self.fusion(*pooled, *uses)
        points, pose = self.predict_face_attributes(vectors, batch.frame_mask)
        video_logit = masked_mean(frame_logits, batch.frame_mask)
        audio_logit = masked_mean(step_logits, step_mask)
        return DetectorOutput(
            logit=noisy_or_logit(video_logit, audio_logit, *uses) + self._logits(self.head, joined),
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
            landmarks=points,
            pose=pose,
        )

    def predict_face_attributes(
        self, vectors: Tensor, mask: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Landmarks and pose, as in :class:`Prediction`, of what :meth:`encode` gave."""
        return (None, None) if self.auxiliary is None else self.auxiliary(vectors, mask)

    def frame_logits(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Scores of frames that ``frame`` has encoded already, as an explanation asks for them.

        Args:
            vectors: Shape ``(B, T, frame_dim)``.
            mask: True where there is a face, shape ``(B, T)``.

        Returns:
            Shape ``(B, T)``.
        """
        return self._logits(self.frame_head, self.temporal(vectors, mask)) * mask

    def _logits(self, head: nn.Module, x: Tensor) -> Tensor:
        """Always float32: bfloat16 would round scores until clips tie."""
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = head(self.dropout(x.float()))[..., 0]
        return out

    def encode_frames(self, batch: Batch) -> Tensor:
        """Each frame's vector before it knows its neighbours, shape ``(B, T, frame_dim)``.

        The backbone sees real faces only; where there is none, the vector is zero.
        """
        mask = batch.frame_mask
        if mask.all():  # the usual case in training, and no copy of the pixels
            flow = None if batch.flow is None else batch.flow.flatten(0, 1)
            return self.frame(batch.frames.flatten(0, 1), flow).unflatten(0, mask.shape)
        x = batch.frames.new_zeros(*mask.shape, self.settings.frame_dim)
        if mask.any():
            flow = None if batch.flow is None else batch.flow[mask]
            vectors = self.frame(batch.frames[mask], flow)  # (faces, frame_dim)
            x = x.to(vectors.dtype).masked_scatter(mask[..., None], vectors)
        return x


def _temporal(settings: ModelSettings) -> ConvEncoder | TransformerEncoder:
    if settings.temporal == "conv":
        return ConvEncoder(settings.frame_dim, settings.dropout)
    return TransformerEncoder(settings.frame_dim, settings.temporal_window, settings.dropout)
